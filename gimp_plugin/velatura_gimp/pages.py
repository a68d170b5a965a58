"""Where the style comes from, and pictures to choose from: the pages in the middle of the dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import GObject, Gtk
from velatura.blob import Blob
from velatura.editor.desk import Desk
from velatura.editor.i18n import _
from velatura.editor.results import RememberedResult, Results
from velatura.editor.variations import KINDS

from .gallery import GalleryView
from .look import AskedLook
from .own import OwnStyle
from .tried import ResultsView, VariationsView

SOURCES = ("library", "picture", "layer")
"""The pages that are a source of the style, from the first on."""

ARGUMENTS = {"picture": "style-picture", "layer": "style-drawable"}
"""Which argument holds the style, of the sources that are no library."""


class Pages(Gtk.Notebook):
    """Library, own picture or layer, which set `style-source`; then variations and results.

    Args:
        window: the `GimpUi.ProcedureDialog`.
        config: what they show and change.
        take: called with a result whose look is to be taken again.
    """

    def __init__(
        self,
        window: Any,
        config: Any,
        desk: Desk,
        look: AskedLook,
        kind: str,
        results: Results,
        take: Callable[[RememberedResult], None],
    ) -> None:
        super().__init__()
        self._config, self._look = config, look
        self.gallery = GalleryView(desk, look)
        self._own = [
            OwnStyle(
                window.get_widget(argument, GObject.TYPE_NONE),
                lambda source=source: self._given(source),
                lambda blob, title: (self.show_library(), desk.gallery.own.add(blob, title)),
            )
            for source, argument in ARGUMENTS.items()
        ]
        self._add(self.gallery, _("Library"))
        for widget, label in zip(self._own, (_("Own picture"), _("Layer")), strict=True):
            self._add(widget, label)
        if kind in KINDS:
            desk.variations.kind = kind
            self._add(VariationsView(desk.variations), _("Variations"))
        self._add(ResultsView(results, kind, desk.describe, take), _("Results"))
        source = config.get_property("style-source")
        if source == "auto":
            source = next((s for s, name in ARGUMENTS.items() if config.get_property(name)), "library")
            config.set_property("style-source", source)
        self.show_all()
        self.set_current_page(SOURCES.index(source))
        self.connect("switch-page", lambda _pages, _page, index: self._turned(index))

    def look_again(self, name: str) -> None:
        """A value has changed: a picture or layer that is given now, or no more, is the style, or no more."""
        for own in self._own:
            own.look()
        source = next((source for source, argument in ARGUMENTS.items() if argument == name), "")
        if source and self._config.get_property(name) is not None:
            self._turned(self.get_current_page())
        elif source == self._config.get_property("style-source"):
            self._config.set_property("style-source", "library")

    def show_library(self) -> None:
        self.set_current_page(0)

    def own_style(self) -> Blob | None:
        """The picture of a style of one's own, where it is that; raises `Refused`."""
        source = self._config.get_property("style-source")
        given = self._given(source) if source in ARGUMENTS else None
        return given[0] if given else None

    def _add(self, widget: Gtk.Widget, label: str) -> None:
        widget.set_border_width(6)
        self.append_page(widget, Gtk.Label(label=label))

    def _turned(self, page: int) -> None:
        """The style is taken from the page that is turned to, where it has one; others leave it as it is."""
        source = SOURCES[page] if page < len(SOURCES) else ""
        if source == "library" or (source and self._config.get_property(ARGUMENTS[source]) is not None):
            self._config.set_property("style-source", source)

    def _given(self, source: str) -> tuple[Blob, str] | None:
        """The style picture that an argument names, and its title; None without one. Raises `Refused`."""
        what = self._config.get_property(ARGUMENTS[source])
        if what is None:
            return None
        name = what.get_basename() if source == "picture" else what.get_name()
        read: Callable[[Any], Blob] = getattr(self._look, source)
        return read(what), name.rpartition(".")[0] or name
