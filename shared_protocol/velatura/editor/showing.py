"""What is to be seen of a preview, and what is said of it; which picture that is, `preview` decides."""

from __future__ import annotations

from collections.abc import Callable

from velatura.blob import Picture

from . import words
from .i18n import _
from .observable import Observable
from .paper import Reading, Source, Surface
from .pump import Pump, Pumped


class Showing(Observable):
    """A picture over the canvas.

    Args:
        tell: says something to the artist who does not see the docker.

    Attributes:
        shown: whether a preview is to be seen now.
        on_canvas: whether it is drawn on the canvas; otherwise the docker shows `image`.
        image: what is shown, as the editor draws it.
        words: how it is doing and what it cannot show rightly, empty when all is well.
        full_size: whether what is shown was computed in full size.
    """

    def __init__(self, paper: Reading, pump: Pump, surface: Surface, tell: Callable[[str], None]) -> None:
        super().__init__()
        self.shown = False
        self.on_canvas = True
        self.image: object = None
        self.words = ""
        self.full_size = False
        self._paper, self._pump, self._surface, self._tell = paper, pump, surface, tell
        self._drawing: Pumped | None = None
        self._failed = False

    def hide(self) -> None:
        """Takes the preview off the canvas until the look changes (after Apply, the layer itself is seen)."""
        self._surface.hide()
        self.image = None
        self.shown = self.full_size = False

    def _draw(
        self,
        shown: Source,
        picture: Picture,
        factor: int,
        wanted: Callable[[], bool],
        full: bool = False,
        final: bool = False,
        said: str = "",
    ) -> None:
        """Draws a picture of a source.

        Args:
            factor: as of `Reading.display`.
            wanted: whether it still is, once it is ready.
            full: whether it was made of the whole in full size.
            final: whether nothing better comes.
            said: what is said of it, where it is in full size.
        """
        if self._drawing is not None and not self._drawing.over:
            if not final:
                return  # the one being drawn is shown first, so that a long drag never starves
            self._drawing.cancel()

        def done(image: object) -> None:
            if not wanted():
                return
            self.on_canvas = self._surface.show(image, shown)
            self.image = image
            self.full_size = full and final
            self.shown = True
            if self.full_size:
                self.words = said

        self._drawing = self._pump.start(self._paper.display(shown, picture, factor, full), done, self._fail)

    def _fail(self, error: Exception) -> None:
        self._complain(_("No preview: {why}", why=words.trouble(error)))

    def _complain(self, text: str) -> None:
        """Says what is wrong in the docker, and over the canvas where the docker is hidden."""
        self._failed = True
        if self.words != text:
            self.words = text
            self._tell(text)
