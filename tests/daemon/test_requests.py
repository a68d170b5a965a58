"""Questions that are not jobs: status, lists in pages, the style library, thumbnails as blobs."""

from __future__ import annotations

import io

import numpy as np
import pytest
from harness import Daemon, Talk, picture
from peer import Peer
from PIL import Image
from velatura import messages as m
from velatura import stylefile
from velatura.blob import Blob
from velatura.errors import VelaturaError
from velatura.jobs import Fetched, Uploaded
from velatura.messages import MAX_HEADER, PROTOCOL, Request
from velatura.pixels import Layout
from velatura_daemon.service.requests import PAGE_ITEMS, page
from velatura_daemon.styles.library import Library
from velatura_daemon.styles.reading import sent_style


def test_status_says_what_runs_where_and_why(talk: Talk):
    talk.worker_pid()
    status = talk.status()
    assert daemon_pid(talk) == status["pid"] and status["protocol"] == list(PROTOCOL)
    assert status["engine"]["device"] == "cpu" and "fake engine" in status["engine"]["device_reason"]
    assert status["sessions"] == 1 and status["worker"]["state"] == "ready"
    assert status["endpoint"] == talk.daemon.address().endpoint


def daemon_pid(talk: Talk) -> int:
    assert talk.daemon.process is not None
    return talk.daemon.process.pid


def test_all_styles_are_listed_with_thumbnails_that_can_be_fetched(talk: Talk):
    names = [item["name"] for item in talk.ask("styles")]
    home = talk.daemon.home
    assert names == [entry.name for entry in Library(home / "data" / "styles", home / "cache").list()]


def upload(talk: Talk, blob: Blob) -> str:
    talk.connection.upload(blob)
    talk.until(lambda: [e for e in talk.events if isinstance(e, Uploaded) and e.blob is blob])
    return blob.digest


