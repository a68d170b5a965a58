"""How much work a recipe is and how long it will take, so that it can be told before anything starts.

The daemon measures the pace of each objective with each backbone on its device and tells it in its status; a
recipe says what it optimises and how often. What `auto` paints in, and what an editor asks first, follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EVALUATIONS = {"fine": 52, "finest": 160}
"""Loss evaluations of a picture's quality, all scales together."""

PATIENCE = 15.0
"""Seconds that `auto` lets a picture take before it paints it in one pass, and an editor before it asks."""

PACE: Mapping[str, float] = {
    "neighbours slim": 1.0e-6,
    "neighbours vgg19": 5.0e-6,
    "gram slim": 0.3e-6,
    "gram vgg19": 1.6e-6,
    "strotss slim": 0.6e-6,
    "strotss vgg19": 2.1e-6,
}
"""Seconds for a pixel and an evaluation on two processor cores: what is told before any was measured."""


@dataclass(frozen=True)
class Effort:
    """What an optimisation consists of.

    Attributes:
        objective: by which it optimises.
        backbone: what it sees with; `auto` where that is settled when it starts.
        evaluations: of the loss.
    """

    objective: str
    backbone: str
    evaluations: int

    @property
    def name(self) -> str:
        """Under which its pace is known."""
        return f"{self.objective} {self.backbone}"

    def seconds(self, pixels: int, pace: Mapping[str, float]) -> float:
        """How long it takes for so many pixels; 0 where nothing is known of its backbone.

        Args:
            pace: seconds for a pixel and an evaluation, as the daemon's status has them.
        """
        return pixels * self.evaluations * pace.get(self.name, PACE.get(self.name, 0.0))
