"""What an editor's document can do for Velatura; a plug-in brings this, an event loop and widgets.

A `Paper` gives the active layer as a `Source`, reads its pixels, and puts results back as layers. What may
take longer than a moment is work for the pump: a generator that yields between strips, so that the editor
goes on. The values here name what they mean by the editor's ids; handles that an editor needs besides lie
in `own`, which nobody but its paper looks into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from velatura.blob import Blob, Picture

from .annotation import Made
from .geometry import Rect
from .i18n import _
from .pump import Work


class Gone(Exception):
    """The picture was closed, or the layer deleted or undone."""

    def __str__(self) -> str:
        return _("The picture or its layer is gone.")


class Refused(Exception):
    """Something that cannot be done; the text tells the artist why and what to do."""


@dataclass(frozen=True)
class Source:
    """A layer as it was when the artist asked for something. Two are equal where the same would be painted.

    Attributes:
        document: names the open picture.
        layer: names the layer in it.
        name, picture: the layer's and the picture's names, for the artist.
        area: what the result covers, in image pixels.
        crop: what the network sees, in image pixels; contains `area`.
        selected: the selection's bounds, or None.
        selection_mark: changes when the selection has very likely changed.
        strength: names the mask or layer that says where, and how strongly, it is painted; empty for alike
            everywhere.
        regions: the mask or layer that says where a style of a mix is painted; see `regions.known_as`.
        notes: what the artist should know, in words.
        own: the editor's.
    """

    document: str
    layer: str
    name: str
    picture: str
    area: Rect
    crop: Rect
    selected: Rect | None = None
    selection_mark: int = 0
    strength: str = ""
    regions: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    own: object = field(default=None, repr=False)


@dataclass(frozen=True)
class Layer:
    """A layer that we made.

    Attributes:
        document, id: name the picture and the layer.
        source: names the layer that it was made from.
        settled: whether the editor has taken it in, so that `Paper.withdraw` can undo it.
        own: the editor's.
    """

    document: str
    id: str
    source: str
    settled: bool = False
    own: object = field(default=None, repr=False)


class Reading(Protocol):
    """What is looked at of an editor's documents, without changing any."""

    def source(self) -> Source:
        """The active layer with the selection as it is now.

        Raises:
            Refused: no picture, an empty layer, a selection elsewhere, pixels that cannot be read.
        """
        ...

    def only(self, taken: Source, selected: bool) -> Source:
        """The whole layer, or the part of it in the selection, without the selection itself: what a style is
        taken from."""
        ...

    def read_reduced(self, taken: Source, factor: int) -> Work[Blob]:
        """Work: the crop reduced by a whole factor to 8 bits, for previews at screen size."""
        ...

    def digest(self, taken: Source) -> Work[str]:
        """Work: a digest of the crop's pixels as they are now, of its strengths and its regions."""
        ...

    def read(self, taken: Source) -> Work[Blob]:
        """Work: the crop in full size and depth."""
        ...

    def read_mask(self, taken: Source, selection: bool = True) -> Work[Blob | None]:
        """Work: where, and how strongly, is painted, over the crop, as GRAY; None for alike everywhere.

        Args:
            selection: whether only where something is selected, be it a little.
        """
        ...

    def read_region(self, taken: Source, node: str) -> Work[Blob]:
        """Work: what one of the source's `regions` says over the crop, as GRAY."""
        ...

    def display(self, taken: Source, picture: Picture, factor: int, full: bool) -> Work[object]:
        """Work: a picture of the crop, cut out by the selection, as what the editor's `Surface` draws.

        Args:
            factor: by which the crop is reduced to give what is drawn.
            full: whether the picture is a result for `read`; else one for `read_reduced`.
        """
        ...


class Remembering(Protocol):
    """What a document remembers of results."""

    def recipes(self, taken: Source) -> Mapping[str, Made]:
        """How the layers of the source's picture were made, by layer."""
        ...

    def keep_images(self, taken: Source, images: Mapping[str, bytes], saved: bool) -> None:
        """Keeps in the source's document small pictures of results, PNG, by layer; no undo step.

        Args:
            saved: whether new ones go into its file, too; else they are kept while it is open, by an editor
                that can.
        """
        ...

    def images(self, taken: Source) -> Mapping[str, bytes]:
        """Those that it keeps."""
        ...

    def encoded(self, image: object) -> bytes:
        """What `display` has made, as PNG."""
        ...


