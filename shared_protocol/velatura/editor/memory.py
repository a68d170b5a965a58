"""Presets and recent recipes: one small JSON file in the user's own data, never in the plug-in's folder.

Krita's importer deletes a plug-in's folder on upgrade; the file therefore lies beside it. It appears
whole or not at all, and a damaged one is set aside rather than overwritten.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from velatura.errors import VelaturaError
from velatura.recipe import Recipe, recipe_from_map, recipe_to_map

from .observable import Observable

RECENT = 12
"""How many recent recipes are kept."""


class Memory(Observable):
    """What is remembered between sessions.

    Attributes:
        presets: name to recipe.
        recent: recipes, the newest first, each once.
        settings: choices of the docker itself (live preview, gallery on the layer …).
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.presets: dict[str, Recipe] = {}
        self.recent: tuple[Recipe, ...] = ()
        self.settings: dict[str, Any] = {}
        self.complaint = ""
        self._load()

    def use(self, recipe: Recipe) -> None:
        """Puts a recipe first among the recent ones."""
        self.recent = (recipe, *(r for r in self.recent if r != recipe))[:RECENT]
        self._save()

    def keep(self, name: str, recipe: Recipe) -> None:
        """Stores a preset under a name, replacing one of the same name."""
        self.presets = {**self.presets, name: recipe}
        self._save()

    def drop(self, name: str) -> None:
        """Removes a preset."""
        self.presets = {n: r for n, r in self.presets.items() if n != name}
        self._save()

    def set(self, key: str, value: Any) -> None:
        """Stores one of the docker's own choices."""
        self.settings = {**self.settings, key: value}
        self._save()

    def _load(self) -> None:
        try:
            data = json.loads(self._path.read_text("utf-8"))
            presets = {str(n): recipe_from_map(r) for n, r in data.get("presets", {}).items()}
            recent = tuple(recipe_from_map(r) for r in data.get("recent", []))
            settings = dict(data.get("settings", {}))
        except FileNotFoundError:
            return
        except (OSError, ValueError, AttributeError, TypeError, VelaturaError) as error:
            aside = self._path.with_suffix(".damaged.json")
            self.complaint = f"{self._path} could not be read ({error}); it was renamed to {aside.name}"
            try:
                self._path.replace(aside)
            except OSError as refused:
                self.complaint = f"{self._path} could not be read ({error}) nor renamed ({refused})"
            return
        self.presets, self.recent, self.settings = presets, recent, settings

    def _save(self) -> None:
        data = {
            "format": 1,
            "presets": {name: recipe_to_map(recipe) for name, recipe in sorted(self.presets.items())},
            "recent": [recipe_to_map(recipe) for recipe in self.recent],
            "settings": self.settings,
        }
        unfinished = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(data, indent=1, sort_keys=True), "utf-8")
            unfinished.replace(self._path)
        except OSError as error:
            self.complaint = f"presets could not be saved: {error}"
