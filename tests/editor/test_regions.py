"""Where each style of a mix is painted, as masks of the picture say."""

from __future__ import annotations

import pytest
from velatura.editor.studio import Studio
from velatura.recipe import Stylize

from editor.fake_paper import FakeDocument, FakePaper
from editor.fakes import FakeDaemon, FakeLoop

LEFT = (bytes([255]) * 10 + bytes(10)) * 10


@pytest.fixture
def document(studio: Studio, paper: FakePaper, loop: FakeLoop) -> FakeDocument:
    """A picture and a mix of two styles, the first of which is painted at the left only."""
    made = paper.open(20, 10)
    studio.look.choose("wave")
    studio.look.toggle("mosaic")
    studio.look.quality = "fast"
    studio.maps.paint("wave")
    loop.run(0.1)
    mask = made.layer("Where The Wave")
    mask.pixels[:] = bytes(value for value in LEFT for _channel in range(4))
    return made


def regions(daemon: FakeDaemon) -> dict[str, bytes]:
    """The masks of the newest job's styles."""
    job = daemon.job
    assert isinstance(job.recipe, Stylize)
    sent = {blob.digest: bytes(blob.read(0, blob.layout.nbytes)) for blob in job.pictures}
    return {style.name: sent[style.mask] for style in job.recipe.styles if style.mask}


def test_a_job_has_them_and_what_is_kept_does_not(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    assert (
        document.steps == ["Where The Wave"]
        and studio.maps.offered("wave")[0][2]
        and not studio.maps.offered()[0][2]
    )
    studio.watch()
    assert "each style where its mask says" in studio.source_words
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    assert regions(daemon) == {"wave": LEFT}
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    assert task.state == "done"
    assert not any(
        style.mask
        for style in (*studio.memory.recent[0].styles, *next(iter(document.made.values())).recipe.styles)
    )
    studio.apply_last()
    loop.run(0.1)
    assert regions(daemon) == {"wave": LEFT}, "read anew"


def test_the_preview_has_them_and_apply_writes_it_while_they_stay_the_same(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    studio.preview.turn(True)
    for value in (1, 2):
        loop.run(0.1)
        assert regions(daemon) == {"wave": LEFT}
        daemon.finish(daemon.job, value)
    loop.run(0.1)
    jobs = len(daemon.jobs)
    first = studio.apply()
    loop.run(0.1)
    assert first is not None and first.state == "done" and len(daemon.jobs) == jobs
    document.layer("Where The Wave").pixels[0] = 9
    second = studio.apply()
    loop.run(0.1)
    assert second is not None and second.state == "running" and regions(daemon)["wave"][0] == 9


def test_everywhere_again(studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon) -> None:
    studio.maps.use("", "wave")
    studio.apply()
    loop.run(0.1)
    assert regions(daemon) == {}
