"""What a worker process hosts: the device, the resident networks, and the caches around them.

`TorchEngine.run` hands a task to the generator for its kind of recipe: `stylizing` or `refining`.
Networks are loaded once per backbone and method and stay; cards come from the library, from the disk
cache, or are computed on first use; contents keep their features, so that moving a slider costs only
the decoder.
"""

from __future__ import annotations

import gc
import logging
import platform
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
import velatura
from safetensors import SafetensorError
from torch import Tensor
from velatura.errors import VelaturaError
from velatura.pixels import Layout
from velatura.recipe import (
    Refine,
    Style,
    Stylize,
    Texture,
    Upscale,
)
from velatura_models.methods.method import (
    Content,
    Kept,
    Method,
    Resources,
    Source,
    StyleTarget,
)
from velatura_models.methods.registry import load_method
from velatura_models.networks.encoder import Encoder
from velatura_models.store.cards import (
    BASE,
    SCALES,
    Card,
    compute_card,
    load_card,
    save_card,
)
from velatura_models.store.weights import (
    WeightsError,
    load_backbone,
    methods_of,
    weights_digest,
)

from ..paths import default_paths
from ..settings import Settings
from ..styles.library import Library
from . import generating, stylizing, upscaling
from .compose import Picture, read_picture
from .tasks import (
    Checkpointed,
    Event,
    Slot,
    Task,
)

V = TypeVar("V")
logger = logging.getLogger(__name__)

TRIAL = 192
"""Side, in pixels, of the picture on which dtypes are timed at warm-up."""


class Cache(Generic[V]):
    """Least recently used values under a budget in bytes."""

    def __init__(self, budget: int, size: Callable[[V], int]) -> None:
        self.budget, self.size = budget, size
        self.held: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        if key in self.held:
            self.held.move_to_end(key)
        return self.held.get(key)

    def put(self, key: Hashable, value: V) -> None:
        self.held[key] = value
        self.held.move_to_end(key)
        while self.held and self.nbytes > self.budget:
            self.held.popitem(last=False)

    @property
    def nbytes(self) -> int:
        return sum(self.size(value) for value in self.held.values())


