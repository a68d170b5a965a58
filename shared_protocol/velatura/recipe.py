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
from typing import Any, ClassVar, TypeVar

from .choices import FACTORS, METHODS, MOVING, OBJECTIVES, QUALITIES, SHAPES, STARTS, TEXTURE_METHODS, UNSET
from .effort import EVALUATIONS, Effort
from .errors import FieldError, VelaturaError
from .facts import Facts
from .finding import Keypoints, Learn
from .kind import (
    STROKES,
    Kind,
    Style,
    Within,
    backbone_field,
    check_styles,
    color_field,
    iterations_field,
    learning_rate_field,
    levels_field,
    optimizer_field,
    pooling_field,
    scale_field,
    seed_field,
    side_field,
    style_layers_field,
    tv_weight_field,
)
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
    nested,
    picture,
    pictures_in,
    ranged,
    to_map,
)
from .strokes import MOST, suiting

CONTENT_LAYERS = {"relu4_2": 1.0}


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
        whole=True,
        told=("strength",),
    )

    styles: tuple[Style, ...] = listed("the blend", most=8)
    strength: float = ranged(
        1.0, 0.0, 1.0, "0 gives the original, 1 the full style", Shown("Strength", "basic", percent=True)
    )
    quality: str = choice(
        "fast", QUALITIES, "How much work goes into the picture", Shown("Quality", "basic", start="auto")
    )
    scale: float = scale_field(high=MOST, shown=replace(STROKES, suits=True))
    color: str = color_field()
    method: str = choice("auto", METHODS, "Which way of painting", Shown("Method"))
    backbone: str = backbone_field()
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
    reference: str = picture(
        "digest of a picture whose statistics stand for the content's, so that all frames of a clip are"
        " painted alike; empty means the content's own"
    )
    place: Within | None = nested(
        "where in the reference the content lies, which is a part of what that is, at its size or larger;"
        " strokes beyond a method's own are then laid out in the reference, as they are in the whole"
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

    @property
    def colours(self) -> bool:
        return self.color != "luminance"

    def quick(self) -> Stylize:
        """At quality `fast`."""
        return replace(self, quality="fast")

    def decided(self, quality: str) -> Stylize:
        """Of quality `auto` another one."""
        return replace(self, quality=quality) if self.quality == "auto" else self

    def suited(self, width: int, height: int) -> Stylize:
        """In the stroke size that suits the picture."""
        return replace(self, scale=suiting(width, height))

    def in_whole(self, whole: str, place: Within | None = None) -> Stylize:
        """With the whole as its reference."""
        return replace(self, reference=whole, place=place)

    def check_whole(self) -> None:
        check_styles(self.styles)
        if self.quality in ("fine", "finest") and self.method != "auto":
            raise FieldError(
                "method",
                f"is {self.method!r}, which paints in one pass; leave it `auto`, or set quality to fast",
            )
        if self.place and not self.reference:
            raise FieldError("place", "is given without the reference that it lies in")


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
        pairs=True,
        expert=True,
    )

    styles: tuple[Style, ...] = listed("the styles; weights scale their losses", most=8)
    objective: str = choice("gram", OBJECTIVES, "What the picture shall become", Shown("Objective", "expert"))
    iterations: int = iterations_field(None)
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
    tv_weight: float = tv_weight_field(None)
    content_layers: tuple[tuple[str, float], ...] = mapped(
        CONTENT_LAYERS, 0.0, 1e3, "Weight per layer", Shown("Content layers", "expert")
    )
    style_layers: tuple[tuple[str, float], ...] = style_layers_field()
    optimizer: str = optimizer_field(None)
    learning_rate: float = learning_rate_field(None)
    init: str = choice(None, STARTS, "Where to begin", Shown("Start from", argument="start"))
    pooling: str = pooling_field(None)
    levels: int = levels_field(None)
    scale: float = scale_field()
    color: str = color_field()
    seed: int = seed_field()
    backbone: str = backbone_field()
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
    def defaults(self) -> Mapping[str, Any]:
        """Those of its objective."""
        moving = MOVING.get(self.objective, {}) if self.shapes in ("joint", "only") else {}
        return {**UNSET[self.objective], **moving}

    @property
    def effort(self) -> Effort:
        """Of its objective, for as many iterations as it has, each of them two where shapes move with it."""
        looks = 2 if self.shapes == "joint" else 1
        return Effort(self.objective, self.backbone, looks * settled(self).iterations)

    @property
    def random(self) -> bool:
        """Where it begins from noise."""
        return settled(self).init == "noise"

    @property
    def colours(self) -> bool:
        return self.color != "luminance"

    def check_whole(self) -> None:
        check_styles(self.styles)
        check_pairs(self.pairs)
        if self.shapes != "keep" and self.color == "luminance":
            raise FieldError(
                "color", "is luminance, which leaves colours in their places, but shapes move; take"
                " style or statistics, or let shapes stay",
            )  # fmt: skip
        if self.objective != "gram":
            return
        if self.style_weight == 0 and self.content_weight == 0:
            raise FieldError("style_weight", "and content_weight are both 0: nothing to optimise")
        for name in ("content_layers", "style_layers"):
            weight = getattr(self, name.replace("layers", "weight"))
            if weight != 0 and not sum(w for _, w in getattr(self, name)):
                raise FieldError(name, "weights are all 0; one must be positive")


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
    width: int = side_field("Width")
    height: int = side_field("Height")
    iterations: int = iterations_field(300)
    style_layers: tuple[tuple[str, float], ...] = style_layers_field()
    tv_weight: float = tv_weight_field(2.0)
    optimizer: str = optimizer_field("lbfgs")
    learning_rate: float = learning_rate_field(0.05)
    pooling: str = pooling_field("max")
    levels: int = levels_field(3)
    scale: float = scale_field()
    tileable: bool = flag(False, "The result repeats without a seam", Shown("Tileable", "basic"))
    seed: int = seed_field()
    backbone: str = backbone_field()
    method: str = choice("optimise", TEXTURE_METHODS, "How it is made", Shown("Method"))

    @property
    def effort(self) -> Effort | None:
        """Of Gram matrices from noise; a network makes it in one pass."""
        return Effort("gram", self.backbone, self.iterations) if self.method == "optimise" else None

    @property
    def random(self) -> bool:
        """Always: it is made from noise."""
        return True

    def check_whole(self) -> None:
        check_styles(self.styles)
        if self.method == "network" and len(self.styles) > 1:
            raise FieldError("styles", "has several, but a texture network makes one; blends need `optimise`")
        if not sum(w for _, w in self.style_layers):
            raise FieldError("style_layers", "weights are all 0")

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


