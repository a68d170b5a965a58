"""Styles and layers in words become recipe values, or an error that names the field."""

from __future__ import annotations

from pathlib import Path

import pytest
from velatura.errors import FieldError
from velatura.recipe import Style, Stylize
from velatura_daemon.cli.recipes import parse_layers, parse_styles, saved_recipe


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.png", "odd:name.png", "plain"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_names_and_files_with_and_without_weights() -> None:
    assert parse_styles(["great-wave:0.3", "mine.png:0.7"]) == {"great-wave": 0.3, Path("mine.png"): 0.7}
    assert parse_styles(["great-wave"]) == {"great-wave": 1.0}
    assert parse_styles(["plain:2"]) == {Path("plain"): 2.0}


def test_a_file_with_a_colon_in_its_name_is_a_file() -> None:
    assert parse_styles(["odd:name.png"]) == {Path("odd:name.png"): 1.0}
    assert parse_styles(["odd:name.png:0.5"]) == {Path("odd:name.png"): 0.5}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("great-wave:much", r"styles\[0\]: weight is 'much'"),
        ("great-wave:-1", r"styles\[0\]\.weight: is -1; allowed is 0 to 1000"),
        ("great-wave:nan", r"styles\[0\]\.weight: is nan"),
        ("gone.png", r"styles\[0\]: no file 'gone\.png'"),
        ("some/folder/x", r"styles\[0\]: no file"),
        ("", r"styles\[0\]: is empty; give a NAME"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(given: str, words: str) -> None:
    with pytest.raises(FieldError, match=words):
        parse_styles([given])


def test_a_style_named_twice_is_refused() -> None:
    with pytest.raises(FieldError, match="named twice"):
        parse_styles(["great-wave", "great-wave:2"])


def test_layer_weights() -> None:
    assert parse_layers(["relu2_1=1", "relu1_1=0.5"], "style_layers") == (("relu1_1", 0.5), ("relu2_1", 1.0))
    with pytest.raises(FieldError, match="style_layers: is 'relu1_1'; write LAYER=WEIGHT"):
        parse_layers(["relu1_1"], "style_layers")


def test_a_recipe_from_an_editor_of_windows_is_read(here: Path) -> None:
    (here / "bom.json").write_text('{"kind": "stylize", "styles": [{"name": "mosaic"}]}', "utf-8-sig")
    assert saved_recipe(here / "bom.json", Stylize) == Stylize(styles=(Style("mosaic"),))
