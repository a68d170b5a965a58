"""What the daemon can pull besides what ships: networks that see better, and pictures of works of art.

The daemon fetches, on its own machine and one after another, and goes on when the editor is closed; here is
the list of what there is to pull, with how far each is. Nothing is asked before there is something to show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from velatura.choices import BACKBONES
from velatura.errors import VelaturaError

from . import words
from .i18n import _
from .link import Link
from .loop import Loop
from .observable import Observable

LOOK_EVERY = 0.5
"""Seconds between looks at how far the daemon is."""

Known = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True)
class Pull:
    """Something that can be pulled.

    Attributes:
        kind: `model` or `style`, as the daemon names it.
        name: of the backbone or style.
        title: what it is, for the artist.
        about: what it is good for.
        size: bytes, as far as known.
        state: empty before it is asked for; then `waiting`, `running`, `failed` or `cancelled`.
        done: bytes that have come.
        error: why it failed, in words.
    """

    kind: str
    name: str
    title: str
    about: str
    size: int = 0
    state: str = ""
    done: int = 0
    error: str = ""

    @property
    def under_way(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def fraction(self) -> float | None:
        """How much has come, 0..1; None where that is not known."""
        return min(1.0, self.done / self.size) if self.size and self.done else None

    @property
    def words(self) -> str:
        """How it is, in one line."""
        if self.state == "waiting":
            return _("Waiting for the one before")
        if self.state == "running" and self.done >= self.size > 0:
            return _("Installing…")
        if self.state == "running" and self.done:
            return _("{done} of {size}", done=megabytes(self.done), size=megabytes(self.size))
        if self.state == "running":
            return _("Fetching {size}…", size=megabytes(self.size))
        if self.state == "failed":
            return self.error
        if self.state == "cancelled":
            return _("Cancelled; it goes on from there.")
        return megabytes(self.size)


class Pulls(Observable):
    """What can be pulled, and what is.

    Args:
        tell: says something to the artist.

    Attributes:
        offered: what is not here yet, networks first.
        words: why the daemon cannot be asked; empty when all is well.
    """

    def __init__(self, link: Link, loop: Loop, tell: Callable[[str], None]) -> None:
        super().__init__()
        self.offered: tuple[Pull, ...] = ()
        self.words = ""
        self._link, self._loop, self._tell = link, loop, tell
        self._known: Known = {}
        self._forgotten: set[tuple[str, str]] = set()
        self._looking = False
        link.changed.connect(self._on_link)

    @property
    def under_way(self) -> tuple[Pull, ...]:
        """Those that are pulled, the one that runs first."""
        wanted = [pull for pull in self.offered if pull.under_way]
        return tuple(sorted(wanted, key=lambda pull: pull.state == "waiting"))

    @property
    def failed(self) -> tuple[Pull, ...]:
        return tuple(pull for pull in self.offered if pull.state == "failed")

    @property
    def current(self) -> Pull | None:
        """What a single line tells of: the one that runs, else one that failed."""
        return next(iter((*self.under_way, *self.failed)), None)

    @property
    def current_words(self) -> str:
        """How that one is, and how many others are with it."""
        if self.current is None:
            return ""
        if self.under_way:
            more, text = len(self.under_way) - 1, _("{n} more wait")
        else:
            more, text = len(self.failed) - 1, _("{n} more failed")
        return f"{self.current.words} · {text.format(n=more)}" if more else self.current.words

    def find(self, kind: str, name: str) -> Pull | None:
        """One of those offered; None for what is here, or cannot be pulled."""
        return next((pull for pull in self.offered if (pull.kind, pull.name) == (kind, name)), None)

    def begin(self, *pulls: Pull) -> None:
        """Pulls them, one after another; what had come of one before is kept."""
        self._ask("pull", pulls)

    def give_up(self) -> None:
        """Ends those under way, what has come is kept; without any, the artist has read why some failed."""
        if self.under_way:
            self._ask("pull_cancel", self.under_way)
            return
        self._forgotten = {(pull.kind, pull.name) for pull in self.failed}
        self._offer()

    def _ask(self, what: str, pulls: Sequence[Pull]) -> None:
        self._forgotten -= {(pull.kind, pull.name) for pull in pulls}

        def submit() -> None:
            for pull in pulls:
                self._link.ask(what, self._told, kind=pull.kind, name=pull.name)

        self._link.when_connected(submit, self._failed)

    def _failed(self, error: VelaturaError) -> None:
        self.words = words.trouble(error)

    # --- how far it is -----------------------------------------------------------------------------------

    def _look(self) -> None:
        self._looking = False
        self._link.ask("pulls", self._told)

    def _told(self, items: Sequence[dict[str, Any]] | None, error: VelaturaError | None) -> None:
        if items is None:
            if error is not None:
                self._failed(error)
            return
        before, self.words = self._known, ""
        self._known = {(str(item["kind"]), str(item["name"])): item for item in items}
        ended = {key for key, item in self._known.items() if item["state"] in ("done", "failed")}
        self._offer()
        for key in ended & {key for key, item in before.items() if item["state"] in ("waiting", "running")}:
            self._ended(key)
        if self.under_way and not self._looking:
            self._looking = True
            self._loop.later(LOOK_EVERY, self._look)

    def _ended(self, key: tuple[str, str]) -> None:
        pull, item = self.find(*key), self._known[key]
        if pull is not None and item["state"] == "done":
            self._tell(_("{title} is here.", title=pull.title))
            self._link.refresh()
        elif pull is not None:
            self._tell(_("{title}: {why}", title=pull.title, why=item["error"]))

    def _on_link(self, name: str) -> None:
        if name == "state" and self._link.state == "ready":
            self._link.ask("pulls", lambda items, error: self._found(items or ()))
        elif name in ("models", "styles"):
            self._offer()

    def _found(self, items: Sequence[dict[str, Any]]) -> None:
        """What was pulled before we came: that something failed then is no news."""
        failed = {(str(item["kind"]), str(item["name"])) for item in items if item["state"] == "failed"}
        self._forgotten |= failed - set(self._known)
        self._told(items, None)

    def _offer(self) -> None:
        known = {key: item for key, item in self._known.items() if key not in self._forgotten}
        found = [*map(_model, self._link.models), *map(_style, self._link.styles)]
        self.offered = tuple(
            replace(pull, **_progress(known.get((pull.kind, pull.name)), pull.size))
            for pull in found
            if pull is not None
        )


def megabytes(size: int) -> str:
    """A number of bytes as one reads it; empty for none."""
    if not size:
        return ""
    return _("{n} MB", n=f"{size / 1e6:.0f}" if size >= 1e7 else f"{max(size / 1e6, 0.1):.1f}")


def _progress(item: dict[str, Any] | None, size: int) -> dict[str, Any]:
    """What the daemon says of a pull, over what is known of it; one that is done is offered as anew, where
    the list of what is here does not have it yet."""
    if item is None or item["state"] == "done":
        return {}
    return {
        "state": str(item["state"]),
        "done": int(item["done"]),
        "size": int(item["size"]) or size,
        "error": str(item["error"]),
    }


def _model(item: dict[str, Any]) -> Pull | None:
    name = str(item.get("name", ""))
    if item.get("kind") != "backbone" or item.get("installed") or name not in BACKBONES:
        return None
    option = BACKBONES[name]
    return Pull("model", name, _(option.label), _(option.help), int(item.get("size") or 0))


def _style(item: dict[str, Any]) -> Pull | None:
    if not item.get("can_pull") or item.get("has_picture"):
        return None
    title = ", ".join(filter(None, (str(item.get("title") or item["name"]), str(item.get("artist") or ""))))
    about = _("The picture itself, seen by refining and the finer qualities")
    return Pull("style", str(item["name"]), title, about, int(item.get("size") or 0))
