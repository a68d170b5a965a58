"""The gallery of styles: entries, search, thumbnails, and thumbnails painted from the artist's own layer.

Observable and without widgets. Thumbnails are fetched when they come into sight; with "on my layer" each
style in sight is tried on a small copy of the active layer, one after another, behind everything else.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.names import style_name
from velatura.recipe import Style, Stylize

from . import geometry, words
from .i18n import _
from .link import Follower, Link
from .look import Look
from .observable import Observable, Signal
from .paper import Gone, Reading, Refused
from .pump import Pump

STYLE_SIDE = 1536
"""Longest side of a picture that is added as a style, in pixels."""

TRIAL_SIDE = 192
"""Longest side of the copy of the layer that styles are tried on."""


@dataclass(frozen=True)
class Entry:
    """One style as the gallery shows it."""

    name: str
    title: str
    artist: str = ""
    year: str = ""
    kind: str = "user"
    tags: str = ""
    """What a search finds it by besides: technique, movement, what is to be seen."""
    thumbnail: str = ""
    """Digest of its picture, to be fetched."""
    error: str = ""
    """Why it cannot be used, in words; empty when it can."""

    @property
    def mine(self) -> bool:
        return self.kind == "user"

    @property
    def about(self) -> str:
        """Title, artist and year in one line."""
        return ", ".join(filter(None, (self.title, self.artist, self.year)))

    @property
    def searched(self) -> str:
        """All that a search looks at; the name is what is left of a file's."""
        return _plain(f"{self.about} {self.name.replace('-', ' ')} {self.name} {self.tags}")


