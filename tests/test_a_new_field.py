"""Adding a field: it is written where the recipe is, and validation, command line, both editors and the
docs have it. The steps are those that CONTRIBUTING.md lists.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import typing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
import typer
from typer.testing import CliRunner
from velatura.editor.look import Look, controls
from velatura.errors import FieldError
from velatura.fields import adjustable, words
from velatura.recipe import RECIPES, Stylize, recipe_from_map
from velatura.schema import Option, Shown, choice, ranged
from velatura_daemon.cli.options import Chosen, runs

TOP = Path(__file__).parents[1]


@dataclass(frozen=True)
class Glazed(Stylize):
    """A stylization with two fields more."""

    glaze: float = ranged(3.0, 0.5, 9.0, "How thickly it is glazed", Shown("Glaze", "basic", log=True))
    varnish: str = choice(
        "matt", {"matt": Option("Matt"), "gloss": Option("Gloss", "Like oil")}, "Its sheen", Shown("Varnish")
    )


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "stylize", Glazed)


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """GIMP's declaration of arguments, with a stand-in for GIMP."""
    monkeypatch.setitem(sys.modules, "gi", MagicMock())
    monkeypatch.setitem(sys.modules, "gi.repository", MagicMock())
    monkeypatch.syspath_prepend(TOP / "gimp_plugin")
    monkeypatch.delitem(sys.modules, "velatura_gimp.arguments", raising=False)
    yield importlib.import_module("velatura_gimp.arguments")
    monkeypatch.delitem(sys.modules, "velatura_gimp.arguments", raising=False)


def test_the_daemon_s_door_checks_it() -> None:
    styles = [{"name": "mosaic"}]
    recipe = recipe_from_map({"kind": "stylize", "styles": styles, "glaze": 4})
    assert dataclasses.astuple(recipe)[-2:] == (4.0, "matt")
    with pytest.raises(FieldError, match=r"recipe\.glaze: is 40; allowed is 0\.5 to 9"):
        recipe_from_map({"kind": "stylize", "styles": styles, "glaze": 40})
    with pytest.raises(FieldError, match="allowed: matt, gloss"):
        recipe_from_map({"kind": "stylize", "styles": styles, "varnish": "wax"})


def test_the_command_line_has_its_option() -> None:
    given: list[Chosen] = []
    app = typer.Typer()

    @app.command()
    @runs(Glazed)
    def paint(chosen: Chosen, name: typing.Annotated[str, typer.Argument()]) -> None:
        given.append({**chosen, "name": name})

    run = CliRunner().invoke
    assert run(app, ["x", "--glaze", "4"]).exit_code == 0
    assert run(app, ["y", "--varnish", "gloss", "--keep-color"]).exit_code == 0
    assert given == [{"glaze": 4.0, "name": "x"}, {"varnish": "gloss", "color": "luminance", "name": "y"}]
    said = " ".join(run(app, ["--help"], env={"COLUMNS": "200"}).output.split())
    assert "Glaze: how thickly it is glazed; 0.5 to 9." in said and "[default: 3.0]" in said
    assert "Varnish: its sheen: matt, gloss." in said


def test_gimp_s_procedure_has_its_argument(arguments: Any) -> None:
    procedure = MagicMock()
    arguments.add_all(procedure, "stylize")
    (double,) = [c.args for c in procedure.add_double_argument.mock_calls if c.args[0] == "glaze"]
    _, label, blurb, low, high, default, _ = double
    assert (label.replace("_", ""), blurb) == ("Glaze", "How thickly it is glazed (0.5 to 9)")
    assert (low, high, default) == (0.5, 9.0, 3.0)
    (chosen,) = [c.args for c in procedure.add_choice_argument.mock_calls if c.args[0] == "varnish"]
    assert chosen[4] == "matt"
    recipe = Glazed(styles=(), glaze=2.0, varnish="gloss")
    values = arguments.values_from(recipe)
    assert values["glaze"] == 2.0 and values["stroke-size"] == 1.0
    read = {f.name: arguments.value_of(f, values[f.argument]) for f in adjustable(Glazed)}
    assert Glazed(styles=(), **read) == recipe


def test_krita_s_docker_has_its_control_and_the_look_its_value() -> None:
    (slider,) = [c for c in controls(["stylize"], ["basic"]) if c.setting == "glaze"]
    (menu,) = [c for c in controls(["stylize"], ["more"]) if c.setting == "varnish"]
    assert slider.field.soft == (0.5, 9.0) and list(menu.field.options) == ["matt", "gloss"]
    look: Any = Look()
    look.choose("mosaic")
    assert (look.glaze, look.varnish) == (3.0, "matt")
    look.glaze, look.varnish = 5.0, "gloss"
    other = Look()
    other.take(look.stylize())
    assert other.stylize() == look.stylize()
    assert dataclasses.astuple(other.stylize())[-2:] == (5.0, "gloss")


def test_the_docs_have_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TOP / "docs")
    tables = importlib.import_module("field_tables")
    assert "| `glaze` | Glaze | How thickly it is glazed | 0.5 to 9 | 3 |" in tables.parts()["fields stylize"]
    assert "`gloss`: like oil" in tables.parts()["fields stylize"]


def test_translators_find_its_words() -> None:
    assert {"Glaze", "How thickly it is glazed", "Varnish", "Matt", "Gloss", "Like oil"} <= set(words())
