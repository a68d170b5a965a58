"""A style passed on as one file is the same style elsewhere; a hostile file is refused in words."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load, save
from velatura.blob import Picture
from velatura.errors import FieldError, VelaturaError
from velatura.pixels import Layout
from velatura.stylefile import blob_of, bytes_of
from velatura_daemon.styles import packing
from velatura_daemon.styles.catalogue import catalog
from velatura_daemon.styles.library import Library
from velatura_models.store.nets import find_net

TEXTS = {"name": "moss", "title": "Möss", "artist": "Me", "year": "c. 1830", "rights": "CC BY 4.0"}
ROW = {name: np.linspace(0, 1, 7, dtype=np.float32)[None] for name in ("gamma", "beta")}


def png(side: int = 48) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(3).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def library(folder: Path) -> Library:
    return Library(folder / "styles", folder / "cache", folder / "weights")


def learned(held: Library, needs: str = "ab" * 16) -> None:
    """A row for a style, as learning leaves it."""
    assert held.weights is not None
    held.weights.joinpath("nets").mkdir(parents=True, exist_ok=True)
    style = packing.StyleFile(TEXTS, row=ROW, needs=needs, trained={"steps": 3})
    (held.weights / "nets" / "moss.style.safetensors").write_bytes(packing.row_file(style, "moss"))


def whole(tmp_path: Path) -> bytes:
    held = library(tmp_path / "here")
    held.add("moss", png(), **{key: text for key, text in TEXTS.items() if key != "name"})
    learned(held)
    return held.export("moss")


def test_a_style_is_the_same_elsewhere(tmp_path: Path):
    data = whole(tmp_path)
    there = library(tmp_path / "there")
    entry = there.add_file(data)
    assert {key: getattr(entry, key) for key in TEXTS} == TEXTS and entry.error == ""
    assert entry.picture is not None and entry.picture.read_bytes() == png()
    assert entry.thumbnail is not None and entry.learned == "outdated"  # no such painter is here
    assert there.weights is not None
    row = find_net("moss", "style", there.weights)
    assert (row.styles, row.needs, row.trained) == (("moss",), "ab" * 16, {"steps": 3})
    assert load(row.path.read_bytes())["gamma"].tolist() == ROW["gamma"].tolist()
    again, sent = (packing.unpack(file) for file in (there.export("moss"), data))
    assert (again.texts, again.picture, again.thumbnail) == (sent.texts, sent.picture, sent.thumbnail)
    assert there.add_file(data) == entry, "it is here already"
    there.unlearn("moss")
    assert there.get("moss").learned == "" and there.add_file(data) == entry, "what was learned comes again"
    other = there.add_file(data, "moss-2")
    assert other.name == "moss-2" and find_net("moss-2", "style", there.weights).styles == ("moss-2",)
    there.remove("moss")
    assert [entry.name for entry in there.list() if entry.kind == "user"] == ["moss-2"]


def test_a_work_of_art_goes_with_its_card_and_rendering_and_a_row_alone_does_too(tmp_path: Path):
    here = library(tmp_path)
    data = here.export("great-wave")
    assert here.add_file(data) == here.get("great-wave"), "it is here already"
    with pytest.raises(FieldError, match="is a built-in style; choose another name"):
        here.add_file(forged(data, picture=np.frombuffer(png(), np.uint8)))
    wave = here.add_file(data, "my-wave")
    work = here.get("great-wave")
    assert wave.thumbnail is not None and wave.error == "" and wave.picture is not None
    assert work.rendering is not None and wave.picture.read_bytes() == work.rendering.read_bytes()
    assert load(wave.cards["slim"].read_bytes()).keys() == packing._shipped_card().keys()
    learned(here, find_net("painter", "transform").digest)
    alone = here.export("moss")
    here.remove("moss")
    assert here.add_file(alone, "fern").row is not None


def test_the_way_over_the_wire_keeps_every_byte():
    for data in (b"", b"x", bytes(range(256)) * 40):
        blob = blob_of(data)
        assert bytes_of(Picture(blob.layout, blob.read(0, blob.layout.nbytes))) == data
    for layout, sent in ((Layout(4096, 1, "GRAY"), b"\xff" * 4096), (Layout(2, 2, "GRAY"), b"1234")):
        with pytest.raises(VelaturaError, match="no style's file"):
            bytes_of(Picture(layout, memoryview(sent)))


def forged(data: bytes, about: dict[str, str] | None = None, **tensors: np.ndarray | None) -> bytes:
    """A style's file with other tensors (None takes one out) and header."""
    held = {**load(data), **{name.replace("__", "."): array for name, array in tensors.items()}}
    header = packing._header(data, "it") | (about or {})
    return save({name: array for name, array in held.items() if array is not None}, header)


