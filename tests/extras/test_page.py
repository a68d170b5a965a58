"""The page in a real browser: what a visitor does, what another one does not see, who is turned away.

Needs Streamlit and Playwright (extras `web` and `extras`) and a Chromium, Debian's or Playwright's own.
Screenshots go to `PAGE_SHOTS`, where that names a folder.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import skimage.data
from cli.running import command
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from velatura.pictures.files import recipe_of
from velatura.recipe import Stylize

pytestmark = pytest.mark.timeout(900)  # programs that start, on a machine that may be busy

TOKEN = "only-for-this-test"
PATIENCE = 240_000
"""Milliseconds for anything; the machine may be busy."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """Of a page with a daemon of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "VELATURA_HOME": str(home), "VELATURA_THREADS": "1"}
    words = command("web", "--port", port, "--token", TOKEN)
    served = subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert served.stdout is not None
    shown = served.stdout.readline().strip()
    assert shown == f"http://127.0.0.1:{port}/?token={TOKEN}"
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
            break
        time.sleep(0.5)
    yield shown
    os.killpg(served.pid, 15)
    served.wait(30)
    subprocess.run(command("daemon", "stop"), env=environment, check=False, capture_output=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        debian = shutil.which("chromium")
        camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
        started = playwright.chromium.launch(executable_path=debian, args=["--no-sandbox", *camera])
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page in a browser of its own."""
    contexts = []

    def opened(width: int = 1280, height: int = 900, url: str = address) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()


def photo(side: int = 256) -> bytes:
    out = BytesIO()
    Image.fromarray(skimage.data.coffee()).resize((side * 3 // 2, side)).save(out, "PNG")
    return out.getvalue()


def send(page: Page, data: bytes, name: str = "photo.png", place: int = 0) -> None:
    page.locator("input[type=file]").nth(place).set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": data}
    )


SOCKET = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def answered(url: str, method: str, endless: int = 0, **headers: str) -> tuple[int, int]:
    """The status of an answer, and how many bytes were sent until it came, of `endless` ones in chunks."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE / 1000)
    with contextlib.closing(connection):
        connection.putrequest(method, f"{parts.path}?{parts.query}")
        for name, value in headers.items():
            connection.putheader(name, value)
        if endless:
            connection.putheader("transfer-encoding", "chunked")
        connection.endheaders()
        sent, part = 0, bytes(1 << 20)
        head = b'--edge\r\ncontent-disposition: form-data; name="f"; filename="x.png"\r\n\r\n'
        with contextlib.suppress(ConnectionError):  # it hangs up on who goes on
            while sent < endless and not select.select([connection.sock], [], [], 0)[0]:
                data = part if sent else head + part
                connection.send(b"%x\r\n%b\r\n" % (len(data), data))
                sent += len(data)
        return connection.getresponse().status, sent


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("PAGE_SHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def until(true: Callable[[], Any]) -> Any:
    """What a function gives once it gives something."""
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.3)
    raise AssertionError("it did not happen in time")


def painted(page: Page) -> None:
    page.get_by_role("button", name="Stylize", exact=True).click()
    page.get_by_role("button", name="Download").wait_for()


def taken(page: Page, path: Path) -> Path:
    """What is to be downloaded, as a file."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(path)
    return path


def test_a_visitor_paints_compares_and_takes_the_picture_home(visit: Callable[..., Page], tmp_path: Path):
    page = visit()
    page.get_by_text("Choose a picture and a style.").wait_for()
    send(page, photo())
    page.get_by_text("a small one").wait_for()  # at once, without a touch
    shot(page, "draft")
    painted(page)
    page.get_by_label("Before and after").fill("30")
    shot(page, "desktop")
    path = taken(page, tmp_path / "taken.png")
    recipe = recipe_of(path)
    assert isinstance(recipe, Stylize) and recipe.styles[0].name == "great-wave"
    assert Image.open(path).size == (384, 256)


def test_every_basic_field_of_the_recipe_is_there_with_its_name(visit: Callable[..., Page]):
    from velatura.fields import adjustable

    page = visit()
    for field in adjustable(Stylize):
        if field.shown.group == "basic":
            page.get_by_text(field.label, exact=True).first.wait_for()
    page.get_by_text("More", exact=True).click()
    page.get_by_text("Exact at strength 0", exact=True).wait_for()


def test_a_drawn_mask_leaves_the_rest_alone(visit: Callable[..., Page], tmp_path: Path):
    page = visit(height=1700)
    send(page, photo())
    page.get_by_role("radio", name="Draw").click()
    canvas = page.locator("canvas")
    canvas.wait_for()
    until(lambda: canvas.evaluate("c => Boolean(c.onpointerdown) && c.width === 384"))  # the script runs
    box = canvas.bounding_box()
    assert box is not None
    begin, end = ({"x": x, "y": box["height"] / 2} for x in (20, box["width"] / 3))
    canvas.drag_to(canvas, source_position=begin, target_position=end)
    page.get_by_text("% is drawn over").wait_for()  # the page has heard of it
    shot(page, "drawing")
    painted(page)
    made = np.asarray(Image.open(taken(page, tmp_path / "masked.png")).convert("RGB")).astype(int)
    before = np.asarray(Image.open(BytesIO(photo())).convert("RGB")).astype(int)
    change = np.abs(made - before).max(2)
    assert not change[:, 250:].any() and not change[:40].any() and change[108:148, 20:110].mean() > 4


def test_a_camera_two_styles_and_a_mask_from_a_file(visit: Callable[..., Page], tmp_path: Path):
    page = visit(height=1700)
    page.get_by_text("Camera", exact=True).click()
    until(lambda: page.locator("video").evaluate("v => v.readyState === 4"))  # the camera films
    page.get_by_role("button", name="Take Photo").click()
    page.get_by_text("a small one").wait_for()
    page.get_by_label("Mixed with").fill("Mosaic")  # the list holds only what is in sight
    page.get_by_role("option", name="Mosaic of Fans").click()
    page.get_by_text("Share of the second").wait_for()
    page.get_by_role("radio", name="File").click()
    black = BytesIO()
    Image.new("L", (64, 48)).save(black, "PNG")
    page.get_by_text("Mask: white is in full").wait_for()
    send(page, black.getvalue(), "mask.png", 1)
    page.get_by_text("mask.png").wait_for()
    painted(page)
    shot(page, "camera")
    made = taken(page, tmp_path / "camera.png")
    recipe = recipe_of(made)
    assert isinstance(recipe, Stylize) and [s.name for s in recipe.styles] == ["great-wave", "mosaic"]
    red, green, blue = np.asarray(Image.open(made).convert("RGB"))[20, 320].astype(int)
    assert green - max(red, blue) > 100  # the fake's green ground, nowhere painted


def test_a_refinement_is_seen_growing_and_stopped(visit: Callable[..., Page]):
    page = visit()
    page.get_by_role("radio", name="Texture").click()
    page.get_by_role("button", name="Texture", exact=True).click()
    page.get_by_role("button", name="Stop and keep").wait_for()
    page.locator("[data-testid=stImage] img").last.wait_for()
    shot(page, "growing")
    page.get_by_role("button", name="Stop and keep").click()
    page.get_by_role("button", name="Download").wait_for()


def test_a_style_of_ones_own_is_kept_and_its_learning_stopped(visit: Callable[..., Page], home: Path):
    page = visit()
    page.get_by_label("Style", exact=True).fill("A picture of my own")
    page.get_by_role("option", name="A picture of my own").click()
    page.get_by_text("Style picture").wait_for()
    send(page, photo(96), "own.png", 1)
    page.get_by_role("button", name="Keep this style").click()
    page.get_by_label("Name").fill("coffee")
    page.get_by_label("Name").press("Enter")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_text("coffee is in the library now").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("radio", name="Learn this style").click()
    learn = page.get_by_role("button", name="Learn this style")
    learn.wait_for()
    page.get_by_label("Style", exact=True).fill("coffee")
    page.get_by_label("Style", exact=True).press("Enter")
    until(lambda: page.get_by_text("Style picture").count() == 0)  # another style is chosen
    learn.click()
    page.locator("[data-testid=stImage] img").last.wait_for()  # how it paints by now
    shot(page, "learning")
    page.get_by_role("button", name="Stop and keep").click()
    page.get_by_role("button", name="Download").wait_for()
    page.get_by_text("does not paint 'coffee' better yet than before").wait_for()
    assert not list(home.rglob("nets/coffee.style.safetensors")), "and so it stays as it was"


def test_visitors_and_tabs_do_not_see_each_other(visit: Callable[..., Page], address: str):
    first, second = visit(), visit(390, 1900)
    tab = first.context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(address.partition("?")[0])  # the cookie lets it in
    send(first, photo())
    painted(first)
    for other in (second, tab):
        other.get_by_text("Choose a picture and a style.").wait_for()
        assert other.get_by_role("button", name="Download").count() == 0
    send(second, photo(128))
    painted(second)
    shot(second, "phone")
    wide = second.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390  # nothing sticks out of a phone's screen
    first.get_by_role("button", name="Download").wait_for()


def test_without_the_token_there_is_nothing(visit: Callable[..., Page], address: str):
    """No page, no socket, no upload, no file of the page's own."""
    page = visit(url=address.partition("?")[0] + "?token=wrong")
    page.get_by_text("This page needs its token").wait_for()
    assert page.locator("input[type=file]").count() == 0
    for token in ("", "?token=", f"?token={TOKEN}x", "?token=%C3%B6"):
        for method, path in (("GET", ""), ("GET", "static/x.js"), ("PUT", "_stcore/upload_file/a/b")):
            assert answered(address.partition("?")[0] + path + token, method)[0] == 403
        assert answered(address.partition("?")[0] + "_stcore/stream" + token, "GET", **SOCKET)[0] == 403
    assert (
        answered(address.replace("?", "_stcore/stream?"), "GET", **SOCKET)[0] == 101
    )  # a socket it would be


def test_two_gigabytes_are_refused_whoever_sends_them(visit: Callable[..., Page], tmp_path: Path):
    """By the page before they are sent; by the server at their announcement, or after 33 MB of them."""
    page = visit()
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(2 << 30)
    page.locator("input[type=file]").first.set_input_files(large)
    page.get_by_text("32.0MB or smaller").wait_for()
    with page.expect_request(lambda request: "upload_file" in request.url) as small:
        send(page, photo(64))
    headers = {k: v for k, v in small.value.all_headers().items() if k in ("cookie", "x-xsrftoken", "origin")}
    form = headers | {"content-type": "multipart/form-data; boundary=edge"}
    assert answered(small.value.url, "PUT", **form, **{"content-length": str(2 << 30)})[0] == 413
    status, taken = answered(small.value.url, "PUT", endless=2 << 30, **form)
    assert status == 413 and taken < 64 << 20


def test_what_is_no_picture_or_a_bomb_is_refused_in_words(visit: Callable[..., Page]):
    page = visit()
    send(page, b"not a picture", "x.png")
    page.get_by_role("alert").filter(has_text="x.png").wait_for()
    bomb = BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, "PNG")
    page = visit()
    send(page, bomb.getvalue(), "bomb.png")
    page.get_by_role("alert").filter(has_text="bomb.png").wait_for()


def test_nothing_is_kept(visit: Callable[..., Page]):
    """The pictures of a tab that is gone are gone: its folder, and its session on the daemon."""
    folders = set(Path(tempfile.gettempdir()).glob("velatura-web-*"))
    page = visit()
    send(page, photo(96))
    page.get_by_text("a small one").wait_for()
    mine = set(Path(tempfile.gettempdir()).glob("velatura-web-*")) - folders
    assert len(mine) == 1 and any(mine.copy().pop().iterdir())
    page.context.close()
    until(lambda: not any(f.exists() for f in mine))
