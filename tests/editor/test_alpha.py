"""Alpha times selection, against numpy, for every depth and any number of channels."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from velatura.editor.alpha import bake, changed, chosen, gray_as_rgb, gray_of_rgb, whole

KINDS = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}


@given(
    st.sampled_from(list(KINDS)), st.sampled_from([2, 4, 5]), st.integers(1, 60), st.integers(0, 2**32 - 1),
    st.sampled_from(["opaque", "mixed", "clear"]), st.sampled_from(["soft", "all", "none"]),
)  # fmt: skip
def test_alpha_is_multiplied_and_colour_kept(
    depth: str, channels: int, count: int, seed: int, alpha: str, chosen: str
) -> None:
    random = np.random.default_rng(seed)
    full = 1.0 if depth[0] == "f" else float(np.iinfo(KINDS[depth]).max)
    values = random.uniform(0, full, (count, channels))
    values[:, -1] = {"opaque": full, "clear": 0.0, "mixed": values[:, -1]}[alpha]
    pixels = values.astype(KINDS[depth])
    low, high = {"soft": (0, 256), "all": (255, 256), "none": (0, 1)}[chosen]
    selection = random.integers(low, high, count, np.uint8)

    made = np.frombuffer(bake(pixels.tobytes(), channels, depth, selection.tobytes()), KINDS[depth])
    made = made.reshape(count, channels)

    assert np.array_equal(made[:, :-1], pixels[:, :-1])
    wanted = pixels[:, -1].astype(np.float64) * selection / 255
    if depth[0] == "u":
        assert np.array_equal(made[:, -1].astype(float), np.floor(wanted + 0.5))
    else:
        close = 2e-3 if depth == "f16" else 1e-6
        assert np.allclose(made[:, -1].astype(float), wanted, rtol=close, atol=1e-7)


def test_sizes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes of pixels"):
        bake(bytes(16), 4, "u8", bytes(3))


def test_a_refinement_works_wherever_anything_is_selected() -> None:
    assert whole(bytes([0, 1, 128, 255])) == bytes([0, 255, 255, 255])


@given(st.binary(min_size=1, max_size=60), st.sampled_from([1, 2, 4, 8, 16]), st.randoms())
def test_pixels_are_chosen_by_a_mask(which: bytes, size: int, random) -> None:
    ones, zeros = (random.randbytes(len(which) * size) for _ in range(2))
    made = np.frombuffer(chosen(which, bytearray(ones), zeros, size), np.uint8).reshape(-1, size)
    touched = np.frombuffer(which, np.uint8) > 0
    assert np.array_equal(made[touched], np.frombuffer(ones, np.uint8).reshape(-1, size)[touched])
    assert np.array_equal(made[~touched], np.frombuffer(zeros, np.uint8).reshape(-1, size)[~touched])


@pytest.mark.parametrize("pixel_bytes", [1, 4, 10])
def test_pixels_that_differ_in_any_byte(pixel_bytes: int) -> None:
    before = np.random.default_rng(3).integers(0, 256, (60, pixel_bytes), dtype=np.uint8)
    after = before.copy()
    after[::7, -1] ^= 1
    after[3, 0] ^= 128
    found = np.frombuffer(changed(before.tobytes(), after.tobytes(), pixel_bytes), np.uint8)
    assert np.array_equal(found != 0, (before != after).any(1))


def test_gray_pixels_are_rgb_ones_with_their_colours_alike() -> None:
    gray = struct.pack("<4H", 7, 65535, 300, 12)
    wide = gray_as_rgb(gray, "H")
    assert struct.unpack("<8H", wide) == (7, 7, 7, 65535, 300, 300, 300, 12)
    assert gray_of_rgb(wide, "H") == gray
    assert gray_of_rgb(bytes([1, 2, 3, 4]), "B") == bytes([2, 4]), "of RGBA and BGRA the same"
