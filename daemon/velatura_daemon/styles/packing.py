"""A style as one file to pass on: `NAME.velatura`, written and read here, and trusted by nobody.

One safetensors file, so that there is no code in it and no path: `picture` and `thumbnail` are the bytes of
picture files, `card.*` a style card for `slim`, `row.gamma` and `row.beta` what a painter learned of it. The
header says the rest as JSON. What is read is checked as if it came from an enemy: sizes, names, shapes and
kinds of numbers, and pictures by the reader that all pictures go through. No torch here: the supervisor's
librarian does this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from velatura.errors import VelaturaError
from velatura.names import LONGEST_NAME, NAME
from velatura.stylefile import LONGEST
from velatura_models.store.files import LONGEST as LONGEST_HEADER
from velatura_models.store.files import NET_FORMAT, digest_of
from velatura_models.store.nets import describe_net

from .catalogue import catalog
from .reading import MAX_BYTES, encoded, read_style, thumbnail_of

FORMAT = "velatura-style-1"
TEXTS = ("name", "title", "artist", "year", "rights")
TRAINED = ("steps", "pictures", "side", "seconds")
"""What is kept of how a row was learned."""
LONGEST_TEXT = 200
LONGEST_THUMBNAIL = 1 << 20
CARD_FORMAT = "velatura-card-1"
LONGEST_ROW = 1 << 16
"""Numbers of a row, at most."""
CARD, ROW = "card.", "row."


@dataclass(frozen=True)
class StyleFile:
    """What a style's file holds, checked.

    Attributes:
        texts: name, title, artist, year, rights.
        picture: bytes of its picture file; empty where it has none.
        thumbnail: bytes of a JPEG, made anew.
        card: a card for `slim`, as a file's bytes; empty where there is none.
        row: scales and shifts `(1, C)` float32 of what was learned; empty where nothing was.
        needs: digest of the painter that the row is for.
        trained: how it was learned, plain values.
    """

    texts: Mapping[str, str]
    picture: bytes = b""
    thumbnail: bytes = b""
    card: bytes = b""
    row: Mapping[str, np.ndarray] = field(default_factory=dict)
    needs: str = ""
    trained: Mapping[str, Any] = field(default_factory=dict)


def pack(
    texts: Mapping[str, str],
    picture: Path | None,
    thumbnail: Path | None,
    card: Path | None,
    row: Path | None,
) -> bytes:
    """The bytes of a style's file.

    Args:
        texts: by the names in `TEXTS`.
        picture, thumbnail, card, row: its files, where there are such.
    """
    about = {"format": FORMAT, "about": json.dumps({name: texts[name] for name in TEXTS})}
    tensors: dict[str, np.ndarray] = {}
    for name, path in (("picture", picture), ("thumbnail", thumbnail)):
        if path is not None:
            tensors[name] = np.frombuffer(path.read_bytes(), np.uint8)
    if card is not None:
        data = card.read_bytes()
        tensors |= {CARD + name: array for name, array in load(data).items()}
        about["backbone"] = _header(data, "the card").get("backbone", "")
    if row is not None:
        net = describe_net(row)
        tensors |= {ROW + name: array.astype(np.float32) for name, array in load(row.read_bytes()).items()}
        about |= {"needs": net.needs, "trained": json.dumps(dict(net.trained))}
    return save(tensors, about)


def unpack(data: bytes) -> StyleFile:
    """What a style's file holds.

    Raises:
        VelaturaError: `too_large`, or `bad_image` for whatever else is wrong with it, in words.
    """
    if len(data) > LONGEST:
        raise VelaturaError("too_large", f"the file has {len(data)} bytes; a style has at most {LONGEST}")
    try:
        about = _header(data, "the file")
        if about.get("format") != FORMAT:
            raise _bad("it is no style's file, or one of a newer Velatura")
        tensors = load(data)
        texts = json.loads(about.get("about", ""))
        trained = json.loads(about.get("trained", "{}"))
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _bad(f"it is truncated or damaged ({error})") from error
    if not isinstance(texts, dict) or not isinstance(trained, dict):
        raise _bad("what it says of the style is no table")
    texts = {name: texts.get(name, "") for name in TEXTS}
    for name, text in texts.items():
        if not isinstance(text, str) or len(text) > LONGEST_TEXT or not text.isprintable():
            raise _bad(f"its {name} is no line of text of at most {LONGEST_TEXT} characters")
    if not NAME.fullmatch(texts["name"]) or len(texts["name"]) > LONGEST_NAME:
        raise _bad(f"its name is {texts['name'][:80]!r}, and names are small letters, digits, single hyphens")
    known = {name: array for name, array in tensors.items() if name in ("picture", "thumbnail")}
    card = {n.removeprefix(CARD): a for n, a in tensors.items() if n.startswith(CARD)}
    row = {n.removeprefix(ROW): a for n, a in tensors.items() if n.startswith(ROW)}
    strange = [n for n in tensors if n not in known and not n.startswith((CARD, ROW))]
    if strange:
        raise _bad(f"it holds {strange[0][:40]!r}, which no style has")
    picture = _file(known.get("picture"), "picture", MAX_BYTES)
    if not (picture or card or row):
        raise _bad("it holds neither a picture nor a card nor what was learned")
    seen = picture or _file(known.get("thumbnail"), "thumbnail", LONGEST_THUMBNAIL)
    return StyleFile(
        texts,
        picture,
        encoded(thumbnail_of(read_style(seen)), "JPEG") if seen else b"",  # none is kept as it came
        _card(card, about.get("backbone", "")) if card else b"",
        _row(row, about.get("needs", "")) if row else {},
        about.get("needs", ""),
        {name: trained[name] for name in TRAINED if isinstance(trained.get(name), (int, float))},
    )


def same(one: StyleFile, other: StyleFile) -> bool:
    """Whether two files are of one style: the same picture, else the same card, else the same row."""

    def known_by(held: StyleFile) -> tuple[bytes, dict[str, bytes]]:
        arrays = {} if held.picture else load(held.card) if held.card else held.row
        return held.picture, {name: array.tobytes() for name, array in arrays.items()}

    return known_by(one) == known_by(other)


def row_file(held: StyleFile, name: str) -> bytes:
    """The file of a network of kind `style`, as `store.nets` reads them, for a style's row."""
    digest = digest_of((key, array.shape, array.tobytes()) for key, array in held.row.items())
    about = {
        "format": NET_FORMAT,
        "kind": "style",
        "architecture": "{}",
        "styles": json.dumps([name]),
        "trained": json.dumps(dict(held.trained)),
        "needs": held.needs,
        "digest": digest,
    }
    return save(dict(held.row), about)


