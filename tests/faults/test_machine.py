"""A machine that fails its programs: no descriptors, no memory, a full or foreign disk, damaged files.

One failed call costs the answer that needed it, in words; the daemon goes on serving everybody else.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Daemon, Talk, picture, until
from peer import Peer
from velatura import messages as m
from velatura.jobstate import State
from velatura.pixels import Layout, digest
from velatura.recipe import Style, Stylize
from velatura_models.store.files import WeightsError
from velatura_models.store.nets import remove_net

Start = Callable[..., Daemon]
RECIPE = Stylize(styles=(Style(name="invert"),))


def limit(daemon: Daemon, what: int, most: int) -> None:
    """Sets a soft limit of the running supervisor."""
    assert daemon.process is not None
    _, hard = resource.prlimit(daemon.process.pid, what)
    resource.prlimit(daemon.process.pid, what, (most, hard))


def leave_descriptors(daemon: Daemon, count: int) -> None:
    """Lets the running supervisor open `count` more descriptors."""
    assert daemon.process is not None
    taken = {int(entry.name) for entry in Path(f"/proc/{daemon.process.pid}/fd").iterdir()}
    free = (number for number in itertools.count() if number not in taken)
    limit(daemon, resource.RLIMIT_NOFILE, next(itertools.islice(free, count, None)))


def test_without_descriptors_an_upload_is_refused_in_words_and_its_job_ends(daemon: Daemon, talk: Talk):
    talk.worker_pid()
    leave_descriptors(daemon, 0)
    job = talk.run(RECIPE, picture(64, 64, seed=1))
    assert job.state is State.FAILED and job.error is not None and "descriptor" in job.error.message
    assert talk.status()["blobs"]["reserved"] == 0
    leave_descriptors(daemon, 64)
    assert talk.run(RECIPE, picture(64, 64, seed=1)).state is State.DONE


def test_without_descriptors_no_worker_can_start_and_the_job_is_told(start_daemon: Start):
    daemon = start_daemon(prewarm=False)
    with daemon.connect() as talk:
        talk.status()
        leave_descriptors(daemon, 2)  # room for the picture, not for a pair of sockets
        job = talk.run(RECIPE, picture())
        assert job.error is not None and job.error.code == "worker_died"
        assert "cannot be started" in job.error.message
        leave_descriptors(daemon, 64)
        assert talk.run(RECIPE, picture()).state is State.DONE


def test_a_refused_upload_names_transfer_and_job_and_leaves_nothing_behind(start_daemon: Start):
    daemon = start_daemon(blobs_mb=1)
    with Peer(daemon) as peer:
        layout = Layout(1024, 1023, "GRAY")  # one of them fits into 1 MB
        peer.send(m.Submit("first", RECIPE, "a" * 32))
        peer.send(m.Submit("second", RECIPE, "b" * 32))
        assert {peer.expect(m.Need).job for _ in range(2)} == {"first", "second"}
        peer.send(m.Offer("up-a", "a" * 32, layout))
        peer.expect(m.Credit)
        peer.send(m.Offer("up-b", "b" * 32, layout))
        error = peer.expect(m.Error)
        assert error.transfer == "up-b" and error.code == "busy" and "release results" in error.message
        failed = peer.expect(m.Failed)
        assert failed.job == "second" and failed.message == error.message
        peer.send(m.Drop("up-a"))
        peer.send(m.Request("r", "status"))
        assert peer.expect(m.Reply).items[0]["blobs"]["reserved"] == 0


def test_with_unreleased_results_the_next_job_says_why(start_daemon: Start):
    with Peer(start_daemon(blobs_mb=1)) as peer:
        layout = Layout(512, 600, "GRAY")
        data = bytes(layout.nbytes)
        name = digest(layout, [data])
        for job in ("one", "two", "three"):
            peer.send(m.Submit(job, RECIPE, name))
            answer, _ = peer.receive()
            if isinstance(answer, m.Need):
                peer.send(m.Offer("up", name, layout))
                peer.wait_for(m.Credit)
                peer.send(m.Chunk("up", 0, len(data)), data)
            while not isinstance(answer, (m.Result, m.Failed)):
                answer, _ = peer.receive()
            if isinstance(answer, m.Failed):
                assert answer.code == "busy" and "fetch and release results" in answer.message
                return
            data = bytes([len(job)]) * layout.nbytes  # another picture, so another result
            name = digest(layout, [data])
        raise AssertionError("three results fit into 1 MB")


def test_logs_that_cannot_be_written_are_no_reason_not_to_serve(tmp_path: Path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "logs").write_text("a file where a folder belongs")
    with Daemon(home=tmp_path) as daemon, daemon.connect() as talk:
        assert talk.run(RECIPE, picture()).state is State.DONE


def test_a_home_that_cannot_be_written_is_told_in_words(tmp_path: Path):
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "run" / "daemon.json").mkdir()
    process = Daemon(home=tmp_path).spawn("run")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "cannot start" in said and "Traceback" not in said


@pytest.mark.parametrize("mode", [0o777, 0o702])
def test_a_home_that_others_may_write_to_is_refused(tmp_path: Path, mode: int):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)
    process = Daemon(home=home).spawn("run")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "can be written to by others" in said


DEEP = "[" * 100_000
"""What Python's JSON reader gives up on with an error of its own."""

