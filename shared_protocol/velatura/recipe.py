"""Recipes: one immutable value fully describes a job.

A tagged union of frozen dataclasses; the docker, the GIMP dialog, the command line and Python all
build one of these, and the daemon runs nothing else. Ranges, units, meanings and how a field is shown to
a person are stated here, once; `velatura.schema` derives every check from them, `velatura.fields` gives
the table that command line, editors and docs are made from. A recipe names its style pictures by library
name or by the digest of a picture sent to the daemon; what it is applied to (content and selection
mask) is not part of it, so that it can be used again on another layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, TypeVar

from .choices import (
    BACKBONES,
    COLORS,
    FACTORS,
    METHODS,
    OBJECTIVES,
    OPTIMIZERS,
    POOLINGS,
    QUALITIES,
    SHAPES,
    STARTS,
    TEXTURE_METHODS,
)
from .effort import EVALUATIONS, Effort
from .errors import FieldError, VelaturaError
from .facts import Facts
from .pairs import LEAST as LEAST_PAIRS
from .pairs import Pair, check_pairs
from .pixels import MAX_PIXELS, MAX_SIDE, Layout
from .schema import (
    Shown,
    check,
    choice,
    flag,
    from_map,
    listed,
    mapped,
    ranged,
    text,
    to_map,
)

STYLE_LAYERS = {f"relu{b}_1": 0.2 for b in range(1, 6)}
CONTENT_LAYERS = {"relu4_2": 1.0}

LOOK_SIDE = 384
"""Longest side in pixels of the look at a style that is learned."""

# Fields that several kinds have, and that are one and the same choice for the artist.
_scale = partial(
    ranged, 1.0, 0.5, 2.0, "How large the style's features appear",
    Shown("Stroke size", "basic", "stroke-size", log=True, percent=True),
)  # fmt: skip
_color = partial(choice, "style", COLORS, "Whose colours the result has", Shown("Colour", "basic"))
_backbone = partial(choice, "auto", BACKBONES, "Which network looks at the pictures", Shown("Network"))
_tv_weight = partial(
    ranged, low=0.0, high=1e4, doc="Smooths (weight of total variation): 0 keeps all grain, 30 is calm",
    shown=Shown("Smoothness", argument="smoothness", soft=(0, 60)),
)  # fmt: skip
_levels = partial(
    ranged, low=1, high=6, shown=Shown("Levels"),
    doc="Sizes from coarse to fine, each twice the one before; more lay out larger forms",
)  # fmt: skip
_seed = partial(
    ranged, 0, 0, 2**31 - 1, "Of the noise; the same seed gives the same picture",
    Shown("Seed", "expert", soft=None),
)  # fmt: skip
_optimizer = partial(
    choice, options=OPTIMIZERS, doc="Which optimiser", shown=Shown("Optimiser", "expert")
)  # fmt: skip
_pooling = partial(
    choice, options=POOLINGS, doc="How the network pools", shown=Shown("Pooling", "expert")
)  # fmt: skip
_style_layers = partial(
    mapped, STYLE_LAYERS, 0.0, 1e3,
    "Weight per layer: only relu1_1 and relu2_1 give grain and colour without forms, more of relu5_1 larger"
    " motifs", Shown("Style layers", "expert"),
)  # fmt: skip


def _iterations(default: int | None) -> Any:
    shown = Shown("Steps", "basic", soft=(20, 1000), log=True)
    return ranged(
        default, 1, 5000, "Loss evaluations, all sizes together: 60 for a look, 500 for the last bit", shown
    )


def _learning_rate(default: float | None) -> Any:
    shown = Shown("Step size", "expert", soft=(0.003, 0.3), log=True)
    return ranged(
        default, 1e-4, 1.0, "How far Adam goes at a step, L-BFGS at its first; pixels are 0..1", shown
    )


def _side(label: str) -> Any:
    shown = Shown(label, "basic", soft=None, fits=True)
    return ranged(512, 16, 16384, f"{label} of the result", shown, "pixels")


@dataclass(frozen=True)
class Style:
    """One style of a blend: a library name or the digest of a picture, exactly one of the two."""

    name: str = text("", "name in the style library, such as `great-wave`")
    digest: str = text("", "digest of a picture held by the daemon", 64)
    weight: float = ranged(1.0, 0.0, 1000.0, "share of this style; the daemon divides by the sum")
    mask: str = text("", "digest of a region mask: where this style applies; empty means everywhere", 64)

    def check_whole(self, path: str) -> None:
        if bool(self.name) == bool(self.digest):
            raise FieldError(path, "needs either a name or a picture's digest, not both or none")


def _check_styles(styles: tuple[Style, ...], path: str) -> None:
    if not styles:
        raise FieldError(f"{path}.styles" if path else "styles", "is empty; name at least one style")
    if sum(s.weight for s in styles) <= 0:
        raise FieldError(f"{path}.styles" if path else "styles", "weights sum to 0; one must be positive")


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

    def quick(self: K) -> K:
        """The same in one pass, where there is a way: for a preview while a hand moves."""
        return self

    def in_whole(self: K, whole: str) -> K:
        """The same for a part of a picture: by the statistics of the whole, a digest, where it heeds any."""
        return self


@dataclass(frozen=True)
class Stylize(Kind):
    """A picture painted in a style, in one pass of a network or, at a higher quality, step by step."""

    KIND: ClassVar[str] = "stylize"
    FACTS: ClassVar[Facts] = Facts(
        "Stylize",
        "Stylizing",
        "Paint the picture in a style",
        long=False,
        applied=True,
        told=("strength",),
    )

    styles: tuple[Style, ...] = listed("the blend", most=8)
    strength: float = ranged(
        1.0, 0.0, 1.0, "0 gives the original, 1 the full style", Shown("Strength", "basic", percent=True)
    )
    quality: str = choice(
        "fast", QUALITIES, "How much work goes into the picture", Shown("Quality", "basic", start="auto")
    )
    scale: float = _scale()
    color: str = _color()
    method: str = choice("auto", METHODS, "Which way of painting", Shown("Method"))
    backbone: str = _backbone()
    residual: bool = flag(
        True,
        "Strength 0 is exactly the original, by adding (1 - strength) x (content - decoder's reconstruction);"
        " without, the published T(c, s, strength)",
        Shown("Exact at strength 0", "expert", off="published"),
    )
    exact: bool = flag(
        False,
        "On pictures in several tiles, methods with networks of their own take statistics of the whole, one"
        " pass a layer, instead of a thumbnail's",
        Shown("Exact on large pictures", "expert", off="thumbnail"),
    )
    reference: str = text(
        "",
        "digest of a picture whose statistics stand for the content's, so that all frames of a clip are"
        " painted alike; empty means the content's own",
        64,
    )

    @property
    def facts(self) -> Facts:
        """Beyond a single pass it takes many steps, and may be stopped."""
        if self.quality == "fast":
            return self.FACTS
        return replace(self.FACTS, long=True, stops=True, made="refined" if self.quality == "finest" else "")

    @property
    def effort(self) -> Effort | None:
        """Of its quality: `fine` sees with the embedded network, the quicker one, unless another is named."""
        if self.quality == "fast" or self.method != "auto" or self.strength == 0:
            return None
        quality = "fine" if self.quality == "auto" else self.quality
        backbone = "slim" if (quality, self.backbone) == ("fine", "auto") else self.backbone
        return Effort("neighbours", backbone, EVALUATIONS[quality])

    def quick(self) -> Stylize:
        """At quality `fast`."""
        return replace(self, quality="fast")

    def in_whole(self, whole: str) -> Stylize:
        """With the whole as its reference."""
        return replace(self, reference=whole)

    def check_whole(self, path: str) -> None:
        _check_styles(self.styles, path)
        if self.quality in ("fine", "finest") and self.method != "auto":
            where = f"{path}.method" if path else "method"
            raise FieldError(
                where,
                f"is {self.method!r}, which paints in one pass; leave it `auto`, or set quality to fast",
            )

    def result_layout(self, content: Layout) -> Layout:
        """The content's own layout."""
        return content


