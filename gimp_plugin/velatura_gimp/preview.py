"""The live preview in the dialog: follows the sliders, never makes them wait.

Works on a small copy of what the network sees. Each change submits a new job under one `supersede` key, so
that of several changes only the newest waits; one that takes many steps is cancelled and begun anew, and
shows its frames as they come. An enlargement is shown on a part from the middle, in full size.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from gi.repository import Gdk, GdkPixbuf, Gtk
from velatura.blob import Blob, Picture
from velatura.editor.alpha import bake, whole
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.link import Follower, Link
from velatura.editor.loop import Loop
from velatura.editor.paper import Refused
from velatura.editor.reduced import at_reduced_size
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import RECIPES, Recipe, Texture, settled

from . import buffers
from .gallery import pixbuf
from .recipes import Order
from .runs import Original

SIDE = 440
"""Longest side of the preview, in pixels."""

LONG_SIDE = 224
"""Longest side where each picture takes many steps."""

ENLARGED_SIDE = 110
"""Longest side of what is enlarged."""

STEPS = 60
"""Most iterations of what is previewed."""

PAUSE = 0.04
"""Seconds without a change before a job is submitted."""


@dataclass(frozen=True)
class Scene:
    """What is previewed.

    Attributes:
        content: a small copy of what the network sees.
        cover: where the result covers it, GRAY; None for everywhere.
        factor: by which it is smaller than the original.
    """

    content: Blob
    cover: Blob | None
    factor: float

    def names(self) -> tuple[str, str]:
        """Digests of content and cover; the latter empty without one."""
        return self.content.hash_whole(), self.cover.hash_whole() if self.cover else ""

    @property
    def mask(self) -> Blob | None:
        """Where a long job works."""
        if self.cover is None:
            return None
        return Blob(self.cover.layout, whole(bytes(self.cover.read(0, self.cover.layout.nbytes))))


def scene(found: Original, kind: str) -> Scene:
    """What a kind of job is previewed on, as it is now."""
    aim, facts = found.aim, RECIPES[kind].FACTS
    with buffers.seen(aim.drawable) as drawable:
        if facts.placed == "picture":
            width, height = (min(ENLARGED_SIDE, side) for side in (aim.area.width, aim.area.height))
            x, y = aim.area.x + (aim.area.width - width) // 2, aim.area.y + (aim.area.height - height) // 2
            return Scene(buffers.read(drawable, Rect(x, y, width, height), aim.form.small), None, 1.0)
        side = LONG_SIDE if facts.long else SIDE
        content = buffers.read(drawable, aim.crop, aim.form.small, side)
    cover = found.cover(aim.crop, side)
    return Scene(content, cover and cover.blob, max(1.0, max(aim.crop.width, aim.crop.height) / side))


class Preview(Gtk.Box):
    """The picture with a line of words below it.

    Args:
        link: to the daemon.
        loop: GLib's.
        order: gives what the arguments ask for at present; may raise `Refused` or `VelaturaError`.
    """

    def __init__(self, link: Link, loop: Loop, order: Callable[[], Order]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.scene: Scene | None = None
        self._link, self._loop, self._order = link, loop, order
        self._key = f"preview-{secrets.token_hex(4)}"
        self._job: Job | None = None
        self._since = 0.0
        self._forget: Callable[[], None] = lambda: None
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
        self._forget()
        self._forget = self._loop.later(PAUSE, self._submit)

    def close(self) -> None:
        """Ends what is under way."""
        self._forget()
        self.scene = None

    def _submit(self) -> None:
        scene = self.scene
        if scene is None or not self._live.get_active() or self._link.state != "ready":
            return
        try:
            order = self._order()
        except (Refused, VelaturaError) as error:
            self.say(str(error))
            return
        recipe = small(order.recipe, scene.factor)
        facts = recipe.FACTS
        if self._job is not None and self._job.recipe is not None and self._job.recipe.FACTS.long:
            self._link.cancel(self._job)
        self._since = time.monotonic()
        follower = Follower(
            self._changed, lambda job, step, picture: self._frame(job, picture), self._ended, self._lost
        )
        self._job = self._link.submit(
            follower, recipe, scene.content if facts.content else None,
            scene.mask if facts.mask and facts.long else None,
            pictures=order.pictures, supersede=self._key, preview_every=0.4 if facts.long else 0.0,
        )  # fmt: skip
        self.say(_("Preview: working…"))

    # -- what comes of the newest job -----------------------------------------------------------------

    def _changed(self, job: Job) -> None:
        if job is self._job and job.progress is not None and job.progress.of > 1:
            self.say(_("Preview: {step} of {of}", step=job.progress.step, of=job.progress.of))

    def _frame(self, job: Job, picture: Picture) -> None:
        if job is self._job:
            self._show(picture)

    def _ended(self, job: Job) -> None:
        if job is not self._job:
            return
        self._job = None
        if job.state is State.DONE and job.picture is not None:
            self._show(job.picture)
            self.say(_("Preview in {n} s", n=f"{time.monotonic() - self._since:.2f}"))
        elif job.state is State.FAILED and job.error is not None:
            self._after = None  # what was shown is of other arguments
            self._draw()
            self.say(job.error.message)

    def _lost(self, error: VelaturaError) -> None:
        self._job = None
        self.say(error.message)

    # -- the picture ----------------------------------------------------------------------------------

    def _show(self, picture: Picture) -> None:
        """What will be seen: the result where it covers the content."""
        made, scene = pixbuf(picture), self.scene
        if scene is not None and scene.cover is not None and picture.layout.width == scene.cover.layout.width:
            before, layout = self._before(scene), scene.cover.layout
            rgba = bake(made.add_alpha(False, 0, 0, 0).get_pixels(), 4, "u8", bytes(_data(scene.cover)))
            over = pixbuf(Picture(replace(picture.layout, channels="RGBA"), memoryview(rgba)))
            over.composite(
                before, 0, 0, layout.width, layout.height, 0, 0, 1, 1, GdkPixbuf.InterpType.NEAREST, 255
            )
            made = before
        self._after = made
        self._draw()

    def _before(self, scene: Scene) -> GdkPixbuf.Pixbuf:
        return pixbuf(Picture(scene.content.layout, _data(scene.content))).copy()

    def _draw(self, before: bool = False) -> bool:
        picture = self._after
        if (before or picture is None) and self.scene is not None:
            picture = self._before(self.scene)
        if picture is not None:
            scale = min(SIDE / picture.get_width(), SIDE / picture.get_height())
            size = max(1, round(picture.get_width() * scale)), max(1, round(picture.get_height() * scale))
            self._image.set_from_pixbuf(
                picture.composite_color_simple(
                    *size, GdkPixbuf.InterpType.BILINEAR, 255, 8, 0x999999, 0x666666
                )
            )
        return Gdk.EVENT_PROPAGATE


def _data(blob: Blob) -> memoryview:
    return memoryview(blob.read(0, blob.layout.nbytes))


def small(recipe: Recipe, factor: float) -> Recipe:
    """The recipe for a copy smaller by `factor`: long jobs take fewer steps, textures fit the preview."""
    if isinstance(recipe, Texture):
        factor = max(1.0, max(recipe.width, recipe.height) / LONG_SIDE)
        width, height = (max(16, round(side / factor)) for side in (recipe.width, recipe.height))
        recipe = replace(recipe, width=width, height=height)
    recipe = at_reduced_size(settled(recipe), factor)
    steps = getattr(recipe, "iterations", 0)
    return replace(recipe, iterations=min(steps, STEPS)) if steps else recipe
