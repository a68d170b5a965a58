"""A mask or layer that says where, and how strongly, is painted."""

from __future__ import annotations

import pytest
from velatura.editor.geometry import Rect
from velatura.editor.studio import Studio

from editor.fake_paper import FakeDocument, FakePaper, FakeSurface, Shown
from editor.fakes import FakeDaemon, FakeLoop


@pytest.fixture
def document(studio: Studio, paper: FakePaper, loop: FakeLoop) -> FakeDocument:
    """A picture with a strength mask that is black at the left."""
    made = paper.open(20, 10)
    studio.look.choose("wave")
    studio.look.quality = "fast"
    studio.maps.paint()
    loop.run(0.1)
    strength = made.layer("Strength")
    for x in range(10):
        for y in range(10):
            strength.pixels[(y * 20 + x) * 4] = 0
    return made


def mask_of(daemon: FakeDaemon) -> bytes:
    mask = daemon.job.mask
    assert mask is not None
    return bytes(mask.read(0, mask.layout.nbytes))


HALF = (bytes(10) + bytes([255]) * 10) * 10


@pytest.mark.parametrize("quality", ["fast", "fine"])
def test_one_press_makes_it_and_every_job_heeds_it(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, quality: str
) -> None:
    assert document.steps == ["Strength"]
    studio.look.quality = quality
    studio.apply()
    loop.run(0.1)
    assert mask_of(daemon) == HALF


def test_a_selection_bounds_it_unless_that_becomes_a_mask(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document.selected = Rect(5, 0, 10, 10)
    studio.look.quality = "fine"
    studio.apply()
    loop.run(0.1)
    assert mask_of(daemon) == (bytes(10) + bytes([255]) * 5 + bytes(5)) * 10
    studio.look.as_mask = True
    studio.apply()
    loop.run(0.1)
    assert mask_of(daemon) == HALF


def test_the_preview_heeds_it_and_notices_a_stroke_on_it(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    studio.preview.turn(True)
    loop.run(0.1)
    assert mask_of(daemon) == HALF
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    assert mask_of(daemon) == HALF
    daemon.finish(daemon.job, 2)
    loop.run(0.1)
    assert isinstance(surface.image, Shown) and surface.image.full
    jobs = len(daemon.jobs)
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    assert task.state == "done" and len(daemon.jobs) == jobs, "what the preview made is written"
    studio.preview.request(released=True)
    loop.run(0.1)
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    daemon.finish(daemon.job, 2)
    loop.run(0.1)
    document.layer("Strength").pixels[796] = 7
    second = studio.apply()
    assert second is not None
    loop.run(0.1)
    assert second.state == "running" and mask_of(daemon)[-1] == 7, "painted on it meanwhile"


def test_any_layer_may_say_so_and_none_again(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    ((node, name, used),) = studio.maps.offered()
    assert (name, used) == ("Strength", True)
    studio.maps.use("")
    studio.apply()
    loop.run(0.1)
    assert daemon.job.mask is None and studio.maps.offered() == ((node, "Strength", False),)
    studio.maps.use(node)
    studio.maps.paint()
    assert document.active == node and document.steps.count("Strength") == 1