@dataclass(frozen=True)
class Refine(Kind):
    """Optimise the picture towards an objective. Fields whose default depends on the objective are unset
    (None) until `settled`."""

    KIND: ClassVar[str] = "refine"
    FACTS: ClassVar[Facts] = Facts(
        "Refine",
        "Refining",
        "Optimise the picture's pixels towards a style, step by step",
        "refined",
        stops=True,
        expert=True,
    )

    styles: tuple[Style, ...] = listed("the styles; weights scale their losses", most=8)
    objective: str = choice("gram", OBJECTIVES, "What the picture shall become", Shown("Objective", "expert"))
    iterations: int = _iterations(None)
    content_weight: float = ranged(
        None, 0.0, 1e6, "How much the drawing is kept (alpha of eq. 7); its ratio to the style's counts",
        Shown("Content weight", "expert", soft=(0.01, 10), log=True),
    )  # fmt: skip
    statistics_weight: float = ranged(
        None, 0.0, 1e3, "How much all of the style is to be used; for neighbours only",
        Shown("Statistics weight", "expert", soft=(0, 2)),
    )  # fmt: skip
    style_weight: float = ranged(
        10.0, 0.0, 1e6,
        "How strongly the style is sought (beta of eq. 7): 1 keeps every detail, 50 lets go of the subject",
        Shown("Style weight", "basic", soft=(0.5, 100), log=True),
    )  # fmt: skip
    tv_weight: float = _tv_weight(None)
    content_layers: tuple[tuple[str, float], ...] = mapped(
        CONTENT_LAYERS, 0.0, 1e3, "Weight per layer", Shown("Content layers", "expert")
    )
    style_layers: tuple[tuple[str, float], ...] = _style_layers()
    optimizer: str = _optimizer(None)
    learning_rate: float = _learning_rate(None)
    init: str = choice(None, STARTS, "Where to begin", Shown("Start from", argument="start"))
    pooling: str = _pooling(None)
    levels: int = _levels(None)
    scale: float = _scale()
    color: str = _color()
    seed: int = _seed()
    backbone: str = _backbone()
    shapes: str = choice("keep", SHAPES, "Whether shapes move towards the style's", Shown("Shapes"))
    reach: float = ranged(
        0.7, 0.0, 1.0, "How far shapes may go: how far towards the style's, and how much they may bend",
        Shown("Reach", percent=True),
    )  # fmt: skip
    pairs: tuple[Pair, ...] = listed(
        "places of the content and of the first style that shapes go by; without any they are found. Where"
        " shapes stay, `strotss` paints those places alike", most=64,
    )  # fmt: skip

    @property
    def effort(self) -> Effort:
        """Of its objective, for as many iterations as it has, each of them two where shapes move with it."""
        looks = 2 if self.shapes == "joint" else 1
        return Effort(self.objective, self.backbone, looks * settled(self).iterations)

    def check_whole(self, path: str) -> None:
        _check_styles(self.styles, path)
        where = f"{path}." if path else ""
        check_pairs(self.pairs, f"{where}pairs")
        if self.shapes != "keep" and self.color == "luminance":
            raise FieldError(
                f"{where}color", "is luminance, which leaves colours in their places, but shapes move; take"
                " style or statistics, or let shapes stay",
            )  # fmt: skip
        if self.objective != "gram":
            return
        if self.style_weight == 0 and self.content_weight == 0:
            raise FieldError(f"{where}style_weight", "and content_weight are both 0: nothing to optimise")
        for name in ("content_layers", "style_layers"):
            weight = getattr(self, name.replace("layers", "weight"))
            if weight != 0 and not sum(w for _, w in getattr(self, name)):
                raise FieldError(f"{where}{name}", "weights are all 0; one must be positive")

    def result_layout(self, content: Layout) -> Layout:
        """The content's own layout."""
        return content


