"""The styles of a job, as methods ask for them: cards, pictures, and the regions that they are for."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor
from velatura.errors import VelaturaError
from velatura.pixels import Layout
from velatura.recipe import Style
from velatura_models.maths.color import color_stats, is_one_color
from velatura_models.maths.sizes import shrink_map
from velatura_models.note import Note
from velatura_models.store.cards import BASE, SCALES, Card, card_path, compute_card, load_card, save_card
from velatura_models.store.weights import find_backbone

from ..styles.library import StyleEntry
from ..styles.reading import read_style
from .compose import Canvas, read_mask, read_picture
from .resources import CARD, Resources
from .tasks import EngineTask, Slot

logger = logging.getLogger(__name__)


def _kept(card: Card, path: Path, weights: str) -> Card:
    """A card as it lies on the disk, rounded, so that the first result is like the next; a cache that cannot
    be written costs the time to compute it again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_card(card, path, weights)
        return load_card(path, weights)
    except (OSError, SafetensorError) as error:
        logger.warning("the card of a style cannot be kept in %s: %s", path, error)
        return card


class Sources:
    """Where the styles of one job come from.

    Args:
        task: holds style pictures and region masks by digest.
        resources: the library, and the cards that are kept.

    Attributes:
        notes: what is to be said of the styles that were asked for so far.
    """

    def __init__(self, task: EngineTask, resources: Resources) -> None:
        self.task, self.resources = task, resources
        self.notes: list[str] = []

    def has_picture(self, style: Style) -> bool:
        """Whether the style's own picture is at hand; False for a work of art that was not pulled."""
        return bool(style.digest) or self.resources.library.get(style.name).picture is not None

    def has_pixels(self, style: Style) -> bool:
        """Whether `picture` gives any: the style's own or, for a work of art, its rendering's."""
        return self.has_picture(style) or self.resources.library.get(style.name).rendering is not None

    def how_to_fetch(self, style: Style) -> str:
        """The command that fetches a work's picture, as messages name it; empty where it is at hand, or
        cannot be had."""
        entry = self.resources.library.get(style.name) if style.name else None
        lacks = entry is not None and entry.picture is None and entry.url
        return f" (`velatura styles pull {style.name}`)" if lacks else ""

    def picture(self, style: Style) -> Tensor:
        """A style's pixels, `(1, 3, H, W)` in 0..1, transparent parts filled: of its picture, else of its
        rendering.

        Raises:
            VelaturaError: where there is neither, with what to do about it.
        """
        if style.digest:
            slot = self._sent(style.digest, "style picture")
        else:
            entry = self.resources.library.get(style.name)
            path = entry.picture or entry.rendering
            if path is None:
                raise _without_picture(entry)
            image = read_style(path, longest=4 * BASE)
            slot = Slot(Layout(*image.size, image.mode), memoryview(image.tobytes()))
        rgb = read_picture(slot, "style").rgb
        if is_one_color(color_stats(rgb)):
            self._note(style)
        return rgb

    def card(self, style: Style, scale: float, backbone: str) -> Card:
        """The card of one style, from memory, from what ships, from the disk cache, or computed.

        Args:
            scale: the style scale that the job wants; only the scales around it are computed.
            backbone: which encoder sees.

        Raises:
            VelaturaError: `unknown_style`, `unknown_blob`, or `unknown_model` where a style is known by
                its card alone and the card is another backbone's.
        """
        around = _around(scale)
        library, store = self.resources.library, self.resources.store
        weights = find_backbone(backbone, self.resources.paths.weights).digest
        entry = library.get(style.name) if style.name else None
        source = entry.digest or entry.name if entry else style.digest
        key = (CARD, source, weights)
        path = card_path(self.resources.paths.cards, source, backbone, weights)
        held: Card | None = store.get(key)
        for file in (entry.cards.get(backbone) if entry is not None else None, path):
            if held is None and file is not None and file.is_file():
                try:
                    held = load_card(file, weights)
                except (OSError, ValueError, SafetensorError) as error:
                    logger.warning("style card %s cannot be used: %s", file, error)
        wanted = [s for s in around if held is None or s not in held.stats]
        if wanted and entry is not None and entry.picture is None:
            raise _without_picture(entry)  # a card is of the picture: a rendering's would stand in its place
        if wanted:
            picture = self.picture(style).to(self.resources.device)
            loader = replace(self.resources.loader, backbone=backbone, dtype=torch.float32)
            fresh = compute_card(loader.encoder(), picture, sorted({1.0, *wanted}))
            held = Card({**(held.stats if held else {}), **fresh.stats}, fresh.grams, fresh.color)
            held = _kept(held, path, weights)
        assert held is not None  # wanted is empty only where a card is held
        store[key] = held
        if is_one_color(held.color):
            self._note(style)
        return held

    def region(self, style: Style, index: int, canvas: Canvas) -> Tensor | None:
        """Where a style applies, `(1, 1, H, W)` in 0..1 over a canvas, or None for everywhere."""
        if not style.mask:
            return None
        where = f"recipe.styles[{index}].mask"
        device = canvas.picture.rgb.device
        region = read_mask(self._sent(style.mask, "region mask", where), canvas.slot.layout, where, device)
        return shrink_map(region, (canvas.size[1], canvas.size[0]))

    def reference(self) -> Slot:
        """The picture whose statistics stand for the content's."""
        return self._sent(self.task.recipe.reference, "reference", "recipe.reference")

    def _note(self, style: Style) -> None:
        """Notes that a style has one colour, which is seldom meant."""
        said = Note(
            "the style's picture has one colour only, so little is to be seen in what is painted of it"
        )
        if style.name:
            said = Note(
                "the style {name!r} has one colour only, so little is to be seen in what is painted of it",
                name=style.name,
            )
        self.notes += [said] if said not in self.notes else []

    def _sent(self, digest: str, what: str, where: str = "") -> Slot:
        if digest not in self.task.pictures:
            raise VelaturaError("unknown_blob", f"{what} {digest} is not at hand", where)
        return self.task.pictures[digest]


def _without_picture(entry: StyleEntry) -> VelaturaError:
    words = f"{entry.title!r} is here without its picture, which this needs; add it as another style"
    if entry.learned and not entry.cards:
        words = f"{entry.title!r} is known to its network alone; leave method `auto`, quality fast"
    elif entry.url:
        words = (
            f"{entry.title!r} ships as a card for the slim backbone, without its picture; fetch that"
            f" (`velatura styles pull {entry.name}`), or use slim with a method that needs no pixels"
        )
    return VelaturaError("unknown_model", words, "recipe.backbone")


def _around(scale: float) -> list[float]:
    """The card scales between which a style scale lies."""
    lower = max(s for s in SCALES if s <= max(scale, SCALES[0]) + 1e-9)
    upper = min(s for s in SCALES if s >= min(scale, SCALES[-1]) - 1e-9)
    return sorted({lower, upper})