def _bad(why: str) -> VelaturaError:
    return VelaturaError("bad_image", f"the style's file cannot be used: {why}")


def _header(data: bytes, what: str) -> dict[str, str]:
    """The texts in a safetensors header."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(LONGEST_HEADER, len(data) - 8):
        raise ValueError(f"{what} has no header")
    entries = json.loads(data[8 : 8 + length])
    about = entries.get("__metadata__", {})
    if not isinstance(about, dict) or not all(isinstance(text, str) for text in about.values()):
        raise ValueError(f"{what} has a header that says nothing")
    return about


def _file(array: np.ndarray | None, what: str, most: int) -> bytes:
    if array is None:
        return b""
    if array.dtype != np.uint8 or array.ndim != 1 or array.size > most:
        raise _bad(f"its {what} is no file of at most {most} bytes")
    return array.tobytes()


@cache
def _shipped_card() -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Names, shapes and kinds of what a card holds: of one that ships."""
    card = next(entry.cards["slim"] for entry in catalog().values() if entry.cards)
    return {name: (array.shape, array.dtype) for name, array in load(card.read_bytes()).items()}


def _card(card: Mapping[str, np.ndarray], backbone: str) -> bytes:
    if {name: (array.shape, array.dtype) for name, array in card.items()} != _shipped_card():
        raise _bad("its card is none, or one for another version of Velatura")
    wrong = [name for name, array in card.items() if not np.isfinite(array).all()]
    if wrong:
        raise _bad(f"its card holds numbers in {wrong[0]!r} that are not finite")
    return save(dict(card), {"format": CARD_FORMAT, "backbone": backbone})


def _row(row: Mapping[str, np.ndarray], needs: str) -> Mapping[str, np.ndarray]:
    shapes = {array.shape for array in row.values()}
    shape = next(iter(shapes))
    if set(row) != {"gamma", "beta"} or len(shapes) > 1 or len(shape) != 2 or shape[0] != 1:
        raise _bad("what was learned is no row of scales and one of shifts")
    if shape[1] > LONGEST_ROW or any(array.dtype != np.float32 for array in row.values()):
        raise _bad(f"what was learned is more than {LONGEST_ROW} numbers, or others than float32")
    if not all(np.isfinite(array).all() for array in row.values()):
        raise _bad("what was learned holds numbers that are not finite")
    if not needs:
        raise _bad("it does not say which painter it was learned for")
    return row
