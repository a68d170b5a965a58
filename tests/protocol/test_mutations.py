"""Whatever is done to a file, it is read or refused in words: no decoder's exception comes through."""

from __future__ import annotations

import random
import warnings
import zlib

import pytest
import seeds
from velatura.errors import PictureWarning, VelaturaError
from velatura.pictures import files
from velatura.pictures.metadata import read_exif, write_exif

EACH = 250
"""Mutations of each of the seeds: more than ten thousand in all, in a few seconds."""


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A file with a few bytes changed, cut out, doubled, or cut off; most near its head, where meaning is."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        reach = len(changed) if rng.random() < 0.4 else min(len(changed), 200)
        at = rng.randrange(max(reach, 1))
        way = rng.randrange(6)
        if way < 3:
            changed[at : at + 1] = bytes([rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))])
        elif way == 3:
            del changed[at : at + rng.randrange(1, 9)]
        elif way == 4:
            changed[at:at] = changed[at : at + rng.randrange(1, 9)]
        elif rng.random() < 0.3:
            del changed[at + 8 :]
    return bytes(changed)


def mended(png: bytes) -> bytes:
    """A PNG with the checksums of its chunks made right again, so that mutations reach what they hold."""
    out, at = bytearray(png[:8]), 8
    while at + 12 <= len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        body = png[at + 4 : at + 8 + size]
        out += png[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + size
    return bytes(out)


@pytest.mark.parametrize("kind", seeds.SEEDS)
def test_a_damaged_file_is_read_or_refused_in_words(kind: str) -> None:
    data, rng = seeds.SEEDS[kind](), random.Random(kind)
    suffix = seeds.SUFFIX.get(kind, "")
    for number in range(EACH):
        broken = mutated(data, rng)
        if kind.startswith("png") and number % 2:
            broken = mended(broken)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                pixels = files.decode(broken, "the file", suffix)
            except VelaturaError as error:
                assert error.code in ("bad_image", "too_large"), number
                assert str(error).startswith("the file: "), number
            else:
                assert pixels.array.ndim == 3 and pixels.array.shape[2] in (1, 2, 3, 4), number


def test_damaged_exif_costs_its_entries_and_not_the_picture() -> None:
    whole, rng = seeds.exif()[6:], random.Random(1)
    for _ in range(2000):
        read_exif(write_exif(read_exif(mutated(whole, rng))))
    data = seeds.SEEDS["jpeg"]()
    at = data.index(b"Exif\0\0")
    for number in range(200):
        broken = bytearray(data)
        for _ in range(4):
            broken[at + 6 + rng.randrange(200)] = rng.randrange(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PictureWarning)
            assert files.decode(bytes(broken)).array.shape[2] == 3, number
