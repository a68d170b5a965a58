"""Which mask or layer of the picture says where, and how strongly, the active layer is painted, or where a
style of the mix is: chosen among those there are, or made to be painted on."""

from __future__ import annotations

from collections.abc import Callable

from .gallery import Gallery
from .i18n import _
from .paper import Gone, Paper, Refused, Source
from .preview import LivePreview
from .pump import Pump


class Maps:
    """Those of the active layer; a style without a name stands for all, and how strongly.

    Args:
        made: called when a mask was made.
        tell: says something to the artist.
    """

    def __init__(
        self,
        paper: Paper,
        pump: Pump,
        gallery: Gallery,
        preview: LivePreview,
        made: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        self._paper, self._pump, self._gallery, self._preview = paper, pump, gallery, preview
        self._made, self._tell = made, tell

    def paint(self, style: str = "") -> None:
        """Makes a mask for it on the active layer, or goes to the one it has."""
        try:
            taken = self._paper.source()
            node = _said_by(taken, style)
            if node:
                self._paper.select(taken, node)
            else:
                entry = self._gallery.entry(style)
                title = _("Where {style}", style=entry.title if entry else style) if style else _("Strength")
                done, failed = (lambda nothing: self._made()), (lambda error: self._tell(str(error)))
                self._pump.start(self._paper.make_map(taken, title, style), done, failed)
        except (Refused, Gone) as error:
            self._tell(str(error))

    def offered(self, style: str = "") -> tuple[tuple[str, str, bool], ...]:
        """What may say so: id, name, and whether it does."""
        try:
            taken = self._paper.source()
            used = _said_by(taken, style)
            return tuple((node, name, node == used) for node, name in self._paper.maps(taken))
        except (Refused, Gone):
            return ()

    def use(self, node: str, style: str = "") -> None:
        """Lets a mask or layer say so; empty for alike everywhere."""
        try:
            self._paper.use_map(self._paper.source(), node, style)
        except (Refused, Gone) as error:
            self._tell(str(error))
        self._preview.request(released=True)


def _said_by(taken: Source, style: str) -> str:
    """The mask or layer that says where a style of the mix, or how strongly all, is painted; or nothing."""
    return dict(taken.regions).get(style, "") if style else taken.strength