@dataclass(frozen=True)
class Texture(Kind):
    """Synthesise a picture from noise whose Gram matrices are the style's (Gatys et al. 2015)."""

    KIND: ClassVar[str] = "texture"
    FACTS: ClassVar[Facts] = Facts(
        "Texture",
        "Synthesising a texture",
        "Grow a texture from a style, a picture or a layer",
        "texture",
        content=False,
        mask=False,
        stops=True,
    )

    styles: tuple[Style, ...] = listed("the source pictures", most=8)
    width: int = _side("Width")
    height: int = _side("Height")
    iterations: int = _iterations(300)
    style_layers: tuple[tuple[str, float], ...] = _style_layers()
    tv_weight: float = _tv_weight(10.0)
    optimizer: str = _optimizer("lbfgs")
    learning_rate: float = _learning_rate(0.05)
    pooling: str = _pooling("avg")
    levels: int = _levels(3)
    scale: float = _scale()
    tileable: bool = flag(False, "The result repeats without a seam", Shown("Tileable", "basic"))
    seed: int = _seed()
    backbone: str = _backbone()
    method: str = choice("optimise", TEXTURE_METHODS, "How it is made", Shown("Method"))

    @property
    def effort(self) -> Effort | None:
        """Of Gram matrices from noise; a network makes it in one pass."""
        return Effort("gram", self.backbone, self.iterations) if self.method == "optimise" else None

    def check_whole(self, path: str) -> None:
        _check_styles(self.styles, path)
        if self.method == "network" and len(self.styles) > 1:
            where = f"{path}.styles" if path else "styles"
            raise FieldError(where, "has several, but a texture network makes one; blends need `optimise`")
        if not sum(w for _, w in self.style_layers):
            raise FieldError(f"{path}.style_layers" if path else "style_layers", "weights are all 0")

    def result_layout(self, content: Layout | None = None) -> Layout:
        """8-bit RGB of the size asked for."""
        return Layout(self.width, self.height, "RGB")


