"""Recipes of jobs that find something out and paint nothing: a style that is learned, places that pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .errors import FieldError
from .facts import Facts
from .kind import Kind, Style, backbone_field, check_styles, scale_field
from .pairs import LEAST as LEAST_PAIRS
from .pixels import Layout
from .schema import Shown, listed, ranged

LOOK_SIDE = 384
"""Longest side in pixels of the look at a style that is learned."""


@dataclass(frozen=True)
class Learn(Kind):
    """Teach the painter a style of the library, as one more row of its network (Dumoulin et al. 2017, section
    3.1); from then on it is painted as fast as the built-in ones and mixes with them."""

    KIND: ClassVar[str] = "learn"
    FACTS: ClassVar[Facts] = Facts(
        "Learn this style",
        "Learning the style",
        "Teach the painter a style of your own, in about a minute, so that it is painted at once",
        content=False,
        trial=True,
        mask=False,
        stops=True,
        placed="library",
        editors=(),
    )

    styles: tuple[Style, ...] = listed("the style of the library that is learned", most=1)
    steps: int = ranged(
        150, 1, 10000, "How long it learns; run again, it goes on by as many",
        Shown("Steps", "basic", soft=(50, 1000), log=True),
    )  # fmt: skip
    style_weight: float = ranged(
        10.0, 0.1, 1000.0, "How strongly the style is sought, against keeping the subject",
        Shown("Style weight", "basic", soft=(1, 100), log=True),
    )  # fmt: skip
    scale: float = scale_field()
    seed: int = ranged(
        0, 0, 2**31 - 1, "Of the photos' crops that it practises on", Shown("Seed", "expert", soft=None)
    )
    backbone: str = backbone_field()

    def check_whole(self) -> None:
        check_styles(self.styles)
        if not self.styles[0].name:
            raise FieldError("styles[0].name", "is empty; add the picture to the style library, and name it")
        if self.styles[0].mask:
            raise FieldError("styles[0].mask", "is set, but a style is learned whole")

    def result_layout(self, content: Layout | None = None) -> Layout:
        """8-bit RGB: the content that the style is tried on, or a sample photo, at most `LOOK_SIDE` long."""
        width, height = (content.width, content.height) if content else (0, 0)
        factor = min(1.0, LOOK_SIDE / max(width, height, 1))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        return Layout(*(size if width else (LOOK_SIDE, LOOK_SIDE)), "RGB")


@dataclass(frozen=True)
class Keypoints(Kind):
    """Find places of the content and of a style that correspond, by neural best buddies (Aberman et
    al. 2018)."""

    KIND: ClassVar[str] = "keypoints"
    FACTS: ClassVar[Facts] = Facts(
        "Keypoints",
        "Looking for pairs",
        "Find places of the picture and of a style that correspond",
        mask=False,
        editors=(),
    )

    styles: tuple[Style, ...] = listed("the style, which needs its picture", most=1)
    most: int = ranged(24, LEAST_PAIRS, 64, "How many pairs at most", Shown("Pairs", "basic"))
    backbone: str = backbone_field()

    def check_whole(self) -> None:
        check_styles(self.styles)
        if self.styles[0].mask:
            raise FieldError("styles[0].mask", "is set, but not heeded")
