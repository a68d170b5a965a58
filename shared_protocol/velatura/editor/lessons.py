"""Learning a style of the artist's own, from a button under the gallery: one at a time.

Meanwhile the style's picture in the gallery is a look at it: the active layer, painted as well as the painter
can by then. It is the daemon that learns, and it goes on when the editor is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.finding import LOOK_SIDE
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Learn, Style

from . import geometry, words
from .calls import Follower
from .entries import Entry
from .i18n import _
from .link import Link
from .paper import Gone, Reading, Refused
from .pump import Pump

LOOK_EVERY = 4.0
"""Seconds between looks."""


class Lessons:
    """What is being learned.

    Args:
        entry: gives the gallery's entry of a style.
        say: tells the artist something; called after every change.
        looked: called with a style's name when its picture is another.

    Attributes:
        learning: name of the style that is being learned; empty when none is.
    """

    def __init__(
        self,
        link: Link,
        paper: Reading,
        pump: Pump,
        entry: Callable[[str], Entry | None],
        say: Callable[[str], None],
        looked: Callable[[str], None],
    ) -> None:
        self.learning = ""
        self._link, self._paper, self._pump = link, paper, pump
        self._entry, self._say, self._looked = entry, say, looked
        self._look: Picture | None = None
        self._job: Job | None = None

    def offer(self, chosen: Sequence[str]) -> str:
        """What the button says while these styles are chosen; empty where there shall be none."""
        if self.learning:
            return _("Stop learning and keep it")
        entry = self._entry(chosen[0]) if len(chosen) == 1 else None
        return _("Learn this style") if entry is not None and entry.can_learn else ""

    def press(self, chosen: Sequence[str]) -> None:
        """The button is pressed."""
        if self.learning:
            self.stop()
        elif chosen:
            self.learn(chosen[0])

    def picture(self, name: str) -> Picture | None:
        """The look at a style that is being learned."""
        return self._look if name == self.learning else None

    def learn(self, name: str) -> None:
        """Has the painter learn a style, or learn it better."""
        entry = self._entry(name)
        if self.learning or entry is None or not entry.can_learn:
            return
        self.learning = name
        self._say(_("Learning “{title}”…", title=entry.title))
        try:
            taken = self._paper.source()
        except (Refused, Gone):
            self._begin(entry, None)
            return
        small = self._paper.read_reduced(taken, geometry.reduction(taken.crop, LOOK_SIDE))
        self._pump.start(small, lambda content: self._begin(entry, content), self._failed)

    def stop(self) -> None:
        """Ends it now, and keeps what has been learned."""
        if self._job is not None:
            self._link.stop(self._job)

    def cancel(self) -> None:
        """Gives it up; learning the style again goes on from there."""
        if self._job is not None:
            self._link.cancel(self._job)

    def _begin(self, entry: Entry, content: Blob | None) -> None:
        def changed(job: Job) -> None:
            progress = job.progress
            left, step, of = (progress.seconds_left, progress.step, progress.of) if progress else (0.0, 0, 0)
            how = words.job(job.state, job.ahead, job.reason, left, step, of)
            self._say(_("Learning “{title}”: {how}", title=entry.title, how=how))

        def preview(job: Job, step: int, picture: Picture) -> None:
            self._look = picture
            self._looked(entry.name)

        def ended(job: Job) -> None:
            if job.state is State.DONE:
                text = _("“{title}” is learned: it is painted at once now.", title=entry.title)
                if job.result is not None and not job.result.record.get("better", True):
                    text = _(
                        "“{title}” is not better yet, and stays as it was. Learning it again goes on.",
                        title=entry.title,
                    )
                self._over(text)
                self._link.refresh()
            elif job.error is not None:
                self._failed(job.error)
            else:
                self._over(_("Cancelled. Learning “{title}” again goes on from there.", title=entry.title))

        def submit() -> None:
            follower = Follower(changed, preview, ended, self._failed)
            recipe = Learn(styles=(Style(name=entry.name),))
            options = {"detached": True, "preview_every": LOOK_EVERY}
            try:
                self._job = self._link.submit(follower, recipe, content, **options)
            except VelaturaError as error:
                self._failed(error)

        self._link.when_connected(submit, self._failed)

    def _failed(self, error: Exception) -> None:
        self._over(words.trouble(error))

    def _over(self, text: str) -> None:
        name, self.learning, self._look, self._job = self.learning, "", None, None
        self._looked(name)
        self._say(text)
