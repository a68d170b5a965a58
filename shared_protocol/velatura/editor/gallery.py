"""The gallery of styles: entries, search, thumbnails, and thumbnails painted from the artist's own layer.

Observable and without widgets. Thumbnails are fetched when they come into sight; with "on my layer" each
style in sight is tried on a small copy of the active layer, one after another, behind everything else.
"""

from __future__ import annotations

from collections.abc import Mapping

from velatura.blob import Picture
from velatura.choices import OWN_STYLES
from velatura.errors import VelaturaError
from velatura.recipe import Style, Stylize

from . import words
from .entries import Entry, entry_of, order, plain
from .i18n import _
from .lessons import Lessons
from .link import Link
from .look import Look
from .memory import Memory
from .observable import Observable, Signal
from .own import OwnStyles
from .paper import Reading
from .pump import Pump
from .reduced import painted_styles
from .trials import Trials, Wanted

_FAVOURITES = "favourites"
_FOLDERS = "folders"


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
        folders: the folder that the artist has put a style in, by the style's name.
        folder: the one that is shown; empty for all.
        own: puts styles of the artist's own into the library.
        lessons: what is being learned.
    """

    def __init__(self, link: Link, look: Look, paper: Reading, pump: Pump, memory: Memory) -> None:
        super().__init__()
        self._memory = memory
        self.favourites = frozenset(memory.settings.get(_FAVOURITES, ()))
        self.favourites_only = False
        self.folders: Mapping[str, str] = dict(memory.settings.get(_FOLDERS, {}))
        self.folder = ""
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
        self.own = OwnStyles(link, look, paper, pump, self._added, self._say)
        self.lessons = Lessons(link, paper, pump, self.entry, self._say, self.picture_changed.emit)
        link.changed.connect(self._on_link)
        look.changed.connect(self._on_look)

    @property
    def found(self) -> tuple[Entry, ...]:
        """The entries that the search leaves."""
        wanted = [plain(word) for word in self.search.split()]
        return tuple(
            e for e in self.entries
            if (not self.favourites_only or e.name in self.favourites)
            and self.folder in ("", self.folders.get(e.name))
            and all(word in e.searched for word in wanted)
        )  # fmt: skip

    @property
    def search_words(self) -> str:
        """What to say where the search leaves nothing; empty where it leaves something."""
        if self.found or not self.entries:
            return ""
        if self.favourites_only and not self.search.strip():
            return _("No favourites yet: a right click on a style makes it one.")
        if self.folder:
            return _("Nothing in “{folder}” matches. It is sought there only.", folder=self.folder)
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
        self._memory.set(_FAVOURITES, sorted(self.favourites))
        self._arrange()

    @property
    def folder_names(self) -> tuple[str, ...]:
        """Those that hold anything."""
        held = {self.folders[entry.name] for entry in self.entries if entry.name in self.folders}
        return tuple(sorted(held, key=str.lower))

    def put(self, name: str, folder: str) -> None:
        """Puts a style in a folder, which is there as long as it holds anything; empty takes it out."""
        rest = {style: held for style, held in self.folders.items() if style != name}
        self.folders = {**rest, name: folder} if folder else rest
        self._memory.set(_FOLDERS, self.folders)
        if self.folder not in self.folder_names:
            self.folder = ""

    def _added(self, name: str, folder: str) -> None:
        """A style of the artist's own has come: it is put where it was to be put, or where one looks."""
        if folder or self.folder:
            self.put(name, folder or self.folder)

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

    # --- following the daemon ---------------------------------------------------------------------------

    def _on_link(self, name: str) -> None:
        if name in ("styles", "models"):
            self._read()
            self._fetch_again()
        elif name == "state" and self._link.state == "ready":
            self._fetch_again()

    def _on_look(self, name: str) -> None:
        if name == "method":
            self._read()
        self._fetch_chosen()

    def _read(self) -> None:
        """The entries, from what the daemon told, as the chosen method can paint them."""
        styles, models, method = self._link.styles, self._link.models, self._look.method
        known = {item["name"] for item in styles}
        if models and method in OWN_STYLES:
            known = painted_styles(models, styles, (method,))
        self.entries = tuple(entry_of(item, "" if item["name"] in known else method) for item in styles)
        self._arrange()

    def _say(self, text: str) -> None:
        self.words = text

    def _arrange(self) -> None:
        """Favourites first, then as `_order` says."""
        ordered = sorted(self.entries, key=lambda e: (e.name not in self.favourites, *order(e)))
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
        self.words = words.sentence(words.trouble(error))
