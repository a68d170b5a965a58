"""Several layers with one progress, the frames of an animation, and results that the picture remembers."""

from __future__ import annotations

import numpy as np
from velatura.blob import Blob, Picture
from velatura.editor.batches import NEAR, held, patchwork
from velatura.editor.geometry import Rect
from velatura.editor.studio import Studio
from velatura.pixels import Layout
from velatura.recipe import Stylize

from editor.fake_paper import FakeLayer, FakePaper
from editor.fakes import FakeDaemon, FakeLoop


def test_several_layers_one_after_another(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(20, 10)
    for name in ("Sea", "Land"):
        document.layers.append(FakeLayer(name, name, Rect(0, 0, 20, 10), pixels=document.layers[0].pixels))
    document.chosen = [layer.id for layer in document.layers]
    studio.look.choose("wave")
    studio.look.quality = "fast"
    task = studio.apply_to_all()
    assert task is not None and task.title == "The Wave on 3 layers"
    loop.run(0.1)
    assert len(daemon.open) == 1
    daemon.finish(daemon.job, 1)
    loop.run(0.2)
    assert task.fraction >= 1 / 3 and task.words.startswith("2 of 3")
    daemon.fail(daemon.job, "internal", "no")
    loop.run(0.2)
    daemon.finish(daemon.job, 3)
    loop.run(0.2)
    assert task.state == "failed" and task.words.startswith("2 of 3 are done. ") and len(document.layers) == 5
    task.retry()
    loop.run(0.2)
    daemon.finish(daemon.job, 2)
    loop.run(0.2)
    assert task.state == "done" and len(document.steps) == 3 and len(daemon.jobs) == 4
    task = studio.apply_to_all()
    assert task is not None
    loop.run(0.1)
    task.cancel()
    loop.run(0.1)
    assert task.state == "cancelled" and not daemon.open


def test_frames_share_their_statistics_and_hold_what_stands(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """The right end of the picture changes from frame to frame; what is far from it keeps its painting."""
    document = paper.open(80, 6)
    still = np.frombuffer(bytes(document.layers[0].pixels), np.uint8).reshape(6, 80, 4)
    frames = []
    for value in range(3):
        frame = still.copy()
        frame[:, 70:, :3] = 50 * value
        frames.append(frame.tobytes())
    document.keys[document.active] = frames
    studio.look.choose("wave")
    task = studio.apply_to_frames()
    assert task is not None
    for value in range(3):
        loop.run(0.3)
        job = daemon.job
        assert isinstance(job.recipe, Stylize) and job.recipe.quality == "fast"
        assert job.content is not None and bytes(job.content.read(0, 1920)) == frames[value]
        assert job.recipe.reference in job.pictures[-1].aliases
        assert job.pictures[-1] is daemon.jobs[0].pictures[-1]
        daemon.finish(job, 10 + value)
    loop.run(0.3)
    assert task.state == "done" and len(daemon.jobs) == 3 and len(document.steps) == 1
    made = [
        np.frombuffer(f, np.uint8).reshape(6, 80, 4)[..., 0] for f in document.keys[document.layers[-1].id]
    ]
    for value, frame in enumerate(made):
        assert (frame[:, : 70 - NEAR - 1] == 10).all() and (frame[:, 70 - NEAR :] == 10 + value).all()
    assert next(iter(document.made.values())).recipe == studio.look.stylize().quick()
    document.keys.clear()
    told: list[str] = []
    studio.told.connect(told.append)
    document.active = document.layers[0].id
    assert studio.apply_to_frames() is None and "no frames" in told[-1]


def test_a_patchwork_has_a_part_of_every_frame(paper: FakePaper) -> None:
    document = paper.open(7, 5)
    document.keys[document.active] = [bytes([n]) * 140 for n in range(9)]
    work = patchwork(paper, paper.frames(paper.source()))
    try:
        while True:
            next(work)
    except StopIteration as end:
        blob = end.value
    seen = np.frombuffer(bytes(blob.read(0, 140)), np.uint8).reshape(5, 7, 4)
    assert (blob.layout.width, blob.layout.height) == (7, 5) and set(seen.ravel()) == set(range(9))


def test_what_is_near_a_change_is_painted_anew() -> None:
    layout, side = Layout(60, 60, "RGB"), 60
    before = np.zeros((side, side, 3), np.uint8)
    now = before.copy()
    now[30, 30] = 1
    old, new = (Picture(layout, memoryview(bytes([n]) * layout.nbytes)) for n in (1, 2))
    work = held(Blob(layout, now.tobytes()), new, Blob(layout, before.tobytes()), old)
    try:
        while True:
            next(work)
    except StopIteration as end:
        seen = np.frombuffer(bytes(end.value.data), np.uint8).reshape(side, side, 3)[..., 0]
    rows, columns = np.indices((side, side))
    near = (abs(rows - 30) <= NEAR) & (abs(columns - 30) <= NEAR)
    assert (seen == np.where(near, 2, 1)).all()


def test_results_stay_with_the_picture_where_asked(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(20, 10)
    studio.look.choose("wave")
    studio.look.quality = "fast"
    for wanted in (False, True):
        studio.results.keep(wanted)
        studio.apply()
        loop.run(0.1)
        daemon.finish(daemon.job, 5)
        loop.run(0.2)
        assert bool(document.images) is wanted
    (result,) = studio.results.shown
    assert result.image == bytes([5] * 4) and result.layer == document.layers[-1].id
    studio.look.choose("mosaic")
    studio.take_result(result)
    assert studio.look.styles == ("wave",) and document.active == result.layer
    paper.open(8, 8)
    studio.watch()
    assert studio.results.shown == ()
    paper.active = document
    document.delete(document.layers[-1].name)
    studio.watch()
    assert studio.results.shown == (result,), "also where its layer is gone"
