"""From words on the command line to recipes: styles with weights, layers, saved recipes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.errors import FieldError
from velatura.recipe import RecipeClass, Style, check_recipe, recipe_from_map
from velatura.stylefile import is_style_file
from velatura.styles import by_name

if TYPE_CHECKING:
    from velatura.client import Client


def parse_styles(given: Sequence[str] | None) -> dict[str | Path, float]:
    """Styles and their weights, in order.

    `great-wave`, `great-wave:0.3`, `my/painting.png:0.7`. What exists as a file is one, weight or not, so
    that names with colons work.

    Raises:
        FieldError: `styles[i]`, for a weight that is no number of 0 or more, a file that does not exist,
            an empty name, or a style named twice.
    """
    styles: dict[str | Path, float] = {}
    for index, text in enumerate(given or ()):
        what, weight = _weighted(text, f"styles[{index}]")
        if not what:
            raise FieldError(f"styles[{index}]", "is empty; give a NAME of the library or a FILE")
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

    def __init__(self, styles: Mapping[str | Path, float], regions: Sequence[Path] = ()) -> None:
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
        """Reads the pictures among the styles, once; style files are left to `add`.

        Raises:
            VelaturaError: `bad_image` or `too_large`, naming the file.
        """
        from velatura.pictures import images

        pictures = [what for what in self.styles if isinstance(what, Path) and not is_style_file(what)]
        self._read = {path: images.read_style(path, str(path)) for path in pictures}

    def add(self, client: Client) -> None:
        """Puts the style files among the styles into the library, and names them from here on."""
        self.styles = by_name(self.styles, lambda path: client.added(path))

    def into(self, recipe: Any, content: Any = None) -> tuple[Any, list[Any]]:
        """A recipe with these styles, its own where there are none, and the pictures they name, once `load`
        has read them.

        Args:
            content: the picture's `Pixels`, whose size regions must have; None for a texture.
        """
        from velatura.styles import styles_of

        if not self.styles:
            return recipe, []
        regions = self.regions or [None] * len(self.styles)
        entries = [
            (self._read[what] if isinstance(what, Path) else what, weight, mask)
            for (what, weight), mask in zip(self.styles.items(), regions, strict=True)
        ]
        size = (content.layout.width, content.layout.height) if content is not None else None
        styles, pictures = styles_of(entries, size)
        return replace(recipe, styles=styles), pictures


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
            found = recipe_from_map(json.loads(path.read_text("utf-8-sig")))
        except (ValueError, RecursionError) as error:
            raise FieldError(str(path), f"is not JSON: {error}") from error
    if not isinstance(found, kind):
        raise FieldError(str(path), f"holds a recipe for {found.KIND}, not for {kind.KIND}")
    return found


def whole_recipe(
    kind: RecipeClass, saved: Path | None, chosen: Mapping[str, Any], sourced: SourcedStyles
) -> Any:
    """The recipe to run, checked, with stand-ins for styles that are pictures.

    Args:
        kind: of recipe.
        saved: a file with a recipe to begin from, or None for the defaults.
        chosen: fields given on the command line.
        sourced: the styles given there.

    Raises:
        FieldError: out of range; a saved recipe of another kind; or no style at all.
    """
    given = dict(chosen, styles=sourced.stand_ins()) if sourced else dict(chosen)
    if saved is None and kind.FACTS.styles and not sourced:
        raise FieldError("styles", "is empty; give at least one --style NAME or FILE")
    made = replace(saved_recipe(saved, kind), **given) if saved is not None else kind(**given)
    check_recipe(made)
    return made


def parse_layers(given: Sequence[str], field: str) -> tuple[tuple[str, float], ...]:
    """Layer weights from `relu1_1=0.5`.

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
    return tuple(sorted(layers.items()))


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