def test_a_picture_becomes_a_style_with_a_thumbnail_and_goes_again(talk: Talk):
    digest = upload(talk, picture(300, 200, channels="BGRA"))
    added = talk.ask("style_add", name="my-own", title="My own", artist="me", year="2024", digest=digest)
    assert added[0]["name"] == "my-own" and added[0]["kind"] == "user"
    listed = {item["name"]: item for item in talk.ask("styles")}
    assert listed["my-own"]["title"] == "My own"
    name = talk.connection.fetch(listed["my-own"]["thumbnail"])
    fetched = talk.until(lambda: [e for e in talk.events if isinstance(e, Fetched) and e.name == name])[0]
    assert fetched.picture is not None and fetched.picture.layout.channels == "RGB"
    (seen,) = talk.ask("style_picture", name="my-own")
    name = talk.connection.fetch(seen["digest"])
    fetched = talk.until(lambda: [e for e in talk.events if isinstance(e, Fetched) and e.name == name])[0]
    assert fetched.picture is not None and fetched.picture.layout == Layout(300, 200, "RGB")
    talk.ask("style_remove", name="my-own")
    assert "my-own" not in [item["name"] for item in talk.ask("styles")]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({}, "bad_field"),
        ({"name": "x", "digest": "0" * 32}, "unknown_blob"),
        ({"name": 7, "digest": "0" * 32}, "bad_field"),
        ({"name": "x", "digest": "0" * 32, "title": "t" * 500}, "bad_field"),
    ],
)
def test_a_style_that_cannot_be_added_is_an_error_in_words(talk: Talk, args: dict, code: str):
    with pytest.raises(VelaturaError) as caught:
        talk.ask("style_add", **args)
    assert caught.value.code == code


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "PNG"])
def test_a_file_is_read_by_the_daemon_and_kept_as_it_is(talk: Talk, kind: str):
    """F8: editors send a style's file rather than decode it; what is cut off is refused."""
    image = Image.new("RGBA", (90, 70), (200, 40, 10, 255))
    image.paste((0, 0, 0, 0), (0, 0, 45, 70))
    data = io.BytesIO()
    image.save(data, kind, **({"lossless": True} if kind == "WEBP" else {}))
    whole = data.getvalue()
    digest = upload(talk, stylefile.blob_of(whole))
    added = talk.ask("style_add", name="from-file", digest=digest, file=True)
    try:
        assert added[0]["has_picture"]
        (kept,) = talk.daemon.home.rglob("from-file/picture.*")
        assert kept.read_bytes() == whole
    finally:
        talk.ask("style_remove", name="from-file")
    cut = whole[: len(whole) // 2]
    with pytest.raises(VelaturaError) as caught:
        talk.ask("style_add", name="cut-off", digest=upload(talk, stylefile.blob_of(cut)), file=True)
    assert caught.value.code == "bad_image"


def test_a_picture_that_is_said_to_be_a_file_is_refused(talk: Talk):
    with pytest.raises(VelaturaError, match="is a picture, and no style's file"):
        talk.ask("style_add", name="no-file", digest=upload(talk, picture(50, 50)), file=True)


def test_a_name_that_is_none_is_refused_by_the_library_and_reported(talk: Talk):
    digest = upload(talk, picture(50, 50))
    with pytest.raises(VelaturaError) as caught:
        talk.ask("style_add", name="Not A Name", digest=digest)
    assert caught.value.code == "bad_field" and "not-a-name" in caught.value.message


def test_removing_a_style_that_is_not_there(talk: Talk):
    with pytest.raises(VelaturaError) as caught:
        talk.ask("style_remove", name="nothing-like-it")
    assert caught.value.code == "unknown_style"


def test_models_are_listed_from_the_manifest(talk: Talk):
    items = {item["name"]: item for item in talk.ask("models")}
    assert list(items)[:2] == ["slim", "vgg19"]
    assert items["slim"]["installed"] and not items["vgg19"]["installed"]


def test_lists_come_in_pages_that_fit_and_together_hold_every_item_once():
    items = [{"name": f"n{i:04}", "text": "x" * (i * 5 % 4000)} for i in range(230)]
    after, seen = "", []
    for _ in range(400):
        reply = page(Request("r", "jobs", after), items)
        assert len(m.encode(reply)) <= MAX_HEADER and len(reply.items) <= PAGE_ITEMS
        seen += [item["name"] for item in reply.items]
        if not reply.more:
            break
        after = seen[-1]
    assert seen == [item["name"] for item in items]


def test_requests_that_wait_for_the_librarian_do_not_delay_status(daemon: Daemon):
    with Peer(daemon) as peer:
        for i in range(20):
            peer.send(m.Request(f"styles-{i}", "styles"))
        peer.send(m.Request("status", "status"))
        answers = [peer.wait_for(m.Reply).request for _ in range(21)]
    assert answers.index("status") < 20
    assert sorted(answers) == sorted([f"styles-{i}" for i in range(20)] + ["status"])


@pytest.mark.parametrize("channels", ["RGBA", "BGRA", "RGB", "BGR", "GRAYA", "GRAY"])
@pytest.mark.parametrize("depth", ["u8", "u16", "f16", "f32"])
def test_a_style_picture_may_come_in_any_layout(channels: str, depth: str):
    """A pixel of 0.2, 0.4, 0.6 (grey: 0.4) at alpha 0.8, written in each layout, is the same picture."""
    rgb = {"R": 0.2, "G": 0.4, "B": 0.6}
    order = [0.4] if channels.startswith("GRAY") else [rgb[c] for c in channels.removesuffix("A")]
    values = np.array([order + ([0.8] if channels.endswith("A") else [])])
    if depth.startswith("u"):
        values = np.rint(values * (2 ** int(depth[1:]) - 1)).astype(f"<u{int(depth[1:]) // 8}")
    else:
        values = values.astype(f"<f{int(depth[1:]) // 8}")
    image = sent_style(Layout(40, 40, channels, depth), values.tobytes() * 1600)
    colour = [102] * 3 if channels.startswith("GRAY") else [51, 102, 153]
    expected = colour + ([204] if channels.endswith("A") else [])
    assert np.abs(np.array(image.getpixel((0, 0))) - expected).max() <= 1


def test_premultiplied_and_linear_style_pictures_are_undone():
    half = np.array([[0.1, 0.2, 0.3, 0.5]] * 1600, "<f4")
    image = sent_style(Layout(40, 40, "RGBA", "f32", premultiplied=True), half.tobytes())
    assert image.getpixel((7, 9)) == (51, 102, 153, 128)
    linear = np.array([0.2158605] * 4800, "<f4")
    image = sent_style(Layout(40, 40, "RGB", "f32", transfer="linear"), linear.tobytes())
    assert image.getpixel((7, 9)) == (128, 128, 128)


def test_strips_of_a_large_style_picture_fit_together():
    layout = Layout(3000, 1000, "BGR")
    data = np.arange(layout.nbytes, dtype=np.uint64).astype(np.uint8)
    expected = data.reshape(1000, 3000, 3)[..., ::-1]
    assert np.array_equal(np.asarray(sent_style(layout, data.tobytes())), expected)


def test_a_style_picture_over_the_limit_is_refused_before_it_is_read():
    with pytest.raises(VelaturaError) as caught:
        sent_style(Layout(20000, 20000, "GRAY"), b"")
    assert caught.value.code == "too_large"
