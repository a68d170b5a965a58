"""Plain maps to frozen dataclasses and back, with checks derived from the dataclasses themselves.

Recipes, layouts and messages are dataclasses whose fields carry their range, unit and meaning in
`metadata` (see `ranged`, `choice`, `text`), a recipe's also how they are `Shown` to a person, which
`velatura.fields` reads. This module reads the ranges once and gives: validation with
the field's path and allowed range in the error, conversion to msgpack-ready maps, and back. Unknown
keys are ignored, as the protocol promises, so that a newer minor version can add fields.

No pydantic here: the same checks run inside Krita and GIMP, where only pyzmq and msgpack exist.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from .errors import FieldError

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True)
class Option:
    """One of a choice's options, in English; editors translate it.

    Attributes:
        label: what it is called.
        help: what it does, as a phrase without its full stop.
    """

    label: str
    help: str = ""


@dataclass(frozen=True)
class Shown:
    """How a recipe's field is offered to a person: on the command line, in editors, in the docs.

    Attributes:
        label: what it is called, in English; editors translate it.
        group: `basic` is always in sight, `more` is behind a fold, `expert` behind another.
        argument: what an editor's procedure calls it; empty is the field's own name with hyphens.
        soft: what a slider reaches, for a field whose range is wider; empty is the whole range, None is
            no slider: a number to type.
        log: whether equal ways of a slider are equal factors, rather than equal differences.
        percent: whether it is shown as a percentage.
        fits: whether an editor takes it from the layer or selection, unless it is given.
        start: what an editor begins with, where that is not the default.
        off: what the command line calls a flag's opposite; empty where it offers none.
        suits: whether clients take what suits the picture's size, see `strokes`, unless it is given.
    """

    label: str
    group: Literal["basic", "more", "expert"] = "more"
    argument: str = ""
    soft: tuple[float, float] | tuple[()] | None = ()
    log: bool = False
    percent: bool = False
    fits: bool = False
    start: Any = None
    off: str = ""
    suits: bool = dataclasses.field(default=False, compare=False)


def ranged(
    default: Any, low: float, high: float, doc: str, shown: Shown | None = None, unit: str = ""
) -> Any:
    """A number field within `low..high`, both included. A default of None leaves it unset until it is
    settled, see `recipe.settled`; an unset field is not written down."""
    return _field(default, doc, shown, low=low, high=high, unit=unit)


def choice(default: T | None, options: Iterable[T], doc: str, shown: Shown | None = None) -> Any:
    """A text or whole number out of `options`; a map tells what each is called. None: as for `ranged`."""
    described = dict(options) if isinstance(options, Mapping) else {}
    return _field(default, doc, shown, options=tuple(options), described=described)


def flag(default: bool, doc: str, shown: Shown | None = None) -> Any:
    """A yes or no."""
    return _field(default, doc, shown)


def text(default: str, doc: str, longest: int = 200) -> Any:
    """A text field of at most `longest` characters."""
    return _field(default, doc, None, longest=longest)


def picture(doc: str) -> Any:
    """The digest of a picture that travels apart from the recipe; empty for none."""
    return _field("", doc, None, longest=64, picture=True)


def nested(doc: str) -> Any:
    """A dataclass within a dataclass; None where it is missing."""
    return _field(None, doc, None)


def listed(doc: str, most: int, least: int = 0) -> Any:
    """A tuple field of `least..most` items, empty by default."""
    return _field((), doc, None, least=least, most=most)


def mapped(
    default: Mapping[str, float],
    low: float,
    high: float,
    doc: str,
    shown: Shown | None = None,
    most: int = 32,
) -> Any:
    """A map of names to numbers within `low..high`, stored as sorted pairs so that it stays hashable."""
    pairs = tuple(sorted(default.items()))
    return _field(pairs, doc, shown, map=True, low=low, high=high, most=most)


def _field(default: Any, doc: str, shown: Shown | None, **checks: Any) -> Any:
    metadata = {"doc": doc, "shown": shown, "unset": default is None, **checks}
    return dataclasses.field(default=default, metadata=metadata)


def pictures_in(value: Any) -> Iterator[str]:
    """The digests in the `picture` fields of a dataclass, and of those in its tuples."""
    for field in dataclasses.fields(value):
        held = getattr(value, field.name)
        if field.metadata.get("picture") and held:
            yield held
        for part in held if isinstance(held, tuple) else ():
            yield from pictures_in(part) if dataclasses.is_dataclass(part) else ()


def renamed(value: V, names: Mapping[str, str]) -> V:
    """A dataclass whose pictures, and those of the ones in its tuples, go by other names."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(value):  # type: ignore[arg-type]  # a dataclass
        held = getattr(value, field.name)
        if field.metadata.get("picture"):
            changed[field.name] = names.get(held, held)
        elif isinstance(held, tuple):
            changed[field.name] = tuple(
                renamed(part, names) if dataclasses.is_dataclass(part) else part for part in held
            )
    return dataclasses.replace(value, **changed)  # type: ignore[type-var]  # a dataclass


