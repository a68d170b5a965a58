"""The gallery of styles: entries, search, thumbnails, and thumbnails painted from the artist's own layer.

Observable and without widgets. Thumbnails are fetched when they come into sight; with "on my layer" each
style in sight is tried on a small copy of the active layer, one after another, behind everything else.
"""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura import stylefile
from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.names import style_name
from velatura.pictures.formats import READABLE
from velatura.recipe import Style, Stylize

from . import geometry, words
from .i18n import _
from .lessons import Lessons
from .link import Link
from .look import Look
from .memory import Memory
from .observable import Observable, Signal
from .paper import Gone, Reading, Refused
from .pump import Pump, Work
from .trials import Trials, Wanted

STYLE_SIDE = 1536
"""Longest side of a picture that is added as a style, in pixels."""

MAX_FILE = 128 * 1024 * 1024
"""Most bytes of a file that is sent to become a style."""

MAX_FILES = 64
"""Most pictures of a folder that become styles at once."""

STYLE_FILES = (*READABLE, ".kra", ".ora", stylefile.SUFFIX)
"""What the names of files end in that a style can be made of."""

_FAVOURITES = "favourites"

_SHOWN = "mergedimage.png"
"""What Krita's and OpenRaster's files hold besides their layers: the picture as it is seen."""


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
    learned: str = ""
    """`yes` where the painter has learned it, `outdated` where another painter had."""
    has_picture: bool = True

    @property
    def mine(self) -> bool:
        return self.kind == "user"

    @property
    def can_learn(self) -> bool:
        """Whether the painter can learn it, or learn it better."""
        return self.mine and self.has_picture and not self.error

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
        trying: whether such thumbnails are being painted.
        words: trouble with adding a style, or what is going on.
        favourites: names of the styles that come first.
        favourites_only: whether only those are shown.
        lessons: what is being learned.
    """

    def __init__(
        self, link: Link, look: Look, paper: Reading, pump: Pump, memory: Memory | None = None
    ) -> None:
        super().__init__()
        self._memory = memory
        self.favourites = frozenset(memory.settings.get(_FAVOURITES, ()) if memory else ())
        self.favourites_only = False
        self.entries: tuple[Entry, ...] = ()
        self.search = ""
        self.on_layer = False
        self.words = ""
        self.picture_changed = Signal()
        """Emitted with a style's name when its thumbnail has come."""
        self._link, self._look, self._paper, self._pump = link, look, paper, pump
        self._thumbnails: dict[str, Picture] = {}
        self._asked: set[str] = set()
        self._in_sight: tuple[str, ...] = ()
        self.trying = False
        self._trials = Trials(
            link, paper, pump, self._wanted, self.picture_changed.emit, self._fail,
            lambda busy: setattr(self, "trying", busy),
        )  # fmt: skip
        self.lessons = Lessons(link, paper, pump, self.entry, self._say, self.picture_changed.emit)
        link.changed.connect(self._on_link)
        look.changed.connect(lambda name: self._fetch_chosen())

    @property
    def found(self) -> tuple[Entry, ...]:
        """The entries that the search leaves."""
        wanted = [_plain(word) for word in self.search.split()]
        shown = (e for e in self.entries if not self.favourites_only or e.name in self.favourites)
        return tuple(e for e in shown if all(word in e.searched for word in wanted))

    @property
    def search_words(self) -> str:
        """What to say where the search leaves nothing; empty where it leaves something."""
        if self.found or not self.entries:
            return ""
        if self.favourites_only and not self.search.strip():
            return _("No favourites yet: press the heart of a style, or choose it in the style's menu.")
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

    def favour(self, name: str) -> None:
        """Makes a style a favourite, or a style like others again."""
        self.favourites = self.favourites ^ {name}
        if self._memory is not None:
            self._memory.set(_FAVOURITES, sorted(self.favourites))
        self._arrange()

    def step(self, ways: int) -> None:
        """Chooses the style so many places further in what is shown, around the end."""
        names = [e.name for e in self.found if not e.error]
        if not names:
            return
        chosen = self._look.styles
        at = names.index(chosen[-1]) + ways if chosen and chosen[-1] in names else min(ways, 0)
        self._look.choose(names[at % len(names)])

    def entry(self, name: str) -> Entry | None:
        return next((e for e in self.entries if e.name == name), None)

    def picture(self, name: str) -> Picture | None:
        """What to show for a style now; None while it has not come."""
        trial = self._trials.pictures.get(name) if self.on_layer else None
        return self.lessons.picture(name) or trial or self._thumbnails.get(name)

    def in_sight(self, names: tuple[str, ...]) -> None:
        """The widget tells which styles can be seen; theirs are fetched."""
        self._in_sight = names
        for name in names:
            self._fetch(name)
        self._trials.go_on()

    def try_on_layer(self, on: bool) -> None:
        """Shows the styles on the active layer as it is now, or their own thumbnails."""
        self._trials.end()
        self.on_layer = on
        for entry in self.entries:
            self.picture_changed.emit(entry.name)
        if on:
            self._trials.begin()

    # --- the artist's own styles ---------------------------------------------------------------------

    def add(self, blob: Blob, title: str) -> None:
        """Puts a picture into the style library and chooses it."""
        self._send(blob, title)

    def _send(self, blob: Blob, title: str, what: str = "style_add", **about: Any) -> None:
        name = free_name(title, {e.name for e in self.entries})
        self.words = _("Adding “{title}”…", title=title)

        def uploaded(error: VelaturaError | None) -> None:
            if error is not None:
                self._fail(error)
            else:
                named = {"name": name, "title": title, "digest": blob.digest, **about}
                self._link.ask(what, added, **named)

        def added(items: Any, error: VelaturaError | None) -> None:
            if error is not None:
                self.words = _("“{file}” is no style: {why}", file=title, why=words.trouble(error))
                return
            self.words = ""
            self._look.choose(str(items[0].get("name", name)) if items else name)
            self._link.refresh()

        self._link.when_connected(lambda: self._link.upload(blob, uploaded), self._fail)

    def add_file(self, path: Path) -> None:
        """Sends a picture's file as it is, for the daemon to read, and makes a style of it. Of Krita's and
        OpenRaster's files it is the picture that they show; a style's file gives the style that it holds."""

        def read() -> Work[Blob]:
            data = _file(path)
            yield
            return (yield from _whole(data))

        def failed(error: Exception) -> None:
            why = words.trouble(error)
            self.words = _("“{file}” cannot be read as a picture: {why}", file=path.name, why=why)

        self._add_work(read(), path.stem, failed, stylefile.is_style_file(path))

    def add_folder(self, folder: Path) -> None:
        """The same for each picture in a folder, at most `MAX_FILES` of them."""
        try:
            files = sorted(file for file in folder.iterdir() if file.suffix.lower() in STYLE_FILES)
        except OSError as error:
            self._fail(error)
            return
        for file in files[:MAX_FILES]:
            self.add_file(file)
        if not files:
            self.words = _("There is no picture in “{folder}”.", folder=folder.name)
        elif len(files) > MAX_FILES:
            self.words = _(
                "Only the first {n} pictures of “{folder}” are added.", n=MAX_FILES, folder=folder.name
            )

    def add_bytes(self, data: bytes, title: str) -> None:
        """The same for a file's bytes, such as of a picture that was dropped."""
        self._add_work(_whole(data), title, self._fail)

    def _add_work(
        self, work: Work[Blob], title: str, failed: Callable[[Exception], None], style: bool = False
    ) -> None:
        """Sends a file once it is read: a picture's, or a style's."""
        what, about = ("style_import", {"name": ""}) if style else ("style_add", {"file": True})
        self.words = _("Adding “{title}”…", title=title)
        self._pump.start(work, lambda blob: self._send(blob, title, what, **about), failed)

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
            self.entries = tuple(entry_of(item) for item in self._link.styles)
            self._arrange()
            self._fetch_again()
        elif name == "state" and self._link.state == "ready":
            self._fetch_again()

    def _say(self, text: str) -> None:
        self.words = text

    def _arrange(self) -> None:
        """Favourites first, then as `_order` says."""
        ordered = sorted(self.entries, key=lambda e: (e.name not in self.favourites, *_order(e)))
        self.entries = tuple(ordered)

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

    def _wanted(self) -> list[Wanted]:
        """What is in sight, on the layer."""
        known = {e.name for e in self.entries if not e.error}
        backbone = self._look.backbone
        return [
            (name, Stylize(styles=(Style(name=name),), scale=0.5, backbone=backbone))
            for name in self._in_sight
            if name in known and self.on_layer
        ]

    def _fail(self, error: Exception) -> None:
        self.words = words.trouble(error)