def texts(**changed: object) -> dict[str, str]:
    return {"about": json.dumps({**TEXTS, **changed})}


def cards(factor: float) -> dict[str, np.ndarray]:
    """A card's tensors times a factor."""
    card = load(catalog()["great-wave"].cards["slim"].read_bytes())
    return {f"card__{name}": (array * factor).astype(array.dtype) for name, array in card.items()}


HOSTILE = {
    "empty": (lambda data: b"", "no header"),
    "no style": (lambda data: b"PK\x03\x04" + data, "no header"),
    "truncated": (lambda data: data[:-1], "truncated or damaged"),
    "cut in its header": (lambda data: data[:40], "no header"),
    "a header of gigabytes": (lambda data: (1 << 40).to_bytes(8, "little") + data[8:], "no header"),
    "another format": (lambda data: forged(data, {"format": "velatura-style-9"}), "newer Velatura"),
    "nothing in it": (
        lambda data: forged(data, picture=None, thumbnail=None, row__gamma=None, row__beta=None),
        "neither a picture nor a card",
    ),
    "something else": (lambda data: forged(data, code=np.zeros(3, np.uint8)), "'code', which no style has"),
    "a path for a name": (lambda data: forged(data, texts(name="../../.ssh/config")), "small letters"),
    "an absolute path": (lambda data: forged(data, texts(name="/etc/passwd")), "small letters"),
    "no name": (lambda data: forged(data, texts(name="")), "small letters"),
    "a name of thousands": (lambda data: forged(data, texts(name="a" * 5000)), "its name is no line"),
    "a terminal's escapes": (lambda data: forged(data, texts(title="\x1b[2J")), "its title is no line"),
    "a number for a title": (lambda data: forged(data, texts(title=7)), "its title is no line"),
    "no texts": (lambda data: forged(data, {"about": "[1]"}), "no table"),
    "nested texts": (lambda data: forged(data, {"about": "[" * 100_000}), "truncated or damaged"),
    "no picture in the picture": (lambda data: forged(data, picture=np.zeros(99, np.uint8)), "picture"),
    "a picture of floats": (lambda data: forged(data, picture=np.zeros(9, np.float32)), "is no file"),
    "a small picture": (lambda data: forged(data, picture=np.frombuffer(png(8), np.uint8)), "32 pixels"),
    "a row of NaN": (lambda data: forged(data, row__beta=ROW["beta"] * np.nan), "not finite"),
    "half a row": (lambda data: forged(data, row__beta=None), "no row of scales"),
    "rows of two lengths": (lambda data: forged(data, row__beta=ROW["beta"][:, :3]), "no row of scales"),
    "several rows": (
        lambda data: forged(data, row__beta=np.zeros((2, 7), "f4"), row__gamma=np.zeros((2, 7), "f4")),
        "no row of scales",
    ),
    "a row of millions": (
        lambda data: forged(data, **dict.fromkeys(("row__beta", "row__gamma"), np.zeros((1, 70_000), "f4"))),
        "more than 65536",
    ),
    "a row of doubles": (
        lambda data: forged(data, **dict.fromkeys(("row__beta", "row__gamma"), np.zeros((1, 7)))),
        "others than float32",
    ),
    "a row for no painter": (lambda data: forged(data, {"needs": ""}), "which painter"),
    "half a card": (lambda data: forged(data, **dict(list(cards(1).items())[:5])), "its card is none"),
    "a card of NaN": (lambda data: forged(data, **cards(np.nan)), "numbers in .* that are not finite"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_words_and_leaves_nothing(tmp_path: Path, what: str):
    data = whole(tmp_path)
    forge, words = HOSTILE[what]
    there = library(tmp_path / "there")
    with pytest.raises(VelaturaError, match=words) as caught:
        there.add_file(forge(data))
    assert caught.value.code in ("bad_image", "too_large")
    assert not (tmp_path / "there").exists()


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = whole(tmp_path)
    monkeypatch.setattr(packing, "LONGEST", len(data) - 1)
    with pytest.raises(VelaturaError, match="at most") as caught:
        library(tmp_path / "there").add_file(data)
    assert caught.value.code == "too_large"
