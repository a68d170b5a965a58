"""`velatura refine` and `texture`: steps, previews, Ctrl-C once and twice; the engine inverts pictures."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import pixels
from cli.running import command, velatura
from harness import Daemon, until
from PIL import Image
from velatura.pictures.files import recipe_of
from velatura.recipe import Refine, Texture
from velatura_daemon.cli import exits

pytestmark = pytest.mark.usefixtures("home")


def test_a_refinement_runs_to_its_end_and_keeps_its_recipe(folder: Path) -> None:
    words = (
        "refine",
        "a.png",
        "-s",
        "invert",
        "--iterations",
        8,
        "--style-layer",
        "relu2_1=0.5",
        "-o",
        "out.png",
    )
    outcome = velatura(*words)
    assert outcome.code == 0 and outcome.out.startswith("out.png")
    assert np.array_equal(np.asarray(Image.open("out.png")), 255 - pixels(0))
    recipe = recipe_of(Path("out.png"))
    assert isinstance(recipe, Refine)
    assert recipe.iterations == 8 and recipe.style_layers == (("relu2_1", 0.5),)


def test_a_folder_is_refined_picture_by_picture(folder: Path) -> None:
    outcome = velatura("refine", "a.png", "in", "-s", "invert", "--iterations", 4, "-o", "to")
    made = sorted(p.relative_to("to") for p in Path("to").rglob("*.*"))
    assert outcome.code == 0 and len(made) == outcome.out.count("\n") >= 2
    outcome = velatura("refine", "a.png", "in", "-s", "invert", "--previews", "steps", "-o", "to", "-f")
    assert outcome.code == exits.USAGE and "--previews shows one picture" in outcome.err


def test_a_texture_has_the_size_asked_for(folder: Path) -> None:
    words = ("--width", 40, "--height", 24, "--tileable", "--iterations", 4, "-o", "waves.png")
    assert velatura("texture", "-s", "b.png", *words).code == 0
    assert Image.open("waves.png").size == (40, 24)
    recipe = recipe_of(Path("waves.png"))
    assert isinstance(recipe, Texture) and recipe.tileable and recipe.styles[0].digest


def test_a_folder_of_styles_becomes_a_texture_of_each(folder: Path) -> None:
    (folder / "in" / "broken.png").write_bytes(b"none")
    words = ("--width", 40, "--height", 24, "--iterations", 4, "-o", "to")
    outcome = velatura("texture", "in", "b.png", *words)
    assert outcome.code == exits.SOME_FAILED and "broken.png" in outcome.err
    assert Image.open("to/deep/c.png").size == Image.open("to/b.png").size == (40, 24)
    assert recipe_of(Path("to/b.png")).styles != recipe_of(Path("to/deep/c.png")).styles
    outcome = velatura("texture", "in", "-s", "invert", "-o", "other")
    assert outcome.code == exits.USAGE and "one or the other" in outcome.err


def test_previews_are_written_as_the_picture_develops(folder: Path) -> None:
    words = ("--iterations", 60, "--previews", "steps", "--preview-every", 0.05, "-o", "out.png")
    assert velatura("refine", "a.png", "-s", "invert", *words).code == 0
    previews = sorted(p.name for p in Path("steps").iterdir())
    assert len(previews) >= 2 and all(name.startswith("step-0000") for name in previews)
    assert np.asarray(Image.open(Path("steps") / previews[0])).shape == (24, 24, 3)


def test_a_folder_for_previews_that_is_a_file_is_said(folder: Path) -> None:
    outcome = velatura("refine", "a.png", "-s", "invert", "--previews", "b.png", "-o", "out.png")
    assert outcome.code == exits.FILES and "b.png" in outcome.err and outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--iterations", "0"], 3, "iterations: is 0; allowed is 1 to 5000"),
        (["--style-layer", "relu1_1"], 3, "style_layers: is 'relu1_1'; write LAYER=WEIGHT"),
        (["--style-layer", "relu1_1=0"], 3, "style_layers: weights are all 0"),
        (["--content-weight", "0", "--style-weight", "0"], 3, "style_weight: and content_weight are both 0"),
        (["--optimizer", "sgd"], 3, "optimizer: is 'sgd'; allowed: lbfgs, adam"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder: Path, options: list[str], code: int, words: str) -> None:
    outcome = velatura("refine", "a.png", "-s", "invert", *options, "-o", "out.png")
    assert outcome.code == code and words in outcome.err and outcome.err.count("\n") == 1
    assert not Path("out.png").exists()


def _hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are started deaf to it


class Refining:
    """A `velatura refine` of many steps, as a process of its own that can be sent Ctrl-C."""

    def __init__(self, home: Daemon, style: str = "invert") -> None:
        self.home = home
        words = command(
            "refine", "a.png", "-s", style, "--iterations", 5000, "-o", "out.png",
            "--previews", "steps", "--preview-every", 0.05,
        )  # fmt: skip
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            words, stdout=pipe, stderr=pipe, text=True, env=home.environment, preexec_fn=_hear_ctrl_c
        )

    def interrupt(self) -> None:
        os.kill(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Exit code and standard error."""
        _, err = self.process.communicate(timeout=120)
        return self.process.returncode, err

    def is_under_way(self) -> bool:
        return self.process.poll() is not None or any(Path("steps").glob("step-*.png"))


def test_ctrl_c_keeps_the_best_picture_so_far(home: Daemon, folder: Path) -> None:
    refining = Refining(home)
    until(refining.is_under_way, "a preview")
    refining.interrupt()
    code, err = refining.end()
    assert code == 0, err
    assert np.array_equal(np.asarray(Image.open("out.png")), 255 - pixels(0))


def test_a_second_ctrl_c_discards_it(home: Daemon, folder: Path) -> None:
    refining = Refining(home, style="gate")  # waits for a gate that stays shut, so a stop changes nothing
    until(lambda: [job["state"] for job in velatura("ps", "--json").json] == ["running"], "the job runs")
    refining.interrupt()
    assert refining.process.stderr is not None
    assert "Ctrl-C again discards it" in refining.process.stderr.readline()
    refining.interrupt()
    code, err = refining.end()
    assert code == exits.INTERRUPTED and "Traceback" not in err
    assert not Path("out.png").exists()
    until(lambda: velatura("ps", "--json").json == [], "the job's end")
