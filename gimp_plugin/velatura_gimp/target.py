"""What a procedure is to work on: one drawable of one image, the selected part of it, its pixels' form.

Read once before the dialog and again on OK, because the dialog is not modal: the image may have been
closed or changed meanwhile. Whatever cannot be done is refused here, in words, before anything is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp
from velatura.editor.geometry import Rect, context_area
from velatura.editor.i18n import _
from velatura.editor.paper import Refused

from . import forms
from .forms import Form

OUTPUTS = ("new-layer", "new-layer-masked", "in-place")


@dataclass(frozen=True)
class Target:
    """What to work on; rectangles are in the layer's own coordinates.

    Attributes:
        image, drawable: GIMP's.
        crop: what the network sees.
        area: what the result covers: the selected part, within `crop`.
        offset: of the layer in the image.
        form: how its pixels travel.
        selected: whether a selection limits the result; without one everything counts.
    """

    image: Any
    drawable: Any
    crop: Rect
    area: Rect
    offset: tuple[int, int]
    form: Form
    selected: bool

    def on_canvas(self, rect: Rect) -> Rect:
        """A rectangle of the layer in the image's coordinates."""
        return rect.moved(*self.offset)

    def on_layer(self, rect: Rect) -> Rect:
        """A rectangle of the image in the layer's coordinates."""
        return rect.moved(-self.offset[0], -self.offset[1])

    @property
    def whole(self) -> Rect:
        """All of the layer, in its own coordinates."""
        return Rect(0, 0, self.drawable.get_width(), self.drawable.get_height())

    @property
    def inner(self) -> Rect:
        """`area` in the coordinates of a result for `crop`."""
        return self.area.moved(-self.crop.x, -self.crop.y)


def read(image: Any, drawable: Any, output: str) -> Target:
    """The target, as the image is now.

    Args:
        image: a `Gimp.Image`.
        drawable: a layer.
        output: one of `OUTPUTS`; in place is refused where it would destroy what kind of layer it is.

    Raises:
        Refused: something other than a layer is chosen, it is gone, locked, of a kind that cannot be painted
            in place, or the selection does not touch it.
    """
    if not image.is_valid():
        raise Refused(_("The image has been closed meanwhile."))
    if not drawable.is_valid() or drawable.get_image().get_id() != image.get_id():
        raise Refused(_("The layer has been deleted meanwhile."))
    name = drawable.get_name()
    if not drawable.is_layer():
        raise Refused(_("“{name}” is a mask or channel; choose a layer.", name=name))
    if output == "in-place":
        refuse_in_place(drawable)
    elif drawable.is_floating_sel():
        raise Refused(_("“{name}” is a floating selection; anchor it first, or work in place.", name=name))
    found, x, y, width, height = drawable.mask_intersect()
    if not found or not width or not height:
        raise Refused(_("The selection does not touch “{name}”.", name=name))
    whole = Rect(0, 0, drawable.get_width(), drawable.get_height())
    selected = not Gimp.Selection.is_empty(image) and not drawable.is_floating_sel()
    area = Rect(x, y, width, height)
    __, dx, dy = drawable.get_offsets()
    return Target(image, drawable, context_area(whole, area), area, (dx, dy), forms.of(image), selected)


def refuse_in_place(drawable: Any) -> None:
    """Raises `Refused` where painting in place would destroy what kind of layer it is, or is not allowed."""
    name, kind = drawable.get_name(), special_kind(drawable)
    if kind:
        raise Refused(
            _(
                "“{name}” is {kind}: painting on it would destroy that. Choose a new layer as the output.",
                name=name,
                kind=kind,
            )
        )
    item = drawable
    while item is not None:
        if item.get_lock_content():
            raise Refused(
                _(
                    "The pixels of “{name}” are locked. Unlock them, or choose a new layer as the output.",
                    name=item.get_name(),
                )
            )
        item = item.get_parent()


def special_kind(drawable: Any) -> str:
    """What kind of layer it is, where its pixels are made from something else; empty for plain ones."""
    if drawable.is_group():
        return _("a layer group")
    if drawable.is_text_layer():
        return _("a text layer")
    for kind, words in (("LinkLayer", _("a link layer")), ("VectorLayer", _("a vector layer"))):  # GIMP 3.2
        cls = getattr(Gimp, kind, None)
        if cls is not None and isinstance(drawable, cls):
            return words
    return ""
