"""The Python API against a scripted daemon: any kind of picture in, the same kind out; errors in words."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import velatura
from fake_daemon import FakeDaemon, finish
from PIL import Image
from velatura import messages as m
from velatura.client import Client
from velatura.errors import FieldError, JobCancelled, JobFailed, VelaturaError
from velatura.jobs import JobEnded
from velatura.jobstate import State
from velatura.pixels import Layout
from velatura.recipe import Refine, Style, Stylize, Texture
from velatura.waiting import JobFuture

ARRAY = np.arange(30 * 40 * 3, dtype=np.uint8).reshape(30, 40, 3)
RECIPE = Stylize(styles=(Style("great-wave"),))


@pytest.fixture
def v(daemon: FakeDaemon) -> Iterator[Client]:
    with velatura.connect(start=False, home=daemon.base) as client:
        yield client


def submitted(daemon: FakeDaemon) -> m.Submit:
    return daemon.got(m.Submit)[-1]


def start_and_hold(daemon: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
    daemon.say(peer, m.Started(submit.job))
    daemon.say(peer, m.Progress(submit.job, 1, 4, {"style": 2.0}, 3.0))


# -- pictures -----------------------------------------------------------------------------------------


def test_an_array_gives_an_array_and_an_image_an_image(v):
    assert np.array_equal(v.stylize(ARRAY, "great-wave"), 255 - ARRAY)
    out = v.stylize(Image.fromarray(ARRAY), style="great-wave")
    assert isinstance(out, Image.Image) and np.array_equal(np.asarray(out), 255 - ARRAY)


def test_a_path_gives_a_path_beside_it_or_where_it_is_wanted(v, tmp_path):
    source = tmp_path / "photo.png"
    Image.fromarray(ARRAY).save(source)
    beside = v.stylize(str(source), "great-wave")
    assert beside == tmp_path / "photo-velatura.png"
    wanted = v.stylize(source, "great-wave", out=tmp_path / "wanted.png")
    for path in (beside, wanted):
        assert np.array_equal(np.asarray(Image.open(path)), 255 - ARRAY)
        assert velatura.recipe_of(path) == RECIPE


def test_what_is_only_looked_at_gets_no_picture_beside_it(daemon, v, script, tmp_path):
    source = tmp_path / "photo.png"
    Image.fromarray(ARRAY).save(source)
    found = {"content": [40, 30], "style": [40, 30], "pairs": []}

    def run(fake: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
        fake.say(peer, m.Started(submit.job))
        finish(fake, peer, submit, **found)

    script.run = run
    assert v.keypoints(source, "great-wave") == found
    v.learn("great-wave", image=source)
    assert list(tmp_path.glob("*.png")) == [source]
    v.keypoints(str(source), "great-wave", out=tmp_path / "pairs.png")
    assert Image.open(tmp_path / "pairs.png").size == (40, 30)


def test_an_array_can_be_written_to_a_file(v, tmp_path):
    assert v.stylize(ARRAY, "great-wave", out=str(tmp_path / "a.png")) == tmp_path / "a.png"
    assert (tmp_path / "a.png").exists()


def test_a_second_strength_sends_no_pixels(daemon, v):
    for strength in (0.25, 0.75, 1.0):
        v.stylize(ARRAY, "great-wave", strength=strength)
    assert len(daemon.got(m.Chunk)) == 1
    assert [s.recipe.strength for s in daemon.got(m.Submit)] == [0.25, 0.75, 1.0]


def test_every_way_to_name_styles(daemon, v, tmp_path):
    mine = tmp_path / "mine.png"
    Image.fromarray(ARRAY[:8, :8]).save(mine)
    region = np.ones((30, 40), bool)
    v.stylize(ARRAY, {"great-wave": 0.3, str(mine): 0.7})
    named, drawn = submitted(daemon).recipe.styles
    assert (named.name, named.weight, drawn.name, drawn.weight) == ("great-wave", 0.3, "", 0.7)
    for style in (mine, str(mine), Image.open(mine), ARRAY[:8, :8]):
        v.stylize(ARRAY, style)
        assert submitted(daemon).recipe.styles == (Style(digest=drawn.digest),)
    v.stylize(ARRAY, [("great-wave", 2, region), (mine, 1), "the-scream"])
    first, second, third = submitted(daemon).recipe.styles
    assert (first.weight, second.weight, third.weight) == (2.0, 1.0, 1.0)
    assert daemon.blobs[first.mask][0] == Layout(40, 30, "GRAY")
    assert second.digest == drawn.digest and third.name == "the-scream" and not third.mask


def test_strokes_suit_the_picture_unless_they_are_given(daemon, v):
    large = np.zeros((2, 3072, 3), np.uint8)
    for more, scale in (({}, 3.0), ({"scale": None}, 3.0), ({"scale": 1.0}, 1.0)):
        v.stylize(large, "a", **more)
        assert submitted(daemon).recipe.scale == scale


def test_fields_and_options_arrive(daemon, v):
    v.stylize(
        ARRAY,
        "a",
        strength=0.5,
        keep_color=True,
        scale=1.5,
        backbone="vgg19",
        residual=False,
        priority="batch",
    )
    submit = submitted(daemon)
    styles = (Style("a"),)
    expected = Stylize(styles, 0.5, scale=1.5, color="luminance", backbone="vgg19", residual=False)
    assert (submit.recipe, submit.priority) == (expected, "batch")
    v.refine(ARRAY, "a", iterations=7, style_layers={"relu1_1": 1.0}, seed=3, keep_color="statistics")
    layers = (("relu1_1", 1.0),)
    expected = Refine((Style("a"),), iterations=7, style_layers=layers, seed=3, color="statistics")
    assert submitted(daemon).recipe == expected


def test_a_texture_comes_as_an_image(daemon, v, script, tmp_path):
    def paint(fake: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
        name = fake.offer(Layout(64, 32, "RGB"), bytes(64 * 32 * 3))
        fake.say(peer, m.Started(submit.job))
        fake.say(peer, m.Result(submit.job, name, Layout(64, 32, "RGB"), submit.recipe))

    script.run = paint
    out = v.texture("marbling", 64, 32, tileable=True)
    assert out.size == (64, 32) and submitted(daemon).recipe == Texture(
        (Style("marbling"),), 64, 32, tileable=True
    )
    path = v.texture("marbling", 64, 32, out=tmp_path / "t.png")
    assert isinstance(velatura.recipe_of(path), Texture)


def test_masks_of_any_kind_go_up_as_gray(daemon, v):
    v.stylize(ARRAY, "a", mask=np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40))
    assert daemon.blobs[submitted(daemon).mask][0] == Layout(40, 30, "GRAY", "f32")


@pytest.mark.parametrize(
    ("call", "path", "words"),
    [
        (lambda v: v.stylize(ARRAY, "a", strength=1.2), "recipe.strength", "allowed is 0 to 1"),
        (lambda v: v.stylize(ARRAY, "a", stength=1), "stength", "is no field of stylize; known: backbone"),
        (lambda v: v.stylize(ARRAY, {"a": -1}), "recipe.styles[0].weight", "allowed is 0 to 1000"),
        (lambda v: v.stylize(ARRAY, {"a": "much"}), "styles[0].weight", "must be a number"),
        (lambda v: v.stylize(ARRAY, {}), "recipe.styles", "name at least one"),
        (lambda v: v.stylize(ARRAY, [("a", 1, None, 4)]), "styles[0]", "has 4 parts"),
        (lambda v: v.stylize(None, "a"), "image", "is missing"),
        (
            lambda v: v.stylize(ARRAY, "a", mask=np.ones((3, 3))),
            "mask",
            "3 x 3 pixels; the picture is 40 x 30",
        ),
        (lambda v: v.stylize(ARRAY, 5), "styles[0]", "is a int"),
        (lambda v: v.stylize(ARRAY, "none.png"), "none.png", "No such file"),
        (lambda v: v.submit({"kind": "bake"}, ARRAY), "recipe.kind", "known: stylize"),
        (lambda v: v.submit(RECIPE, ARRAY, preview_every=-1), "preview_every", "allowed is 0 to 60"),
        (lambda v: v.texture("a", 8), "recipe.width", "allowed is 16"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(daemon, v, call, path, words):
    with pytest.raises(VelaturaError) as caught:
        call(v)
    assert caught.value.field == path and words in caught.value.message
    assert not daemon.got(m.Submit)


# -- jobs ---------------------------------------------------------------------------------------------


def test_a_job_is_iterated_for_its_progress(v):
    job = v.submit(RECIPE, ARRAY)
    events = list(job)
    assert events[-1].state is State.DONE and events[-1].progress == 1.0
    assert all(a.progress <= b.progress for a, b in itertools.pairwise(events))
    assert np.array_equal(job.result(), 255 - ARRAY)
    assert job.result() is job.result() and job.record == {"build": "fake"} and job.recipe == RECIPE
    assert list(job) == []


def test_an_end_that_was_read_but_not_told_yet_is_still_an_event():
    """The connection's thread changes the job first, and tells of it a moment later."""
    changed = threading.Condition()
    thread: Any = SimpleNamespace(changed=changed)
    handle: Any = SimpleNamespace(
        state=State.DONE, over=True, fraction=1.0, progress=None, ahead=0, reason=""
    )
    job = JobFuture(thread, handle, None, None)

    def tell() -> None:
        with changed:
            job.take(JobEnded(handle))
            changed.notify_all()

    later = threading.Timer(0.05, tell)
    later.start()
    assert [event.state for event in job] == [State.DONE] and list(job) == []
    later.join()


