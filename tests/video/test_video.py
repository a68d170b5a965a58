"""A clip through the whole way but for the network: what goes in comes out, held to the frame before."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import torch
from cli.running import velatura
from torchvision.models.optical_flow import raft_small
from velatura.errors import FieldError, VelaturaError
from velatura.recipe import Style, Stylize
from velatura.video import painting
from velatura.video.reading import scan
from velatura.video.scenes import Cuts, patchwork
from velatura.video.steady import Steady
from velatura.video.track import read_track
from velatura_models.store.raft import Raft

from .clips import exact_motion, panned, read, unsteadiness, write

RECIPE = Stylize((Style("great-wave"),), method="adain")
FRAMES, PLACES = panned(30)
MOTIONS = exact_motion(PLACES, (96, 64))


class Painter:
    """In the daemon's place: paints by a function, and remembers what it was asked for."""

    def __init__(self, paint: Callable[[np.ndarray, int], np.ndarray] = lambda frame, _: frame) -> None:
        self.paint, self.asked = paint, []

    def submit(self, recipe: Stylize, image: np.ndarray, mask: Any = None, **options: Any) -> Any:
        self.asked.append(SimpleNamespace(recipe=recipe, frame=image, mask=mask, **options))
        made = self.paint(image, len(self.asked))
        return SimpleNamespace(
            result=lambda: made, recipe=replace(recipe, method="adain"), cancel=lambda: None
        )

    def added(self, path: Path) -> str:
        return path.stem


