"""Piper's phonemes matched with the words as written."""

from __future__ import annotations

import pytest
from coursewright_tts_piper.words import Spoken, words_of


def spoken(phonemes: str, pace_s: float = 0.1) -> list[Spoken]:
    """Each phoneme as long as the other, with Piper's marks of beginning and end."""
    return [Spoken(each, n * pace_s, (n + 1) * pace_s) for n, each in enumerate(f"^{phonemes}$")]


def starts(text: str, phonemes: str) -> list[tuple[str, float]]:
    return [(word.text, round(word.start_s, 2)) for word in words_of(text, spoken(phonemes))]


def test_a_word_is_what_lies_between_two_spaces() -> None:
    assert starts("Plants make sugar.", "plˈænts mˌeɪk ʃˈʊɡɚ.") == [("Plants", 0.1), ("make", 0.9), ("sugar.", 1.5)]


def test_a_number_takes_all_the_words_it_is_read_as() -> None:
    found = words_of("In 1969 we went.", spoken("ɪn nˈaɪntiːn sˈɪksti nˈaɪn wiː wˈɛnt."))

    assert [word.text for word in found] == ["In", "1969", "we", "went."]
    assert found[1].start_s == pytest.approx(0.4)
    assert found[1].end_s == pytest.approx(2.7)
    assert found[2].start_s == pytest.approx(2.8)


def test_words_said_in_one_breath_share_it_by_length() -> None:
    found = words_of("out of the sea", spoken("ˈaʊt ʌvðə sˈiː"))

    assert found[1].start_s == pytest.approx(0.6)
    assert found[1].end_s == found[2].start_s
    assert found[2].end_s == pytest.approx(1.0)
    assert found[3].start_s == pytest.approx(1.1)


def test_what_is_not_said_takes_no_time() -> None:
    found = words_of("Well 🙂 — done", spoken("wˈɛl dˈʌn"))

    assert [word.text for word in found] == ["Well", "🙂", "—", "done"]
    assert found[1].start_s == found[2].end_s == found[0].end_s


def test_punctuation_keeps_the_match_where_lengths_do_not() -> None:
    text = "At 10:45, Dr. Lee (of MIT) said: yes."
    phonemes = "æt tˈɛn fˈɔːɹɾi fˈaɪv, dˈɑːktɚ lˈiː ʌv ˌɛmˌaɪtˈiː sˈɛd: jˈɛs."
    found = {word.text: word for word in words_of(text, spoken(phonemes))}

    assert found["Dr."].start_s == pytest.approx(0.1 * (1 + phonemes.index("dˈɑːk")))
    assert found["said:"].start_s == pytest.approx(0.1 * (1 + phonemes.index("sˈɛd")))
    assert found["yes."].start_s == pytest.approx(0.1 * (1 + phonemes.index("jˈɛs")))


def test_times_never_decrease_and_stay_within_what_was_said() -> None:
    found = words_of("one two three four 5 6 seven", spoken("wˈʌn tˈuː θɹˈiː"))
    times = [time for word in found for time in (word.start_s, word.end_s)]

    assert times == sorted(times)
    assert times[-1] <= 0.1 * 17


@pytest.mark.parametrize(("text", "phonemes"), [("", "a"), ("word", "."), ("…", "a b")])
def test_nothing_is_matched_with_nothing(text: str, phonemes: str) -> None:
    assert words_of(text, spoken(phonemes)) == []