def test_previews_come_as_pictures(daemon, v, script):
    def refine(fake: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
        start_and_hold(fake, peer, submit)
        name = fake.offer(Layout(2, 2, "RGB"), bytes([9] * 12))
        fake.say(peer, m.Preview(submit.job, 1, name, Layout(2, 2, "RGB")))

    script.run = refine
    job = v.refine(ARRAY, "a", wait=False, preview_every=0.1)
    for event in job:
        assert event.step or event.seconds_left is None  # nothing can be known before the first step
        if event.preview is not None:
            assert event.preview.tolist() == [[[9, 9, 9]] * 2] * 2
            assert (event.step, event.of, event.losses, event.seconds_left) == (1, 4, {"style": 2.0}, 3.0)
            job.cancel()
    assert job.state is State.CANCELLED
    with pytest.raises(JobCancelled, match="asked"):
        job.result()


def test_a_failed_job_raises_what_the_daemon_said(v, script):
    script.run = lambda d, peer, s: d.say(
        peer, m.Failed(s.job, "unknown_style", "no style 'x'", "recipe.styles[0]")
    )
    with pytest.raises(JobFailed) as caught:
        v.stylize(ARRAY, "x")
    assert (caught.value.code, caught.value.field) == ("unknown_style", "recipe.styles[0]")


def test_a_timeout_does_not_end_the_job(daemon, v, script, eventually):
    script.run = start_and_hold
    job = v.submit(RECIPE, ARRAY)
    with pytest.raises(VelaturaError) as caught:
        job.result(timeout=0.05)
    assert caught.value.code == "timeout" and not job.done
    eventually(lambda: job.id in daemon._waiting and job.state is State.RUNNING)
    peer, submit = daemon._waiting[job.id]
    daemon.do(lambda: finish(daemon, peer, submit))
    assert np.array_equal(job.result(timeout=60), 255 - ARRAY)


def test_an_interrupted_call_cancels_its_job(daemon, v, script, monkeypatch, eventually):
    script.run = start_and_hold

    def interrupted(self, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(velatura.JobFuture, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        v.stylize(ARRAY, "a")
    eventually(lambda: daemon.got(m.Cancel))


def test_several_threads_share_a_client(v):
    pictures = [np.full((20, 20, 3), i, np.uint8) for i in range(8)]
    results: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: v.stylize(pictures[i], "a")}))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(np.array_equal(results[i], 255 - pictures[i]) for i in range(8))


