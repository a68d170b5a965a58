"""`velatura stylize` against a real daemon whose engine inverts pictures."""

from __future__ import annotations

import io
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.conftest import pixels
from cli.running import command, velatura
from harness import Daemon, until
from PIL import Image
from velatura.client import Client
from velatura.errors import VelaturaError
from velatura.pictures.files import recipe_of
from velatura.recipe import Stylize
from velatura_daemon.cli import exits

pytestmark = pytest.mark.usefixtures("home")


def seen(path: str | Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_picture_becomes_a_file_with_its_recipe_inside(folder: Path) -> None:
    outcome = velatura("stylize", "a.png", "--style", "invert", "--strength", 0.8, "-o", "out.png")
    assert outcome.code == 0 and outcome.out.startswith("out.png  ") and outcome.err == ""
    assert np.array_equal(seen("out.png"), 255 - pixels(0))
    recipe = recipe_of(Path("out.png"))
    assert isinstance(recipe, Stylize)
    assert recipe.strength == 0.8 and recipe.styles[0].name == "invert"


def test_folders_and_globs_become_folders(folder: Path) -> None:
    assert velatura("stylize", "in", "?.png", "--style", "invert", "-o", "to/there").code == 0
    written = sorted(str(p.relative_to("to/there")) for p in Path("to/there").rglob("*") if p.is_file())
    assert written == ["a.png", "b.png", "deep/c.png"]
    assert np.array_equal(seen("to/there/deep/c.png"), 255 - pixels(2))


def test_json_tells_what_was_made_and_how(folder: Path) -> None:
    (done,) = velatura("stylize", "a.png", "--style", "invert", "-o", "out.png", "--json").json
    assert (done["input"], done["output"], done["error"]) == ("a.png", "out.png", "")
    assert done["recipe"]["kind"] == "stylize" and done["seconds"] >= 0


def test_an_existing_output_is_kept_unless_forced(folder: Path) -> None:
    Path("out.png").write_bytes(b"precious")
    outcome = velatura("stylize", "a.png", "--style", "invert", "-o", "out.png")
    assert outcome.code == exits.EXISTS and "--force" in outcome.err
    assert Path("out.png").read_bytes() == b"precious"
    assert velatura("stylize", "a.png", "--style", "invert", "-o", "out.png", "--force").code == 0
    assert np.array_equal(seen("out.png"), 255 - pixels(0))


def test_a_blend_of_a_name_and_a_file_reaches_the_recipe(folder: Path) -> None:
    words = ("stylize", "a.png", "-s", "invert:0.25", "-s", "b.png:0.75", "-o", "out.png", "--json")
    (done,) = velatura(*words).json
    name, picture = done["recipe"]["styles"]
    assert (name["name"], name["weight"]) == ("invert", 0.25)
    assert len(picture["digest"]) == 32 and picture["weight"] == 0.75


def test_each_region_goes_with_its_style(folder: Path) -> None:
    Image.new("L", (24, 24), 255).save("left.png")
    Image.new("L", (24, 24), 0).save("right.png")
    words = ["stylize", "a.png", "-s", "invert", "-s", "other", "-o", "out.png", "--json"]
    (done,) = velatura(*words, "--region", "left.png", "--region", "right.png").json
    masks = [style["mask"] for style in done["recipe"]["styles"]]
    assert len(set(masks)) == 2 and all(len(mask) == 32 for mask in masks)
    outcome = velatura(*words, "--region", "left.png", "--force")
    assert outcome.code == 3 and "regions: has 1 masks for 2 styles" in outcome.err


def test_strokes_suit_each_picture_unless_they_are_given(folder: Path) -> None:
    Image.new("RGB", (2048, 16)).save("large.png")
    words = ("stylize", "a.png", "large.png", "-s", "invert", "--json", "-o")
    assert [done["recipe"]["scale"] for done in velatura(*words, "one").json] == [1, 2]
    assert [done["recipe"]["scale"] for done in velatura(*words, "two", "--scale", 1).json] == [1, 1]
    Path("recipe.json").write_text(json.dumps({"kind": "stylize", "styles": [{"name": "invert"}]}))
    stored = velatura(*words[:3], "--recipe", "recipe.json", "--json", "-o", "three").json
    assert [done["recipe"]["scale"] for done in stored] == [1, 1]


def test_a_recipe_runs_again_and_options_change_it(folder: Path) -> None:
    assert velatura("stylize", "a.png", "-s", "invert", "--scale", 1.5, "-o", "one.png").code == 0
    words = ("stylize", "b.png", "--recipe", "one.png", "--strength", 0.25, "-o", "two.png")
    assert velatura(*words).code == 0
    again = recipe_of(Path("two.png"))
    assert isinstance(again, Stylize)
    assert (again.scale, again.strength, again.styles[0].name) == (1.5, 0.25, "invert")
    Path("recipe.json").write_text(json.dumps({"kind": "texture", "styles": [{"name": "invert"}]}))
    outcome = velatura("stylize", "b.png", "--recipe", "recipe.json", "-o", "three.png")
    assert outcome.code == 3 and "a recipe for texture, not for stylize" in outcome.err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["-s", "invert", "--strength", "1.5"], 3, "strength: is 1.5; allowed is 0 to 1"),
        (["-s", "invert", "--color", "blue"], 3, "color: is 'blue'; allowed: style, luminance, statistics"),
        (["-s", "invert:-1"], 3, "styles[0].weight: is -1"),
        (["-s", "invert:0"], 3, "weights sum to 0"),
        (["-s", "gone.png"], 3, "styles[0]: no file 'gone.png'"),
        (["-s", "invert", "--mask", "gone.png"], exits.FILES, "gone.png: no such file"),
        (["-s", "invert", "--mask", "small.png"], 4, "mask: is 5 x 5 pixels; the picture is 24 x 24"),
        (["-s", "broken.png"], 4, "broken.png: cannot be read: a truncated, damaged or unusual PNG"),
        (["-s", "fail"], 3, "recipe.styles[0].name: is 'fail'"),
        (["-s", "invert", "--keep-color", "--color", "style"], 3, "color: is 'style', and --keep-color"),
        ([], 3, "styles: is empty"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(
    folder: Path, options: list[str], code: int, words: str
) -> None:
    Image.new("L", (5, 5)).save("small.png")
    Path("broken.png").write_bytes(Path("a.png").read_bytes()[:200])
    before = sorted(folder.rglob("*"))
    outcome = velatura("stylize", "a.png", *options, "-o", "out.png")
    assert outcome.code == code, outcome.err
    assert words in outcome.err and outcome.err.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_one_bad_picture_does_not_spoil_a_batch(folder: Path) -> None:
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    outcome = velatura("stylize", "a.png", "bad.png", "b.png", "-s", "invert", "-o", "to", "--json")
    assert outcome.code == exits.SOME_FAILED
    errors = {done["input"]: done["error"] for done in outcome.json}
    assert errors["a.png"] == errors["b.png"] == "" and errors["bad.png"].startswith("bad_image: ")
    assert sorted(p.name for p in Path("to").iterdir()) == ["a.png", "b.png"]
    assert "1 of 3 pictures failed" in outcome.err


def test_an_error_that_concerns_all_pictures_ends_a_batch(folder: Path) -> None:
    outcome = velatura("stylize", "a.png", "b.png", "-s", "fail", "-o", "to")
    assert outcome.code == 3 and outcome.err.count("\n") == 1
    assert not Path("to").exists()


def test_what_was_done_before_a_batch_ended_is_told(
    folder: Path, home: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, names = Client.submit, []

    def submit(self: Client, *given: Any, **options: Any) -> Any:
        names.append(options["out"].name)
        if names[-1] == "c.png":
            raise VelaturaError("timeout", "the daemon is silent")
        return real(self, *given, **options)

    monkeypatch.setattr(Client, "submit", submit)
    outcome = velatura("stylize", "a.png", "b.png", "in/deep/c.png", "-s", "invert", "-o", "to", "--json")
    assert outcome.code == 11 and "the daemon is silent" in outcome.err
    assert [done["output"] for done in outcome.json] == ["to/a.png", "to/b.png"], "what was begun is finished"
    assert np.array_equal(seen("to/a.png"), 255 - pixels(0))


def test_a_picture_without_room_comes_again_alone_and_ends_no_batch(
    folder: Path, home: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, names = Client.submit, []

    def submit(self: Client, *given: Any, **options: Any) -> Any:
        names.append(options["out"].name)
        if names[-1] == "a.png" or names.count("b.png") == 1 == len(names) - 1:
            raise VelaturaError("busy", "no room")
        return real(self, *given, **options)

    monkeypatch.setattr(Client, "submit", submit)
    outcome = velatura("stylize", "a.png", "b.png", "in/deep/c.png", "-s", "invert", "-o", "to", "--json")
    assert names == ["a.png", "b.png", "c.png", "a.png", "b.png"] and outcome.code == exits.SOME_FAILED
    errors = {done["input"]: done["error"] for done in outcome.json}
    assert errors == {"a.png": "busy: no room", "b.png": "", "in/deep/c.png": ""}


def test_ctrl_c_cancels_and_writes_nothing(home: Daemon, folder: Path) -> None:
    words = command("stylize", "a.png", "-s", "gate", "-o", "to/out.png")
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=home.environment)
    until(lambda: [job["state"] for job in velatura("ps", "--json").json] == ["running"], "the job runs")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == exits.INTERRUPTED and err == "velatura: interrupted\n"
    assert not Path("to").exists()
    until(lambda: velatura("ps", "--json").json == [], "the job's end")


def test_a_daemon_that_ends_in_the_middle_is_said(folder: Path) -> None:
    with Daemon() as daemon:
        words = command("stylize", "a.png", "-s", "gate", "-o", "out.png")
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=daemon.environment)
        with daemon.connect() as talk:
            talk.until(lambda: any(job["state"] == "running" for job in talk.ask("jobs")), "the job runs")
        daemon.kill()
        _, err = process.communicate(timeout=120)
    assert process.returncode == 9 and err.count("\n") == 1 and "daemon" in err
    assert not Path("out.png").exists()


def test_a_folder_that_cannot_be_made_is_found_out_before_any_work(folder: Path) -> None:
    outcome = velatura("stylize", "b.png", "-s", "invert", "-o", "a.png/to/out.png")
    assert outcome.code == exits.FILES and "cannot write into" in outcome.err


def test_a_run_may_name_its_device(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    submit = Client.submit
    monkeypatch.setattr(Client, "submit", lambda *a, **k: asked.append(k["device"]) or submit(*a, **k))
    for options in ((), ("--device", "cpu")):
        assert velatura("stylize", "a.png", "-s", "invert", *options, "-f", "-o", "out.png").code == 0
    assert asked == ["", "cpu"]


def test_a_picture_comes_and_goes_by_pipes(folder: Path) -> None:
    words = command("stylize", "-", "-s", "invert", "--json", "-o", "-")
    done = subprocess.run(words, input=Path("a.png").read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0 and b'"output": "standard output"' in done.stderr
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(done.stdout))), 255 - pixels(0))
    done = subprocess.run(words, input=b"", capture_output=True, check=False)
    assert done.returncode == exits.FILES and b"nothing came on standard input" in done.stderr
    done = subprocess.run(words, input=b"no picture", capture_output=True, check=False)
    assert done.returncode == 4 and b"\nvelatura: standard input: is not a picture" in done.stderr
