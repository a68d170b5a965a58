"""What a procedure is to work on: one drawable of one image, the part of it that is selected, its depth.

Read once before the dialog and again on OK, because the dialog is not modal: the image may have been
closed or changed meanwhile. Whatever cannot be done is refused here, in words, before anything is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp

from .geometry import Rect
from .words import Refused, _

MARGIN = 32
"""Pixels around the selection that the network also sees, so that its border has surroundings."""

OUTPUTS = ("new-layer", "new-layer-masked", "in-place")


@dataclass(frozen=True)
class Target:
    """What to work on; rectangles are in the layer's own coordinates."""

    image: Any
    drawable: Any
    rect: Rect
    """What the network sees: the selected part with a margin."""
    bounds: Rect
    """The selected part."""
    offset: tuple[int, int]
    depth: str
    """`u8`, `u16` or `f32`: what holds the image's precision."""
    selected: bool
    """Whether a selection limits it; without one everything counts."""

    @property
    def on_canvas(self) -> Rect:
        """`rect` in the image's coordinates."""
        return self.rect.moved(*self.offset)


def read(image: Any, drawables: Sequence[Any], output: str) -> Target:
    """The target, as the image is now.

    Args:
        image: a `Gimp.Image`.
        drawables: exactly one layer.
        output: one of `OUTPUTS`; in place is refused where it would destroy what kind of layer it is.

    Raises:
        Refused: nothing, several or something other than a layer is chosen, it is gone, locked, of a kind
            that cannot be painted in place, or the selection does not touch it.
    """
    if not image.is_valid():
        raise Refused(_("The image has been closed meanwhile."))
    if len(drawables) != 1:
        raise Refused(_("Choose exactly one layer; {n} are chosen.", n=len(drawables)))
    drawable = drawables[0]
    if not drawable.is_valid() or drawable.get_image().get_id() != image.get_id():
        raise Refused(_("The layer has been deleted meanwhile."))
    name = drawable.get_name()
    if not drawable.is_layer():
        raise Refused(_("“{name}” is a mask or channel; choose a layer.", name=name))
    if output == "in-place":
        _refuse_in_place(drawable, name)
    elif drawable.is_floating_sel():
        raise Refused(_("“{name}” is a floating selection; anchor it first, or work in place.", name=name))
    found, x, y, width, height = drawable.mask_intersect()
    if not found or not width or not height:
        raise Refused(_("The selection does not touch “{name}”.", name=name))
    whole = Rect(0, 0, drawable.get_width(), drawable.get_height())
    selected = not Gimp.Selection.is_empty(image) and not drawable.is_floating_sel()
    bounds = Rect(x, y, width, height)
    rect = bounds.grown(MARGIN).intersection(whole) if selected else bounds
    __, dx, dy = drawable.get_offsets()
    return Target(image, drawable, rect, bounds, (dx, dy), depth(image), selected)


def _refuse_in_place(drawable: Any, name: str) -> None:
    kind = special_kind(drawable)
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


def depth(image: Any) -> str:
    """The depth that carries the image's precision through sRGB numbers without loss.

    8 and 16 bits per channel travel as they are when they are stored perceptually and in sRGB; linear,
    wider, floating and profiled pixels travel as floats.
    """
    precision = image.get_precision()
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        return "u8"
    if image.get_color_profile() is not None:
        return "f32"
    if precision in (Gimp.Precision.U8_NON_LINEAR, Gimp.Precision.U8_PERCEPTUAL):
        return "u8"
    if precision in (Gimp.Precision.U16_NON_LINEAR, Gimp.Precision.U16_PERCEPTUAL):
        return "u16"
    return "f32"
