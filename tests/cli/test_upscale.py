"""`velatura upscale` against a real daemon whose engine makes white pictures of the right size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.running import velatura
from PIL import Image
from velatura.pictures.files import recipe_of
from velatura.recipe import Upscale

pytestmark = pytest.mark.usefixtures("home")


def test_pictures_become_larger_files_with_their_recipe_inside(folder: Path) -> None:
    assert velatura("upscale", "a.png", "b.png", "-o", "large", "--factor", 8).code == 0
    assert Image.open("large/a.png").size == Image.open("large/b.png").size == (192, 192)
    assert recipe_of(Path("large/a.png")) == Upscale(factor=8)


def test_a_saved_recipe_runs_again_and_options_change_it(folder: Path) -> None:
    saved = {"kind": "upscale", "factor": 4, "strength": 0.5, "networks": []}
    Path("mine.json").write_text(json.dumps(saved))
    (done,) = velatura("upscale", "a.png", "-o", "x.png", "--recipe", "mine.json", "--json").json
    assert done["recipe"] == saved
    velatura("upscale", "a.png", "-o", "y.png", "--recipe", "mine.json", "--factor", 8)
    assert recipe_of(Path("y.png")) == Upscale(factor=8, strength=0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--factor", 6), "factor: is 6; allowed: 4, 8"),
        (("--factor", 16), "factor: is 16; allowed: 4, 8"),
        (("--strength", 1.5), "strength: is 1.5; allowed is 0 to 1"),
        (("--recipe", "missing.json"), "no such file"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    folder: Path, arguments: tuple, words: str
) -> None:
    outcome = velatura("upscale", "a.png", "-o", "out.png", *arguments)
    assert outcome.code and words in outcome.err
    assert not Path("out.png").exists()
