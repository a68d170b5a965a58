"""The steps of docs/architecture.md, followed: a kind of job of a few lines goes from wire to result."""

from __future__ import annotations

import re
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from velatura import fields, messages, recipe, schema
from velatura.messages import Submit
from velatura.pixels import Layout, digest
from velatura.schema import hints
from velatura_daemon.engine import compose, engine, upscale
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import EngineTask, Finished, Slot
from velatura_daemon.service.submission import check_parts, ticket_of
from velatura_daemon.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
LAYOUT = Layout(5, 4, "RGBA")


def as_written(
    number: int, like: types.ModuleType, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> dict[str, Any]:
    """A block of code of the page, run as if it stood in a module."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = types.ModuleType(f"{like.__name__}_and_more")
    vars(module).update(
        {name: value for name, value in vars(like).items() if not name.startswith("__")} | more
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(textwrap.dedent(blocks[number]), vars(module))
    return vars(module)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> type:
    """The kind, added in the places that the page names."""
    kind = as_written(0, recipe, monkeypatch)["Mirror"]
    monkeypatch.setitem(recipe.RECIPES, kind.KIND, kind)
    for message in (messages.Submit, messages.Result):  # what the union in recipe.py says
        monkeypatch.setitem(hints(message), "recipe", hints(message)["recipe"] | kind)
    monkeypatch.setattr(schema, "_fields", schema._fields.__wrapped__)  # it remembers them as they were
    runner = as_written(1, upscale, monkeypatch, Mirror=kind, as_array=compose.as_array)
    monkeypatch.setattr(engine, "RUNNERS", {**engine.RUNNERS, kind: runner["mirror"]})
    return kind


def test_a_new_kind_travels_is_checked_runs_and_is_shown(mirror: type):
    pixels = np.arange(LAYOUT.nbytes, dtype=np.uint8).reshape(4, 5, 4)
    data = memoryview(pixels.tobytes())
    name = digest(LAYOUT, [data])

    sent = messages.decode(messages.encode(Submit("job", mirror(upright=True), name)))
    assert isinstance(sent, Submit) and sent.recipe == mirror(upright=True)
    check_parts(sent)
    assert not ticket_of(sent, "client").long

    memory = memoryview(bytearray(LAYOUT.nbytes))
    task = EngineTask("job", sent.recipe, Slot(LAYOUT, data, name), None, {}, lambda layout: memory)
    *_, last = TorchEngine(Settings()).run(task)
    assert isinstance(last, Finished) and bytes(last.data) == pixels[::-1].tobytes()

    assert [field.label for field in fields.fields_of(mirror)] == [
        "Upright"
    ] and "Mirroring" in fields.words()
