"""Whole clips, made with a service that is a function here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.errors import BadInput, Busy, Cancelled, Unavailable
from coursewright.kit.clips import Animation, animate
from coursewright.kit.clips.jobs import OVERLAP, Piece
from coursewright.kit.clips.joining import pictures
from coursewright.kit.clips.placing import covering
from coursewright.providers import Context, Provider
from coursewright.run.context import RequestContext
from coursewright.testing import Bench, bench
from coursewright.testing.portraits import photo
from coursewright.testing.standins import sounds
from coursewright.testing.standins.talking_heads import heard, write_video

SAYS = "The tide comes in twice a day. It is the moon that pulls the water. And then it goes. "


class Service(Provider[ClipRequest, Clip]):
    """Animates the middle of the picture, or does what `spoil` does with the answer."""

    capability, name, summary, version = "video", "here", "a service in this process", "1"

    def __init__(self, **animation: Any) -> None:
        super().__init__()
        self.animation = Animation(**{"what": "the service", "key": "here", "piece_s": 30.0, **animation})
        self.asked: list[float] = []
        self.at_work = self.most_at_work = 0
        self.lock = threading.Lock()
        self.side_px = 128

    def run(self, request: ClipRequest, context: Context) -> Clip:
        return animate(request, context, self.animation, self.ask)

    def ask(self, portrait: Path, sound: Path, context: Context) -> Path:
        with self.lock:
            self.at_work += 1
            self.most_at_work = max(self.at_work, self.most_at_work)
        samples = heard(str(sound))
        picture = cv2.imread(str(portrait))
        assert picture is not None
        side = int(0.76 * min(picture.shape[:2]))
        top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
        video = context.scratch / "answer.mp4"
        cropped = cv2.resize(picture[top : top + side, left : left + side], (self.side_px, self.side_px))
        write_video(video, cropped, samples)
        context.progress(0.5, 1.0, "mel:")
        with self.lock:
            self.asked.append(len(samples) / 16_000)
            self.at_work -= 1
        self.spoil(video)
        return video

    def spoil(self, video: Path) -> None:
        """The answer is good."""


class Studio:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.portrait = self.put(photo(480, 600), "image/png")
        self.spoken = sounds.hum(SAYS * 2, rate_hz=16_000)
        self.audio = self.put(sounds.wav(self.spoken, 16_000), "audio/wav")

    def put(self, data: bytes, media_type: str) -> Artifact:
        return self.bench.store.put_bytes(data, name="given", media_type=media_type)

    def request(self, **fields: Any) -> ClipRequest:
        return ClipRequest(
            **{"portrait": self.portrait, "audio": self.audio, "width_px": 128, "height_px": 160, **fields}
        )

    def clip(self, service: Service, **fields: Any) -> Clip:
        return service.run(self.request(**fields), self.bench.context(service))

    def luma(self, clip: Clip) -> np.ndarray:
        with av.open(str(self.bench.store.fetch(clip.video))) as container:
            return np.stack([frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)])

    def picture(self, clip: Clip, index: int = 10) -> np.ndarray:
        with av.open(str(self.bench.store.fetch(clip.video))) as container:
            frames = container.decode(video=0)
            return next(frame.to_ndarray(format="bgr24") for at, frame in enumerate(frames) if at == index)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with bench(tmp_path_factory.mktemp("studio")) as made:
        yield Studio(made)


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has memories of its own."""
    monkeypatch.setattr(Service, "version", request.node.name)


@pytest.fixture(scope="module")
def pieced(studio: Studio) -> tuple[Service, Clip, RequestContext]:
    service = Service(piece_s=5.0)
    context = studio.bench.context(service)
    return service, service.run(studio.request(), context), context


# -- what comes out -----------------------------------------------------------------------------


def test_the_clip_is_as_long_as_the_sound(studio: Studio, pieced: tuple[Service, Clip, RequestContext]) -> None:
    service, clip, _ = pieced
    assert len(service.asked) >= 3
    length_s = len(studio.spoken) / 16_000
    assert 0 <= clip.duration_s - length_s < 0.04
    assert clip.lead_s == 0
    assert len(studio.luma(clip)) == round(clip.duration_s * 25)


