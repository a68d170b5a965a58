"""Runs a method's generator to its end."""

from __future__ import annotations

import torch
from velatura_models.methods.method import Content


def stylized(method, rgb, styles, strength=1.0, weight=None, **more):
    """What a method makes of a picture, every part of it written once, and what it keeps of the content."""
    out = torch.full_like(rgb, torch.nan)

    def write(core, made):
        rows, columns = core.slices()
        assert bool(torch.isnan(out[:, :, rows, columns]).all()), "written twice"
        out[:, :, rows, columns] = made

    steps = method.stylize(Content(rgb, weight), styles, strength, write, **more)
    with torch.inference_mode():
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return out, stop.value
