"""Presets and recent recipes: one small JSON file in the user's own data, never in the plug-in's folder.

Krita's importer deletes a plug-in's folder on upgrade; the file therefore lies beside it. It appears
whole or not at all, and a damaged one is set aside rather than overwritten. Several dialogs may be open at
once: what another one has kept meanwhile stays.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from velatura.errors import VelaturaError
from velatura.recipe import Recipe, recipe_from_map, recipe_to_map

from .i18n import _
from .observable import Observable

K = TypeVar("K", bound=Hashable)

RECENT = 12
"""How many recent recipes are kept."""


class Memory(Observable):
    """What is remembered between sessions.

    Attributes:
        presets: name to recipe.
        recent: recipes, the newest first, each once.
        settings: choices of the docker itself (live preview, gallery on the layer …).
        complaint: why it could not be read or kept; empty when all is well.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.presets: dict[str, Recipe] = {}
        self.recent: tuple[Recipe, ...] = ()
        self.settings: dict[str, Any] = {}
        self.complaint = ""
        self._unread: dict[str, Any] = {}
        self._load()

    def use(self, recipe: Recipe) -> None:
        """Puts a recipe first among the recent ones."""
        self._load()
        self.recent = (recipe, *(r for r in self.recent if r != recipe))[:RECENT]
        self._save()

    def keep(self, name: str, recipe: Recipe) -> None:
        """Stores a preset under a name, replacing one of the same name."""
        self._load()
        self.presets = {**self.presets, name: recipe}
        self._save()

    def drop(self, name: str) -> None:
        """Removes a preset."""
        self._load()
        self.presets = {n: r for n, r in self.presets.items() if n != name}
        self._save()

    def set(self, key: str, value: Any) -> None:
        """Stores one of the docker's own choices."""
        self._load()
        self.settings = {**self.settings, key: value}
        self._save()

    def _load(self) -> None:
        """Comes before any change too: another dialog may have changed the file meanwhile."""
        try:
            data = json.loads(self._path.read_text("utf-8"))
            presets, self._unread = _readable(data.get("presets", {}))
            recent, _lost = _readable(dict(enumerate(data.get("recent", []))))
            settings = dict(data.get("settings", {}))
        except FileNotFoundError:
            return
        except (OSError, ValueError, AttributeError, TypeError) as error:
            aside = self._path.with_suffix(".damaged.json")
            self.complaint = _("{file} could not be read ({why}).", file=self._path, why=error)
            with contextlib.suppress(OSError):
                self._path.replace(aside)
                self.complaint += " " + _("It was renamed to {name}.", name=aside.name)
            return
        self.presets, self.recent, self.settings = presets, tuple(recent.values()), settings

    def _save(self) -> None:
        data = {
            "format": 1,
            "presets": {**self._unread, **{name: recipe_to_map(r) for name, r in self.presets.items()}},
            "recent": [recipe_to_map(recipe) for recipe in self.recent],
            "settings": self.settings,
        }
        unfinished = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(data, indent=1, sort_keys=True), "utf-8")
            unfinished.replace(self._path)
        except OSError as error:
            self.complaint = _("Presets and choices could not be saved: {why}", why=error)


def _readable(stored: Mapping[K, Any]) -> tuple[dict[K, Recipe], dict[K, Any]]:
    """The recipes of stored maps, and those maps that only another version can read."""
    found: dict[K, Recipe] = {}
    for name, recipe in stored.items():
        with contextlib.suppress(ValueError, AttributeError, TypeError, VelaturaError):
            found[name] = recipe_from_map(recipe)
    return found, {name: recipe for name, recipe in stored.items() if name not in found}
