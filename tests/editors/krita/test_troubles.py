"""A daemon that is killed, stopped, missing, newer: words in the docker, no traceback, and a way on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from harness import Daemon

from editors.krita.session import Krita


def words(krita: Krita) -> str:
    return krita.run("docker('velatura_docker').panel._daemon.text()")


def open_one(krita: Krita, style: str) -> None:
    krita.run(
        "picture(64, 48); fill(layer, bytes([9, 60, 200, 255]) * 3072, 0, 0, 64, 48)\n"
        "studio.look.choose(style)",
        style=style,
    )


def test_nothing_ran_before_the_docker_was_touched(krita: Krita) -> None:
    assert krita.untouched == "asleep"


def test_the_docker_hears_after_python_has_tidied_up(krita: Krita) -> None:
    """It has taken its column in the window, which Python then takes for its owner."""
    open_one(krita, "mosaic")
    krita.run("docker('velatura_docker').setVisible(False); docker('velatura_docker')._introduce(1)")
    krita.run("import gc, time; begun = time.monotonic()")
    krita.until("time.monotonic() - begun > 4 * plugin.SETTLING / 1000")
    krita.run("gc.collect()")
    assert krita.run("type(docker('velatura_docker')).__name__") == "Docker"


def test_a_daemon_killed_in_the_middle_is_told_and_retry_works(krita: Krita, daemon: Daemon) -> None:
    daemon.close_gate()
    open_one(krita, "gate")
    krita.run("task = studio.apply()")
    krita.until("task.state == 'running' and task._job is not None and task._job.sent")
    daemon.kill()
    krita.until("task.over")
    assert krita.run("task.state, task.can_retry") == ["failed", True]
    assert "daemon" in krita.run("task.words")
    krita.until("studio.link.state == 'stopped'")
    assert "Stopped" in words(krita)
    assert krita.run("docker('velatura_docker').panel._help.text()") == "Start"
    daemon.start()
    daemon.open_gate()
    krita.run("task.retry()")
    krita.until("task.over")
    assert krita.run("task.state, len(layers(doc))") == ["done", 2]


def test_a_refinement_whose_daemon_is_killed_leaves_its_layer_and_a_retry_begins_another(
    krita: Krita, daemon: Daemon
) -> None:
    open_one(krita, "mosaic")
    krita.run("before = history(); studio.preview_every = 0.1")
    krita.run("task = studio.refine()")
    krita.until("task.over or task.frames >= 2")
    daemon.kill()
    krita.until("task.over")
    assert krita.run("task.state, task.can_retry, len(layers(doc))") == ["failed", True, 2]
    assert krita.run("layers(doc)[1].locked()") is False, "what was reached is the artist's"
    krita.until("studio.link.state == 'stopped'")
    enough = daemon.home / "enough"
    enough.touch()
    try:
        daemon.start()
        krita.run("task.retry()")
        krita.until("task.over")
    finally:
        enough.unlink()
    assert krita.run("task.state, [layer.locked() for layer in layers(doc)]") == ["done", [False] * 3]
    assert krita.run("len(history()[0]) - len(before[0])") == 2


def test_cancelling_an_apply_leaves_nothing(krita: Krita, daemon: Daemon) -> None:
    daemon.close_gate()
    open_one(krita, "gate")
    krita.run("before = history(), whole(); task = studio.apply()")
    krita.until("task.state == 'running' and task._job is not None and task._job.sent")
    try:
        krita.run("docker('velatura_docker').panel._tasks._rows[0]._cancel.click()")
        assert krita.run("task.state, (history(), whole()) == before") == ["cancelled", True]
        with daemon.connect() as talk:
            talk.until(lambda: not talk.ask("jobs"), "its job is gone")
    finally:
        daemon.open_gate()


def test_a_stopped_daemon_is_told_and_may_come_back(krita: Krita, daemon: Daemon) -> None:
    assert daemon.process is not None
    os.kill(daemon.process.pid, signal.SIGSTOP)
    try:
        krita.until("studio.link.state == 'silent'")
        assert "Not answering" in words(krita)
        assert krita.run("docker('velatura_docker').panel._help.text()") == "Reconnect"
    finally:
        os.kill(daemon.process.pid, signal.SIGCONT)
    krita.until("studio.link.state == 'ready'")
    krita.until("'Ready on the processor' in docker('velatura_docker').panel._daemon.text()")


def test_a_job_that_fails_says_why_and_keeps_its_inputs(krita: Krita) -> None:
    open_one(krita, "fail")
    krita.run("task = studio.apply()")
    krita.until("task.over")
    assert krita.run("task.state, task.can_retry, task.words") == ["failed", True, "is 'fail'"]
    krita.run("layer.remove(); doc.waitForDone(); task.retry()")
    krita.until("task.over")
    assert krita.run("task.state") == "failed", "tried again with what it had kept"


def test_a_daemon_of_another_version_is_refused_with_the_side_to_update(
    krita: Krita, daemon: Daemon, tmp_path: Path
) -> None:
    file = daemon.home / "run" / "daemon.json"
    address = json.loads(file.read_text())
    try:
        file.write_text(json.dumps({**address, "protocol": [2, 0]}))
        krita.run("studio.link.restart()")
        krita.until("studio.link.state == 'refused'")
        assert "older side" in words(krita) and "plug-in" in words(krita)
    finally:
        file.write_text(json.dumps(address))
    krita.run("studio.link.restart()")
    krita.until("studio.link.state == 'ready'")


def test_without_a_daemon_installed_the_docker_says_how_to_get_one(krita: Krita, daemon: Daemon) -> None:
    file = daemon.home / "run" / "daemon.json"
    kept = file.read_text()
    krita.run("record = plugin.FOLDER / 'installed.json'; recorded = record.read_text()")
    try:
        file.unlink()
        krita.run("record.write_text('{\"command\": []}'); studio.link.restart()")
        krita.until("studio.link.state == 'missing'")
        assert "Not installed" in words(krita)
        krita.run("docker('velatura_docker').panel._help.click()")
        assert "velatura install krita" in krita.run("QtWidgets.QApplication.clipboard().text()")
    finally:
        file.write_text(kept)
        file.chmod(0o600)
        krita.run("record.write_text(recorded)")
    krita.run("studio.link.restart()")
    krita.until("studio.link.state == 'ready'")


@pytest.mark.parametrize("how", ["scaled", "converted"])
def test_a_picture_that_changes_under_a_job_gets_no_wrong_layer(
    krita: Krita, daemon: Daemon, how: str
) -> None:
    daemon.close_gate()
    open_one(krita, "gate")
    krita.run("task = studio.apply()")
    krita.until("task.state == 'running' and task._job is not None and task._job.sent")
    ways = {
        "scaled": "doc.scaleImage(128, 96, 72, 72, 'Bicubic')",
        "converted": "doc.setColorSpace('RGBA', 'U16', 'sRGB-elle-V2-srgbtrc.icc')",
    }
    krita.run(f"{ways[how]}; doc.waitForDone()")
    daemon.open_gate()
    krita.until("task.over")
    assert krita.run("task.state, len(layers(doc))") == ["failed", 1]
    assert "was scaled or converted" in krita.run("task.words")