class Paper(Reading, Remembering, Protocol):
    """An editor's documents. Every method may raise `Gone`, and `Refused` where it says so."""

    # --- more than one ------------------------------------------------------------------------------------

    def sources(self) -> tuple[Source, ...]:
        """All layers that are chosen, as sources; those that cannot be read are left out. Raises as
        `source`."""
        ...

    def frames(self, taken: Source) -> tuple[Source, ...]:
        """A source at the time of each of its keyframes, in their order; none for a still one."""
        ...

    def keep_frame(self, frame: Source, picture: Picture) -> Work[object]:
        """Work: a result for `read` of a frame, ready for `add_animation`, and out of memory."""
        ...

    def add_animation(self, taken: Source, frames: Sequence[tuple[Source, object]], name: str) -> Work[Layer]:
        """Work: a new animated layer above the source, of frames as `keep_frame` has made them ready; in one
        undo step."""
        ...

    # --- masks that say where, and how strongly -----------------------------------------------------------

    def maps(self, taken: Source) -> tuple[tuple[str, str], ...]:
        """What may say how strongly, or where a style, is painted: id and name of masks and layers."""
        ...

    def use_map(self, taken: Source, node: str, style: str = "") -> None:
        """Lets one of them say so from now on; empty for alike everywhere. No undo step.

        Args:
            style: of which it says where it is painted; empty for all, and how strongly.
        """
        ...

    def make_map(self, taken: Source, name: str, style: str = "") -> Work[None]:
        """Work: a new mask to paint it on, active and in full everywhere, in one undo step; `style` as of
        `use_map`."""
        ...

    # --- writing ----------------------------------------------------------------------------------------

    def add_layer(
        self, taken: Source, picture: Picture, name: str, bake: bool = True, locked: bool = False
    ) -> Work[Layer]:
        """Work: a new layer above the source, in one undo step.

        Args:
            picture: a result for `read`.
            bake: whether the selection goes into the layer's alpha.
            locked: whether the artist is kept from painting on it, as frames will stream into it.

        Raises:
            Refused: the editor does not take it.
        """
        ...

    def settle(self, layer: Layer) -> Work[Layer]:
        """Work: waits until the editor has taken a new layer in, and makes its source active again."""
        ...

    def write_frame(self, layer: Layer, taken: Source, picture: Picture, bake: bool = True) -> Work[None]:
        """Work: replaces the pixels of a layer of ours; no undo step. `bake` as of `add_layer`."""
        ...

    def finish_layer(self, layer: Layer, name: str) -> None:
        """Unlocks and names a layer that frames streamed into; no undo step."""
        ...

    def add_mask(self, layer: Layer, taken: Source, name: str) -> None:
        """The source's selection as a mask of the result, where there is one; an undo step of its own."""
        ...

    def open_picture(self, taken: Source, picture: Picture, name: str) -> Work[None]:
        """Work: opens a result as a picture of its own, in the colours of the source's.

        Args:
            picture: a result for `read`, of any size.
        """
        ...

    def withdraw(self, layer: Layer) -> bool:
        """Takes a settled layer of ours back out; False where it has to be asked again later."""
        ...

    def alive(self, layer: Layer) -> bool:
        """Whether a layer of ours is still in its open picture; never raises."""
        ...

    # --- what the document remembers --------------------------------------------------------------------

    def remember(self, layer: Layer, made: Made) -> None:
        """Keeps in the document how a layer was made; no undo step."""
        ...

    def select(self, taken: Source, layer: str) -> None:
        """Makes a layer of the source's picture the active one, where that picture is active."""
        ...


class Surface(Protocol):
    """Where the preview is drawn: over the canvas, so that the document never knows of it."""

    def show(self, image: object, taken: Source) -> bool:
        """Shows what `Paper.display` made over the source's crop; False where nothing can be drawn on."""
        ...

    def hide(self) -> None:
        """Takes it away."""
        ...

    def zoom(self) -> float:
        """Screen pixels for an image pixel."""
        ...

    def view(self) -> Rect | None:
        """The part of the picture that is in sight, in image pixels; None where no preview is drawn there."""
        ...