def test_it_is_h264_tagged_bt709_with_its_index_in_front(
    studio: Studio, pieced: tuple[Service, Clip, RequestContext]
) -> None:
    path = studio.bench.store.fetch(pieced[1].video)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        codec = video.codec_context
        assert (codec.name, codec.pix_fmt, codec.width, codec.height) == ("h264", "yuv420p", 128, 160)
        assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)
        assert (audio.codec_context.name, audio.codec_context.sample_rate) == ("aac", 48_000)
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")


def test_its_sound_is_the_original_and_has_no_seam(
    studio: Studio, pieced: tuple[Service, Clip, RequestContext]
) -> None:
    given = heard(str(studio.bench.store.fetch(studio.audio)))
    got = heard(str(studio.bench.store.fetch(pieced[1].video)))[: len(given)]
    for begin in range(0, len(given) - 16_000, 8_000):
        part = slice(begin, begin + 16_000)
        assert np.corrcoef(given[part], got[part])[0, 1] > 0.98


def test_mouth_and_sound_stay_together_to_the_end(studio: Studio, pieced: tuple[Service, Clip, RequestContext]) -> None:
    luma = studio.luma(pieced[1])
    frames = luma.shape[0]
    dark = (luma[:, 100:125, 54:74] < 45).mean(axis=(1, 2))
    spoken = np.pad(studio.spoken, (0, frames * 640 - len(studio.spoken)))
    loud = np.sqrt((spoken.reshape(frames, 640) ** 2).mean(axis=1))
    for part in (slice(5, frames // 2), slice(frames // 2, frames - 5)):
        fit = {
            shift: np.corrcoef(dark[part], loud[part.start + shift : part.stop + shift])[0, 1] for shift in range(-4, 5)
        }
        assert max(fit, key=lambda shift: fit[shift]) == 0, fit


def test_seams_are_no_larger_than_the_motion_around_them(
    studio: Studio, pieced: tuple[Service, Clip, RequestContext]
) -> None:
    service, clip, _ = pieced
    upper = studio.luma(clip)[:, :90].astype(np.int16)  # without the mouth, which moves with the sound
    steps = np.abs(np.diff(upper, axis=0)).mean(axis=(1, 2))
    seams = np.cumsum([seconds - 2 * OVERLAP / 25 for seconds in service.asked])[:-1] * 25 + OVERLAP
    near = np.zeros(len(steps), bool)
    for seam in seams:
        near[int(seam) - 10 : int(seam) + 10] = True
    assert steps[near].max() < 1.5 * steps[~near].max()


@pytest.mark.parametrize("fps", [12, 30, 60])
def test_another_frame_rate_shows_the_nearest_pictures(fps: int, studio: Studio) -> None:
    clip = studio.clip(Service(), fps=fps)
    luma = studio.luma(clip)
    length_s = len(studio.spoken) / 16_000
    assert 0 <= len(luma) / fps - length_s < 1 / fps + 1e-6
    dark = (luma[:, 100:125, 54:74] < 45).mean(axis=(1, 2))
    times = np.arange(len(dark)) / fps
    hop = 640
    spoken = np.pad(studio.spoken, (0, -len(studio.spoken) % hop)).reshape(-1, hop)
    loud = np.sqrt((spoken**2).mean(axis=1))
    nearest = np.minimum((times * 25 + 0.5).astype(int), len(loud) - 1)
    assert np.corrcoef(dark, loud[nearest])[0, 1] > 0.8


def test_each_moment_is_of_the_piece_whose_time_it_is() -> None:
    """Two pieces, of black and of white pictures, that overlap from 0.8 s to 1.2 s."""

    class Still:
        def __init__(self, light: int) -> None:
            self.light = light
            self.closed = False

        def at(self, time_s: float) -> list[np.ndarray]:
            assert time_s >= 0
            return [np.full((side, side), self.light, np.uint8) for side in (64, 32, 32)]

        def close(self) -> None:
            self.closed = True

    reels: Any = [Still(0), Still(255)]
    pieces = [Piece(Path(), 0, 30, ""), Piece(Path(), 20, 30, "")]
    light = [int(planes[0][0, 0]) for planes in pictures(pieces, reels, 50, 25)]
    assert light[:20] == [0] * 20
    assert light[30:] == [255] * 20
    assert light[20:30] == sorted(light[20:30])
    assert all(reel.closed for reel in reels)


# -- where the face is --------------------------------------------------------------------------


def test_the_face_fills_the_clip_undistorted_and_in_the_middle() -> None:
    # 512 × 512, a face right of the middle, on an upright panel: cut at the sides, as far as there is picture.
    place = covering((512, 512), (300, 256), (352, 440))
    assert (place.width, place.height) == (440, 440)
    assert -88 <= place.x < -44
    assert place.y == 0
    # On a wide panel it is cut above and below.
    place = covering((512, 512), (256, 200), (1280, 720))
    assert (place.width, place.height, place.x) == (1280, 1280, 0)
    assert -560 <= place.y < -100
    # An edge is never left free.
    assert covering((512, 512), (0, 0), (352, 440)).x == 0
    assert covering((512, 512), (512, 0), (352, 440)).x == -88


def test_framing_portrait_puts_the_face_back_where_it_was(studio: Studio) -> None:
    service = Service(framing="portrait")
    service.side_px = 256  # as sharp as the portrait
    clip = studio.clip(service, width_px=240, height_px=300)
    shown = studio.picture(clip, 12).astype(int)
    whole = cv2.imdecode(np.frombuffer(photo(240, 300), np.uint8), cv2.IMREAD_COLOR)
    assert whole is not None
    difference = np.abs(shown - whole).mean(axis=2)
    # Beside the head nothing moves; the head is where it was, to the few pixels that it sways by.
    assert difference[:, :20].mean() < 3
    assert difference[:40].mean() < 3
    eyes = shown[110:150, 80:160].astype(np.uint8)
    _, alike, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(whole[100:160, 70:170], eyes, cv2.TM_CCOEFF_NORMED))
    assert alike > 0.9
    assert abs(x - 10) <= 4
    assert abs(y - 10) <= 4
    # On the plain wall beside the neck no edge of what was pasted shows.
    assert np.ptp(whole[200:215, 5:75].mean(axis=0), axis=0).max() == 0
    assert np.ptp(shown[200:215, 5:75].mean(axis=0), axis=0).max() < 3


def test_framing_portrait_says_so_when_the_answer_shows_something_else(studio: Studio) -> None:
    class Stranger(Service):
        def ask(self, portrait: Path, sound: Path, context: Context) -> Path:
            noise = np.random.default_rng(1).integers(0, 255, (16, 16, 3)).astype(np.uint8)
            video = context.scratch / "answer.mp4"
            write_video(video, cv2.resize(noise, (256, 256), interpolation=cv2.INTER_NEAREST), heard(str(sound)))
            return video

    service = Stranger(framing="portrait")
    context = studio.bench.context(service)
    service.run(studio.request(), context)
    assert context.notices == ["the animated face does not fit into the portrait any more and is shown alone"]


def test_sharpen_strengthens_detail(studio: Studio) -> None:
    plain, sharp = (studio.picture(studio.clip(Service(sharpen=share))) for share in (0.0, 1.0))
    assert cv2.Laplacian(sharp, cv2.CV_64F).var() > 1.3 * cv2.Laplacian(plain, cv2.CV_64F).var()


# -- pieces -------------------------------------------------------------------------------------


def test_no_more_pieces_than_allowed_are_under_way(studio: Studio) -> None:
    for allowed in (1, 2):
        service = Service(key=allowed, piece_s=5.0, pieces_at_once=allowed)
        studio.clip(service)
        assert len(service.asked) >= 3
        assert service.most_at_work == allowed


def test_a_failed_piece_alone_is_asked_for_again(studio: Studio) -> None:
    class Once(Service):
        calls = 0

        def ask(self, portrait: Path, sound: Path, context: Context) -> Path:
            self.calls += 1
            if self.calls == 3:
                raise Busy("the connection to the service was lost")
            return super().ask(portrait, sound, context)

    service = Once(piece_s=5.0)
    with pytest.raises(Busy, match="lost"):
        studio.clip(service)
    before = service.asked.copy()
    clip = studio.clip(service)
    assert len(before) == 2
    whole = Service(key="anew", piece_s=5.0)
    again = studio.clip(whole)
    assert sorted(service.asked) == sorted(whole.asked)
    assert clip.video == again.video


def test_progress_counts_whole_pieces_and_tells_the_service_s_words(studio: Studio) -> None:
    studio.bench.progress.clear()
    studio.clip(Service(piece_s=5.0))
    done = [share for share, _, _ in studio.bench.progress]
    assert done == sorted(done)
    assert "piece 1 of 4: mel:" in {message for _, _, message in studio.bench.progress}
    assert studio.bench.progress[0][0] == 0
    assert studio.bench.progress[-1][0] == studio.bench.progress[-1][1]


def test_a_cancel_ends_all_pieces(studio: Studio) -> None:
    class Waiting(Service):
        def ask(self, portrait: Path, sound: Path, context: Context) -> Path:
            request.cancel.set()
            context.raise_if_cancelled()
            raise AssertionError("not cancelled")

    service = Waiting(piece_s=5.0, pieces_at_once=2)
    request = studio.bench.context(service)
    with pytest.raises(Cancelled):
        service.run(studio.request(), request)


# -- answers that are none ------------------------------------------------------------------------


def write(data: bytes) -> Any:
    return lambda _, video: video.write_bytes(data)


def cut_off(_: Service, video: Path) -> None:
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])


