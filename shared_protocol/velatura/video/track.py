"""Strength, stroke size and styles over a clip: keyframes in JSON, straight lines in between.

    {"keys": [
      {"at": 0, "strength": 0.2, "style": "great-wave"},
      {"at": 4, "strength": 1, "style": {"great-wave": 0.5, "mosaic": 0.5}},
      {"at": 8, "style": "mosaic"}]}

`at` is in seconds. A key may set every field of the recipe that is a number, and the style; what it does not
name it leaves to the keys around it, and what no key names to the recipe.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..blob import Blob
from ..errors import FieldError
from ..fields import fields_of
from ..recipe import Style, Stylize, check_recipe
from ..styles import by_name, styles_of

NUMBERS = {field.name for field in fields_of(Stylize) if field.sort == "number"}


@dataclass(frozen=True)
class Track:
    """Values over time.

    Args:
        recipe: what no key names.
        numbers: by field, times in seconds and values there.
        blends: times, and the weight of every style there; a style is named by (name, digest).
        pictures: that the styles name.
    """

    recipe: Stylize
    numbers: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    blends: tuple[Sequence[float], Sequence[Mapping[tuple[str, str], float]]]
    pictures: Sequence[Blob] = ()

    def at(self, seconds: float) -> Stylize:
        """The recipe at a time."""
        numbers = {name: _between(seconds, *keys) for name, keys in self.numbers.items()}
        times, blends = self.blends
        styles = self.recipe.styles
        if times:
            names = dict.fromkeys(style for blend in blends for style in blend)
            weights = {n: _between(seconds, times, [blend.get(n, 0.0) for blend in blends]) for n in names}
            styles = tuple(Style(*name, weight) for name, weight in weights.items() if weight > 0)
        return replace(self.recipe, styles=styles, **numbers)

    def widest(self) -> Stylize:
        """The recipe with every style of the clip in it, and with a stroke size that it reaches."""
        times, blends = self.blends
        names = dict.fromkeys(style for blend in blends for style in blend)
        styles = tuple(Style(*name) for name in names) if times else self.recipe.styles
        numbers = {name: max(values, key=lambda v: abs(v - 1)) for name, (_, values) in self.numbers.items()}
        return replace(self.recipe, styles=styles, **{**numbers, "strength": 1.0})


def read_track(
    given: str | os.PathLike | Mapping[str, Any] | None, recipe: Stylize, add: Callable[[Path], str]
) -> Track:
    """A checked track.

    Args:
        given: a JSON file, its contents, or None for the recipe throughout.
        recipe: what no key names.
        add: puts a style's file into the library, see `styles.by_name`.

    Raises:
        FieldError: naming the key that is wrong.
    """
    if given is None:
        return Track(recipe, {}, ((), ()))
    name = "track"
    if not isinstance(given, Mapping):
        name = str(given)
        try:
            given = json.loads(Path(given).read_text("utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise FieldError(name, f"is no track: {error}") from error
    keys = given.get("keys") if isinstance(given, Mapping) else None
    if not isinstance(keys, list) or not keys:
        raise FieldError(name, 'holds no keys; write {"keys": [{"at": 0, "strength": 0.5}, …]}')
    return _track(name, keys, recipe, add)


def _track(name: str, keys: list[Any], recipe: Stylize, add: Callable[[Path], str]) -> Track:
    numbers: dict[str, tuple[list[float], list[float]]] = {}
    times: list[float] = []
    blends: list[dict[tuple[str, str], float]] = []
    pictures: dict[str, Blob] = {}
    last = -1.0
    for index, key in enumerate(keys):
        where = f"{name}: keys[{index}]"
        at = key.get("at") if isinstance(key, dict) else None
        if not isinstance(at, (int, float)) or isinstance(at, bool) or not at > last or at < 0:
            raise FieldError(f"{where}.at", f"is {at!r}; give seconds, each key later than the one before")
        last = float(at)
        for field, value in key.items():
            if field in NUMBERS:
                if not isinstance(value, (int, float)) or isinstance(value, bool):
                    raise FieldError(f"{where}.{field}", f"is {value!r}, not a number")
                seconds, values = numbers.setdefault(field, ([], []))
                seconds.append(last)
                values.append(float(value))
            elif field == "style":
                styles, found = styles_of(by_name(value, add))
                times.append(last)
                blends.append({(s.name, s.digest): s.weight for s in styles})
                pictures |= {blob.digest: blob for blob in found}
            elif field != "at":
                known = ", ".join(sorted(NUMBERS | {"at", "style"}))
                raise FieldError(f"{where}.{field}", f"cannot change over time; known: {known}")
    track = Track(recipe, numbers, (times, blends), list(pictures.values()))
    for index, key in enumerate(keys):
        check_recipe(track.at(key["at"]), f"{name}: keys[{index}]")
    return track


def _between(at: float, times: Sequence[float], values: Sequence[float]) -> float:
    after = bisect_right(times, at)
    if after == 0:
        return values[0]
    if after == len(times):
        return values[-1]
    share = (at - times[after - 1]) / (times[after] - times[after - 1])
    return values[after - 1] + share * (values[after] - values[after - 1])
