"""Signals and observable state without Qt, so that everything behind the widgets can be tested alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Signal:
    """Calls its listeners in the order in which they came."""

    def __init__(self) -> None:
        self._listeners: list[Callable[..., None]] = []

    def connect(self, listener: Callable[..., None]) -> Callable[[], None]:
        """Adds a listener; the returned function removes it again."""
        self._listeners.append(listener)

        def disconnect() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return disconnect

    def emit(self, *args: Any) -> None:
        for listener in tuple(self._listeners):
            listener(*args)


class Observable:
    """An object whose public attributes can be watched.

    Setting a public attribute to another value emits `changed` with its name. Names that begin with an
    underscore are the object's own affair.
    """

    def __init__(self) -> None:
        object.__setattr__(self, "changed", Signal())

    changed: Signal

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        missing = object()
        if getattr(self, name, missing) == value:
            return
        object.__setattr__(self, name, value)
        self.changed.emit(name)