def of_length(frames: int) -> Any:
    def spoil(_: Service, video: Path) -> None:
        write_video(video, np.zeros((64, 64, 3), np.uint8), np.zeros(16_000, np.float32), frames=frames)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (write(b""), "empty file"),
        (write(b"<html>CUDA out of memory</html>"), "not an MP4"),
        (write(bytes(range(128, 256))), "not an MP4"),
        (cut_off, "cannot be decoded"),
        (of_length(10), "0.40 s of video for"),
        (of_length(900), "36.00 s of video for"),
    ],
    ids=["zero bytes", "text", "other bytes", "cut off", "too short", "too long"],
)
def test_a_wrong_answer_is_told_in_words_and_not_kept(
    spoil: Any, words: str, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    with monkeypatch.context() as patched:
        patched.setattr(Service, "spoil", spoil)
        with pytest.raises(Busy, match=words) as caught:
            studio.clip(service)
    assert caught.value.remedy
    assert "html" not in caught.value.message
    studio.clip(service)
    assert len(service.asked) == 2


@pytest.mark.parametrize("lacks", [1, 0])
def test_a_picture_less_than_the_sound_is_normal(lacks: int, studio: Studio) -> None:
    class Floored(Service):
        def spoil(self, video: Path) -> None:
            samples = np.zeros(int(self.asked[-1] * 16_000), np.float32)
            frames = len(samples) // 640 - lacks
            write_video(video, np.full((64, 64, 3), 99, np.uint8), samples, frames=frames)

    clip = studio.clip(Floored())
    assert clip.duration_s == pytest.approx(len(studio.spoken) / 16_000, abs=0.04)


def test_a_request_without_sound_or_with_two_is_refused(studio: Studio) -> None:
    speech = Speech(audio=studio.audio, duration_s=1.0, text="So.")
    for request, field in (
        (ClipRequest(portrait=studio.portrait), "speech"),
        (ClipRequest(portrait=studio.portrait, audio=studio.audio, speech=speech), "audio"),
    ):
        service = Service()
        with pytest.raises(BadInput) as caught:
            service.run(request, studio.bench.context(service))
        assert caught.value.field == field
        assert caught.value.remedy


def test_a_request_without_portrait_is_left_to_a_provider_with_a_presenter_of_its_own(studio: Studio) -> None:
    service = Service()
    with pytest.raises(Unavailable, match="no portrait"):
        service.run(ClipRequest(audio=studio.audio), studio.bench.context(service))
