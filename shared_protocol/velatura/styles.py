"""What a Python program gives (styles in many forms, fields by name) as a recipe and the pictures to send."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .blob import Blob
from .errors import FieldError, PictureWarning
from .pairs import read_map
from .pixels import Layout
from .recipe import Recipe, Refine, Style
from .stylefile import is_style_file

R = TypeVar("R", bound=Recipe)

OPTIONS = frozenset(
    ("priority", "supersede", "detached", "preview_side", "preview_every", "slider", "device")
)
"""How a job is to be run, as opposed to what it is: see `messages.Submit`."""

SAME = 0.02
"""By how much proportions of two pictures may differ and count as the same: what rounding leaves."""


def build(
    kind: type[R], style: Any, size: tuple[int, int] | None, keep_color: bool | str, given: Mapping[str, Any]
) -> tuple[R, list[Blob], dict[str, Any]]:
    """A recipe from named values.

    Args:
        kind: of recipe.
        style, size: see `styles_of`.
        keep_color: True stands for the recipe's color `luminance`; a text is taken as it is.
        given: fields of the recipe (maps as dicts) and options of the job, by name.

    Returns:
        The recipe, the pictures it names by their `key`, and the options.

    Raises:
        FieldError: for a name that is neither; what is out of range shows when the recipe is checked.
    """
    known = {f.name for f in dataclasses.fields(kind)} - {"styles"}
    for name in given:
        if name not in known | OPTIONS:
            raise FieldError(name, f"is no field of {kind.KIND}; known: {', '.join(sorted(known | OPTIONS))}")
    fields = {name: value for name, value in given.items() if name in known}
    if keep_color:
        fields["color"] = keep_color if isinstance(keep_color, str) else "luminance"
    for name, value in fields.items():
        if isinstance(value, Mapping):
            fields[name] = tuple(sorted(value.items()))
    styles, pictures = styles_of(style, size)
    options = {name: value for name, value in given.items() if name in OPTIONS}
    if styles:
        fields["styles"] = styles
    return kind(**fields), pictures, options


def by_name(style: Any, add: Callable[[Path], str]) -> Any:
    """What `build` takes as styles, with names in place of style files (`NAME.velatura`).

    Args:
        add: puts such a file into the library, where it is not there yet, and gives its name.
    """

    def named(what: Any) -> Any:
        path = Path(what) if isinstance(what, (str, os.PathLike)) else None
        return add(path) if path is not None and is_style_file(path) else what

    if isinstance(style, Mapping):
        return {named(what): weight for what, weight in style.items()}
    if isinstance(style, (list, tuple)):
        parts = [entry if isinstance(entry, (list, tuple)) else (entry,) for entry in style]
        return [(*map(named, part[:1]), *part[1:]) for part in parts]
    return named(style)


def styles_of(style: Any, size: tuple[int, int] | None = None) -> tuple[tuple[Style, ...], list[Blob]]:
    """The recipe's styles, and the pictures they name.

    Args:
        style: a library name, a picture (path, PIL image, array), a dict of names or paths to weights, or a
            list of styles, (style, weight) or (style, weight, region mask). Style files: see `by_name`.
        size: width and height of the content, which region masks must have.

    Raises:
        FieldError: for another shape, or a weight that is no number; VelaturaError: `bad_image`.
    """
    if isinstance(style, Mapping):
        entries: list[Any] = [(name, weight) for name, weight in style.items()]
    elif isinstance(style, (list, tuple)):
        entries = list(style)
    else:
        entries = [style]
    styles, pictures = [], []
    for i, entry in enumerate(entries):
        where = f"styles[{i}]"
        parts = entry if isinstance(entry, (list, tuple)) else (entry,)
        if not 1 <= len(parts) <= 3:
            raise FieldError(where, f"has {len(parts)} parts; give (style, weight) or (style, weight, mask)")
        what, weight, mask = (*parts, *(1.0, None)[len(parts) - 1 :])
        if isinstance(weight, bool) or not isinstance(weight, (int, float)):
            raise FieldError(f"{where}.weight", f"must be a number, not {weight!r}")
        name, digest, region = "", "", ""
        if isinstance(what, str) and not is_file(what):
            name = what
        else:
            picture = _picture(what, where)
            pictures.append(picture)
            digest = picture.key
        if mask is not None:
            if size is None:
                raise FieldError(f"{where}.mask", "needs a picture to apply to")
            from .pictures import images

            blob = images.read_mask(mask, *size, what=f"{where}.mask")
            pictures.append(blob)
            region = blob.key
        styles.append(Style(name, digest, float(weight), region))
    return tuple(styles), pictures


def _picture(what: Any, where: str) -> Blob:
    from .pictures import images

    pixels = images.read_style(what, str(what) if isinstance(what, (str, os.PathLike)) else where)
    blob = pixels.blob()
    blob.title = str(pixels.source or "")
    blob.hash_whole()
    return blob


def is_file(text: str) -> bool:
    """Whether a text names a file rather than a style of the library."""
    separators = [os.sep] + ([os.altsep] if os.altsep else [])
    return any(s in text for s in separators) or bool(Path(text).suffix) or text.startswith("~")


def warn_of_stretch(deform: Any, content: Layout, recipe: Refine, pictures: Sequence[Blob]) -> None:
    """Warns where places are stretched: given for a picture of other proportions than the one at hand.

    Args:
        deform: see `pairs.deformed`, which has taken it.
        pictures: that the recipe names; of one of the library the daemon knows the size alone.
    """
    if deform is None or deform == "auto":
        return
    found = deform if isinstance(deform, Mapping) else read_map(deform)
    if not found["pairs"]:
        return
    styles = [picture.layout for picture in pictures if picture.key == recipe.styles[0].digest]
    for name, layout in zip(("content", "style"), (content, *styles), strict=False):
        width, height = found[name]
        if abs(layout.width * height / (layout.height * width) - 1) > SAME:
            words = f"the pairs were made for a {name} of {width:g} x {height:g}; this one has"
            words += f" {layout.width} x {layout.height}, and their places are stretched with it"
            warnings.warn(words, PictureWarning, stacklevel=4)