STYLES = {
    "long-title": {"title": "t" * 70_000},
    "half-a-surrogate": {"title": "\ud800"},
    "no-text": {"title": 5},
}


def test_damaged_styles_cost_their_own_entry_and_nothing_else(tmp_path: Path):
    for name, about in STYLES.items():
        folder = tmp_path / "data" / "styles" / name
        folder.mkdir(parents=True)
        whole = {"picture": "picture.png", "sha256": "0" * 64, "size": 4, **about}
        (folder / "style.json").write_text(json.dumps(whole))
        (folder / "picture.png").write_bytes(b"none")
    for name in ("deep", "pipe"):
        (tmp_path / "data" / "styles" / name).mkdir()
    (tmp_path / "data" / "styles" / "deep" / "style.json").write_text(DEEP)
    os.mkfifo(tmp_path / "data" / "styles" / "pipe" / "style.json")
    with Daemon(home=tmp_path) as daemon, daemon.connect() as talk:
        listed = {item["name"]: item for item in talk.ask("styles")}
        assert {*STYLES, "deep", "pipe"} <= set(listed) and len(listed) > 20
        assert "too long" in listed["long-title"]["error"] and listed["long-title"]["artist"] == ""
        assert listed["deep"]["error"] and "pipe" in listed["pipe"]["error"]
        assert talk.run(RECIPE, picture()).state is State.DONE


def net_file(path: Path, **about: str) -> None:
    whole = {
        "format": "velatura-net-1", "kind": "transform", "architecture": "{}", "styles": "[]",
        "trained": "{}", "needs": "", "digest": "", **about,
    }  # fmt: skip
    header = json.dumps({"__metadata__": whole}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def test_damaged_networks_cost_their_own_entry_and_nothing_else(tmp_path: Path):
    nets = tmp_path / "data" / "weights" / "nets"
    nets.mkdir(parents=True)
    net_file(nets / "long.transform.safetensors", trained=json.dumps({"note": "n" * 70_000}))
    net_file(nets / "five.transform.safetensors", trained="5")
    net_file(nets / "deep.transform.safetensors", architecture=DEEP)
    net_file(nets / "other.transform.safetensors", kind="k" * 70_000)
    (nets / "head.transform.safetensors").write_bytes(len(DEEP).to_bytes(8, "little") + DEEP.encode())
    with Daemon(home=tmp_path) as daemon, daemon.connect() as talk:
        listed = {item["name"]: item for item in talk.ask("models")}
        assert "slim" in listed and "long.transform" in listed
        for name in ("five", "deep", "other", "head"):
            item = listed[f"{name}.transform"]
            assert item["kind"] == "damaged" and not item["installed"]
        assert talk.run(RECIPE, picture()).state is State.DONE


def test_a_network_is_removed_from_its_folder_only(tmp_path: Path):
    nets = tmp_path / "data" / "weights" / "nets"
    nets.mkdir(parents=True)
    outside = tmp_path / "mine.safetensors"
    outside.touch()
    (nets / "own.transform.safetensors").touch()
    for name in ("../../../mine", str(outside.with_suffix("")), "*", ""):
        with pytest.raises(WeightsError):
            remove_net(name, tmp_path / "data" / "weights")
    assert outside.exists()
    remove_net("own.transform", tmp_path / "data" / "weights")
    assert not list(nets.iterdir())


def test_what_clients_say_cannot_forge_lines_of_the_log(daemon: Daemon):
    with Peer(daemon, hello=False) as peer:
        peer.send(m.Hello(session="0" * 32, client="evil\n2026-01-01 stopped \x1b[2J\u202e"))
        peer.expect(m.Welcome)
    until(lambda: "evil" in daemon.log(), "the session is logged")
    line = next(line for line in daemon.log().splitlines() if "evil" in line)
    assert r"evil\n2026" in line and r"\x1b[2J" in line and "\x1b" not in daemon.log()


def test_only_its_own_client_may_stop_a_job(daemon: Daemon, talk: Talk):
    job = talk.submit(Stylize(styles=(Style(name="gate"),)), picture())
    talk.until(lambda: job.state is State.RUNNING)
    with Peer(daemon) as other:
        other.send(m.Stop(job.id))
        error = other.error()
        assert error.code == "unknown_job" and "another program" in error.message
    daemon.open_gate()
    assert talk.ended(job).state is State.DONE


def test_a_shared_memory_that_is_full_fails_the_job_and_not_the_worker(daemon: Daemon, talk: Talk):
    pid = talk.worker_pid()
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(pid, resource.RLIMIT_AS, (used + (4 << 20), resource.RLIM_INFINITY))
    job = talk.run(RECIPE, picture(2048, 2048))
    assert job.error is not None and job.error.code == "out_of_memory", job.error
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert talk.run(RECIPE, picture()).state is State.DONE and talk.worker_pid() == pid
