"""`velatura bench pictures` paints every pair through the daemon and measures what came out."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.running import velatura
from harness import Daemon
from PIL import Image
from safetensors.torch import save_file
from velatura_daemon.cli import exits
from velatura_daemon.cli.bench_pictures import pairs_of
from velatura_models.networks.encoder import Encoder


@pytest.mark.parametrize(("photos", "styles"), [(10, 10), (4, 6), (6, 4), (1, 3), (5, 7)])
def test_pairs_are_all_there_are_and_every_beginning_is_balanced(photos: int, styles: int) -> None:
    left, right = [Path(f"p{i}") for i in range(photos)], [Path(f"s{i}") for i in range(styles)]
    pairs = pairs_of(left, right, 10_000)
    assert len(set(pairs)) == photos * styles == len(pairs)
    for most in range(1, len(pairs) + 1):
        begun = pairs_of(left, right, most)
        assert begun == pairs[:most]
        for side, names in ((0, left), (1, right)):
            counts = [sum(pair[side] == name for pair in begun) for name in names]
            assert max(counts) - min(counts) <= 2


@pytest.fixture
def given(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for folder, names in (("photos", "ab"), ("styles", "xyz")):
        (tmp_path / folder).mkdir()
        for name in names:
            coarse = Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8))
            coarse.resize((96, 72), Image.Resampling.BICUBIC).save(tmp_path / folder / f"{name}.png")
    torch.manual_seed(0)
    save_file(Encoder((4, 6, 8, 8, 8), preprocess=False).state_dict(), tmp_path / "vgg.safetensors")
    return tmp_path


def bench(folder: Path, *more: object):
    places = (
        "--vgg",
        folder / "vgg.safetensors",
        "--content",
        folder / "photos",
        "--style",
        folder / "styles",
    )
    return velatura("bench", "pictures", *places, "--side", 64, *more)


def test_pictures_are_painted_kept_and_judged_alike_again(home: Daemon, given: Path) -> None:
    """The fake engine inverts pictures: no style is met, and the content is another."""
    figures = bench(given, "--json", "--out", given / "made", "--set", "strength=1.0").json
    assert figures["pairs"] == 6 and figures["recipe"]["kind"] == "stylize"
    photo, result = figures["photo"], figures["result"]
    assert (photo["style"], photo["gram"], photo["palette"], photo["content"]) == (1, 1, 1, 0)
    assert photo["recognised"] in (0, 1 / 3, 2 / 3, 0.5, 1 / 6) and result["content"] > 0
    kept = given / "made" / "a--x.png"
    inverted = 255 - np.asarray(
        Image.open(given / "photos" / "a.png").resize((88, 64), Image.Resampling.LANCZOS)
    )
    np.testing.assert_array_equal(np.asarray(Image.open(kept)), inverted)
    assert (given / "made" / "sheet.jpg").is_file()
    again = bench(given, "--json", "--made", given / "made").json
    seconds = result.pop("seconds")
    assert seconds > 0 and again["result"] == result


def test_what_cannot_be_judged_is_said(home: Daemon, given: Path) -> None:
    outcome = bench(given, "--set", "strength=2")
    assert outcome.code == exits.BY_CODE["bad_field"] and "strength" in outcome.err
    (given / "few").mkdir()
    outcome = bench(given, "--made", given / "few")
    assert outcome.code == exits.FILES and "a--x.png" in outcome.err
    for photo, style in itertools.product("ab", "xyz"):
        Image.new("RGB", (32, 32)).save(given / "few" / f"{photo}--{style}.png")
    outcome = bench(given, "--made", given / "few")
    assert outcome.code == exits.BY_CODE["bad_image"]
    assert "a--x.png" in outcome.err and "is 32 x 32, and the photo 88 x 64" in outcome.err
    (given / "styles" / "torn.png").write_bytes((given / "photos" / "a.png").read_bytes()[:60])
    outcome = bench(given)
    assert outcome.code == exits.BY_CODE["bad_image"] and "torn.png" in outcome.err
