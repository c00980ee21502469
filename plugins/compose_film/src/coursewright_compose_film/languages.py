"""Language tags as media files have them."""

from __future__ import annotations

_TABLE = """
af:afr am:amh ar:ara as:asm az:aze be:bel bg:bul bn:ben bs:bos ca:cat cs:ces cy:cym da:dan de:deu el:ell en:eng
eo:epo es:spa et:est eu:eus fa:fas fi:fin fr:fra ga:gle gd:gla gl:glg gu:guj ha:hau he:heb hi:hin hr:hrv hu:hun
hy:hye id:ind is:isl it:ita ja:jpn jv:jav ka:kat kk:kaz km:khm kn:kan ko:kor ky:kir la:lat lb:ltz lo:lao lt:lit
lv:lav mi:mri mk:mkd ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya nb:nob ne:nep nl:nld nn:nno no:nor or:ori pa:pan
pl:pol ps:pus pt:por ro:ron ru:rus sd:snd si:sin sk:slk sl:slv so:som sq:sqi sr:srp sv:swe sw:swa ta:tam te:tel
tg:tgk th:tha tk:tuk tl:tgl tr:tur ug:uig uk:ukr ur:urd uz:uzb vi:vie xh:xho yi:yid yo:yor zh:zho zu:zul
"""
"""Two-letter codes and their three-letter ones (ISO 639-2/T), which MP4 wants."""

_ISO639_2 = {pair[:2]: pair[3:] for pair in _TABLE.split()}


def iso639_2(tag: str) -> str:
    """The three-letter code of a BCP 47 tag's language; empty when there is none in the table."""
    language = tag.split("-")[0]
    return language if len(language) == 3 else _ISO639_2.get(language, "")
