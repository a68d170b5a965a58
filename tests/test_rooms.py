"""The house's rules: who may import whom (the contracts in pyproject.toml), and what must say why it is."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from velatura.editor.words import COMMANDS
from velatura.recipe import RECIPES

ROOT = Path(__file__).parents[1]
ROOMS = ("shared_protocol", "daemon", "models", "krita_plugin", "gimp_plugin")


def test_every_room_imports_only_what_it_may():
    """In a process of its own: it silences the loggers that are there."""
    command = [Path(sys.executable).with_name("lint-imports"), ROOT / "pyproject.toml", "--no-cache"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    checked = subprocess.run(command, env=env, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_drawing_of_the_house_names_its_rooms():
    drawn = set(re.findall(r"[\w.]+", (ROOT / "docs/images/architecture.svg").read_text("utf-8")))
    houses = ("shared_protocol/velatura", "daemon/velatura_daemon", "models/velatura_models")
    rooms = {file.parent.name for house in houses for file in (ROOT / house).glob("*/__init__.py")}
    assert len(rooms) > 14 and rooms <= drawn, rooms - drawn


def test_what_is_ignored_or_skipped_says_why():
    rooms = (*ROOMS, "tests", "docs")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py") if file != Path(__file__)]
    lines = [f"{file}: {line}" for file in files for line in file.read_text("utf-8").splitlines()]
    ignored = [line for line in lines if "# type: ignore" in line]
    assert [line for line in ignored if not re.search(r"ignore\[[\w, -]+\]\s+# \w", line)] == []
    skipped = [line for line in lines if re.search(r"mark\.skip|pytest\.skip\(|importorskip", line)]
    assert len(skipped) <= 6 and all("reason=" in line for line in skipped), skipped
    assert [line for line in lines if "NotImplementedError" in line] == []


def test_a_name_stands_for_one_thing():
    """Two classes of one name are one thing: a widget in both editors, or what an editor has to bring."""
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    homes: dict[str, list[Path]] = {}
    for file in files:
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(file.relative_to(ROOT))
    both = {"Controls", "GalleryView", "PullRow", "Velatura", "Paper", "Surface"}
    assert {name: where for name, where in homes.items() if len(where) > 1 and name not in both} == {}


def test_a_kind_of_job_is_asked_for_its_facts_and_never_which_it_is():
    """What is true of some kinds stands in their `FACTS`, and what runs each in one table of the engine."""
    kinds = "|".join(sorted(kind.__name__ for kind in RECIPES.values()))
    asked = re.compile(rf"isinstance\([^()]*, \(?[\w., ]*\b(?:{kinds})\b|hasattr\(\w*recipe")
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    found = [f"{file}: {line}" for file in files for line in file.read_text("utf-8").splitlines()]
    assert [line for line in found if asked.search(line)] == []


def test_commands_in_messages_of_the_daemon_can_be_left_out():
    """A person in an editor reads them too; see `velatura.editor.words.trouble`."""
    rooms = (
        "daemon/velatura_daemon/engine",
        "daemon/velatura_daemon/styles",
        "models/velatura_models/methods",
    )
    files = [
        file for room in (*rooms, "models/velatura_models/store") for file in (ROOT / room).rglob("*.py")
    ]
    told = [words for file in files for words in _messages(ast.parse(file.read_text("utf-8")))]
    named = [words for words in told if re.search(r"velatura [a-z]+ [a-z]", words)]
    assert len(named) > 8
    assert [words for words in named if "velatura" in COMMANDS.sub("", words)] == []


def _messages(tree: ast.Module):
    """The texts of a module, docstrings aside, `0` for what is filled in."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        if id(node) not in inside:
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "0" for p in parts)