@dataclass(frozen=True)
class Upscale(Kind):
    """Enlarge a picture (super-resolution of Johnson et al. 2016)."""

    KIND: ClassVar[str] = "upscale"
    FACTS: ClassVar[Facts] = Facts(
        "Upscale",
        "Enlarging",
        "Enlarge the picture, with more detail than interpolation gives",
        styles=False,
        mask=False,
        placed="picture",
    )
    styles: ClassVar[tuple[Style, ...]] = ()
    """None: it only enlarges."""

    factor: int = choice(
        4, FACTORS, "How many times wider and higher the result is", Shown("Enlargement", "basic")
    )
    strength: float = ranged(
        1.0, 0.0, 1.0, "0 gives the bicubic enlargement, 1 the network's",
        Shown("Strength", "basic", percent=True),
    )  # fmt: skip

    def result_layout(self, content: Layout) -> Layout:
        """The layout of the result of a content; raises `VelaturaError` `too_large` where it would exceed
        the protocol's limits."""
        width, height = content.width * self.factor, content.height * self.factor
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            words = (
                f"is {content.width} x {content.height}; {self.factor} times as large it would be {width} x"
                f" {height}, and a picture has at most {MAX_SIDE} pixels a side and {MAX_PIXELS} in all;"
                " crop it, or enlarge less"
            )
            raise VelaturaError("too_large", words, "content")
        return replace(content, width=width, height=height)


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
        150, 1, 10000, "How long it learns; run again, it goes on from where it was",
        Shown("Steps", "basic", soft=(50, 1000), log=True),
    )  # fmt: skip
    style_weight: float = ranged(
        10.0, 0.1, 1000.0, "How strongly the style is sought, against keeping the subject",
        Shown("Style weight", "basic", soft=(1, 100), log=True),
    )  # fmt: skip
    scale: float = _scale()
    seed: int = ranged(
        0, 0, 2**31 - 1, "Of the photos' crops that it practises on", Shown("Seed", "expert", soft=None)
    )
    backbone: str = _backbone()

    def check_whole(self, path: str) -> None:
        _check_styles(self.styles, path)
        where = f"{path}.styles" if path else "styles"
        if not self.styles[0].name:
            raise FieldError(
                f"{where}[0].name", "is empty; add the picture to the style library, and name it"
            )
        if self.styles[0].mask:
            raise FieldError(f"{where}[0].mask", "is set, but a style is learned whole")

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
    backbone: str = _backbone()

    def check_whole(self, path: str) -> None:
        _check_styles(self.styles, path)
        if self.styles[0].mask:
            raise FieldError(f"{path}.styles[0].mask" if path else "styles[0].mask", "is set, but not heeded")

    def result_layout(self, content: Layout) -> Layout:
        """The content's own layout."""
        return content


