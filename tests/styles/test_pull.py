"""Pulling works' pictures: verified, resumed, atomic, and clear about works that have no address."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
from models.fileserver import serving
from PIL import Image
from velatura.errors import FieldError, VelaturaError
from velatura_daemon.styles import library as library_module
from velatura_daemon.styles.catalogue import StyleEntry
from velatura_daemon.styles.library import Library
from velatura_models.store import download
from velatura_models.store.files import WeightsError

NAME = "sea"


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    (tmp_path / "web" / "iiif").mkdir(parents=True)
    with serving(tmp_path / "web") as running:
        yield running


@pytest.fixture
def picture(server) -> bytes:
    """A work's picture as the museum serves it, under a file name that all its works share."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)).save(out, "JPEG")
    (server.folder / "iiif" / "default.jpg").write_bytes(out.getvalue())
    return out.getvalue()


@pytest.fixture
def entry(server, picture, monkeypatch) -> StyleEntry:
    made = StyleEntry(
        NAME, "The Sea", "A. Painter", "1900", "work", "CC0", source="sea",
        url=f"{server.base}iiif/default.jpg", size=len(picture), digest=hashlib.sha256(picture).hexdigest(),
    )  # fmt: skip
    monkeypatch.setattr(library_module, "catalog", lambda: {NAME: made})
    return made


@pytest.fixture
def library(entry, tmp_path) -> Library:
    return Library(tmp_path / "styles", tmp_path / "cache")


def test_a_pulled_picture_is_at_hand_for_good(library, entry, picture, server):
    before = library.get(NAME)
    assert before.picture is None and before.to_map()["can_pull"]
    with pytest.raises(VelaturaError, match=f"styles pull {NAME}"):
        library.read(before)
    told = []
    pulled = library.pull(NAME, lambda done, total: told.append((done, total)))
    assert pulled.picture.read_bytes() == picture and library.get(NAME) == pulled
    assert library.read(pulled, 200).size == (200, 150)
    assert told[-1] == (len(picture), len(picture))
    count = len(server.requests)
    assert library.pull(NAME) == pulled and len(server.requests) == count, "not fetched twice"


def test_two_works_under_the_same_file_name_do_not_meet(library, entry, picture, server):
    other = picture + b"\0"
    (server.folder / "iiif2").mkdir()
    (server.folder / "iiif2" / "default.jpg").write_bytes(other)
    second = replace(
        entry, name="land", url=f"{server.base}iiif2/default.jpg", size=len(other),
        digest=hashlib.sha256(other).hexdigest(),
    )  # fmt: skip
    library.shipped[second.name] = second
    assert library.pull("sea").picture.read_bytes() == picture
    assert library.pull("land").picture.read_bytes() == other


def test_a_download_that_breaks_off_goes_on_where_it_stopped(library, entry, picture, server):
    server.break_after = 5000
    assert library.pull(NAME).picture.read_bytes() == picture
    assert [asked for _, asked in server.requests] == ["", "bytes=5000-"]


def test_another_picture_than_the_catalogs_is_never_stored(library, entry, picture, server):
    (server.folder / "iiif" / "default.jpg").write_bytes(bytes(len(picture)))
    with pytest.raises(WeightsError, match="not the pinned file") as error:
        library.pull(NAME)
    assert error.value.code == "download"
    assert library.get(NAME).picture is None
    assert not [p for p in library.cache_dir.rglob("*") if p.suffix in (".jpg", ".part")]


@pytest.mark.parametrize("change", [lambda data: data + b"more", lambda data: data[:-10]])
def test_a_picture_of_another_length_is_never_stored(library, entry, picture, server, change):
    (server.folder / "iiif" / "default.jpg").write_bytes(change(picture))
    with pytest.raises(WeightsError):
        library.pull(NAME)
    assert library.get(NAME).picture is None


def test_a_refusing_server_is_reported_and_the_next_pull_works(library, entry, server):
    server.fail = 503
    with pytest.raises(WeightsError, match="503"):
        library.pull(NAME)
    server.fail = 0
    assert library.pull(NAME).picture.is_file()


def test_a_truncated_file_in_the_cache_counts_as_absent(library, entry, picture):
    pulled = library.pull(NAME).picture
    pulled.write_bytes(picture[:100])
    assert library.get(NAME).picture is None
    assert library.pull(NAME).picture.read_bytes() == picture


def test_a_work_without_an_address_says_what_to_do_instead(tmp_path):
    with pytest.raises(
        FieldError, match=r"no lasting address.*velatura styles add FILE --name great-wave-picture"
    ):
        Library(tmp_path / "styles", tmp_path / "cache").pull("great-wave")


def test_painted_styles_and_unknown_ones_have_nothing_to_pull(tmp_path):
    library = Library(tmp_path / "styles", tmp_path / "cache")
    assert library.pull("marbling") == library.get("marbling")
    with pytest.raises(VelaturaError) as error:
        library.pull("no-such-style")
    assert error.value.code == "unknown_style"
