"""Recipes: one immutable value fully describes a job.

A tagged union of frozen dataclasses; the docker, the GIMP dialog, the command line and Python all
build one of these, and the daemon runs nothing else. Ranges, units and meanings are stated here,
once; `velatura.schema` derives every check from them. A recipe names its style pictures by library
name or by the digest of a picture sent to the daemon; what it is applied to (content and selection
mask) is not part of it, so that it can be used again on another layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .errors import FieldError, VelaturaError
from .facts import Facts
from .pixels import MAX_PIXELS, MAX_SIDE, Layout
from .schema import (
    check,
    choice,
    from_map,
    listed,
    mapped,
    ranged,
    text,
    to_map,
)

METHODS = ("auto", "adain-skip", "adain", "wct", "style-swap", "multi", "fast", "multimodal")
"""Feed-forward methods. `auto` takes the backbone's best; the result's recipe says which it was. Strength
and mask fade between features in the first four, and between pictures in `multi`, `fast` and `multimodal`,
whose networks paint in their own styles only."""

BACKBONES = ("auto", "slim", "vgg19", "vgg19-imagenet")
"""Encoders. `auto` is `slim` for a feed-forward pass; refine and texture take `vgg19` where it was pulled and
every style's picture is at hand, else `slim`. The result's recipe says which it was."""

COLORS = ("style", "luminance", "statistics")
STYLE_LAYERS = {f"relu{b}_1": 0.2 for b in range(1, 6)}
CONTENT_LAYERS = {"relu4_2": 1.0}


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


@dataclass(frozen=True)
class Stylize:
    """One feed-forward pass."""

    KIND: ClassVar[str] = "stylize"
    FACTS: ClassVar[Facts] = Facts(
        "Stylize", "Stylizing", "Paint the picture in a style, in one pass of a network", long=False
    )

    styles: tuple[Style, ...] = listed("the blend", most=8)
    strength: float = ranged(1.0, 0.0, 1.0, "AdaIN's alpha: 0 gives the original, 1 the full style")
    scale: float = ranged(1.0, 0.5, 2.0, "stroke size: how large the style's features appear")
    color: str = choice(
        "style",
        COLORS,
        "`style` takes the style's colours; `luminance` keeps the"
        " content's and changes lightness only; `statistics` fits the style's colour"
        " mean and covariance to the content's first",
    )
    method: str = choice("auto", METHODS, "which network")
    backbone: str = choice("auto", BACKBONES, "which encoder sees")
    residual: bool = True
    """Adds (1 - strength) x (content - decoder's reconstruction), so that strength 0 is exact;
    False gives the published T(c, s, alpha)."""
    exact: bool = False
    """For `multi`, `fast` and `multimodal` on pictures too large for one tile: takes statistics of the
    whole at each of their layers, one pass a layer, where a thumbnail's usually do."""

    def check_whole(self, path: str) -> None:
        _check_styles(self.styles, path)

    def result_layout(self, content: Layout) -> Layout:
        """The content's own layout."""
        return content


@dataclass(frozen=True)
class Refine:
    """Optimise the pixels (Gatys et al. 2016)."""

    KIND: ClassVar[str] = "refine"
    FACTS: ClassVar[Facts] = Facts(
        "Refine", "Refining", "Optimise the picture's pixels towards a style, step by step", stops=True
    )

    styles: tuple[Style, ...] = listed("the styles; weights scale their losses", most=8)
    iterations: int = ranged(200, 1, 5000, "loss evaluations, all pyramid levels together")
    content_weight: float = ranged(1.0, 0.0, 1e6, "alpha of eq. 7")
    style_weight: float = ranged(5.0, 0.0, 1e6, "beta of eq. 7")
    tv_weight: float = ranged(10.0, 0.0, 1e4, "total variation: smooths")
    content_layers: tuple[tuple[str, float], ...] = mapped(CONTENT_LAYERS, 0.0, 1e3, "weight per layer")
    style_layers: tuple[tuple[str, float], ...] = mapped(STYLE_LAYERS, 0.0, 1e3, "weight per layer")
    optimizer: str = choice("lbfgs", ("adam", "lbfgs"), "which optimiser")
    learning_rate: float = ranged(
        0.03, 1e-4, 1.0, "Adam's step, L-BFGS's first, in units of the 0..1 pixel range"
    )
    init: str = choice("content", ("content", "noise", "stylized"), "where to begin")
    pooling: str = choice("avg", ("max", "avg"), "how the encoder pools")
    levels: int = ranged(3, 1, 6, "pyramid levels, each half the size of the next; 1 is full size only")
    scale: float = ranged(1.0, 0.5, 2.0, "stroke size: how large the style's features appear")
    color: str = choice("style", COLORS, "as for stylize")
    seed: int = ranged(0, 0, 2**31 - 1, "for noise")
    backbone: str = choice("auto", BACKBONES, "which encoder sees")

    def check_whole(self, path: str) -> None:
        _check_styles(self.styles, path)
        where = f"{path}." if path else ""
        if self.style_weight == 0 and self.content_weight == 0:
            raise FieldError(f"{where}style_weight", "and content_weight are both 0: nothing to optimise")
        for name in ("content_layers", "style_layers"):
            if getattr(self, name.replace("layers", "weight")) and not sum(w for _, w in getattr(self, name)):
                raise FieldError(f"{where}{name}", "weights are all 0; one must be positive")

    def result_layout(self, content: Layout) -> Layout:
        """The content's own layout."""
        return content


@dataclass(frozen=True)
class Texture:
    """Synthesise a picture from noise whose Gram matrices are the style's (Gatys et al. 2015)."""

    KIND: ClassVar[str] = "texture"
    FACTS: ClassVar[Facts] = Facts(
        "Texture",
        "Synthesising a texture",
        "Grow a texture from a style, a picture or a layer",
        content=False,
        mask=False,
        stops=True,
    )

    styles: tuple[Style, ...] = listed("the source pictures", most=8)
    width: int = ranged(512, 16, 16384, "of the result", "pixels")
    height: int = ranged(512, 16, 16384, "of the result", "pixels")
    iterations: int = ranged(300, 1, 5000, "loss evaluations, all pyramid levels together")
    style_layers: tuple[tuple[str, float], ...] = mapped(STYLE_LAYERS, 0.0, 1e3, "weight per layer")
    tv_weight: float = ranged(10.0, 0.0, 1e4, "total variation: smooths")
    optimizer: str = choice("lbfgs", ("adam", "lbfgs"), "which optimiser")
    learning_rate: float = ranged(
        0.05, 1e-4, 1.0, "Adam's step, L-BFGS's first, in units of the 0..1 pixel range"
    )
    pooling: str = choice("avg", ("max", "avg"), "how the encoder pools")
    levels: int = ranged(3, 1, 6, "pyramid levels")
    scale: float = ranged(1.0, 0.5, 2.0, "size of the texture's features")
    tileable: bool = False
    """Wrap-around padding: the result repeats without a seam."""
    seed: int = ranged(0, 0, 2**31 - 1, "of the noise")
    backbone: str = choice("auto", BACKBONES, "which encoder sees")
    method: str = choice(
        "optimise",
        ("optimise", "network"),
        "`optimise` takes any style; `network` makes the texture in one pass with a network trained for the"
        " one style named (Ulyanov et al. 2016), and of the other fields heeds size, `tileable` and `seed`",
    )

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
class Upscale:
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

    factor: int = ranged(4, 4, 8, "how many times wider and higher the result is: 4 or 8")
    strength: float = ranged(1.0, 0.0, 1.0, "0 gives the bicubic enlargement, 1 the network's")

    def check_whole(self, path: str) -> None:
        if self.factor not in (4, 8):
            raise FieldError(f"{path}.factor" if path else "factor", f"is {self.factor}; allowed: 4, 8")

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


Recipe = Stylize | Refine | Texture | Upscale
RecipeClass = type[Stylize] | type[Refine] | type[Texture] | type[Upscale]
RECIPES: dict[str, RecipeClass] = {cls.KIND: cls for cls in (Stylize, Refine, Texture, Upscale)}


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
    return from_map(RECIPES[kind], data, path)


def check_recipe(recipe: Recipe, path: str = "recipe") -> None:
    """Raises `FieldError` where a recipe built in code is out of range."""
    check(recipe, path)
