"""The live preview in the dialog: follows the sliders, never makes them wait.

Works on a small copy of what is selected. Each change submits a new job under one `supersede` key, so that of
several changes only the newest waits; a refinement or texture, which takes longer, is cancelled and
begun anew, and shows its frames as they come.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk
from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import (
    Job,
    JobChanged,
    JobEnded,
    JobPreview,
)
from velatura.jobstate import State
from velatura.recipe import Refine, Stylize, Texture

from .gallery import pixbuf
from .link import Link
from .recipes import Order, Painting
from .words import Refused, _

SIDE = 440
"""Longest side of the preview, in pixels."""

LONG_SIDE = 224
"""Longest side where each picture takes many steps."""

STEPS = 60
"""Most iterations of a previewed refinement or texture."""

PAUSE = 40
"""Milliseconds without a change before a job is submitted."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """What is previewed: the pixels, where they change, and how much smaller they are than the original."""

    content: Blob
    mask: Blob | None
    scale: float

    def names(self) -> tuple[str, str]:
        """Digests of content and mask; the latter empty without one."""
        return self.content.hash_whole(), self.mask.hash_whole() if self.mask else ""


class Preview(Gtk.Box):
    """The picture with a line of words below it.

    Args:
        link: to the daemon.
        order: gives what the arguments ask for at present; may raise `Refused` or `VelaturaError`.
    """

    def __init__(self, link: Link, order: Callable[[], Order]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.scene: Scene | None = None
        self.shown = 0
        """How many pictures have been shown."""
        self._link, self._order = link, order
        self._job: Job | None = None
        self._since = 0.0
        self._waiting = 0
        self._after: GdkPixbuf.Pixbuf | None = None
        self._image = Gtk.Image()
        self._image.set_size_request(SIDE, SIDE)
        area = Gtk.EventBox(tooltip_text=_("Hold the mouse button to see the original"))
        area.add(self._image)
        area.connect("button-press-event", lambda *_event: self._draw(before=True))
        area.connect("button-release-event", lambda *_event: self._draw())
        self._live = Gtk.CheckButton.new_with_mnemonic(_("Li_ve preview"))
        self._live.set_active(True)
        self._live.connect("toggled", lambda _button: self.change())
        self._words = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=46)
        self._words.set_lines(3)
        line = Gtk.Box(spacing=12)
        line.pack_start(self._live, False, False, 0)
        line.pack_start(self._words, True, True, 0)
        self.pack_start(area, True, True, 0)
        self.pack_start(line, False, False, 0)

    @property
    def words(self) -> str:
        """What the line below the picture says."""
        return self._words.get_text()

    def say(self, words: str) -> None:
        """Shows words below the picture."""
        self._words.set_text(words)

    def look_at(self, scene: Scene | None) -> None:
        """Takes the pixels to preview; None where there are none."""
        if scene is not None and self.scene is not None and scene.names() == self.scene.names():
            return
        self.scene = scene
        self._after = None
        self._draw()
        self.change()

    def change(self) -> None:
        """An argument has changed: a new picture is due shortly."""
        if self._waiting:
            GLib.source_remove(self._waiting)
        self._waiting = GLib.timeout_add(PAUSE, self._submit)

    def close(self) -> None:
        """Ends what is under way."""
        if self._waiting:
            GLib.source_remove(self._waiting)
            self._waiting = 0
        self.scene = None

    def take(self, event: Any) -> None:
        """Takes an event of the link; one that is not about the newest job is ignored."""
        if self._job is None or getattr(event, "job", None) is not self._job:
            return
        if isinstance(event, JobPreview):
            self._show(event.picture)
        elif isinstance(event, JobChanged) and self._job.progress is not None:
            if not isinstance(self._job.recipe, Stylize):
                self.say(_("Preview: {step} of {of}", step=self._job.progress.step, of=self._job.progress.of))
        elif isinstance(event, JobEnded):
            self._ended(self._job)

    def _ended(self, job: Job) -> None:
        self._job = None
        if job.state is State.DONE and job.picture is not None:
            self._show(job.picture)
            self.say(_("Preview in {n} s", n=f"{time.monotonic() - self._since:.2f}"))
        elif job.state is State.FAILED and job.error is not None:
            self._after = None  # what was shown is of other arguments
            self._draw()
            self.say(job.error.message)

    def _submit(self) -> bool:
        self._waiting = 0
        if self.scene is None or not self._live.get_active() or not self._link.up:
            return False
        connection = self._link.connection
        assert connection is not None  # up
        try:
            order = self._order()
        except (Refused, VelaturaError) as error:
            self.say(str(error))
            return False
        recipe = small(order.recipe, self.scene)
        texture = isinstance(recipe, Texture)
        if self._job is not None and not isinstance(self._job.recipe, Stylize):
            connection.cancel(self._job)
        every = 0.0 if isinstance(recipe, Stylize) else 0.4
        self._since = time.monotonic()
        self._job = connection.submit(
            recipe,
            None if texture else self.scene.content,
            None if texture else self.scene.mask,
            order.pictures,
            supersede=f"preview-{connection.session}",
            preview_every=every,
        )
        self.say(_("Preview: working…"))
        self._link.look()
        return False

    def _show(self, picture: Picture) -> None:
        self._after = pixbuf(picture)
        self.shown += 1
        self._draw()

    def _draw(self, before: bool = False) -> bool:
        picture = self._after
        if (before or picture is None) and self.scene is not None:
            content = self.scene.content
            picture = pixbuf(Picture(content.layout, content.read(0, content.layout.nbytes)))
        if picture is not None:
            scale = min(SIDE / picture.get_width(), SIDE / picture.get_height())
            size = max(1, round(picture.get_width() * scale)), max(1, round(picture.get_height() * scale))
            self._image.set_from_pixbuf(
                picture.composite_color_simple(
                    *size, GdkPixbuf.InterpType.BILINEAR, 255, 8, 0x999999, 0x666666
                )
            )
        return Gdk.EVENT_PROPAGATE


def side_for(kind: str) -> int:
    """Longest side of the scene for a kind of job."""
    return SIDE if kind == "stylize" else LONG_SIDE


def small(recipe: Painting, scene: Scene) -> Painting:
    """The recipe for the small copy: strokes shrink with the picture, and long jobs take fewer steps."""
    bounds = next(f for f in dataclasses.fields(Stylize) if f.name == "scale").metadata
    scale = min(max(recipe.scale * scene.scale, bounds["low"]), bounds["high"])
    if isinstance(recipe, Stylize):
        return dataclasses.replace(recipe, scale=scale)
    steps = min(recipe.iterations, STEPS)
    if isinstance(recipe, Refine):
        return dataclasses.replace(recipe, scale=scale, iterations=steps)
    factor = min(1.0, LONG_SIDE / max(recipe.width, recipe.height))
    scale = min(max(recipe.scale * factor, bounds["low"]), bounds["high"])
    width, height = (max(16, round(side * factor)) for side in (recipe.width, recipe.height))
    return dataclasses.replace(recipe, scale=scale, iterations=steps, width=width, height=height)
