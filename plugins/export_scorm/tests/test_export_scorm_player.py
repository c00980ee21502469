"""The package in a real browser, against an LMS run time that somebody else wrote."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from coursewright.capabilities.compose import Film
from coursewright.capabilities.export import Package
from playwright.sync_api import Browser, expect

Visits = Callable[..., Any]
RECORDING = "Your progress is saved in the learning platform. The course is complete at 90 %."
IN_PROGRESS = {"core": {"lesson_status": "incomplete", "entry": "resume"}}


def errors(calls: list[list[str]]) -> list[list[str]]:
    return [call for call in calls if call[-1] != "0"]


def test_watching_to_the_end_completes_without_a_bad_call(visit: Visits) -> None:
    course = visit()
    expect(course.course.locator("#status")).to_have_text(RECORDING)
    course.course.locator("#start").click()
    course.play()
    expect(course.course.locator("#watched")).to_have_text("Completed")
    expect(course.course.locator("#status")).to_contain_text("You have completed this course.")

    # Completed is stored at once, while the page is still there.
    names = [call[:3] for call in course.calls]
    completed = names.index(["LMSSetValue", "cmi.core.lesson_status", "completed"])
    assert "LMSCommit" in [call[0] for call in names[completed:]]

    known = course.close()
    calls = course.calls
    assert errors(calls) == []
    assert calls[0][0] == "LMSInitialize"
    assert next(call[:3] for call in calls if call[0] == "LMSSetValue") == ["LMSSetValue", "cmi.core.exit", "suspend"]
    assert [call[0] for call in calls].count("LMSFinish") == 1
    assert [call[0] for call in calls[-2:]] == ["LMSSetValue", "LMSFinish"]  # no commit that could overtake the end
    assert course.sent("cmi.core.lesson_status") == ["incomplete", "completed"]
    assert not [call for call in calls if "score" in call[1]]
    assert known["core"]["lesson_status"] == "completed"
    assert re.fullmatch(r"\d{4}:[0-5]\d:[0-5]\d\.\d\d", course.sent("cmi.core.session_time")[0])
    assert re.fullmatch(r"cw1;w=[\w-]+;c=1;r=16", known["suspend_data"])


def test_skipping_to_the_end_does_not_complete(visit: Visits) -> None:
    course = visit()
    course.play(to_s=3)
    course.play(from_s=9)
    known = course.close()
    assert errors(course.calls) == []
    assert known["core"]["lesson_status"] == "incomplete"


def test_the_share_that_completes_is_the_authors_choice(
    visit: Visits, site: Any, film: Film, export: Callable[..., Package], opened: Callable[..., zipfile.ZipFile]
) -> None:
    url = site.publish("half", opened(export(film, completion_share=0.5)))
    course = visit(url)
    course.play(to_s=2)
    assert course.sent("cmi.core.lesson_status") == ["incomplete"]
    course.play(to_s=8)
    assert course.sent("cmi.core.lesson_status") == ["incomplete", "completed"]


def test_the_next_session_continues_where_the_last_one_ended(visit: Visits) -> None:
    first = visit()
    first.play(to_s=5)
    first.run("media.currentTime = 6;")
    first.course.locator("#exit").click()
    expect(first.course.get_by_role("region", name="You have left the course")).to_be_focused()
    expect(first.course.locator("#closed-message")).to_contain_text("Your progress is saved.")
    known = first.close()
    assert errors(first.calls) == []
    assert [call[0] for call in first.calls].count("LMSFinish") == 1

    known["core"]["entry"] = "ab-initio"  # some LMSs say so after a suspend, and the state still counts
    again = visit(known=known)
    again.course.get_by_role("button", name="Continue at 0:06").click()
    assert again.second == pytest.approx(6, abs=0.6)
    expect(again.course.locator("#watched")).to_have_text(re.compile(r"^[4-7]\d % watched$"))
    again.play()
    assert again.sent("cmi.core.lesson_status") == ["incomplete", "completed"]
    again.close()
    assert errors(again.calls) == []


def test_the_learner_may_start_over_instead(visit: Visits) -> None:
    course = visit(known=IN_PROGRESS | {"suspend_data": "cw1;w=_8;c=0;r=9.75", "core": {"lesson_location": "film 6.5"}})
    assert course.second == 6.5
    course.course.get_by_role("button", name="Start from the beginning").click()
    course.until("!media.paused")
    assert course.second < 5
    assert course.run("return media.playbackRate;") == 2  # the fastest that the player offers
    assert course.run("return media.textTracks[0].mode;") == "hidden"


def test_a_page_that_goes_away_before_it_has_loaded_keeps_the_old_place(visit: Visits) -> None:
    known = IN_PROGRESS | {"suspend_data": "cw1;w=_8;c=1;r=1", "core": {"lesson_location": "film 6.5"}}
    known = visit(known=known).close()
    assert known["core"]["lesson_location"] == "film 6.5"
    assert known["suspend_data"] == "cw1;w=_8;c=1;r=1"


@pytest.mark.parametrize(
    ("state", "location"),
    [
        ('{"v":1}', "film -4"),
        ("cw1;w=<>;c=1;r=1", "scene-3"),
        ("cw1;w=__;c=7;r=1", "film 99999.0"),
    ],
)
def test_a_state_that_cannot_be_read_is_a_fresh_start(visit: Visits, state: str, location: str) -> None:
    course = visit(known={"suspend_data": state, "core": {"lesson_location": location}})
    expect(course.course.locator("#start")).to_be_visible()
    expect(course.course.locator("#watched")).to_have_text("0 % watched")
    course.close()
    assert errors(course.calls) == []


@pytest.mark.parametrize(("mode", "words"), [("review", "finished this course"), ("browse", "preview")])
def test_review_and_preview_write_nothing(visit: Visits, mode: str, words: str) -> None:
    core = {"lesson_mode": mode, "lesson_status": "completed", "credit": "no-credit", "entry": "resume"}
    course = visit(known={"core": core})
    expect(course.course.locator("#status")).to_contain_text(words)
    course.play()
    course.close()
    assert {call[0] for call in course.calls} == {"LMSInitialize", "LMSGetValue", "LMSFinish"}
    assert errors(course.calls) == []


@pytest.mark.parametrize("status", ["passed", "failed"])
def test_a_final_status_is_never_overwritten(visit: Visits, status: str) -> None:
    course = visit(known={"core": {"lesson_status": status}})
    course.play()
    course.close()
    assert course.sent("cmi.core.lesson_status") == []
    assert course.sent("cmi.core.lesson_location")[-1].startswith("film ")


def test_progress_is_stored_when_the_learner_pauses_or_turns_away(visit: Visits) -> None:
    course = visit()

    def commits() -> int:
        return [call[0] for call in course.calls].count("LMSCommit")

    course.play(to_s=3)
    course.until("media.paused")
    paused = commits()
    assert paused >= 1
    course.run("document.dispatchEvent(new Event('visibilitychange'));")
    assert commits() == paused  # still visible
    course.run("media.currentTime = 6; Object.defineProperty(document, 'visibilityState', { value: 'hidden' });")
    course.run("document.dispatchEvent(new Event('visibilitychange'));")
    assert commits() == paused + 1
    assert course.sent("cmi.core.lesson_location")[-1] == "film 6.0"
    course.run("document.dispatchEvent(new Event('visibilitychange'));")
    assert commits() == paused + 1  # nothing new to store


def test_an_lms_that_fails_does_not_stop_the_course(visit: Visits, player_url: str) -> None:
    course = visit(player_url)
    course.page.evaluate("API.LMSCommit = () => 'false'")
    course.play(to_s=3)
    expect(course.course.locator("#status")).to_contain_text("did not save your progress")
    course.page.evaluate("API.LMSCommit = () => 'true'")
    course.play(to_s=5)
    expect(course.course.locator("#status")).to_have_text(RECORDING)


def test_an_lms_that_starts_no_session_does_not_stop_the_course(visit: Visits, player_url: str) -> None:
    course = visit()
    course.close()
    course.page.evaluate("url => new Promise((done) => { frame.onload = done; frame.src = url; })", player_url)
    expect(course.course.locator("#status")).to_contain_text("did not start a session")
    expect(course.course.locator("#exit")).to_be_hidden()
    course.play()
    course.close()
    assert course.calls[-1] == ["LMSInitialize", "", "false", "101"]  # refused once, then left alone


def test_without_an_lms_it_is_a_plain_page_that_says_so(visit: Visits) -> None:
    course = visit(lms=False)
    expect(course.course.locator("#status")).to_contain_text("No learning platform was found.")
    expect(course.course.locator("#exit")).to_be_hidden()
    course.course.locator("#start").click()
    course.play()
    expect(course.course.locator("#watched")).to_have_text("100 % watched")


def test_the_lms_is_found_from_a_window_of_its_own(visit: Visits, player_url: str) -> None:
    opener = visit(player_url)
    opener.close()
    opener.page.evaluate("lms.reset()")
    with opener.page.expect_popup() as popup:
        opener.page.evaluate("url => { window.open(url); }", player_url)
    expect(popup.value.locator("#status")).to_have_text(RECORDING)


def test_captions_and_transcript_hold_the_words_of_the_film(visit: Visits) -> None:
    course = visit()
    course.until("media.textTracks[0].cues?.length")
    read = "return [...media.textTracks[0].cues].map((cue) => cue.getCueAsHTML().textContent);"
    words = course.run(read)
    assert words[2] == "Sun & Moon together make spring tides."
    assert course.course.locator("#transcript .cue span").all_text_contents() == words
    assert course.course.locator("#transcript h3").all_text_contents() == [
        "The beach",
        "Moon & Earth",
        "The Sun joins in",
    ]
    assert course.course.locator("#chapters .name").all_text_contents() == [
        "The beach",
        "Moon & Earth",
        "The Sun joins in",
    ]

    course.course.get_by_role("button", name="Moon & Earth").click()
    course.until("!media.paused && media.currentTime >= 3")
    course.run("media.pause();")
    expect(course.course.locator("#chapters [aria-current]")).to_contain_text("Moon & Earth")
    course.course.locator(".cue", has_text="spring tides").click()
    expect(course.course.locator(".cue[aria-current]")).to_contain_text("spring tides")
    assert course.second >= 6


def test_captions_do_not_need_a_server_that_knows_webvtt(
    visit: Visits, site: Any, film: Film, export: Callable[..., Package], opened: Callable[..., zipfile.ZipFile]
) -> None:
    url = site.publish("untyped", opened(export(film)))
    (site.folder / "untyped" / "captions.vtt").write_bytes(b"Not found")
    course = visit(url)
    course.until("media.textTracks[0]?.cues?.length === 4")
    assert course.run("return media.textTracks[0].mode;") == "showing"
    assert course.run("return media.textTracks[0].cues[2].text;") == "Sun &amp; Moon together make spring tides."
    course.course.get_by_role("button", name="Captions").click()
    assert course.run("return media.textTracks[0].mode;") == "hidden"


def test_everything_works_with_the_keyboard(visit: Visits) -> None:
    course = visit(lms=False)
    press = course.page.keyboard.press
    for key in ("k", "f", "ArrowRight", " "):
        press(key)  # the focus is outside the player
    assert course.run("return media.paused;")
    assert course.second == 0

    press("Tab")
    expect(course.course.locator("#start")).to_be_focused()
    press("Enter")
    course.until("!media.paused")
    expect(course.course.get_by_role("button", name="Pause")).to_be_focused()
    press("k")
    assert course.run("return media.paused;")
    at = course.second
    press("ArrowRight")
    assert course.second == pytest.approx(at + 5, abs=0.1)
    press("Control+m")
    expect(course.course.get_by_role("button", name="Mute")).to_be_visible()
    press("m")
    expect(course.course.get_by_role("button", name="Unmute")).to_be_visible()
    press("c")
    expect(course.course.get_by_role("button", name="Captions")).to_have_attribute("aria-pressed", "false")

    course.course.locator("#seek").focus()
    press("Home")
    expect(course.course.locator("#seek")).to_have_attribute("aria-valuetext", "0:00 of 0:12")
    press("ArrowUp")
    expect(course.course.locator("#seek")).to_have_attribute("aria-valuetext", "0:05 of 0:12")

    course.course.get_by_role("button", name="Play from 0:00").focus()
    press("ArrowDown")
    press("ArrowDown")
    expect(course.course.get_by_role("button", name="Play from 0:06")).to_be_focused()
    press("Enter")
    course.until("!media.paused && media.currentTime >= 6")


def test_full_screen_takes_the_controls_along(visit: Visits) -> None:
    course = visit(lms=False)
    course.course.get_by_role("button", name="Full screen").click()
    course.course.get_by_role("button", name="Leave full screen").click()
    expect(course.course.get_by_role("button", name="Full screen", exact=True)).to_be_visible()


def test_a_film_without_pictures_is_an_audio_course(
    visit: Visits, site: Any, film: Film, export: Callable[..., Package], opened: Callable[..., zipfile.ZipFile]
) -> None:
    sound = msgspec.structs.replace(film, video=None, thumbnail=None, width_px=0, height_px=0)
    course = visit(site.publish("sound", opened(export(sound))))
    expect(course.course.locator(".title-card")).to_have_text("How tides work")
    course.course.locator("#start").click()
    course.play()
    expect(course.course.locator("#watched")).to_have_text("Completed")
    course.close()
    assert errors(course.calls) == []


def test_without_scripts_the_film_can_still_be_watched(chromium: Browser, player_url: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    # The notice waits three seconds for the player, in an animation: here a fiftieth of that.
    context.new_cdp_session(page).send("Animation.setPlaybackRate", {"playbackRate": 50})
    page.goto(player_url)
    expect(page.locator("video[controls]")).to_be_visible()
    expect(page.get_by_text("The player did not start.")).to_be_visible()
    context.close()


def test_the_arithmetic_of_progress_and_time(visit: Visits) -> None:
    page = visit(lms=False)
    lengths = page.run(
        """
        const { Progress } = await import("./progress.js");
        const all = (end) => ({ length: 1, start: () => 0, end: () => end });
        const none = { length: 0 };
        return [5 * 3600, 30 * 3600, 7.3].map((duration) => {
          const saved = new Progress(duration).encode(all(duration));
          const later = new Progress(duration, saved);
          return [saved.length, later.share(none), later.encode(none) === saved];
        });
        """
    )
    # Five hours fit at a second a bit, longer films with longer slices: SCORM 1.2 keeps 4,096 characters.
    assert lengths == [[3000, 1, True], [3000, pytest.approx(1), True], [2, pytest.approx(1), True]]

    shares = page.run(
        """
        const { Progress } = await import("./progress.js");
        const part = (start, end) => ({ length: 1, start: () => start, end: () => end });
        const none = { length: 0 };
        const saved = new Progress(20).encode(part(0, 7.3));
        const later = new Progress(20, saved);
        return [later.share(none), later.share(part(7.3, 20)), later.enough(part(7.3, 15), 0.9)];
        """
    )
    # A second that was played half before a break and half after it is not lost.
    assert shares == [0.35, 1, False]

    spans = page.run("const m = await import('./scorm12.js'); return [0, 3725.678, 4e8].map(m.timespan);")
    assert spans == ["0000:00:00.00", "0001:02:05.68", "9999:59:59.99"]
