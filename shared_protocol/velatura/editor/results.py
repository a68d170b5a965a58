"""Results that a picture remembers, with what they look like: kept in the document where the artist asks.

How its layers were made a document knows anyway (`annotation`); with their pictures it shows what has been
tried, also after it was saved and opened again, and where layers were deleted.
"""

from __future__ import annotations

from dataclasses import dataclass

from .annotation import Made
from .memory import Memory
from .observable import Observable
from .paper import Gone, Layer, Refused, Remembering, Source
from .tasks import Task

MOST = 40
"""Pictures that a document keeps; of more the oldest go."""

_SETTING = "keep_results"


@dataclass(frozen=True)
class RememberedResult:
    """One of them: the layer's id, how it was made, and a small picture of it, PNG."""

    layer: str
    made: Made
    image: bytes


class Results(Observable):
    """Those of the active picture.

    Attributes:
        shown: the newest first.
    """

    def __init__(self, paper: Remembering, memory: Memory) -> None:
        super().__init__()
        self.shown: tuple[RememberedResult, ...] = ()
        self._paper, self._memory = paper, memory
        self._document = ""

    @property
    def wanted(self) -> bool:
        """Whether results are kept from now on."""
        return bool(self._memory.settings.get(_SETTING, False))

    def keep(self, wanted: bool) -> None:
        """Keeps results from now on, or no more; what is kept stays."""
        self._memory.set(_SETTING, wanted)

    def follow(self, taken: Source) -> None:
        """Another picture may be active."""
        if taken.document != self._document:
            self._document = taken.document
            self._look(taken)

    def add(self, task: Task) -> None:
        """A task is done, and its picture is there."""
        layer: Layer | None = task.layer
        if layer is None or task.image is None:
            return
        try:
            images = {**self._paper.images(task.taken), layer.id: self._paper.encoded(task.image)}
            self._paper.keep_images(task.taken, dict(list(images.items())[-MOST:]), self.wanted)
            self._document = task.taken.document
            self._look(task.taken)
        except (Gone, Refused):
            return  # closed meanwhile

    def _look(self, taken: Source) -> None:
        made = self._paper.recipes(taken)
        found = [
            RememberedResult(layer, made[layer], png)
            for layer, png in self._paper.images(taken).items()
            if layer in made
        ]
        self.shown = tuple(reversed(found))