def test_a_job_is_attached_to_where_it_was_submitted(v, script):
    job = v.submit(RECIPE, ARRAY)
    assert v.attach(job.id) is job and np.array_equal(job.result(), 255 - ARRAY)
    assert v.attach(job.id) is job, "also when it has ended"


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_gray_picture_gets_the_style_s_colours_and_stays_gray_without_them(daemon, v, script, mode):
    def redden(daemon: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
        layout, data = daemon.blobs[submit.content]
        step = len(data) // (layout.width * layout.height)
        red = bytes(255 if i % step == 0 else b for i, b in enumerate(data))
        daemon.blobs[submit.content] = layout, red
        daemon.say(peer, m.Started(submit.job))
        finish(daemon, peer, submit)

    gray = Image.fromarray(ARRAY[:, :, 0]).convert(mode)
    assert v.stylize(gray, "great-wave").mode == mode, "inverted, it has no colours"
    assert v.stylize(gray, "great-wave", keep_color=True).mode == mode
    assert submitted(daemon).recipe.color == "luminance"
    script.run = redden
    assert v.stylize(gray, "great-wave").mode == {"L": "RGB", "LA": "RGBA"}[mode]
    assert v.stylize(ARRAY[:, :, 1], "great-wave").ndim == 2, "an array keeps its shape"


def test_a_detached_job_outlives_its_client(daemon, v, script):
    script.run = start_and_hold
    job = v.submit(RECIPE, ARRAY, detached=True)
    while job.state is not State.RUNNING:
        next(iter(job))
    v.close()
    script.run = None
    with velatura.connect(start=False, home=daemon.base) as other:
        assert np.array_equal(np.asarray(other.attach(job.id).result()), 255 - ARRAY)


# -- questions ----------------------------------------------------------------------------------------


def test_questions_are_answered(daemon, v, script):
    script.pages = [[{"name": "a"}], [{"name": "b"}]]
    assert [style["name"] for style in v.styles()] == ["a", "b"]
    assert v.status() == {"name": "a"} and len(v.jobs()) == len(v.models()) == 2
    v.remove_style("mine")
    v.cancel("another's")
    v.shutdown()
    asked = [(r.what, r.args) for r in daemon.got(m.Request) if not r.after]
    assert asked[-2:] == [("style_remove", {"name": "mine"}), ("shutdown", {})]
    assert daemon.got(m.Cancel) == [m.Cancel("another's")]


def test_a_style_is_added_with_its_picture(daemon, v):
    v.add_style("mine", ARRAY, title="Mine", year=2024)
    (request,) = daemon.got(m.Request)
    assert request.args["name"] == "mine" and request.args["year"] == "2024"
    assert daemon.blobs[request.args["digest"]] == (Layout(40, 30, "RGB"), ARRAY.tobytes())


def test_pictures_are_uploaded_for_recipes_and_fetched(daemon, v):
    name = v.upload(ARRAY)
    assert np.array_equal(np.asarray(v.picture(name)), ARRAY)
    daemon.do(daemon.blobs.clear)  # evicted: sent again, unasked by the caller
    v.submit(Stylize(styles=(Style(digest=name),)), 255 - ARRAY).result()
    assert name in daemon.blobs
    with pytest.raises(VelaturaError) as caught:
        v.picture("0" * 32)
    assert caught.value.code == "unknown_blob"


# -- connecting ---------------------------------------------------------------------------------------


def test_without_a_daemon_it_says_how_to_start_one(tmp_path):
    with pytest.raises(VelaturaError, match="velatura daemon start") as caught:
        velatura.connect(start=False, home=tmp_path)
    assert caught.value.code == "not_running"


def test_another_major_is_refused_in_words(daemon, script):
    script.version = (2, 0)
    with pytest.raises(VelaturaError, match="the client is the older side"):
        velatura.connect(start=False, home=daemon.base)


def test_a_daemon_that_does_not_answer_is_given_up(daemon, script):
    script.mute = True
    with pytest.raises(VelaturaError) as caught:
        velatura.connect(start=False, home=daemon.base, timeout=0.3)
    assert caught.value.code in ("timeout", "not_running")


def test_jobs_fail_at_once_when_the_daemon_ends(tmp_path):
    daemon = FakeDaemon(tmp_path / "home")
    daemon.script.run = start_and_hold
    with velatura.connect(start=False, home=daemon.base) as v:
        job = v.submit(RECIPE, ARRAY)
        while job.state is not State.RUNNING:
            next(iter(job))
        daemon.stop()
        with pytest.raises(JobFailed) as caught:
            job.result(timeout=60)
        assert caught.value.code == "not_running"


def test_a_client_goes_on_with_a_daemon_that_was_restarted(tmp_path):
    first = FakeDaemon(tmp_path / "home")
    with velatura.connect(start=False, home=first.base) as v:
        v.stylize(ARRAY, "a")
        first.stop()
        second = FakeDaemon(tmp_path / "home")
        assert np.array_equal(v.stylize(ARRAY, "a"), 255 - ARRAY)
    second.stop()


def test_a_closed_client_says_so(v):
    v.close()
    v.close()
    with pytest.raises(VelaturaError, match="closed"):
        v.stylize(ARRAY, "a")


def test_closing_ends_jobs_that_others_wait_for(v, script):
    script.run = start_and_hold
    job = v.submit(RECIPE, ARRAY)
    threading.Timer(0.1, v.close).start()
    with pytest.raises(JobFailed, match="closed"):
        job.result(timeout=60)


def test_the_core_needs_neither_numpy_nor_pillow_nor_torch():
    """As inside the editors: the connection and recipes load with pyzmq and msgpack alone."""
    code = (
        "import sys\n"
        "for name in ('numpy', 'PIL', 'torch', 'pydantic', 'platformdirs'): sys.modules[name] = None\n"
        "import velatura, velatura.connection, velatura.launch, velatura.keys, velatura.client\n"
        "velatura.Stylize, velatura.connect\n"
    )
    path = Path(velatura.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(path)}, timeout=60)


def test_public_names_resolve():
    assert all(getattr(velatura, name) is not None for name in velatura.__all__)
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        velatura.paint  # noqa: B018
    assert issubclass(FieldError, VelaturaError)


def test_a_missing_picture_is_named_before_anything_is_sent(v):
    with pytest.raises(FieldError, match="image: is missing; a stylize works on a picture"):
        v.submit(RECIPE)