@cache
def hints(cls: type) -> dict[str, Any]:
    """The resolved type annotations of a dataclass."""
    return typing.get_type_hints(cls)


@cache
def _fields(cls: type) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    """The fields of a dataclass with their types."""
    return tuple((f, hints(cls)[f.name]) for f in dataclasses.fields(cls))


def to_map(value: Any) -> Any:
    """A dataclass as plain maps, lists and scalars (what msgpack and JSON take)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        out = {}
        kind = getattr(type(value), "KIND", None)
        if kind is not None:
            out["kind"] = kind
        for f, _ in _fields(type(value)):
            item = getattr(value, f.name)
            if _is_unset(item, f.metadata):
                continue
            out[f.name] = dict(item) if f.metadata.get("map") else to_map(item)
        return out
    if isinstance(value, (tuple, list)):
        return [to_map(item) for item in value]
    return value


def from_map(cls: type[T], data: Any, path: str = "") -> T:
    """A checked dataclass from a plain map.

    Raises:
        FieldError: with the path of the first field that is missing, mistyped or out of range.
    """
    made = _made(cls, data, path)
    check(made, path)
    return made


def _made(cls: type[T], data: Any, path: str) -> T:
    """A dataclass from a plain map, of which ranges are still to be checked."""
    if not isinstance(data, Mapping):
        raise FieldError(path or cls.__name__.lower(), f"must be a map, not {type(data).__name__}")
    values = {}
    for f, kind in _fields(cls):
        if f.name in data:
            values[f.name] = _read(kind, data[f.name], _below(path, f.name), f.metadata)
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise FieldError(_below(path, f.name), "is missing")
    return cls(**values)


def check(value: Any, path: str = "") -> None:
    """Raises `FieldError` for the first field of a dataclass that breaks its stated range or type."""
    for f, kind in _fields(type(value)):
        _check_field(kind, getattr(value, f.name), _below(path, f.name), f.metadata)
    own = getattr(value, "check_whole", None)
    if own is not None:
        try:
            own()
        except FieldError as error:
            raise FieldError(_below(path, error.field), error.message) from None


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _read(kind: Any, value: Any, path: str, meta: Mapping[str, Any]) -> Any:
    """A raw value as the annotated type `kind`; ranges are checked later, by `check`."""
    if _is_unset(value, meta):
        return None
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        options = [k for k in typing.get_args(kind) if k is not type(None)]
        if value is None and len(options) < len(typing.get_args(kind)):
            return None
        if len(options) == 1:
            return _read(options[0], value, path, meta)
        return _read_tagged(options, value, path)
    if meta.get("map"):
        if not isinstance(value, Mapping):
            raise FieldError(path, f"must be a map of names to numbers, not {type(value).__name__}")
        for key, number in value.items():
            if not isinstance(key, str) or isinstance(number, bool) or not isinstance(number, (int, float)):
                raise FieldError(f"{path}.{key}", f"must be a number, not {number!r}")
        return tuple(sorted((k, _to_float(v, f"{path}.{k}")) for k, v in value.items()))
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise FieldError(path, f"must be a list, not {type(value).__name__}")
        item = typing.get_args(kind)[0]
        return tuple(_read(item, v, f"{path}[{i}]", {}) for i, v in enumerate(value))
    if dataclasses.is_dataclass(kind):
        return _made(kind, value, path)  # type: ignore[arg-type]  # a class
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return _to_float(value, path)
    return value


def _to_float(value: float, path: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise FieldError(path, "is too large a number") from None


def _is_unset(value: Any, meta: Mapping[str, Any]) -> bool:
    return value is None and meta.get("unset", False)


def _read_tagged(options: list[Any], value: Any, path: str) -> Any:
    """One member of a tagged union, chosen by the map's `kind`."""
    if not isinstance(value, Mapping):
        raise FieldError(path, f"must be a map, not {type(value).__name__}")
    by_kind = {option.KIND: option for option in options}
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in by_kind:
        raise FieldError(f"{path}.kind", f"is {kind!r}; known: {', '.join(sorted(by_kind))}")
    return _made(by_kind[kind], value, path)


