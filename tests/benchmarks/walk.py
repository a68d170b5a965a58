"""How a job walks through the modules of engine and models: what a reader who follows it opens, in order.

Every function counts when it is called for the first time (properties, dunders, lambdas and comprehensions do
not, nor the rooms `maths`, which is arithmetic, and `networks`, which is what runs in the end). A *stay* is a
stretch of such calls in one module, a *return* a stay in a module that was open before.

    python tests/benchmarks/walk.py [METHOD [STYLE]]      OMP_NUM_THREADS=1; a first job, with nothing loaded
"""

from __future__ import annotations

import os
import sys
import tempfile
from itertools import groupby
from types import CodeType, FrameType
from typing import Any

ROOMS = ("velatura_daemon", "velatura_models")
LEFT_OUT = ("velatura_models.maths", "velatura_models.networks")


def walk(method: str = "adain-skip", style: str = "starry-night") -> list[tuple[str, list[str]]]:
    """Module and functions of every stay of a first job by a method, in a style that it knows."""
    home = tempfile.TemporaryDirectory()
    os.environ["VELATURA_HOME"] = home.name
    from velatura.pixels import Layout
    from velatura.recipe import Style, Stylize
    from velatura_daemon.engine.engine import TorchEngine
    from velatura_daemon.engine.tasks import EngineTask, Slot
    from velatura_daemon.settings import Settings

    engine, layout = TorchEngine(Settings(threads=1)), Layout(64, 64, "RGB")
    recipe = Stylize((Style(style),), strength=0.5, method=method)
    content = Slot(layout, memoryview(os.urandom(layout.nbytes)), "a" * 64)
    task = EngineTask("job", recipe, content, None, {}, lambda made: memoryview(bytearray(made.nbytes)))
    known: set[CodeType] = set()
    calls: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        module, code = frame.f_globals.get("__name__") or "", frame.f_code
        if event != "call" or code in known or not module.startswith(ROOMS) or module.startswith(LEFT_OUT):
            return
        known.add(code)
        if code.co_flags & 1 and not code.co_name.startswith(("<", "__")) and not _is_property(frame):
            calls.append((module, code.co_name))

    sys.setprofile(note)
    for _ in engine.run(task):
        pass
    sys.setprofile(None)
    home.cleanup()
    return [(module, [name for _, name in part]) for module, part in groupby(calls, lambda call: call[0])]


def _is_property(frame: FrameType) -> bool:
    own = frame.f_locals.get("self")
    return isinstance(getattr(type(own), frame.f_code.co_name, None), property)


def main() -> None:
    stays = walk(*sys.argv[1:])
    for module, names in stays:
        print(f"{module.replace('velatura_', ''):32}{', '.join(names)}")
    modules = len({module for module, _ in stays})
    print(f"{len(stays)} stays, {len(stays) - modules} returns, {modules} modules")


if __name__ == "__main__":
    main()
