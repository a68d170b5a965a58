"""The steps of docs/refine.md, "Adding an objective", taken."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from velatura.choices import OBJECTIVES as NAMES
from velatura.recipe import UNSET
from velatura_daemon.engine.refine import OBJECTIVES as RUN
from velatura_models.optimise.objective import RefineOptions
from velatura_models.optimise.problem import Problem, StyleSource
from velatura_models.optimise.refinement import Refinement
from velatura_models.optimise.scene import Level
from velatura_models.optimise.terms import Terms
from velatura_models.optimise.variable import FreePixels

from .conftest import box_mask, random_encoder, random_picture

PAGE = (Path(__file__).parents[2] / "docs" / "refine.md").read_text("utf-8")


def test_the_objective_of_the_page_walks_to_its_goal() -> None:
    (code,) = re.findall(r"### Adding an objective.*?```python\n(.*?)```", PAGE, re.DOTALL)
    content, style = random_picture(48, 64, 1).float(), random_picture(40, 40, 2).float() * 0.5
    mask = box_mask(48, 64, 10, 10, 40, 50).float()
    problem = Problem((48, 64), [StyleSource(style)], content, mask)
    names = {
        "dataclass": dataclass, "Level": Level, "FreePixels": FreePixels, "Terms": Terms, "replace": replace,
        "Refinement": Refinement, "RefineOptions": RefineOptions, "encoder": random_encoder().float(),
        "problem": problem,
    }  # fmt: skip
    exec(code, names)
    walk = names["walk"]
    assert isinstance(walk, Refinement)
    losses = [step.losses["tint"] for step in walk.run() if step.whole]
    assert losses[-1] < losses[0]  # what the mask holds fast stays in it
    made = walk.picture()
    assert torch.equal(made * (1 - mask), content * (1 - mask))
    goal = style.mean((2, 3), keepdim=True)
    before, after = (((p - goal).abs() * mask).sum() for p in (content, made))
    assert float(after) < 0.2 * float(before)


def test_every_objective_is_named_has_defaults_and_runs() -> None:
    assert set(NAMES) == set(UNSET) == set(RUN)