class Gallery(Observable):
    """The styles to choose from.

    Attributes:
        entries: all of them, the artist's own first.
        search: what the artist typed.
        on_layer: whether thumbnails show the styles on the active layer.
        words: trouble with adding a style, or what is going on.
    """

    def __init__(self, link: Link, look: Look, paper: Reading, pump: Pump) -> None:
        super().__init__()
        self.entries: tuple[Entry, ...] = ()
        self.search = ""
        self.on_layer = False
        self.words = ""
        self.picture_changed = Signal()
        """Emitted with a style's name when its thumbnail has come."""
        self._link, self._look, self._paper, self._pump = link, look, paper, pump
        self._thumbnails: dict[str, Picture] = {}
        self._trials: dict[str, Picture] = {}
        self._asked: set[str] = set()
        self._in_sight: tuple[str, ...] = ()
        self._trial_content: Blob | None = None
        self._trial: str = ""
        link.changed.connect(self._on_link)
        look.changed.connect(lambda name: self._fetch_chosen())

    @property
    def found(self) -> tuple[Entry, ...]:
        """The entries that the search leaves."""
        wanted = [_plain(word) for word in self.search.split()]
        return tuple(e for e in self.entries if all(word in e.searched for word in wanted))

    @property
    def search_words(self) -> str:
        """What to say where the search leaves nothing; empty where it leaves something."""
        if self.found or not self.entries:
            return ""
        return _(
            "No style matches “{search}”. Search for a title, an artist, a technique or a word such as"
            " “sea”, “night” or “woodcut”.",
            search=self.search.strip(),
        )

    def find(self, text: str) -> None:
        """The artist searches. A style that is left alone is chosen, so that nothing unseen is painted; a mix
        stays."""
        self.search = text
        left = self.found
        if len(left) == 1 and not left[0].error and len(self._look.styles) < 2:
            self._look.choose(left[0].name)

    def entry(self, name: str) -> Entry | None:
        return next((e for e in self.entries if e.name == name), None)

    def picture(self, name: str) -> Picture | None:
        """What to show for a style now; None while it has not come."""
        return (self._trials.get(name) if self.on_layer else None) or self._thumbnails.get(name)

    def in_sight(self, names: tuple[str, ...]) -> None:
        """The widget tells which styles can be seen; theirs are fetched."""
        self._in_sight = names
        for name in names:
            self._fetch(name)
        self._next_trial()

    def try_on_layer(self, on: bool) -> None:
        """Shows the styles on the active layer as it is now, or their own thumbnails."""
        self._trials.clear()
        self._trial_content = None
        self.on_layer = on
        for entry in self.entries:
            self.picture_changed.emit(entry.name)
        if not on:
            return
        try:
            taken = self._paper.source()
        except (Refused, Gone) as refused:
            self.words = str(refused)
            return
        factor = geometry.reduction(taken.crop, TRIAL_SIDE)

        def done(content: Blob) -> None:
            self._trial_content = content
            self._next_trial()

        self._pump.start(self._paper.read_reduced(taken, factor), done, self._fail)

    # --- the artist's own styles ---------------------------------------------------------------------

    def add(self, blob: Blob, title: str) -> None:
        """Puts a picture into the style library and chooses it."""
        name = free_name(title, {e.name for e in self.entries})
        self.words = _("Adding “{title}”…", title=title)

        def uploaded(error: VelaturaError | None) -> None:
            if error is not None:
                self._fail(error)
            else:
                self._link.ask("style_add", added, name=name, title=title, digest=blob.digest)

        def added(items: Any, error: VelaturaError | None) -> None:
            if error is not None:
                self._fail(error)
                return
            self.words = ""
            self._look.choose(str(items[0].get("name", name)) if items else name)
            self._link.refresh()

        self._link.when_connected(lambda: self._link.upload(blob, uploaded), self._fail)

    def add_from_layer(self, selected: bool) -> None:
        """Makes a style of the active layer, or of what the selection shows of it."""
        try:
            taken = self._paper.source()
            if selected and taken.selected is None:
                raise Refused(_("Select something first."))
            taken = self._paper.only(taken, selected)
        except (Refused, Gone) as refused:
            self.words = str(refused)
            return

        def done(blob: Blob) -> None:
            blob.hash_whole()
            self.add(blob, taken.name)

        work = self._paper.read_reduced(taken, geometry.reduction(taken.crop, STYLE_SIDE))
        self._pump.start(work, done, self._fail)

    def remove(self, name: str) -> None:
        """Takes one of the artist's own styles out of the library."""

        def removed(items: Any, error: VelaturaError | None) -> None:
            if error is not None:
                self._fail(error)
                return
            self._look.forget({name})
            self._link.refresh()

        self._link.ask("style_remove", removed, name=name)

    # --- following the daemon ---------------------------------------------------------------------------

    def _on_link(self, name: str) -> None:
        if name == "styles":
            entries = [entry_of(item) for item in self._link.styles]
            self.entries = tuple(sorted(entries, key=_order))
            self._fetch_again()
        elif name == "state" and self._link.state == "ready":
            self._fetch_again()
        elif name == "state":
            self._trial = ""

    def _fetch_again(self) -> None:
        """Pictures that were asked for and did not come, because the daemon ended, are asked for anew."""
        self._asked &= set(self._thumbnails)
        self.in_sight(self._in_sight)
        self._fetch_chosen()

    def _fetch_chosen(self) -> None:
        """The chosen styles are shown on the mixing pad, wherever the gallery is scrolled to."""
        for name in self._look.styles:
            self._fetch(name)

    def _fetch(self, name: str) -> None:
        entry = self.entry(name)
        if entry is None or not entry.thumbnail or name in self._asked:
            return
        self._asked.add(name)

        def tell(picture: Picture | None, error: VelaturaError | None) -> None:
            if picture is not None:
                self._thumbnails[name] = picture
                self.picture_changed.emit(name)

        self._link.fetch(entry.thumbnail, tell)

    def _next_trial(self) -> None:
        if not self.on_layer or self._trial or self._trial_content is None:
            return
        known = {e.name for e in self.entries if not e.error}
        name = next((n for n in self._in_sight if n in known and n not in self._trials), "")
        if not name or self._link.state != "ready":
            return
        self._trial = name
        content = self._trial_content

        def ended(job: Job) -> None:
            self._trial = ""
            if self._trial_content is content and job.picture is not None:
                self._trials[name] = job.picture
                self.picture_changed.emit(name)
                self._next_trial()

        def lost(error: VelaturaError) -> None:
            self._trial = ""

        recipe = Stylize(styles=(Style(name=name),), scale=0.5, backbone=self._look.backbone)
        follower = Follower(lambda job: None, lambda *preview: None, ended, lost)
        try:
            self._link.submit(follower, recipe, content, priority="batch")
        except VelaturaError as error:
            self._trial = ""
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.words = words.trouble(error)


def _order(entry: Entry) -> tuple[bool, bool, bool, str]:
    """The artist's own first, then works of art, then painted ones; what cannot be used comes last."""
    return bool(entry.error), not entry.mine, entry.kind != "work", entry.title.lower()


def entry_of(item: dict[str, Any]) -> Entry:
    """An entry from the daemon's plain map; what is missing stays empty."""
    texts = {
        key: str(item.get(key) or "")
        for key in ("name", "title", "artist", "year", "kind", "tags", "thumbnail", "error")
    }
    if not item.get("has_picture", True) and not item.get("cards") and not texts["error"]:
        pull = _("Its picture is not here. In a terminal: velatura styles pull {name}", name=texts["name"])
        texts["error"] = pull
    return Entry(**{**texts, "title": texts["title"] or texts["name"]})


def free_name(title: str, taken: set[str]) -> str:
    """A style name from a title, with a number where it is taken already."""
    base = style_name(title) or "my-style"
    name, n = base, 2
    while name in taken:
        name, n = f"{base}-{n}", n + 1
    return name


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
