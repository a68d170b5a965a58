"""What recipes of several kinds share: a style, the fields that are one and the same choice for the artist
whatever the kind, and what every kind states of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

from .choices import BACKBONES, COLORS, OPTIMIZERS, POOLINGS
from .effort import Effort
from .errors import FieldError
from .facts import Facts
from .pixels import Layout
from .schema import Shown, choice, listed, mapped, picture, ranged, text

STYLE_LAYERS = {f"relu{b}_1": 0.2 for b in range(1, 6)}

STROKES = Shown("Stroke size", "basic", "stroke-size", log=True, percent=True)
scale_field = partial(
    ranged, 1.0, 0.5, high=2.0, doc="How large the style's features appear", shown=STROKES
)  # fmt: skip
color_field = partial(choice, "style", COLORS, "Whose colours the result has", Shown("Colour", "basic"))
backbone_field = partial(choice, "auto", BACKBONES, "Which network looks at the pictures", Shown("Network"))
tv_weight_field = partial(
    ranged, low=0.0, high=1e4, doc="Smooths (weight of total variation): 0 keeps all grain, 30 is calm",
    shown=Shown("Smoothness", argument="smoothness", soft=(0, 60)),
)  # fmt: skip
levels_field = partial(
    ranged, low=1, high=6, shown=Shown("Levels"),
    doc="Sizes from coarse to fine, each twice the one before; more lay out larger forms",
)  # fmt: skip
seed_field = partial(
    ranged, 0, 0, 2**31 - 1, "Of the noise; the same seed gives the same picture",
    Shown("Seed", "expert", soft=None),
)  # fmt: skip
optimizer_field = partial(
    choice, options=OPTIMIZERS, doc="Which optimiser", shown=Shown("Optimiser", "expert")
)  # fmt: skip
pooling_field = partial(
    choice, options=POOLINGS, doc="How the network pools", shown=Shown("Pooling", "expert")
)  # fmt: skip
style_layers_field = partial(
    mapped, STYLE_LAYERS, 0.0, 1e3,
    "Weight per layer: only relu1_1 and relu2_1 give grain and colour without forms, more of relu5_1 larger"
    " motifs", Shown("Style layers", "expert"),
)  # fmt: skip


def iterations_field(default: int | None) -> Any:
    shown = Shown("Steps", "basic", soft=(20, 1000), log=True)
    return ranged(
        default, 1, 5000, "Loss evaluations, all sizes together: 60 for a look, 500 for the last bit", shown
    )


def learning_rate_field(default: float | None) -> Any:
    shown = Shown("Step size", "expert", soft=(0.003, 0.3), log=True)
    return ranged(
        default, 1e-4, 1.0, "How far Adam goes at a step, L-BFGS at its first; pixels are 0..1", shown
    )


def side_field(label: str) -> Any:
    shown = Shown(label, "basic", soft=None, fits=True)
    return ranged(512, 16, 16384, f"{label} of the result", shown, "pixels")


@dataclass(frozen=True)
class Style:
    """One style of a blend: a library name or the digest of a picture, exactly one of the two."""

    name: str = text("", "name in the style library, such as `great-wave`")
    digest: str = picture("digest of a picture held by the daemon")
    weight: float = ranged(1.0, 0.0, 1000.0, "share of this style; the daemon divides by the sum")
    mask: str = picture("digest of a region mask: where this style applies; empty means everywhere")

    def check_whole(self) -> None:
        if bool(self.name) == bool(self.digest):
            raise FieldError("", "needs either a name or a picture's digest, not both or none")


@dataclass(frozen=True)
class Within:
    """Where a part lies in a whole."""

    x: float = ranged(0.0, 0.0, 1.0, "its left side, as a share of the whole's width")
    y: float = ranged(0.0, 0.0, 1.0, "its top, as a share of the whole's height")
    width: float = ranged(1.0, 1e-5, 1.0, "as a share of the whole's")
    height: float = ranged(1.0, 1e-5, 1.0, "as a share of the whole's")


def check_styles(styles: tuple[Style, ...]) -> None:
    if not styles:
        raise FieldError("styles", "is empty; name at least one style")
    if sum(s.weight for s in styles) <= 0:
        raise FieldError("styles", "weights sum to 0; one must be positive")


K = TypeVar("K", bound="Kind")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What all recipes share."""

    FACTS: ClassVar[Facts]

    networks: tuple[str, ...] = listed(
        "What painted it, `name digest` each, as a result's recipe says; where others are at hand, the notes"
        " of the result say which", most=32,
    )  # fmt: skip

    @property
    def facts(self) -> Facts:
        """What is true of this very job."""
        return self.FACTS

    @property
    def effort(self) -> Effort | None:
        """What it optimises and how often; None for a single pass. At quality `auto`: as if it were fine."""
        return None

    @property
    def defaults(self) -> Mapping[str, Any]:
        """What its fields that are unset stand for."""
        return {}

    def result_layout(self, content: Layout) -> Layout:
        """Of the result of a content: the content's own."""
        return content

    @property
    def random(self) -> bool:
        """Whether another seed gives another picture, rather than the same in other pixels."""
        return False

    @property
    def colours(self) -> bool:
        """Whether a gray picture may come back in colours."""
        return False

    def quick(self: K) -> K:
        """The same in one pass, where there is a way: for a preview while a hand moves."""
        return self

    def decided(self: K, quality: str) -> K:
        """The same at a quality, where that is left to the daemon."""
        return self

    def suited(self: K, width: int, height: int) -> K:
        """The same, with what suits a picture of that size where nobody says otherwise."""
        return self

    def in_whole(self: K, whole: str, place: Within | None = None) -> K:
        """The same for a frame of a clip, or the part at a place: by the statistics of the whole, a digest,
        where it heeds any."""
        return self
