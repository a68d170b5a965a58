"""Every kind of error has an exit code and one line; the documentation lists the same codes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli.running import velatura
from velatura.errors import CODES, FieldError, VelaturaError
from velatura_daemon.cli import MODULES, exits, jobs
from velatura_models.store.files import WeightsError

DOCS = Path(__file__).parents[2] / "docs" / "commands.md"


def test_every_error_code_has_an_exit_code_with_a_meaning() -> None:
    assert set(exits.BY_CODE) == set(CODES)
    of_weights = (exits.exit_code(WeightsError(code, "")) for code in ("corrupt", "download"))
    used = {*exits.BY_CODE.values(), *of_weights}
    assert used <= set(exits.MEANINGS) and exits.OK not in used and exits.USAGE not in used


def test_the_documentation_lists_every_exit_code_in_the_same_words() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    assert {int(code): words for code, words in rows} == exits.MEANINGS


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            FieldError("recipe.strength", "is 3; allowed is 0 to 1"),
            3,
            "recipe.strength: is 3; allowed is 0 to 1",
        ),
        (VelaturaError("busy", "try again"), 10, "try again"),
        (WeightsError("download", "broke off"), exits.DOWNLOAD, "broke off"),
        (FileNotFoundError(2, "No such file or directory", "x.png"), exits.FILES, "x.png: No such file"),
        (KeyboardInterrupt(), exits.INTERRUPTED, "interrupted"),
        (ZeroDivisionError("oops"), exits.INTERNAL, "a defect (ZeroDivisionError: oops)"),
    ],
)
def test_an_error_becomes_one_line_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(jobs.velatura, "connect", fail)
    outcome = velatura("ps")
    assert outcome.code == code
    assert words in outcome.err and outcome.err.startswith("velatura: ") and outcome.err.count("\n") == 1
    assert outcome.out == ""


def test_debug_adds_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise VelaturaError("busy", "try again")

    monkeypatch.setattr(jobs.velatura, "connect", fail)
    outcome = velatura("--debug", "ps")
    assert outcome.code == 10 and "Traceback" in outcome.err


def test_a_command_line_that_is_not_understood() -> None:
    assert velatura("no-such-command").code == exits.USAGE
    outcome = velatura("stylize", "--strenth", "1")
    assert outcome.code == exits.USAGE and "--strenth" in outcome.err


def test_every_option_in_the_documentation_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    pages = [DOCS, DOCS.parent / "scripting.md", DOCS.parents[1] / "README.md"]
    lines = [line for page in pages for line in re.findall(r"velatura [a-z].*--.*", page.read_text("utf-8"))]
    assert len(lines) >= 8
    for line in lines:
        words = line.split()
        groups = {"styles", "models", "daemon", "train", "bench"}
        command = words[1:3] if words[1] in groups else words[1:2]
        shown = velatura(*command, "--help").out
        for option in re.findall(r"(?<!\w)--[a-z-]+", line):
            assert option in shown, line


def test_the_documentation_names_every_command() -> None:
    shown = {
        command
        for line in re.findall(r"^velatura (.+)", DOCS.read_text("utf-8"), re.MULTILINE)
        for command in line.split()
    }
    assert set(MODULES) <= shown


def test_help_and_lists_are_light() -> None:
    """No torch, numpy or pillow before a command needs it."""
    heavy = "[m for m in ('torch', 'numpy', 'PIL', 'torchvision') if m in sys.modules]"
    for arguments in (["--help"], ["stylize", "--help"], ["models", "list"], ["train", "--help"]):
        call = (
            "import sys\nfrom velatura_daemon.cli import main\n"
            f"try: main({arguments!r})\nexcept SystemExit as end: assert not end.code, end.code\n"
            f"print({heavy}, file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr.strip() == "[]", arguments