Recipe = Stylize | Refine | Texture | Upscale | Learn | Keypoints
RecipeClass = type[Stylize] | type[Refine] | type[Texture] | type[Upscale] | type[Learn] | type[Keypoints]
RECIPES: dict[str, RecipeClass] = {
    cls.KIND: cls for cls in (Stylize, Refine, Texture, Upscale, Learn, Keypoints)
}
R = TypeVar("R", bound=Recipe)

PAINTED_WITH = {
    "multi": ("sixteen.transform",),
    "adain-skip": ("slim/adain-skip 20dde54590a41acb501317acaffa5ae0",),
}
"""What methods painted with in version 0.1, whose results did not name their networks."""

UNSET: Mapping[str, Mapping[str, Any]] = {
    "gram": {
        "iterations": 200, "content_weight": 1.0, "statistics_weight": 0.0, "tv_weight": 10.0,
        "optimizer": "lbfgs", "learning_rate": 0.03, "init": "stylized", "pooling": "max", "levels": 3,
    },
    "neighbours": {
        "iterations": 52, "content_weight": 0.15, "statistics_weight": 0.4, "tv_weight": 0.0,
        "optimizer": "adam", "learning_rate": 0.005, "init": "content", "pooling": "max", "levels": 4,
    },
    "strotss": {
        "iterations": 800, "content_weight": 2.0, "statistics_weight": 0.0, "tv_weight": 0.0,
        "optimizer": "rmsprop", "learning_rate": 0.002, "init": "content", "pooling": "max", "levels": 4,
    },
}  # fmt: skip
"""What the unset fields of a refinement are, by its objective."""


MOVING: Mapping[str, Mapping[str, Any]] = {"gram": {"optimizer": "adam", "learning_rate": 0.01}}
"""What is otherwise where shapes move too: L-BFGS has one scale for pixels and points."""


def settled(recipe: R) -> R:
    """A recipe with nothing unset: as it runs, and as its result's recipe says."""
    if not isinstance(recipe, Refine):
        return recipe
    own = UNSET[recipe.objective]
    if recipe.shapes in ("joint", "only"):
        own = {**own, **MOVING.get(recipe.objective, {})}
    unset = {name: value for name, value in own.items() if getattr(recipe, name) is None}
    return replace(recipe, **unset)  # type: ignore[return-value]  # a Refine, as it came


def pictures_of(recipe: Recipe) -> list[str]:
    """The digests of the pictures that a recipe names, once each: styles, their regions, a reference."""
    named = [digest for style in recipe.styles for digest in (style.digest, style.mask)]
    named.append(recipe.reference if isinstance(recipe, Stylize) else "")
    return list(dict.fromkeys(digest for digest in named if digest))


def recipe_to_map(recipe: Recipe) -> dict[str, Any]:
    """A recipe as a plain map with its `kind`, for msgpack, JSON, PNG text chunks and parasites."""
    return to_map(recipe)


def recipe_from_map(data: Mapping[str, Any], path: str = "recipe") -> Recipe:
    """A checked recipe from a plain map.

    Raises:
        FieldError: with the path and allowed range of the first wrong field.
    """
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if not isinstance(kind, str) or kind not in RECIPES:
        raise FieldError(f"{path}.kind", f"is {kind!r}; known: {', '.join(RECIPES)}")
    method = data.get("method")
    if method in PAINTED_WITH and "exact" in data and "quality" not in data:  # stored by version 0.1
        data = {"networks": PAINTED_WITH[method], **data}
    return from_map(RECIPES[kind], data, path)


def check_recipe(recipe: Recipe, path: str = "recipe") -> None:
    """Raises `FieldError` where a recipe built in code is out of range."""
    check(recipe, path)