class TorchEngine:
    """The engine on torch; see `tasks.Engine`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device, self.device_reason = choose_device(settings.device)
        if self.device.type == "cpu":
            torch.set_num_threads(settings.worker_threads())
        self.dtype, self.dtype_reason = torch.float32, "not warmed up yet"
        self.paths = default_paths()
        self.library = Library(self.paths.styles, self.paths.cache)
        budget = settings.cache_mb << 20
        self.pictures: Cache[Picture] = Cache(budget // 4, lambda p: p.rgb.nbytes)
        self.contents: Cache[Kept] = Cache(budget * 3 // 4, lambda c: c.nbytes)
        self.cards: Cache[Card] = Cache(64 << 20, lambda _: 1 << 20)
        self.networks: dict[tuple[str, str, torch.dtype], Method] = {}
        self.encoders: dict[tuple[str, str], tuple[Encoder, str]] = {}
        self.tile_bytes = (settings.memory_mb << 20) * 2 // 5
        self._speculation: Generator[None, None, None] | None = None

    def warm(self) -> None:
        """Loads the default network and keeps the faster of float32 and bfloat16."""
        if self.settings.dtype != "auto":
            self.dtype, self.dtype_reason = getattr(torch, self.settings.dtype), "set by the user"
            self._trial(self.dtype)
            return
        seconds = {dtype: self._trial(dtype) for dtype in (torch.bfloat16, torch.float32)}
        self.dtype = min(seconds, key=lambda d: seconds[d])
        for dtype in seconds:
            if dtype != self.dtype:
                self.networks = {key: net for key, net in self.networks.items() if key[2] != dtype}
        self.dtype_reason = "faster at warm-up: " + ", ".join(
            f"{_plain(d)} {s * 1000:.0f} ms" for d, s in seconds.items()
        )

    def run(self, task: Task) -> Iterator[Event]:
        """Runs a task. Out of memory, it frees caches, then halves the tiles twice, then says so; a task that
        leaves checkpoints goes on from its last."""
        for attempt in range(4):
            try:
                for event in self._steps(task):
                    if isinstance(event, Checkpointed):
                        task = replace(task, checkpoint=event.state)
                    yield event
                return
            except WeightsError as error:
                raise VelaturaError("unknown_model", str(error), "recipe") from error
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                if attempt == 3:
                    raise VelaturaError(
                        "out_of_memory",
                        f"the job does not fit in memory even with tiles of {self.tile_bytes >> 20} MB;"
                        " close other programs or lower memory_mb",
                    ) from error
            self.trim()
            if attempt:
                self.tile_bytes //= 2
                for network in self.networks.values():
                    network.tile_bytes = self.tile_bytes

    def _steps(self, task: Task) -> Iterator[Event]:
        if isinstance(task.recipe, Stylize):
            return _inference(stylizing.stylize(task, self))
        if isinstance(task.recipe, Upscale):
            return _inference(upscaling.upscale(task, self))
        if isinstance(task.recipe, Texture) and task.recipe.method == "network":
            return _inference(generating.generate(task, self))
        from . import refining

        match task.recipe:
            case Refine():
                return refining.refine(task, self)
            case Texture():
                return refining.texture(task, self)

    def idle(self) -> bool:
        """Rebuilds the newest content from its features, one convolution a call, so that the first move
        of a strength slider is as quick as the following ones."""
        if self._speculation is None:
            return False
        with torch.inference_mode():
            if next(self._speculation, self) is self:
                self._speculation = None
        return self._speculation is not None

    def trim(self) -> None:
        """Frees everything that can be made again."""
        self._speculation = None
        for cache in (self.pictures, self.contents, self.cards):
            cache.held.clear()
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def status(self) -> dict[str, Any]:
        """See `tasks.Engine.status`."""
        return {
            "device": str(self.device),
            "device_name": _device_name(self.device),
            "device_reason": self.device_reason,
            "dtype": _plain(self.dtype),
            "dtype_reason": self.dtype_reason,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "networks": sorted(f"{backbone}/{method}" for backbone, method, _ in self.networks),
            "cache_bytes": self.pictures.nbytes + self.contents.nbytes,
        }

    def record(self, dtype: torch.dtype) -> dict[str, Any]:
        """What a result must say of how it was made, to be made again bit for bit."""
        return {
            "velatura": velatura.__version__,
            "torch": torch.__version__,
            "machine": platform.machine(),
            "device": str(self.device),
            "dtype": _plain(dtype),
            "threads": torch.get_num_threads(),
        }

    def resolve(self, recipe: Stylize) -> Stylize:
        """The recipe with `auto` replaced by the embedded backbone and the best method installed for it."""
        backbone = "slim" if recipe.backbone == "auto" else recipe.backbone
        method = recipe.method
        if method == "auto":
            method = methods_of(backbone, self.paths.weights)[0]
        return replace(recipe, backbone=backbone, method=method)

    def network(self, backbone: str, method: str, dtype: torch.dtype | None = None) -> Method:
        """The resident network, loaded on first use."""
        key = (backbone, method, dtype or self.dtype)
        if key not in self.networks:
            self.networks[key] = load_method(
                Resources(
                    backbone,
                    method,
                    self.paths.weights,
                    self.device,
                    key[2],
                    self.tile_bytes,
                    self.settings.tile,
                )
            )
        return self.networks[key]

    def encoder(self, backbone: str, pool: str = "max") -> tuple[Encoder, str]:
        """A backbone in float32 on the device, with the digest of its weights."""
        key = (backbone, pool)
        if key not in self.encoders:
            encoder = load_backbone(backbone, self.paths.weights, pool)
            self.encoders[key] = (encoder.to(self.device), weights_digest(encoder.state_dict()))
        return self.encoders[key]

    def card(self, style: Style, scale: float, backbone: str, pictures: Mapping[str, Slot]) -> Card:
        """The card of one style, from memory, from what ships, from the disk cache, or computed.

        Args:
            style: a library name or the digest of a picture among `pictures`.
            scale: the style scale that the job wants; only the scales around it are computed.
            backbone: which encoder sees.
            pictures: the job's pictures by digest.

        Raises:
            VelaturaError: `unknown_style`, `unknown_blob`, or `unknown_model` where a style is known by
                its card alone and the card is another backbone's.
        """
        encoder, weights = self.encoder(backbone)
        entry = self.library.get(style.name) if style.name else None
        source = entry.digest or entry.name if entry else style.digest
        key = (source, backbone)
        path = self.library.card_path(source, backbone, weights)
        held = self.cards.get(key)
        if held is None and entry is not None and backbone in entry.cards:
            held = _stored_card(entry.cards[backbone], weights)
        if held is None and path.is_file():
            held = _stored_card(path, weights)
        wanted = [s for s in _around(scale) if held is None or s not in held.stats]
        if wanted:
            picture = self.style_picture(style, pictures)
            fresh = compute_card(encoder, picture.to(self.device), sorted({1.0, *wanted}))
            held = Card({**(held.stats if held else {}), **fresh.stats}, fresh.grams, fresh.color)
            save_card(held, path, weights)
            held = load_card(path, weights)  # as rounded on disk, so that the first result is like the next
        assert held is not None  # wanted is empty only where a card is held
        self.cards.put(key, held)
        return held

    def source(self, style: Style, scale: float, backbone: str, pictures: Mapping[str, Slot]) -> Source:
        """A style as methods ask for it."""
        return Source(
            style.name or style.digest,
            scale,
            lambda: self.card(style, scale, backbone, pictures),
            lambda: self.style_picture(style, pictures),
        )

    def style_picture(self, style: Style, pictures: Mapping[str, Slot]) -> Tensor:
        """A style's pixels, `(1, 3, H, W)` in 0..1, transparent parts filled.

        Raises:
            VelaturaError: where the style is known by its card alone, with what to do about it.
        """
        if style.digest:
            if style.digest not in pictures:
                raise VelaturaError("unknown_blob", f"style picture {style.digest} is not at hand")
            return read_picture(pictures[style.digest], "style").rgb
        entry = self.library.get(style.name)
        if entry.picture is None:
            raise VelaturaError(
                "unknown_model",
                f"{entry.title!r} ships as a card for the slim backbone, without its picture; "
                f"run `velatura styles pull {entry.name}`, or use slim with a method that needs no pixels",
                "recipe.backbone",
            )
        image = self.library.read(entry, longest=4 * BASE)
        return read_picture(Slot(Layout(*image.size, "RGB"), memoryview(image.tobytes())), "style").rgb

    def remember(self, key: Hashable, kept: Kept, network: Method) -> None:
        """Keeps a content's features, to rebuild it from them while nothing else is to be done."""
        self.contents.put(key, kept)
        self._speculation = network.rebuild(kept)

    def _trial(self, dtype: torch.dtype) -> float:
        """Seconds of a small stylization in a dtype, the better of two after one to warm up."""
        network = self.network("slim", methods_of("slim")[0], dtype)
        content = Content(torch.rand(1, 3, TRIAL, TRIAL))
        card = compute_card(self.encoder("slim")[0], torch.rand(1, 3, 64, 64), [1.0])
        target = StyleTarget(network.style(Source("trial", 1.0, lambda: card, lambda: content.rgb)))
        times = []
        with torch.inference_mode():
            for _ in range(3):
                began = time.perf_counter()
                for _ in network.stylize(content, [target], 1.0, lambda box, made: None):
                    pass
                times.append(time.perf_counter() - began)
        return min(times[1:])