def flickering(seed: int = 0) -> Callable[[np.ndarray, int], np.ndarray]:
    """A painter whose strokes lie elsewhere in every frame, as networks' do."""

    def paint(frame: np.ndarray, count: int) -> np.ndarray:
        noise = np.random.default_rng((seed, count)).normal(0, 12, frame.shape)
        return np.clip(frame // 2 + 60 + noise, 0, 255).astype(np.uint8)

    return paint


def paint(
    tmp_path: Path, source: Path, painter: Painter | None = None, name: str = "out.mp4", **options: Any
) -> Path:
    out = tmp_path / name
    options = {"recipe": RECIPE, "crf": 4, **options}
    return painting.paint(painter or Painter(), source, out, pictures=[], **options)


def test_frames_come_out_as_many_and_as_they_were(tmp_path: Path):
    source = write(tmp_path / "in.mp4", FRAMES[:8], sound="aac")
    before, clip = read(source)
    told: list[painting.ClipProgress] = []
    made, after = read(paint(tmp_path, source, steady=False, tell=told.append))
    assert len(made) == 8 and after.times == clip.times and after.base == clip.base
    assert np.abs(np.stack(made).astype(int) - np.stack(before)).mean() < 2
    assert [p.done for p in told if p.doing == "painting"] == list(range(1, 9)) and told[-1].of == 8
    with av.open(str(tmp_path / "out.mp4")) as out, av.open(str(source)) as was:
        sound = [[(p.pts, bytes(p)) for p in c.demux(audio=0) if p.size] for c in (was, out)]
        assert sound[0] == sound[1]
    assert {p.name for p in tmp_path.iterdir()} == {"in.mp4", "out.mp4"}


@pytest.mark.parametrize(
    "name, options, wanted",
    [
        ("rate.mp4", {"times": [0, 3, 4, 10, 11]}, {}),  # variable
        ("turned.mp4", {"rotation": 90}, {"width": 64, "height": 96}),
        ("full.mp4", {"color_range": 2}, {"colour.range": 2}),
        ("deep.mkv", {"codec": "libx265", "pixels": "yuv420p10le"}, {"pixels": "yuv420p10le", "deep": True}),
        ("one.mp4", {"count": 1}, {}),
        ("bare.h264", {}, {}),  # no index, and no times of its own
        ("wide.mp4", {"sample_aspect_ratio": Fraction(4, 3)}, {"aspect": Fraction(4, 3)}),
    ],
)
def test_what_a_file_says_of_itself_is_kept(tmp_path: Path, name: str, options: dict, wanted: dict):
    options = {**options}
    frames = FRAMES[: options.pop("count", 5)]
    if options.get("codec"):
        frames = [f.astype(np.uint16) * 257 for f in frames]
    before, was = read(write(tmp_path / name, frames, **options))
    kept = Path(name).suffix.replace(".h264", ".mp4")
    made, clip = read(paint(tmp_path, tmp_path / name, name=f"out{kept}", steady=False))
    for field, value in wanted.items():
        found = clip
        for part in field.split("."):
            found = getattr(found, part)
        assert found == value, field
    assert clip.colour.range == was.colour.range and len(clip) == len(frames)
    assert np.array_equal(was.frame(len(was) - 1), before[-1])
    assert [clip.seconds(i) for i in range(len(clip))] == pytest.approx(
        [was.seconds(i) for i in range(len(was))], abs=0.001
    )
    step = 257 if clip.deep else 1
    assert np.abs(np.stack(made).astype(int) - np.stack(before)).mean() < 2 * step


def test_sound_that_a_container_cannot_hold_is_encoded_again(tmp_path: Path):
    source = write(tmp_path / "in.mp4", FRAMES[:3], sound="aac")
    with av.open(str(paint(tmp_path, source, name="out.webm"))) as out:
        assert (
            out.streams.audio[0].codec_context.name == "opus"
            and out.streams.video[0].codec_context.name == "vp9"
        )
        samples = sum(frame.samples for frame in out.decode(audio=0))
    assert abs(samples - 48000) < 4000


def test_it_is_three_times_steadier_than_frame_by_frame_under_known_motion():
    steady, paint = Steady(), flickering()
    loose = [paint(frame, t) for t, frame in enumerate(FRAMES)]
    held = [steady.add(frame, painted) for frame, painted in zip(FRAMES, loose, strict=True)]
    assert 3 * unsteadiness(held, MOTIONS, 12) < unsteadiness(loose, MOTIONS, 12)


def test_motion_is_found_by_raft_where_its_weights_are_named(tmp_path: Path):
    """With weights of no training: that they are read, and asked, is what is tested."""
    path = tmp_path / "raft.pth"
    torch.save(raft_small().state_dict(), path)
    source, raft = write(tmp_path / "in.mp4", FRAMES[:2]), Raft(path)
    found: list[np.ndarray] = []

    class Kept:
        name = raft.name

        def __call__(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
            found.append(raft(now, before))
            return found[-1]

    made, _ = read(paint(tmp_path, source, flow=Kept()))
    assert len(made) == len(found) == 2  # there and back
    assert all(f.shape == (64, 96, 2) and f.dtype == np.float32 and np.isfinite(f).all() for f in found)
    torch.save({"a": torch.zeros(1)}, path)
    words = ("video", source, "-s", "mosaic", "-o", tmp_path / "other.mp4", "--raft", path)
    assert "holds no RAFT" in (outcome := velatura(*words)).err and outcome.code == 7
    path.write_bytes(b"nothing")
    assert velatura(*words).code == 7


def test_what_appears_from_behind_is_not_taken_from_the_frame_before():
    """A square moves off: where it was, the background is the new painting's own."""
    steady = Steady()
    ground = FRAMES[0]
    for x in (20, 26, 32):
        frame = ground.copy()
        frame[20:44, x : x + 24] = np.random.default_rng(1).integers(0, 255, (24, 24, 3), np.uint8)
        made = steady.add(frame, frame)
    bared = np.s_[24:40, 27:31]
    assert np.abs(made[bared].astype(int) - ground[bared]).mean() < 12


def test_where_the_style_is_not_nothing_is_held():
    steady, share = Steady(), np.zeros(FRAMES[0].shape[:2], np.float32)
    share[:, 50:] = 1
    for t, frame in enumerate(FRAMES[:4]):
        painted = np.where(share[:, :, None] > 0, flickering()(frame, t), frame)
        made = steady.add(frame, painted, share)
        assert np.array_equal(made[:, :50], frame[:, :50])
    for frame in FRAMES[:3]:
        assert np.array_equal(steady.add(frame, frame, 0.0), frame)


def test_a_run_that_was_stopped_goes_on_and_gives_the_same_frames(tmp_path: Path):
    """Stored without loss: else x264 gives the same frames other bits now and then (its macroblock tree)."""
    source = write(tmp_path / "in.mp4", FRAMES[:14], times=list(range(0, 70, 5)))
    frame_of: dict[bytes, int] = {}
    texture = [np.random.default_rng(i).normal(0, 12, FRAMES[0].shape) for i in range(20)]

    def paint_it(frame: np.ndarray, _: int) -> np.ndarray:
        index = frame_of.setdefault(frame.tobytes(), len(frame_of))
        return np.clip(frame // 2 + 60 + texture[index], 0, 255).astype(np.uint8)

    whole, _ = read(paint(tmp_path, source, Painter(paint_it), "whole.mp4", crf=0))

    class Stopped(Painter):
        def submit(self, *args: Any, **options: Any) -> Any:
            if len(self.asked) == 9:
                raise KeyboardInterrupt
            return super().submit(*args, **options)

    with pytest.raises(KeyboardInterrupt):
        paint(tmp_path, source, Stopped(paint_it), crf=0)
    assert not (tmp_path / "out.mp4").exists()
    again = Painter(paint_it)
    made, _ = read(paint(tmp_path, source, again, crf=0))
    assert len(again.asked) == 14 - 5 and len(made) == 14
    assert all(np.array_equal(a, b) for a, b in zip(made, whole, strict=True))
    with pytest.raises(KeyboardInterrupt):
        paint(tmp_path, source, Stopped(paint_it), crf=0)
    other = Painter(paint_it)
    paint(tmp_path, source, other, recipe=replace(RECIPE, strength=0.5), crf=0)
    assert len(other.asked) == 14  # another job begins anew


def test_a_scene_is_painted_by_statistics_of_its_own(tmp_path: Path):
    other = [255 - f[::-1] for f in FRAMES[:6]]
    source = write(tmp_path / "in.mp4", FRAMES[:6] + other)
    assert scan(source).scenes == (0, 6)
    painter = Painter()
    paint(tmp_path, source, painter)
    references = [job.recipe.reference for job in painter.asked]
    assert len(set(references[:6])) == len(set(references[6:])) == 1 and references[0] != references[6]
    assert all(job.pictures[-1].digest == job.recipe.reference for job in painter.asked)


def test_cuts_are_no_pans_no_noise_and_no_fades():
    cuts = Cuts()
    rng = np.random.default_rng(0)
    for t in range(20):
        cuts.add(np.roll(FRAMES[0], 5 * t, 1)[:36, :64] + rng.integers(0, 6, (36, 64, 3), np.uint8))
    for t in range(20):
        cuts.add((FRAMES[0][:36, :64] * (1 - t / 25)).astype(np.uint8))
    assert cuts.scenes == [0]


def test_a_patchwork_takes_every_patch_from_another_time():
    made = patchwork(10, 100, lambda index: np.full((30, 30, 3), index, np.uint8))
    assert len(np.unique(made)) == 9 and made.min() == 10 and made.max() == 99
    assert (patchwork(4, 5, lambda index: np.full((5, 7, 3), index, np.uint8)) == 4).all()


def test_a_track_fades_numbers_and_styles(tmp_path: Path):
    keys = [
        {"at": 1, "strength": 0.2, "style": "great-wave"},
        {"at": 3, "style": {"great-wave": 1, "mosaic": 1}},
        {"at": 5, "strength": 1.0, "style": "passed-on/mosaic.velatura"},
    ]
    path = tmp_path / "track.json"
    path.write_text(json.dumps({"keys": keys}))
    track = read_track(path, RECIPE, Painter().added)
    assert track.at(0).strength == track.at(1).strength == 0.2 and track.at(3).strength == pytest.approx(0.6)
    assert [(s.name, s.weight) for s in track.at(2).styles] == [("great-wave", 1), ("mosaic", 0.5)]
    assert [s.name for s in track.at(9).styles] == ["mosaic"]
    for wrong, named in (
        ({"keys": []}, "no keys"),
        ({"keys": [{"at": 0, "method": "wct"}]}, r"keys\[0\].method"),
        ({"keys": [{"at": 1}, {"at": 1}]}, r"keys\[1\].at"),
        ({"keys": [{"at": 0, "strength": 2}]}, "strength"),
        ({"keys": [{"at": 0, "strength": "x"}]}, "not a number"),
    ):
        with pytest.raises(FieldError, match=named):
            read_track(wrong, RECIPE, Painter().added)


def test_a_track_and_a_mask_video_reach_every_frame(tmp_path: Path):
    source = write(tmp_path / "in.mp4", FRAMES[:6])
    white, black = np.full((32, 48, 3), 255, np.uint8), np.zeros((32, 48, 3), np.uint8)
    mask = write(tmp_path / "mask.mp4", [black, white, black], times=[0, 2, 4])
    painter = Painter(lambda frame, _: 255 - frame)
    recipe = replace(RECIPE, method="auto")
    paint(
        tmp_path,
        source,
        painter,
        mask=mask,
        recipe=recipe,
        track={"keys": [{"at": 0, "strength": 0}, {"at": 0.2, "strength": 1}]},
    )
    probe, *jobs = painter.asked
    assert probe.frame.shape == (64, 64, 3) and {job.recipe.method for job in jobs} == {"adain"}
    assert [round(job.recipe.strength, 2) for job in jobs] == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert [int(job.mask.mean() > 128) for job in jobs] == [0, 0, 1, 1, 0, 0] and jobs[0].mask.shape == (
        64,
        96,
    )


def test_files_that_are_no_videos_are_refused_in_words(tmp_path: Path):
    good = write(tmp_path / "good.mkv", FRAMES).read_bytes()
    cases = {
        "text.mp4": (b"no video at all", "cannot be read as a video"),
        "empty.mp4": (b"", "cannot be read as a video"),
    }
    for name, (data, words) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(VelaturaError, match=words) as failure:
            scan(tmp_path / name)
        assert failure.value.code == "bad_image"
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        tone = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        out.mux(tone.encode(frame))
        out.mux(tone.encode(None))
    with pytest.raises(VelaturaError, match="holds no video, only audio"):
        scan(tmp_path / "sound.mp4")
    (tmp_path / "half.mkv").write_bytes(good[: len(good) // 2])
    half = scan(tmp_path / "half.mkv")  # a recording that broke off is what it is
    lasts, told = half.seconds(len(half) - 1) + 0.04, len(FRAMES) / 25
    assert lasts < told and half.note == f"can be read for {lasts:.2f} s; the file tells of {told:.2f} s"
    assert not scan(tmp_path / "good.mkv").note
    with pytest.raises(VelaturaError, match="no such file"):
        scan(tmp_path / "none.mp4")


def test_the_command_says_what_is_wrong_before_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = write(tmp_path / "in.mp4", FRAMES[:2])
    assert velatura("video", source, "-s", "mosaic", "-o", tmp_path / "out.gif").code == 3
    assert velatura("video", source, "-s", "mosaic", "-o", source).code == 3
    assert velatura("video", tmp_path / "no.mp4", "-s", "mosaic", "-o", tmp_path / "out.mp4").code == 20
    (tmp_path / "there.mp4").touch()
    assert velatura("video", source, "-s", "mosaic", "-o", tmp_path / "there.mp4").code == 21
    assert "cannot write into" in velatura("video", source, "-s", "mosaic", "-o", source / "out.mp4").err


def test_a_track_may_bring_all_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    painter = Painter()
    monkeypatch.setattr("velatura.connect", lambda **_: nullcontext(painter))
    source, track = write(tmp_path / "in.mp4", FRAMES[:2]), tmp_path / "track.json"
    words = ("video", source, "--track", track, "-o", tmp_path / "out.mp4")
    track.write_text('{"keys": [{"at": 0, "strength": 0.5}]}')
    assert velatura(*words).code == 3 and not painter.asked
    track.write_text('{"keys": [{"at": 0, "style": "mosaic"}]}')
    assert velatura(*words).code == 0
    assert {style.name for job in painter.asked for style in job.recipe.styles} == {"mosaic"}


@pytest.mark.parametrize(
    "words, extra",
    [
        (("video", "in.mp4", "-s", "mosaic", "-o", "out.mp4"), "video"),
        (("webcam", "-s", "mosaic"), "video"),
        (("batch", "in.png", "-s", "mosaic"), "cluster"),
        (("web",), "web"),
    ],
)
def test_without_its_extra_a_command_says_how_to_get_it(
    words: tuple, extra: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("velatura.extras.find_spec", lambda name: None)
    assert f"'velatura[{extra}]'" in velatura(words[0], "--help").out.replace("\n ", "")
    outcome = velatura(*words)
    assert outcome.code == 22 and f"pip install 'velatura[{extra}]'" in outcome.err