def _order(entry: Entry) -> tuple[bool, bool, bool, str]:
    """The artist's own first, then works of art, then painted ones; what cannot be used comes last."""
    return bool(entry.error), not entry.mine, entry.kind != "work", entry.title.lower()


def entry_of(item: dict[str, Any]) -> Entry:
    """An entry from the daemon's plain map; what is missing stays empty."""
    texts = {
        key: str(item.get(key) or "")
        for key in ("name", "title", "artist", "year", "kind", "tags", "thumbnail", "error", "learned")
    }
    has_picture = bool(item.get("has_picture", True))
    if not (has_picture or item.get("cards") or texts["learned"] or texts["error"]):
        texts["error"] = _("Its picture is not here; it is among the downloads.")
    return Entry(**{**texts, "title": texts["title"] or texts["name"]}, has_picture=has_picture)


def free_name(title: str, taken: set[str]) -> str:
    """A style name from a title, with a number where it is taken already."""
    base = style_name(title) or "my-style"
    name, n = base, 2
    while name in taken:
        name, n = f"{base}-{n}", n + 1
    return name


def _file(path: Path) -> bytes:
    """The bytes of a picture's file."""
    if path.stat().st_size > MAX_FILE:
        raise VelaturaError("too_large", _("it has more than {n} MB", n=MAX_FILE >> 20))
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as whole:
            if _SHOWN not in whole.namelist() or whole.getinfo(_SHOWN).file_size > MAX_FILE:
                raise VelaturaError("bad_image", _("there is no picture in it"))
            return whole.read(_SHOWN)
    return path.read_bytes()


def _whole(data: bytes) -> Work[Blob]:
    """Work: a file's bytes as a blob."""
    blob = stylefile.blob_of(data)
    while not blob.hash_piece():
        yield
    return blob


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
