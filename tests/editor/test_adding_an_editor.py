"""The page on adding an editor is true: its lines run, on the stand-ins for what an editor brings."""

from __future__ import annotations

import ast
import re
from functools import partial
from pathlib import Path
from typing import Any

from velatura.editor.studio import Studio

from editor.fake_paper import FakePaper, FakeSurface
from editor.fakes import FakeDaemon, FakeLoop

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"


def steps() -> list[str]:
    """The page's lines of code, one statement each."""
    section = PAGE.read_text("utf-8").partition("### Adding an editor")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    return [ast.unparse(statement) for statement in ast.parse(found.group(1)).body]


def test_the_pages_lines_make_an_editor(
    paper: FakePaper, loop: FakeLoop, surface: FakeSurface, daemon: FakeDaemon, tmp_path: Path
) -> None:
    """Between the lines the editor's loop goes on, and the daemon does what it is asked for."""
    document = paper.open(32, 24)
    names: dict[str, Any] = {
        "Studio": partial(Studio, clock=lambda: loop.now), "paper": paper, "loop": loop,
        "surface": surface, "start": daemon.start, "folder": tmp_path,
    }  # fmt: skip
    seen: dict[str, Any] = {}
    for step in steps():
        exec(step, names)
        for _ in range(3):
            loop.run(0.2)
            for job in daemon.open:
                daemon.finish(job, len(daemon.jobs))
        studio: Studio = names["studio"]
        seen[step.partition("(")[0]] = studio.link.state, studio.preview.full_size, len(document.layers)
    assert seen == {
        "studio = Studio": ("asleep", False, 1),
        "studio.wake": ("ready", False, 1),
        "studio.gallery.in_sight": ("ready", False, 1),
        "studio.look.choose": ("ready", False, 1),
        "studio.preview.turn": ("ready", True, 1),
        "studio.look.strength = 0.5": ("ready", True, 1),
        "studio.preview.request": ("ready", True, 1),
        "task = studio.apply": ("ready", False, 2),
        "studio.close": ("ready", False, 2),
    }
    assert names["task"].state == "done" and surface.image is None
    assert studio.gallery.picture("wave") is daemon.thumbnails["aa"]
    assert daemon.lines[-1].closed and loop.waiting == 0
