"""`velatura styles learn`, `export` and `add` of a style's file, and the same from Python."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import velatura as python
from cli.conftest import pixels
from cli.running import velatura
from PIL import Image
from velatura.errors import PictureWarning, VelaturaError
from velatura.recipe import Learn
from velatura.waiting import JobFuture
from velatura_daemon.cli import exits

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def moss(folder: Path) -> Iterator[Path]:
    """A picture to learn; its style is gone afterwards."""
    Image.fromarray(pixels(5, 48)).save(folder / "Moss (2).png")
    yield folder / "Moss (2).png"
    with python.connect() as client:
        for style in client.styles():
            if style["kind"] == "user":
                client.remove_style(style["name"])


def test_a_picture_is_learned_under_a_name_and_again_by_it(moss: Path) -> None:
    words = ("--steps", 4, "--artist", "Me", "--licence", "CC BY 4.0", "--on", "a.png", "-o", "look.png")
    outcome = velatura("styles", "learn", moss, *words)
    assert (outcome.code, outcome.out) == (0, "moss-2\n")
    assert Image.open("look.png").size == (24, 24)
    shown = velatura("styles", "show", "moss-2", "--json").json
    assert (shown["title"], shown["artist"], shown["rights"]) == ("Moss (2)", "Me", "CC BY 4.0")
    assert velatura("styles", "learn", "moss-2", "--steps", 2).out == "moss-2\n"
    assert velatura("styles", "learn", moss, "--steps", 2).out == "moss-2\n"  # the same picture goes on
    assert velatura("styles", "learn", moss, "--title", "Fern").code == exits.BY_CODE["bad_field"]
    Image.fromarray(pixels(6, 48)).save("fern.png")
    other = velatura("styles", "learn", "fern.png", "--name", "moss-2")
    assert (
        other.code == exits.BY_CODE["bad_field"] and "the name of a style with another picture" in other.err
    )
    refused = velatura("styles", "unlearn", "moss-2")  # this engine has learned nothing
    assert refused.code == exits.BY_CODE["bad_field"] and "has learned nothing of 'moss-2'" in refused.err
    assert velatura("styles", "show", "moss-2", "--json").json["title"] == "Moss (2)"
    told = velatura("styles", "show", "moss-2").out
    assert "has_picture" not in told and "picture  yes" in told
    assert velatura("styles", "learn", "nothing.png").code == exits.FILES
    assert velatura("styles", "learn", "moss-2", "--steps", 0).code == exits.BY_CODE["bad_field"]


def test_a_style_is_exported_and_added_elsewhere(moss: Path) -> None:
    assert velatura("styles", "add", moss, "--name", "moss", "--title", "Möss").code == 0
    assert velatura("styles", "export", "moss").out == "moss.velatura\n"
    assert velatura("styles", "export", "moss").code == exits.EXISTS
    assert velatura("styles", "export", "moss", "--force", "-o", "moss.velatura").code == 0
    assert velatura("styles", "export", "moss", "-o", "moss.png").code == exits.FILES
    assert velatura("styles", "export", "mos").code == exits.BY_CODE["unknown_style"]
    assert velatura("styles", "add", "moss.velatura").out == "moss\n"  # it is here
    Image.fromarray(pixels(6, 48)).save("fern.png")
    other = velatura("styles", "add", "fern.png", "--name", "moss")
    assert other.code == exits.BY_CODE["bad_field"] and "choose another name" in other.err
    assert velatura("styles", "add", "moss.velatura", "--name", "fern").out == "fern\n"
    assert velatura("styles", "show", "fern", "--json").json["title"] == "Möss"
    for command in ("add", "learn"):
        refused = velatura("styles", command, "moss.velatura", "--name", "x", "--title", "Y")
        assert refused.code == exits.BY_CODE["bad_field"] and "the file says it itself" in refused.err
    assert (
        "--artist: is given, but 'moss' is a style"
        in velatura("styles", "learn", "moss", "--artist", "I").err
    )
    Path("bad.velatura").write_bytes(Path("moss.velatura").read_bytes()[:-9])
    assert "truncated or damaged" in velatura("styles", "add", "bad.velatura").err


def test_a_style_file_is_used_as_a_style_by_every_command(moss: Path) -> None:
    velatura("styles", "add", moss, "--name", "moss")
    velatura("styles", "export", "moss")
    velatura("styles", "remove", "moss")
    shutil.copy("moss.velatura", "other.velatura")
    first = velatura("stylize", "a.png", "-s", "moss.velatura:0.5", "-s", "mosaic", "-o", "1.png", "--json")
    assert "moss.velatura: is in the library now, as 'moss'" in first.err
    assert [style["name"] for style in first.json[0]["recipe"]["styles"]] == ["moss", "mosaic"]
    again = velatura("refine", "a.png", "-s", "other.velatura", "-o", "2.png", "--iterations", 3)
    assert (again.code, "in the library" in again.err) == (0, False)
    velatura("styles", "remove", "moss")
    drawn = velatura("sheet", "a.png", "-s", "moss.velatura", "-s", str(moss), "--side", 32)
    assert drawn.code == 0 and "in the library now" in drawn.err
    assert velatura("styles", "learn", "other.velatura", "--steps", 3).out == "moss\n"
    with python.connect() as client:
        job = client.stylize("a.png", {"other.velatura": 0.3, str(moss): 0.7}, wait=False, out="3.png")
        assert job.recipe.styles[0].name == "moss" and job.recipe.styles[1].digest
        assert job.result() == Path("3.png")
    refused = velatura("stylize", "moss.velatura", "-s", "mosaic", "-o", "4.png")
    assert refused.code == exits.BY_CODE["bad_image"] and "is a style's file" in refused.err


def test_python_is_told_where_a_style_is_not_better_yet(moss: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JobFuture, "record", {"better": False})
    with python.connect() as client, pytest.warns(PictureWarning, match="moss-2: is not painted better yet"):
        assert client.learn(moss, steps=3) == "moss-2"


def test_python_learns_arrays_exports_and_imports(moss: Path) -> None:
    with python.connect() as client:
        for _ in range(2):
            assert client.learn(pixels(6, 40), "felt", title="Felt", steps=3) == "felt"
        with pytest.raises(VelaturaError, match="the name of a style with another picture"):
            client.learn(pixels(7, 40), "felt")
        job = client.learn("felt", steps=3, image=np.asarray(Image.open("a.png")), wait=False)
        assert isinstance(job.recipe, Learn) and job.recipe.steps == 3
        assert job.result().shape == (24, 24, 3)
        with pytest.raises(VelaturaError, match="stepps: is no field of learn"):
            client.learn("felt", stepps=3)
        path = client.export_style("felt", "felt.velatura")
        assert client.import_style(path, "felt-2")["title"] == "Felt"
        with pytest.raises(VelaturaError, match="cannot be read"):
            client.import_style("none.velatura")


def test_a_style_that_shows_nothing_is_named(folder: Path) -> None:
    Image.new("RGBA", (40, 40)).save("clear.png")
    for words in (
        ("stylize", "a.png", "-s", "clear.png", "-o", "o.png"),
        ("keypoints", "a.png", "clear.png", "-o", "o.json"),
        ("styles", "learn", "clear.png"),
    ):
        outcome = velatura(*words)
        assert outcome.code == 4 and outcome.err.endswith(
            "velatura: clear.png: is transparent everywhere: there is no picture in it\n"
        )
