"""A layer's own colours come back as far as a result is what was sent: checked against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from velatura.editor.keeping import FADE, PIECE, kept

KINDS = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
COUNT = PIECE + 1000


@pytest.mark.parametrize(("depth", "wire"), [("u8", "u16"), ("u16", "u16"), ("f16", "f32"), ("f32", "f32")])
def test_as_the_formula_says(depth: str, wire: str) -> None:
    random = np.random.default_rng(3)

    def pixels(kind: str, channels: int) -> np.ndarray:
        whole = 1.0 if kind[0] == "f" else np.iinfo(KINDS[kind]).max
        return (random.uniform(0, 1, (COUNT, channels)) * whole).astype(KINDS[kind])

    before, there, made = (pixels(depth, 5) for _ in range(3))
    sent = pixels(wire, 4)
    top = 1.0 if wire == "f32" else 65535
    apart = random.uniform(-0.4, 0.4, (COUNT, 1)) * top * random.integers(0, 2, (COUNT, 4))
    result = (sent + apart).clip(0, top).astype(KINDS[wire])
    away = np.abs(result.astype(float) - sent).max(1) / top
    assert (away == 0).any() and (away > FADE).any()
    weight = (1 - away / FADE).clip(0, 1)[:, None]
    wanted = made.astype(float) + weight * (before.astype(float) - there)
    data = [a.tobytes() for a in (before, sent, result, there, made)]
    got = np.frombuffer(kept(*data[:3], (data[3], data[4]), depth, wire), KINDS[depth]).reshape(COUNT, 5)
    whole = 1.0 if depth[0] == "f" else np.iinfo(KINDS[depth]).max
    if depth[0] != "f":
        wanted = wanted.clip(0, whole)
    assert np.abs(got - wanted).max() <= 2 * whole / 31 + 1
    same = away == 0
    exact = made[same].astype(int if depth[0] == "u" else float) + before[same] - there[same]
    if depth[0] == "u":
        assert (got[same] == exact.clip(0, whole)).all()
    assert (got[(away > FADE)] == made[away > FADE]).all()


def test_where_nothing_changed_it_is_the_layer_to_the_last_bit() -> None:
    before, sent = bytes([0, 0, 0, 255, 255] * 3), bytes([9, 0] * 12)
    back = bytes([191, 174, 165, 229, 255] * 3)
    assert kept(before, sent, sent, (back, back), "u8", "u16") == before
    assert kept(b"", b"", b"", (b"", b""), "u8", "u16") == b""
