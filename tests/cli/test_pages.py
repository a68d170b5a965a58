"""The pages' commands: each is understood as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from velatura_daemon.cli import app

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def commands(page: Path) -> list[str]:
    """What stands after `velatura` in the page's blocks; not forms, which name what is to be filled in."""
    blocks = re.findall(r"^ *```(?:sh)?\n(.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    parts = [part for line in lines for part in re.split(r"\||&&", line.split(" #")[0].split(">")[0])]
    found = [re.match(r"\s*(?:\w+=\S+ )*velatura (.*)", part) for part in parts]
    return [match[1] for match in found if match and not re.search(r"[…\[]|\.\.\.", match[1])]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_every_command_of_a_page_is_understood(page: Path) -> None:
    for line in commands(page):
        command, words, context = typer.main.get_command(app), shlex.split(line), None
        while hasattr(command, "resolve_command") and words:
            context = command.make_context("velatura", words, parent=context, resilient_parsing=True)
            _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        if not hasattr(command, "resolve_command"):
            command.make_context("velatura", words, parent=context)  # raises what a person would be told
