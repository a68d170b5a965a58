"""From words on the command line to recipes: styles with weights, layers, and options.

Defaults, ranges and help texts of options come from the recipe dataclasses, where they are stated once.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from velatura.errors import FieldError
from velatura.recipe import RecipeClass, Style, recipe_from_map

STYLE_HELP = "Style: a NAME of the library or a picture FILE, with :WEIGHT for a blend. Repeat for more."


def option(recipe: RecipeClass, field: str, *names: str, extra: str = "") -> Any:
    """The typer option of a recipe's field, its help text derived from the field."""
    meta = next(f.metadata for f in dataclasses.fields(recipe) if f.name == field)
    text = str(meta.get("doc", extra)).strip().replace("`", "")
    text = (text[:1].upper() + text[1:]).rstrip(".")
    if "low" in meta and not meta.get("map"):
        unit = f" {meta['unit']}" if meta.get("unit") else ""
        text += f"; {meta['low']:g} to {meta['high']:g}{unit}"
    if "options" in meta:
        text += f": {', '.join(meta['options'])}"
    return typer.Option(*(names or ("--" + field.replace("_", "-"),)), help=text + ".")


def default(recipe: RecipeClass, field: str) -> Any:
    """A field's default."""
    return next(f.default for f in dataclasses.fields(recipe) if f.name == field)


def parse_styles(given: Sequence[str]) -> dict[str | Path, float]:
    """Styles and their weights, in order.

    `great-wave`, `great-wave:0.3`, `my/painting.png:0.7`. What exists as a file is one, weight or not, so
    that names with colons work.

    Raises:
        FieldError: `styles[i]`, for a weight that is no number of 0 or more, a file that does not exist,
            or a style named twice.
    """
    styles: dict[str | Path, float] = {}
    for index, text in enumerate(given):
        what, weight = _weighted(text, f"styles[{index}]")
        key = Path(what) if Path(what).is_file() else what
        if isinstance(key, str) and ("/" in what or "\\" in what or Path(what).suffix):
            raise FieldError(f"styles[{index}]", f"no file {what!r}; library names have no dots or slashes")
        if key in styles:
            raise FieldError(f"styles[{index}]", f"{what!r} is named twice; give it one weight")
        styles[key] = weight
    return styles


class SourcedStyles:
    """The styles of a command, as they will stand in the recipe once the pictures among them are read.

    Args:
        styles: names and files with their weights, in order.
        regions: none, or one mask file for each style.

    Raises:
        FieldError: for another number of regions.
    """

    def __init__(self, styles: Mapping[str | Path, float], regions: Sequence[Path]) -> None:
        if regions and len(regions) != len(styles):
            raise FieldError(
                "regions", f"has {len(regions)} masks for {len(styles)} styles; give one for each"
            )
        self.styles, self.regions = dict(styles), list(regions)
        self._read: dict[Path, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.styles)

    def stand_ins(self) -> tuple[Style, ...]:
        """Styles with their weights, pictures not yet read: enough to check a recipe's ranges."""
        return tuple(
            Style(name=what, weight=weight)
            if isinstance(what, str)
            else Style(digest="0" * 32, weight=weight)
            for what, weight in self.styles.items()
        )

    def load(self) -> None:
        """Reads the pictures among the styles, once.

        Raises:
            VelaturaError: `bad_image` or `too_large`, naming the file.
        """
        from velatura.pictures import images

        self._read = {path: images.read(path) for path in self.styles if isinstance(path, Path)}

    def of(self, content: Any) -> tuple[tuple[Style, ...], list[Any]]:
        """The recipe's styles and the pictures they name, once `load` has read them.

        Args:
            content: the picture's `Pixels`, whose size regions must have; None for a texture.
        """
        from velatura.styles import styles_of

        if not self.styles:
            return (), []
        regions = self.regions or [None] * len(self.styles)
        entries = [
            (self._read[what] if isinstance(what, Path) else what, weight, mask)
            for (what, weight), mask in zip(self.styles.items(), regions, strict=True)
        ]
        size = (content.layout.width, content.layout.height) if content is not None else None
        return styles_of(entries, size)


def saved_recipe(path: Path, kind: RecipeClass) -> Any:
    """The recipe in a JSON file or in a PNG that Velatura wrote.

    Raises:
        FieldError: for a file that holds none, or one of another kind.
    """
    if path.suffix.lower() == ".png":
        from velatura.pictures.files import recipe_of

        found = recipe_of(path)
    else:
        try:
            found = recipe_from_map(json.loads(path.read_text("utf-8")))
        except ValueError as error:
            raise FieldError(str(path), f"is not JSON: {error}") from error
    if not isinstance(found, kind):
        raise FieldError(str(path), f"holds a recipe for {found.KIND}, not for {kind.KIND}")
    return found


def parse_layers(given: Sequence[str], field: str) -> tuple[tuple[str, float], ...] | None:
    """Layer weights from `relu1_1=0.5`; None when none were given, which leaves the recipe's defaults.

    Raises:
        FieldError: for anything else than NAME=NUMBER.
    """
    layers: dict[str, float] = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            layers[name.strip()] = float(number)
        except ValueError:
            raise FieldError(field, f"is {text!r}; write LAYER=WEIGHT, such as relu1_1=0.5") from None
    return tuple(sorted(layers.items())) or None


def _weighted(text: str, field: str) -> tuple[str, float]:
    what, colon, number = text.rpartition(":")
    if not colon or Path(text).is_file():
        return text, 1.0
    try:
        weight = float(number)
    except ValueError:
        if Path(text).suffix or "/" in number or "\\" in number:
            return text, 1.0  # a path with a colon in it; whether it exists is the next question
        raise FieldError(field, f"weight is {number!r}; write NAME:WEIGHT with a number") from None
    if not 0 <= weight <= 1000:
        raise FieldError(f"{field}.weight", f"is {number}; allowed is 0 to 1000")
    return what, weight
