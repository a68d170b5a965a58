"""Recipes tried on a small copy of the layer, one after another, behind everything else that is to be done.

The gallery shows its styles so, and the variations what the settings would do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.recipe import Recipe

from . import geometry
from .link import Follower, Link
from .paper import Gone, Reading, Refused
from .pump import Pump

SIDE = 192
"""Longest side of the copy, in pixels."""

Wanted = tuple[str, Recipe]


class Trials:
    """Pictures of recipes by name, as they come.

    Args:
        wanted: names in the order in which they are wanted, with their recipes.
        came: called with the name of a picture that has come.
        failed: called where the layer cannot be read, or nothing can be submitted.
        pictures: what the recipes name by digest.
    """

    def __init__(
        self,
        link: Link,
        paper: Reading,
        pump: Pump,
        wanted: Callable[[], list[Wanted]],
        came: Callable[[str], None],
        failed: Callable[[Exception], None],
        pictures: Callable[[], Sequence[Blob]] = tuple,
    ) -> None:
        self.pictures: dict[str, Picture] = {}
        self._link, self._paper, self._pump = link, paper, pump
        self._wanted, self._came, self._failed, self._pictures = wanted, came, failed, pictures
        self._content: Blob | None = None
        self._done: set[str] = set()
        self._running: Job | None = None
        link.changed.connect(self._on_link)

    def begin(self) -> None:
        """Begins anew, on the active layer as it is now."""
        self.end()
        try:
            taken = self._paper.source()
        except (Refused, Gone) as refused:
            self._failed(refused)
            return

        def done(content: Blob) -> None:
            self._content = content
            self.go_on()

        factor = geometry.reduction(taken.crop, SIDE)
        self._pump.start(self._paper.read_reduced(taken, factor), done, self._failed)

    def end(self) -> None:
        """Ends, and forgets the pictures."""
        self.pictures.clear()
        self._done.clear()
        self._content = None
        if self._running is not None:
            self._link.cancel(self._running)
            self._running = None

    def go_on(self) -> None:
        """Tries the next that is wanted, unless one is under way."""
        if self._content is None or self._running is not None or self._link.state != "ready":
            return
        following = next(((n, r) for n, r in self._wanted() if n not in self._done), None)
        if following is None:
            return
        name, recipe = following
        self._done.add(name)

        def ended(job: Job) -> None:
            if job is not self._running:
                return
            self._running = None
            if job.picture is not None:
                self.pictures[name] = job.picture
                self._came(name)
            self.go_on()

        follower = Follower(lambda job: None, lambda *preview: None, ended, lambda error: None)
        try:
            content = self._content if recipe.facts.content else None
            pictures = tuple(self._pictures())
            self._running = self._link.submit(follower, recipe, content, pictures=pictures, priority="batch")
        except VelaturaError as error:
            self._failed(error)

    def _on_link(self, name: str) -> None:
        """What was lost with the daemon is tried again."""
        if name == "state":
            self._running = None
            self._done = set(self.pictures)
            self.go_on()
