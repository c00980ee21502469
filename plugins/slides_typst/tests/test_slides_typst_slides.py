from __future__ import annotations

import io
import itertools
import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.llm import Scene
from coursewright.capabilities.slides import Accent, Slide, SlideRequest
from coursewright.errors import BadInput
from coursewright.testing import Bench, bench
from coursewright_slides_typst import fonts
from coursewright_slides_typst.page import tidy
from coursewright_slides_typst.provider import SlideOptions, TypstSlides
from coursewright_slides_typst.theme import COLOURS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

LONG = (
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen in every green leaf on this Earth. " * 3
)
POINTS = ["Light is caught by chlorophyll", "Water is split", "Sugar is built from carbon dioxide"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("slides")) as made:
        yield made


class Made:
    """A slide, its picture and what the author was told."""

    def __init__(self, slide: Slide, picture: Image.Image, data: bytes, notices: list[str]) -> None:
        self.slide, self.picture, self.data, self.notices = slide, picture, data, notices

    def ink(self) -> tuple[int, int, int, int]:
        """The box around what is drawn in dark colours below the line at the top; footers are paler."""
        grey = self.picture.convert("L").crop((0, 10, *self.picture.size))
        found = grey.point(lambda level: 255 * (level < 80)).getbbox()
        assert found is not None
        left, top, right, bottom = found
        return left, top + 10, right, bottom + 10

    def lines(self) -> list[int]:
        """The heights of the lines of dark text, in pixels."""
        left, top, right, bottom = self.ink()
        dark = self.picture.convert("L").point(lambda level: 255 * (level < 80))
        rows = [dark.crop((left, y, right, y + 1)).getbbox() is not None for y in range(top, bottom)]
        return [len(list(run)) for inked, run in itertools.groupby(rows) if inked]


def make(work: Bench, options: dict[str, Any] | None = None, **fields: Any) -> Made:
    scene = Scene(
        id="leaf",
        narration="Said.",
        **{name: fields.pop(name) for name in ("title", "bullets", "image") if name in fields},
    )
    provider = TypstSlides(SlideOptions(**(options or {})))
    context = work.context(provider)
    slide = provider.run(SlideRequest(scene=scene, **fields), context)
    with work.store.open(slide.image) as file:
        data = file.read()
    return Made(slide, Image.open(io.BytesIO(data)).convert("RGB"), data, context.notices)


def stored(work: Bench, picture: Image.Image, kind: str = "PNG", **options: Any) -> Artifact:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return work.store.put_bytes(out.getvalue(), name="picture", media_type="image/png")


@pytest.mark.parametrize(
    "size", [(1280, 720), (1920, 1080), (1024, 768), (720, 720), (720, 1280), (16, 16), (1600, 90)]
)
@pytest.mark.parametrize(("presenter", "side"), [(True, "right"), (True, "left"), (False, "left")])
def test_every_size(work: Bench, size: tuple[int, int], presenter: bool, side: str) -> None:
    fields: dict[str, Any] = {"width_px": size[0], "height_px": size[1], "presenter": presenter, "presenter_side": side}
    made = make(work, title="A leaf", bullets=POINTS, footer="Leaves", **fields)

    assert made.picture.size == (made.slide.width_px, made.slide.height_px) == size
    box = made.slide.presenter_box
    assert (box is not None) == presenter
    if box:
        sides = (box.x_px, box.y_px, box.width_px, box.height_px)
        assert all(side % 2 == 0 for side in sides)
        assert 0 <= box.x_px < box.x_px + box.width_px <= size[0]
        assert 0 <= box.y_px < box.y_px + box.height_px <= size[1]


def test_the_presenter_stands_left_of_the_text_when_that_is_wanted(work: Bench) -> None:
    made = make(work, title=LONG[:200], bullets=[LONG[:300]] * 5, presenter=True, presenter_side="left")

    box = made.slide.presenter_box
    assert box is not None
    assert box.x_px < 100
    assert made.ink()[0] > box.x_px + box.width_px


def test_the_presenter_stands_right_of_the_text_at_four_to_five(work: Bench) -> None:
    made = make(work, title=LONG[:200], bullets=[LONG[:300]] * 5, presenter=True)

    box = made.slide.presenter_box
    assert box is not None
    assert (box.width_px, box.height_px) == (352, 440)
    assert made.ink()[2] < box.x_px
    larger = make(work, title="A leaf", presenter=True, width_px=1920, height_px=1080).slide.presenter_box
    assert larger is not None
    assert (larger.width_px, larger.height_px) == (528, 660)


@pytest.mark.parametrize("presenter", [True, False])
@pytest.mark.parametrize("bullets", [0, 1, 3, 5])
def test_the_longest_texts_stay_on_the_slide(work: Bench, bullets: int, presenter: bool) -> None:
    made = make(work, title=LONG[:200], bullets=[LONG[:300]] * bullets, presenter=presenter, footer="Course")

    left, top, right, bottom = made.ink()
    assert left >= 60
    assert right <= (848 if presenter else 1208)
    assert top >= 50
    assert bottom <= 660
    assert made.notices == []