def _check_field(kind: Any, value: Any, path: str, meta: Mapping[str, Any]) -> None:
    if _is_unset(value, meta):
        return
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        if value is not None:
            if not dataclasses.is_dataclass(value):
                kind = next(k for k in typing.get_args(kind) if k is not type(None))
                _check_field(kind, value, path, meta)
            else:
                check(value, path)
        elif type(None) not in typing.get_args(kind):
            raise FieldError(path, "is missing")
    elif meta.get("map"):
        if len(value) > meta["most"]:
            raise FieldError(path, f"has {len(value)} entries; at most {meta['most']}")
        for key, number in value:
            _check_number(number, f"{path}.{key}", meta)
    elif origin is tuple:
        least, most = meta.get("least", 0), meta.get("most", 1024)
        if not isinstance(value, tuple) or not least <= len(value) <= most:
            raise FieldError(path, f"must be a list of {least} to {most} items")
        item = typing.get_args(kind)[0]
        for i, v in enumerate(value):
            _check_field(item, v, f"{path}[{i}]", {})
    elif origin is dict:
        _check_dict(kind, value, path)
    elif origin is list:
        if not isinstance(value, list):
            raise FieldError(path, f"must be a list, not {type(value).__name__}")
        for i, v in enumerate(value):
            _check_field(typing.get_args(kind)[0], v, f"{path}[{i}]", {})
    elif dataclasses.is_dataclass(kind):
        if not isinstance(value, kind):  # type: ignore[arg-type]  # a class
            raise FieldError(path, f"must be a map, not {type(value).__name__}")
        check(value, path)
    elif kind in (int, float):
        wrong = isinstance(value, bool) or not isinstance(value, (int, float))
        if wrong or (kind is int and not isinstance(value, int)):
            raise FieldError(
                path, f"must be {'a whole number' if kind is int else 'a number'}, not {value!r}"
            )
        _check_number(value, path, meta)
    elif kind in (str, bool, bytes):
        if not isinstance(value, kind):
            raise FieldError(path, f"must be {kind.__name__}, not {value!r}")
        if isinstance(value, str):
            _check_text(value, path, meta)


def _check_dict(kind: Any, value: Any, path: str) -> None:
    """A free map of names to values; the values are checked where their type is known."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FieldError(path, "must be a map with text keys")
    item = typing.get_args(kind)[1]
    if item is float:
        for key, number in value.items():
            _check_field(float, number, f"{path}.{key}", {})


def _check_options(value: Any, path: str, meta: Mapping[str, Any]) -> None:
    options = meta.get("options")
    if options and value not in options:
        raise FieldError(path, f"is {value!r}; allowed: {', '.join(map(str, options))}")


def _check_number(value: float, path: str, meta: Mapping[str, Any]) -> None:
    _check_options(value, path, meta)
    if isinstance(value, float) and not math.isfinite(value):
        raise FieldError(path, f"is {value!r}, which is not a finite number")
    low, high = meta.get("low", -math.inf), meta.get("high", math.inf)
    if not low <= value <= high:
        unit = f" {meta['unit']}" if meta.get("unit") else ""
        shown = f"{value:g}" if isinstance(value, float) else str(value)[:40]
        raise FieldError(path, f"is {shown}; allowed is {plain(low)} to {plain(high)}{unit}")


def plain(number: float) -> str:
    """A bound of a range for people: whole numbers in full."""
    return f"{number:.0f}" if abs(number) < 1e15 and number == int(number) else f"{number:g}"


def _check_text(value: str, path: str, meta: Mapping[str, Any]) -> None:
    _check_options(value, path, meta)
    longest = meta.get("longest", 4096)
    if len(value) > longest:
        raise FieldError(path, f"has {len(value)} characters; at most {longest}")
