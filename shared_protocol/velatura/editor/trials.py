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
from .calls import Follower
from .link import Link
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
        turned: called with whether anything is being tried, after every change of that.
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
        turned: Callable[[bool], None],
        pictures: Callable[[], Sequence[Blob]] = tuple,
    ) -> None:
        self.pictures: dict[str, Picture] = {}
        self._link, self._paper, self._pump = link, paper, pump
        self._wanted, self._came, self._failed, self._pictures = wanted, came, failed, pictures
        self._turned, self._busy = turned, False
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
        self._turn(True)

        def done(content: Blob) -> None:
            self._content = content
            self.go_on()

        factor = geometry.reduction(taken.crop, SIDE)
        self._pump.start(self._paper.read_reduced(taken, factor), done, self._give_up)

    def end(self) -> None:
        """Ends, and forgets the pictures."""
        self.pictures.clear()
        self._done.clear()
        self._content = None
        if self._running is not None:
            self._link.cancel(self._running)
            self._running = None
        self._turn(False)

    def go_on(self) -> None:
        """Tries the next that is wanted, unless one is under way."""
        if self._content is None or self._running is not None:
            return
        ready = self._link.state == "ready"
        following = next(((n, r) for n, r in self._wanted() if ready and n not in self._done), None)
        self._turn(following is not None)
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
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._failed(error)
        self._turn(False)

    def _turn(self, busy: bool) -> None:
        if busy != self._busy:
            self._busy = busy
            self._turned(busy)

    def _on_link(self, name: str) -> None:
        """What was lost with the daemon is tried again."""
        if name == "state":
            self._running = None
            self._done = set(self.pictures)
            self.go_on()