def choose_device(wanted: str) -> tuple[torch.device, str]:
    """The device and why: never a silent fallback.

    Raises:
        VelaturaError: `bad_field` when a device was asked for that torch does not have.
    """
    if wanted != "auto":
        device = torch.device(wanted)
        try:
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError) as error:
            raise VelaturaError(
                "bad_field", f"is {wanted!r}, which torch cannot use: {error}", "device"
            ) from error
        return device, "set by the user"
    if torch.cuda.is_available():
        return torch.device("cuda"), "torch finds a CUDA device"
    if torch.backends.mps.is_available():
        return torch.device("mps"), "torch finds Apple's GPU"
    why = (
        "torch was built without CUDA"
        if torch.version.cuda is None
        else "torch finds no CUDA device or driver"
    )
    return torch.device("cpu"), why


def _stored_card(path: Path, weights: str) -> Card | None:
    """A card from disk; None, and a line in the log, where it is damaged or was made for other weights."""
    try:
        return load_card(path, weights)
    except (OSError, ValueError, SafetensorError) as error:
        logger.warning("style card %s cannot be used: %s", path, error)
        return None


def _inference(steps: Iterator[Event]) -> Iterator[Event]:
    """Each step of a generator under inference mode, which must not stay on while it is suspended."""
    while True:
        with torch.inference_mode():
            try:
                event = next(steps)
            except StopIteration:
                return
        yield event


def _around(scale: float) -> list[float]:
    """The card scales between which a style scale lies."""
    lower = max(s for s in SCALES if s <= max(scale, SCALES[0]) + 1e-9)
    upper = min(s for s in SCALES if s >= min(scale, SCALES[-1]) - 1e-9)
    return sorted({lower, upper})


def _is_out_of_memory(error: BaseException) -> bool:
    words = str(error).lower()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in words


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