def test_what_cannot_fit_is_cut_and_said(work: Bench) -> None:
    wide = "W" * 299 + "!"
    made = make(work, title="W " * 100, bullets=[wide] * 5, presenter=True)

    assert len(made.notices) == 1
    assert "too long and was cut: give it shorter points" in made.notices[0]
    assert made.ink()[2] <= 848
    assert made.ink()[3] <= 660


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=200), st.lists(st.text(min_size=1, max_size=300), max_size=5))
def test_any_text_makes_a_slide(work: Bench, title: str, bullets: list[str]) -> None:
    assert make(work, title=title, bullets=bullets, presenter=True).picture.size == (1280, 720)


def test_markup_stays_as_it_was_typed(work: Bench) -> None:
    """The same shapes in another order would not be as wide: `*` and `#` are drawn, not obeyed."""
    plain = make(
        work, title='#panic("no") $x^2$', bullets=["*one*", '_two_ #image("/etc/passwd")', "= three @four <five>"]
    )
    bare = make(work, title="panic(no) x2", bullets=["one", "two", "three"])

    assert plain.ink()[2] > bare.ink()[2] + 100
    assert plain.notices == []


def test_the_scene_without_points_is_a_title(work: Bench) -> None:
    _, top, _, bottom = make(work, title="A leaf").ink()
    _, content_top, _, content_bottom = make(
        work, title="A leaf", image=stored(work, Image.new("L", (9, 9), 200))
    ).ink()

    assert 250 < (top + bottom) / 2 < 450
    assert bottom - top > 1.3 * (content_bottom - content_top), "larger letters"


def test_a_short_line_below_the_title_leaves_the_title_large(work: Bench) -> None:
    _, _, alone, _ = make(work, title="Sourdough at home").ink()
    cover = make(work, title="Sourdough at home", bullets=["By Ana"])

    assert cover.ink()[2] == alone
    assert len(make(work, title="Sourdough at home", bullets=["a " * 50]).lines()) > 2, "a sentence is no such line"


def test_few_words_are_large_and_about_the_middle_and_many_begin_at_the_top(work: Bench) -> None:
    few = make(work, title="A leaf", bullets=["Light", "Light", "Light"])
    many = make(work, title="A leaf", bullets=["Light", *[LONG[:220]] * 4])

    assert 0.38 < (few.ink()[1] + few.ink()[3]) / 2 / 720 < 0.5
    assert many.ink()[1] < few.ink()[1] - 80
    assert few.lines()[1] > 1.25 * many.lines()[1], "the same word"


def test_a_list_is_set_at_a_size_at_which_it_wraps_least(work: Bench) -> None:
    """At the largest size, 40 px, the last point would leave a word for a second line."""
    bullets = ["Keep it at 24–26 °C", "Throw away half", "Smell: yoghurt, not nail-polish remover at all"]

    assert len(make(work, title="A starter", bullets=bullets, presenter=True).lines()) == 4


def test_a_figure_stays_with_its_unit() -> None:
    assert tidy("20 °C\tin 3 kg of 4 apples") == "20\u00a0°C in 3\u00a0kg of 4 apples"


def test_the_course_title_is_not_said_twice_on_one_slide(work: Bench) -> None:
    assert make(work, title="A leaf", footer="A leaf").data == make(work, title="A leaf").data
    assert make(work, title="A leaf", footer="Leaves").data != make(work, title="A leaf").data


@pytest.mark.parametrize(
    ("language", "title", "from_the_right"),
    [
        ("ar", "كيف تصنع الورقة السكر", True),
        ("he", "איך עלה מייצר סוכר", True),
        ("en", "שלום עולם", True),
        ("en", "A leaf", False),
    ],
)
def test_lines_begin_on_the_side_that_the_script_begins(
    work: Bench, language: str, title: str, from_the_right: bool
) -> None:
    left, _, right, _ = make(work, title=title, language=language).ink()

    assert (right > 1280 - 90) == from_the_right
    assert (left < 90) != from_the_right