Recipe = Stylize | Refine | Texture | Upscale | Learn | Keypoints
RecipeClass = type[Stylize] | type[Refine] | type[Texture] | type[Upscale] | type[Learn] | type[Keypoints]
RECIPES: dict[str, RecipeClass] = {
    cls.KIND: cls for cls in (Stylize, Refine, Texture, Upscale, Learn, Keypoints)
}
R = TypeVar("R", bound=Recipe)

PAINTED_WITH = {
    "multi": ("sixteen.transform",),
    "adain-skip": ("slim/adain-skip 20dde54590a41acb501317acaffa5ae0",),
    "upscale": ("x4.superres 33c459277d7a3dbc0e4e272e825f110a",),
}
"""What methods, and `upscale`, painted with in version 0.1, whose results did not name their networks."""


def settled(recipe: R) -> R:
    """A recipe with nothing unset: as it runs, and as its result's recipe says."""
    unset = {name: value for name, value in recipe.defaults.items() if getattr(recipe, name) is None}
    return replace(recipe, **unset) if unset else recipe


def pictures_of(recipe: Recipe) -> list[str]:
    """The digests of the pictures that a recipe names, once each: styles, their regions, a reference."""
    return list(dict.fromkeys(pictures_in(recipe)))


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
    painter = data.get("method", kind)
    whole = "strength" in data if kind == "upscale" else "exact" in data and "quality" not in data
    if painter in PAINTED_WITH and whole:  # stored by version 0.1
        data = {"networks": PAINTED_WITH[painter], **data}
    return from_map(RECIPES[kind], data, path)


def check_recipe(recipe: Recipe, path: str = "recipe") -> None:
    """Raises `FieldError` where a recipe built in code is out of range."""
    check(recipe, path)
