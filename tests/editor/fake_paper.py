"""Stand-ins for an editor's documents and the surface on its canvas, as plain values."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from velatura.blob import Blob, Picture
from velatura.editor import geometry
from velatura.editor.annotation import Made
from velatura.editor.geometry import Rect
from velatura.editor.paper import Gone, Layer, Refused, Source
from velatura.editor.pump import Work
from velatura.pixels import Layout


@dataclass(eq=False)
class FakeLayer:
    """A layer of 8-bit pixels over `rect`."""

    id: str
    name: str
    rect: Rect
    channels: str = "BGRA"
    pixels: bytearray = field(default_factory=bytearray)
    locked: bool = False
    masked: bool = False

    def cut(self, part: Rect) -> bytearray:
        """The pixels of a part of it."""
        return cut(self.pixels, self.rect, part, len(self.channels))


@dataclass(eq=False)
class FakeDocument:
    """An open picture: its layers from the bottom up, and the names of its undo steps."""

    id: str
    name: str
    layers: list[FakeLayer] = field(default_factory=list)
    active: str = ""
    selected: Rect | None = None
    made: dict[str, Made] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    maps: dict[str, str] = field(default_factory=dict)
    regions: dict[str, dict[str, str]] = field(default_factory=dict)
    chosen: list[str] = field(default_factory=list)
    keys: dict[str, list[bytes]] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)

    def layer(self, name: str) -> FakeLayer:
        return next(layer for layer in self.layers if layer.name == name)

    def delete(self, name: str) -> None:
        """What the artist does in the middle of things."""
        self.layers.remove(self.layer(name))
        self.active = self.layers[-1].id if self.layers else ""


class FakePaper:
    """An editor's documents as plain values; `velatura.editor.paper.Paper` says what the methods promise."""

    def __init__(self) -> None:
        self.documents: list[FakeDocument] = []
        self.active: FakeDocument | None = None
        self.reads = 0
        """How often a source was read in full size."""
        self._names = itertools.count(1)

    def open(self, width: int, height: int, name: str = "picture") -> FakeDocument:
        """Opens a picture with one layer, "Sky", of pixels that all differ from their neighbours."""
        document = FakeDocument(f"d{next(self._names)}", name)
        pixels = bytearray(v for i in range(width * height) for v in (i % 251, i % 7, i % 13, 255))
        document.layers = [
            FakeLayer(f"l{next(self._names)}", "Sky", Rect(0, 0, width, height), pixels=pixels)
        ]
        document.active = document.layers[0].id
        self.documents.append(document)
        self.active = document
        return document

    def close(self, document: FakeDocument) -> None:
        self.documents.remove(document)
        self.active = self.documents[-1] if self.documents else None

    # --- the Paper --------------------------------------------------------------------------------------

    def source(self) -> Source:
        document = self.active
        if document is None:
            raise Refused("Open a picture first.")
        layer = self._layer(document.id, document.active)
        area = geometry.work_area(layer.rect, document.selected)
        if area.empty:
            raise Refused(f"The selection does not touch “{layer.name}”.")
        crop = geometry.context_area(layer.rect, area)
        strength = document.maps.get(layer.id, "")
        regions = tuple(document.regions.get(layer.id, {}).items())
        return Source(
            document.id,
            layer.id,
            layer.name,
            document.name,
            area,
            crop,
            document.selected,
            0,
            strength,
            regions,
        )

    def sources(self) -> tuple[Source, ...]:
        document = self.active
        if document is None or not document.chosen:
            return (self.source(),)
        active, found = document.active, []
        for name in document.chosen:
            document.active = name
            found.append(self.source())
        document.active = active
        return tuple(found)

    def frames(self, taken: Source) -> tuple[Source, ...]:
        keys = self._document(taken.document).keys.get(taken.layer, [])
        return tuple(replace(taken, own=time) for time in range(len(keys)))

    def keep_frame(self, frame: Source, picture: Picture) -> Work[object]:
        yield
        return bytes(picture.data)

    def add_animation(self, taken: Source, frames: Sequence[tuple[Source, object]], name: str) -> Work[Layer]:
        yield
        document = self._document(taken.document)
        made = FakeLayer(f"l{next(self._names)}", name, taken.crop, pixels=bytearray())
        document.layers.append(made)
        document.keys[made.id] = [bytes(kept) for _frame, kept in frames if isinstance(kept, bytes)]
        document.steps.append(name)
        return Layer(document.id, made.id, taken.layer)

    def only(self, taken: Source, selected: bool) -> Source:
        area = taken.area if selected else self._layer(taken.document, taken.layer).rect
        return replace(taken, area=area, crop=area, selected=None)

    def digest(self, taken: Source) -> Work[str]:
        yield
        made = hashlib.sha256(self._layer(taken.document, taken.layer).cut(taken.crop))
        for node in filter(None, (taken.strength, *dict(taken.regions).values())):
            made.update(self._said(taken, node))
        return made.hexdigest()

    def read(self, taken: Source) -> Work[Blob]:
        self.reads += 1
        yield
        layer = self._layer(taken.document, taken.layer)
        pixels = layer.cut(taken.crop)
        if isinstance(taken.own, int):
            frame = self._document(taken.document).keys[layer.id][taken.own]
            pixels = cut(frame, layer.rect, taken.crop, 4)
        return Blob(Layout(taken.crop.width, taken.crop.height, "BGRA"), pixels)

    def read_reduced(self, taken: Source, factor: int) -> Work[Blob]:
        yield
        pixels = self._layer(taken.document, taken.layer).cut(taken.crop)
        width, height = geometry.reduced_size(taken.crop, factor)
        rows = (pixels[y * 4 * taken.crop.width :] for y in range(0, taken.crop.height, factor))
        thin = b"".join(row[4 * x : 4 * x + 4] for row in rows for x in range(0, taken.crop.width, factor))
        return Blob(Layout(width, height, "BGRA"), thin)

    def read_mask(self, taken: Source, selection: bool = True) -> Work[Blob | None]:
        yield
        crop, chosen = taken.crop, taken.selected if selection else None
        if chosen is None and not taken.strength:
            return None
        said = self._said(taken, taken.strength) if taken.strength else bytes([255]) * crop.pixels
        strengths = iter(said)
        inside = (
            strength * (chosen is None or not chosen.intersected(Rect(x, y, 1, 1)).empty)
            for y in range(crop.y, crop.bottom)
            for x, strength in zip(range(crop.x, crop.right), strengths, strict=False)
        )
        return Blob(Layout(crop.width, crop.height, "GRAY"), bytes(inside))

    def read_region(self, taken: Source, node: str) -> Work[Blob]:
        yield
        return Blob(Layout(taken.crop.width, taken.crop.height, "GRAY"), self._said(taken, node))

    def _said(self, taken: Source, node: str) -> bytes:
        """What a layer says as a mask: its blue."""
        return bytes(self._layer(taken.document, node).cut(taken.crop)[::4])

    def maps(self, taken: Source) -> tuple[tuple[str, str], ...]:
        document = self._document(taken.document)
        return tuple((layer.id, layer.name) for layer in document.layers if layer.id != taken.layer)

    def use_map(self, taken: Source, node: str, style: str = "") -> None:
        document = self._document(taken.document)
        if style and node:
            document.regions.setdefault(taken.layer, {})[style] = node
        elif style:
            document.regions.get(taken.layer, {}).pop(style, None)
        else:
            document.maps[taken.layer] = node

    def make_map(self, taken: Source, name: str, style: str = "") -> Work[None]:
        yield
        document = self._document(taken.document)
        rect = self._layer(document.id, taken.layer).rect
        made = FakeLayer(f"l{next(self._names)}", name, rect, pixels=bytearray([255]) * 4 * rect.pixels)
        document.layers.append(made)
        document.steps.append(name)
        self.use_map(taken, made.id, style)

    def display(self, taken: Source, picture: Picture, factor: int, full: bool) -> Work[object]:
        yield
        return Shown(bytes(picture.data), factor, full)

    def add_layer(
        self, taken: Source, picture: Picture, name: str, bake: bool = True, locked: bool = False
    ) -> Work[Layer]:
        document = self._document(taken.document)
        yield
        document = self._document(taken.document)
        made = FakeLayer(f"l{next(self._names)}", name, taken.area, picture.layout.channels, locked=locked)
        made.pixels = cut(picture.data, taken.crop, taken.area, picture.layout.pixel_bytes)
        document.layers.append(made)
        document.steps.append(name)
        document.active = made.id
        return Layer(document.id, made.id, taken.layer)

    def settle(self, layer: Layer) -> Work[Layer]:
        yield 0.02
        document = self._document(layer.document)
        if any(other.id == layer.source for other in document.layers):
            document.active = layer.source
        return replace(layer, settled=self.active is document, own=len(document.steps))

    def write_frame(self, layer: Layer, taken: Source, picture: Picture, bake: bool = True) -> Work[None]:
        yield
        made = self._layer(layer.document, layer.id)
        made.pixels = cut(picture.data, taken.crop, taken.area, picture.layout.pixel_bytes)

    def finish_layer(self, layer: Layer, name: str) -> None:
        made = self._layer(layer.document, layer.id)
        made.name, made.locked = name, False

    def add_mask(self, layer: Layer, taken: Source, name: str) -> None:
        if taken.selected is not None:
            self._layer(layer.document, layer.id).masked = True
            self._document(layer.document).steps.append(f"mask of {name}")

    def open_picture(self, taken: Source, picture: Picture, name: str) -> Work[None]:
        yield
        document = self.open(picture.layout.width, picture.layout.height, name)
        document.layers[0].pixels = bytearray(picture.data)

    def withdraw(self, layer: Layer) -> bool:
        if not self.alive(layer):
            return True
        document = self._document(layer.document)
        if self.active is not document:
            return False
        document.layers = [other for other in document.layers if other.id != layer.id]
        if layer.own == len(document.steps):
            document.steps.pop()
        return True

    def alive(self, layer: Layer) -> bool:
        try:
            self._layer(layer.document, layer.id)
        except Gone:
            return False
        return True

    def remember(self, layer: Layer, made: Made) -> None:
        self._document(layer.document).made[layer.id] = made

    def recipes(self, taken: Source) -> dict[str, Made]:
        return self._document(taken.document).made

    def keep_images(self, taken: Source, images: Mapping[str, bytes], saved: bool) -> None:
        if saved:
            self._document(taken.document).images = dict(images)

    def images(self, taken: Source) -> Mapping[str, bytes]:
        return self._document(taken.document).images

    def encoded(self, image: object) -> bytes:
        assert isinstance(image, Shown)
        return image.pixels[:4]

    def select(self, taken: Source, layer: str) -> None:
        self._document(taken.document).active = self._layer(taken.document, layer).id

    def _document(self, name: str) -> FakeDocument:
        found = next((document for document in self.documents if document.id == name), None)
        if found is None:
            raise Gone
        return found

    def _layer(self, document: str, name: str) -> FakeLayer:
        found = next((layer for layer in self._document(document).layers if layer.id == name), None)
        if found is None:
            raise Gone
        return found


def cut(pixels: bytes | bytearray | memoryview, whole: Rect, part: Rect, pixel_bytes: int) -> bytearray:
    """The rows of `part` out of pixels over `whole`."""
    out, row = bytearray(), whole.width * pixel_bytes
    for y in range(part.y - whole.y, part.bottom - whole.y):
        at = y * row + (part.x - whole.x) * pixel_bytes
        out += pixels[at : at + part.width * pixel_bytes]
    return out


@dataclass(frozen=True)
class Shown:
    """What a `FakePaper` displays and a `FakeSurface` shows."""

    pixels: bytes
    factor: int
    full: bool


class FakeSurface:
    """Remembers what it shows."""

    def __init__(self) -> None:
        self.image: object = None
        self.canvas = True
        self.in_sight: Rect | None = None

    def show(self, image: object, taken: Source) -> bool:
        self.image = image
        return self.canvas

    def hide(self) -> None:
        self.image = None

    def zoom(self) -> float:
        return 1.0

    def view(self) -> Rect | None:
        return self.in_sight