def test_missing_characters_are_named_with_what_to_install(work: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_installed", fonts._packaged)

    made = make(work, title="光合作用 & oxygen", bullets=["𓀀 is Egyptian"])

    assert made.notices == [
        "no installed font has the characters 作 光 合 用 𓀀: "
        "install Noto Sans CJK and Noto Sans Egyptian, then run again with --from and this step"
    ]


def test_latin_greek_and_cyrillic_need_no_font_of_the_machine(work: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_installed", lambda: pytest.fail("looked at the machine's fonts"))

    made = make(work, title="Straße, Ωμέγα, Щука", bullets=["x ≥ 5 → `∑ aᵢ` ✓", "“quoted” — naïve…"])

    assert made.notices == []


def test_a_picture_is_shown_whole(work: Bench) -> None:
    picture = stored(work, Image.new("RGB", (600, 200), (220, 0, 0)))

    for fields in (
        {},
        {"bullets": POINTS},
        {"bullets": POINTS, "presenter": True},
        {"width_px": 720, "bullets": POINTS},
    ):
        made = make(work, title="A leaf", image=picture, **fields)
        red = made.picture.split()[1].point(lambda green: 255 * (green < 20))
        found = red.crop((0, 100, *red.size)).getbbox()
        assert found is not None
        assert (found[2] - found[0]) / (found[3] - found[1]) == pytest.approx(3, rel=0.03)


def test_a_photo_is_turned_upright(work: Bench) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    picture = stored(work, Image.new("RGB", (600, 300), (220, 0, 0)), "JPEG", exif=exif)

    made = make(work, title="A leaf", image=picture)

    found = made.picture.split()[1].point(lambda green: 255 * (green < 30)).crop((0, 100, 1280, 720)).getbbox()
    assert found is not None
    assert (found[3] - found[1]) == pytest.approx(2 * (found[2] - found[0]), rel=0.03)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no picture", "it is no PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is no PNG"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "it"),
        (b"", "it is no PNG"),
    ],
)
def test_pictures_that_cannot_be_shown(work: Bench, data: bytes, why: str) -> None:
    image = work.store.put_bytes(data, name="leaf.png", media_type="image/png")

    with pytest.raises(BadInput, match=f"the scene's picture 'leaf.png' cannot be shown: {why}") as caught:
        make(work, title="A leaf", image=image)

    assert caught.value.field == "scene.image"


def test_a_damaged_picture(work: Bench) -> None:
    out = io.BytesIO()
    Image.effect_noise((300, 300), 50).save(out, "PNG")
    image = work.store.put_bytes(out.getvalue()[:9000], name="leaf.png", media_type="image/png")

    with pytest.raises(BadInput, match="its bytes are damaged"):
        make(work, title="A leaf", image=image)


def test_a_picture_of_absurd_size_is_refused_unread(work: Bench) -> None:
    image = stored(work, Image.new("1", (20_000, 20_000)))

    with pytest.raises(BadInput, match="it has too many pixels"):
        make(work, title="A leaf", image=image)


def test_theme_and_accent(work: Bench) -> None:
    light, dark = make(work, title="A"), make(work, title="A", theme="dark")

    assert light.picture.convert("L").getpixel((640, 100)) == pytest.approx(250, abs=5)
    assert dark.picture.convert("L").getpixel((640, 100)) == pytest.approx(30, abs=15)
    assert make(work, title="A", accent="#c00000").picture.getpixel((640, 2)) == (192, 0, 0)
    assert light.picture.getpixel((640, 2)) == make(work, title="A", accent="blue").picture.getpixel((640, 2))


def theme_file(work: Bench, text: str | bytes) -> Artifact:
    data = text.encode() if isinstance(text, str) else text
    return work.store.put_bytes(data, name="school.toml", media_type="application/toml")


def test_a_theme_of_ones_own_comes_before_what_was_chosen(work: Bench) -> None:
    own = theme_file(work, 'accent = "#c00000"\nfont = "No Such Font"\n')
    made = make(work, title="A", theme="dark", accent="green", theme_file=own)

    assert made.picture.convert("L").getpixel((640, 100)) == pytest.approx(30, abs=15)  # it says nothing of dark
    red, green, blue = made.picture.crop((0, 0, 1280, 4)).resize((1, 1)).tobytes()
    assert red > 2 * max(green, blue)
    assert made.notices == ["the font 'No Such Font' is not installed here; Roboto is used"]
    assert make(work, title="A", theme_file=theme_file(work, "")).data == make(work, title="A").data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('theme = "neon"', "this theme cannot be used: theme: Invalid enum value 'neon'"),
        ('accent = "#12"', "used: accent: Expected `str` matching"),
        ("colour = 1", "unknown field `colour`"),
        ("theme =", "Invalid value"),
        (b"\xff\xfe", "codec can't decode"),
        ("[a]\n" * 20_000, "it has 80,000 bytes"),
    ],
)
def test_a_theme_that_cannot_be_used_is_refused_with_what_is_wrong(work: Bench, text: str | bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        make(work, title="A", theme_file=theme_file(work, text))
    assert caught.value.field == "theme_file"
    assert 'accent = "#2a6f97"' in str(caught.value.remedy)


def test_every_colour_reads_well_on_white_and_none_is_missing() -> None:
    named = re.findall("[a-z]{3,}", typing.get_args(Accent)[1].pattern)
    assert named == list(COLOURS)

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    assert all((luminance("#fcfcfb") + 0.05) / (luminance(each) + 0.05) >= 4.5 for each in COLOURS.values())


def test_a_font_that_is_not_there(work: Bench) -> None:
    made = make(work, {"font": "No Such Font"}, title="A leaf")

    assert made.notices == ["the font 'No Such Font' is not installed here; Roboto is used"]


def test_the_same_scene_gives_the_same_bytes(work: Bench) -> None:
    one, two = (make(work, title="A leaf", bullets=POINTS, presenter=True, footer="Course") for _ in range(2))

    assert one.data == two.data
