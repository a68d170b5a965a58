"""Several windows, one Velatura; and an artist who sees the canvas only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import Daemon

from editors.krita.session import Krita

PAINT = "fill(layer, bytes([9, 60, 200, 255]) * 3072, 0, 0, 64, 48)"


@pytest.fixture
def canvas_only(krita: Krita) -> Iterator[None]:
    """A picture with the dockers hidden, and `floating()`: what Krita shows over the canvas now."""
    krita.run("picture(64, 48); in_sight(); " + PAINT)
    krita.until("docker('velatura_docker').panel.isVisible()")
    krita.run(
        """
only = app.action("view_show_canvas_only")
only.trigger()
heard = []
stop_hearing = studio.told.connect(heard.append)
def floating():
    widgets = QtWidgets.QApplication.allWidgets()
    return [w for w in widgets if w.metaObject().className() == "KisFloatingMessage" and w.isVisible()]
"""
    )
    krita.until("only.isChecked() and not docker('velatura_docker').panel.isVisible()")
    yield
    krita.run("stop_hearing(); only.trigger()")
    krita.until("docker('velatura_docker').panel.isVisible()")


@pytest.mark.usefixtures("canvas_only")
def test_the_end_of_a_job_is_told_over_the_canvas(krita: Krita) -> None:
    krita.until("not floating()")
    krita.run("studio.look.choose('mosaic'); task = studio.apply()")
    krita.until("task.over")
    assert krita.run("heard[-1]") == krita.run("task.title + ': Done'")
    krita.until("floating()")
    krita.screen.shot(krita.folder / "canvas-only.png")


@pytest.mark.usefixtures("canvas_only")
def test_a_long_job_tells_how_it_goes_over_the_canvas(krita: Krita) -> None:
    krita.run("studio.look.choose('mosaic'); task = studio.refine()")
    krita.until("any(' of 5000' in text for text in heard)", patience=90)
    krita.until("floating()")
    krita.run("task.cancel()")
    assert krita.run("heard[-1]") == krita.run("task.title + ': Cancelled'")


@pytest.mark.usefixtures("canvas_only")
@pytest.mark.parametrize("what", ["job", "source", "preview"])
def test_troubles_are_told_over_the_canvas(krita: Krita, what: str) -> None:
    krita.until("not floating()")
    if what == "job":
        krita.run("studio.look.choose('fail'); task = studio.apply()")
        krita.until("task.over")
    elif what == "source":
        krita.run("select(bytes([255]) * 16, 100, 100, 4, 4); studio.look.choose('mosaic'); studio.apply()")
    else:
        krita.run("studio.look.choose('fail'); app.action('velatura_preview').trigger()")
        krita.until("studio.preview.words.startswith('No preview')")
    words = {"job": "is 'fail'", "source": "does not touch", "preview": "No preview: is 'fail'"}
    assert words[what] in krita.run("heard[-1]")
    krita.until("floating()")


def test_two_windows_share_one_connection_and_one_list_of_jobs(krita: Krita, daemon: Daemon) -> None:
    with daemon.connect() as talk:
        alone = talk.status()["sessions"]
    krita.run("picture(64, 48); " + PAINT)
    krita.run(
        """
first = app.activeWindow()
listening = len(studio.changed._listeners)
second = app.openWindow()
def panel_of(window):
    found = [d for d in window.dockers() if d.objectName() == "velatura_docker"]
    return found[0].panel if found else None
def rows(panel):
    return [row._title.text() for row in panel._tasks._rows]
"""
    )
    krita.until("panel_of(second) is not None")
    assert krita.run("panel_of(first) is not panel_of(second)")
    assert krita.run("panel_of(first)._studio is panel_of(second)._studio is studio")
    daemon.close_gate()
    try:
        krita.run("studio.look.choose('gate'); task = studio.apply()")
        assert krita.run("task is not None"), krita.run("studio.source_words")
        krita.until("task.state == 'running' and task._job is not None and task._job.sent")
        assert krita.run("rows(panel_of(first)) == rows(panel_of(second)) == [task.title]")
        assert krita.run("panel_of(second)._daemon.text()") == krita.run("panel_of(first)._daemon.text()")
        with daemon.connect() as talk:
            assert talk.status()["sessions"] == alone
            assert len(talk.ask("jobs")) == 1
        krita.run("panel_of(second)._tasks._rows[0]._cancel.click()")
        words = krita.run("panel_of(first)._tasks._rows[0]._words.text()")
        assert (krita.run("task.state"), words) == ("cancelled", "Cancelled")
    finally:
        daemon.open_gate()
    krita.run("panel_of(second)._search.setText('mosaic')")
    assert krita.run("studio.gallery.search") == krita.run("panel_of(first)._search.text()") == "mosaic"
    krita.run("panel_of(second)._search.clear()")
    krita.run("second.qwindow().close()")
    krita.until("len(studio.changed._listeners) == listening")
    krita.until("len(app.windows()) == 1")
    krita.run("studio.look.choose('mosaic'); task = studio.apply()")
    krita.until("task.over")
    assert krita.run("task.state, rows(panel_of(first))[0] == task.title") == ["done", True]
