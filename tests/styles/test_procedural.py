"""The painters: the same seed gives the same picture, another seed another one, and none is flat."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from PIL import Image
from velatura_daemon.styles.catalogue import STYLES, catalog
from velatura_daemon.styles.procedural import PAINTERS, SEED, SIZE
from velatura_daemon.styles.procedural.__main__ import BUDGET, encoded
from velatura_daemon.styles.procedural.canvas import blur, cells, colours, noise, ramp, sample, shifted

SMALL = 96


@cache
def painted(name: str) -> np.ndarray:
    return PAINTERS[name](SMALL, SEED)


@pytest.mark.parametrize("name", sorted(PAINTERS))
def test_a_picture_is_whole_and_rich(name):
    picture = painted(name)
    assert picture.shape == (SMALL, SMALL, 3) and picture.dtype == np.uint8
    values = picture.astype(float)
    grey = values.mean(-1)
    assert grey.std() > 25, "light and dark"
    blocks = grey.reshape(8, SMALL // 8, 8, SMALL // 8).swapaxes(1, 2).reshape(64, -1)
    assert np.mean(blocks.std(1) > 4) > 0.9, "detail nearly everywhere, not a few shapes on a flat ground"
    buckets = np.unique(picture.reshape(-1, 3) // 32, axis=0)
    assert len(buckets) > 40, "many colours"
    assert (values.max(-1) - values.min(-1)).mean() > 15, "colour, not grey"


@pytest.mark.parametrize("name", sorted(PAINTERS))
def test_the_same_seed_gives_the_same_picture(name):
    assert np.array_equal(PAINTERS[name](SMALL, SEED), painted(name))


@pytest.mark.parametrize(
    "name", ["batik", "cut-paper", "marbling", "stained-glass", "watercolour", "woodcut"]
)
def test_another_seed_gives_another_picture(name):
    assert np.abs(PAINTERS[name](SMALL, SEED + 1).astype(float) - painted(name)).mean() > 3


def test_a_picture_is_the_same_at_every_size():
    small, large = (np.asarray(Image.fromarray(PAINTERS["mosaic"](s, 1)).resize((48, 48))) for s in (96, 192))
    assert np.abs(small.astype(float) - large).mean() < 12


def test_what_ships_is_what_the_painters_paint():
    """One picture in full size; its coding leaves a small difference, another picture a large one."""
    shipped = np.asarray(Image.open(STYLES / "pictures" / "woodcut.webp").convert("RGB"), float)
    fresh = PAINTERS["woodcut"](SIZE, SEED)
    assert np.abs(shipped - fresh).mean() < 8
    assert np.abs(shipped - fresh[::-1]).mean() > 30


def test_every_shipped_picture_keeps_its_budget():
    entries = [entry for entry in catalog().values() if entry.kind == "procedural"]
    assert sorted(PAINTERS) == [entry.name for entry in entries]
    sizes = [entry.picture.stat().st_size for entry in entries]
    assert max(sizes) <= 250_000 and sum(sizes) <= 3_000_000
    for entry in entries:
        with Image.open(entry.picture) as image:
            assert image.size == (SIZE, SIZE)


def test_encoding_stays_within_the_budget():
    rough = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    data = encoded(rough, 20_000)
    assert len(data) <= 20_000 < BUDGET
    assert Image.open(io.BytesIO(data)).size == (128, 128)
    with pytest.raises(ValueError, match="does not fit"):
        encoded(rough, 500)


def test_the_command_paints_into_a_folder(tmp_path):
    command = [sys.executable, "-m", "velatura_daemon.styles.procedural", str(tmp_path), "--only", "woodcut"]
    subprocess.run([*command, "--size", "64"], check=True, capture_output=True)
    with Image.open(tmp_path / "woodcut.webp") as image:
        assert image.size == (64, 64)


def test_cells_are_the_nearest_seeds_and_borders_the_distance_to_the_bisector():
    seeds = np.random.default_rng(2).random((40, 2))
    index, border = cells(64, seeds)
    line = (np.arange(64) + 0.5) / 64
    points = np.stack(np.meshgrid(line, line), -1)
    far = np.linalg.norm(points[:, :, None] - seeds, axis=-1)
    assert np.array_equal(index, far.argmin(-1))
    first = seeds[index]
    gap = far**2 - far.min(-1, keepdims=True) ** 2
    apart = np.linalg.norm(first[:, :, None] - seeds, axis=-1)
    exact = np.where(apart > 0, gap / (2 * np.maximum(apart, 1e-12)), np.inf).min(-1)
    near = exact < 1 / 64  # beyond a tile's reach the border may be another's, never a nearer one
    assert near.mean() > 0.1
    np.testing.assert_allclose(border[near], exact[near], atol=1e-6)


def test_noise_has_mean_0_and_deviation_1():
    field = noise(128, 12, np.random.default_rng(0))
    assert abs(field.mean()) < 1e-3 and abs(field.std() - 1) < 1e-3


def test_sampling_at_pixel_centres_gives_the_pixels_and_mirrors_beyond():
    image = np.random.default_rng(1).random((16, 16)).astype(np.float32)
    line = (np.arange(16) + 0.5) / 16
    x, y = np.meshgrid(line, line)
    np.testing.assert_allclose(sample(image, x, y), image, atol=1e-5)
    np.testing.assert_allclose(sample(image, -x, y), image, atol=1e-5)
    np.testing.assert_allclose(sample(image, 2 - x, y), image, atol=1e-5)


def test_ramp_blur_and_shift_keep_what_they_must():
    palette = colours("000000", "ffffff", "ff0000")
    np.testing.assert_allclose(ramp(np.array([0, 0.25, 0.5, 1.0]), palette)[:, 1], [0, 0.5, 1, 0], atol=1e-6)
    flat = np.full((32, 32, 3), 0.3, np.float32)
    np.testing.assert_allclose(blur(flat, 0.1), flat, atol=1e-6)
    image = np.arange(100.0).reshape(10, 10)
    moved = shifted(image, 0.2, 0.1)
    assert moved[5, 5] == image[4, 3] and moved[0, 0] == image[0, 0]
