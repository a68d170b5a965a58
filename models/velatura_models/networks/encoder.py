"""The backbone: a VGG-19 shaped encoder that every method sees pictures with.

One class serves all widths: the published VGG-19 (64..512 channels, normalised as Gatys et al.
use it) and Velatura's own `slim` (half of it). It gives named feature maps (`relu1_1` ...
`relu5_1`, or `conv4_2` for the same map before its ReLU), computing no further than the deepest
one asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..maths.tiling import round_up
from . import fused
from .bands import MapRows
from .convolution import Conv3x3, pooled, reflected
from .precision import filtering_pays
from .residency import placed

BLOCKS = (2, 2, 4, 4, 1)
"""Convolutions per block, up to conv5_1 (Simonyan & Zisserman 2015, configuration E)."""

CONVS = tuple(f"{b}_{i}" for b, n in enumerate(BLOCKS, 1) for i in range(1, n + 1))
"""Names of all convolutions in order: `1_1`, `1_2`, `2_1`, ... `5_1`."""

LAYERS = tuple(f"{kind}{name}" for name in CONVS for kind in ("conv", "relu"))

FIRST_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
"""The first of every block: where styles are seen, after Gatys et al. 2016."""

VGG19_WIDTHS = (64, 128, 256, 512, 512)
SLIM_WIDTHS = (32, 64, 128, 256, 256)


class Encoder(nn.Module):
    """VGG-19 up to conv5_1 with reflection padding, RGB in 0..1.

    Args:
        widths: channels of the five blocks.
        preprocess: whether a 1x1 `conv0` turns RGB into what the first layer expects (the
            published networks have one, `slim` has it folded in).
        pool: `max` as trained, or `avg` as Gatys et al. 2016, section 2, recommend for synthesis.
        padding: `reflect` as trained, or `circular`: the picture is taken to repeat in both directions,
            for textures without a seam.

    Attributes:
        metric: per layer the matrix `(C, C)` through which Gram matrices are to be compared, where channels
            are not to count alike (see `training.metric`).
    """

    metric: Mapping[str, Tensor]

    def __init__(
        self,
        widths: tuple[int, ...] = VGG19_WIDTHS,
        preprocess: bool = True,
        pool: str = "max",
        padding: str = "reflect",
    ) -> None:
        super().__init__()
        self.widths, self.metric = tuple(widths), {}
        self.pool, self.padding = _check_modes(pool, padding)
        self.conv0 = nn.Conv2d(3, 3, 1) if preprocess else None
        cin = 3
        for name in CONVS:
            cout = self.widths[int(name[0]) - 1]
            self.add_module(f"conv{name}", Conv3x3(cin, cout))
            cin = cout

    def forward(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Feature maps of an image batch.

        Args:
            x: `(N, 3, H, W)`, RGB in 0..1, H and W at least 2 at every level reached.
            layers: names out of `LAYERS`.

        Returns:
            The maps by name; `relu4_1` is `(N, widths[3], H // 8, W // 8)`.
        """
        out: dict[str, Tensor] = {}
        for _ in self.steps(x, layers, out):
            pass
        return out

    def steps(self, x: Tensor, layers: Iterable[str], out: dict[str, Tensor]) -> Iterator[None]:
        """`forward` one convolution at a time: fills `out`, and yields after each. Without gradients, on a
        processor, what of the first two blocks is not asked for is one step, computed in bands with a yield
        after each; on a card, all may be one step (`fused`)."""
        wanted = check_layers(layers)
        if self._fused(x, wanted):
            convs = [(name, self.get_submodule(f"conv{name}")) for name in CONVS[: depth(wanted)]]
            names = [layer.removeprefix("relu") for layer in wanted]
            found = fused.encoded(x, convs, names, self.conv0)
            out.update({f"relu{name}": maps for name, maps in found.items()})
            yield
            return
        if self.conv0 is not None:
            x = self.conv0(x)
        rows, width = MapRows.of(x), x.shape[3]
        banded = x.device.type == "cpu" and self.padding == "reflect" and not torch.is_grad_enabled()
        for name in CONVS[: depth(wanted)]:
            shallow = banded and name[0] in "12"
            if name.endswith("_1") and name != "1_1":
                rows = rows.halved(self._pooled)
                if banded and not shallow:
                    rows = MapRows.of((yield from rows.whole(width, banded)), rows.step)
            raw = f"conv{name}" in wanted
            rows = rows.then(self._layer(name, rectified=not raw), self._around)
            if raw or f"relu{name}" in wanted or not shallow:
                x = (yield from rows.whole(width, True)) if shallow else rows.part(0, rows.height)
                if raw:
                    out[f"conv{name}"] = x
                    x = F.relu(x)
                if f"relu{name}" in wanted:
                    out[f"relu{name}"] = x
                rows = MapRows.of(x, rows.step)
                yield

    def _fused(self, x: Tensor, wanted: set[str]) -> bool:
        """Whether a card computes all of it in one step."""
        usual = (self.pool, self.padding) == ("max", "reflect") and not wanted.intersection(LAYERS[::2])
        return usual and fused.takes(x, self.get_submodule("conv1_1"), *self.widths)

    def _layer(self, name: str, rectified: bool) -> Callable[[Tensor], Tensor]:
        conv = cast(Conv3x3, self.get_submodule(f"conv{name}"))
        return conv.rectified if rectified else conv

    def _around(self, x: Tensor) -> Tensor:
        return reflected(x) if self.padding == "reflect" else F.pad(x, (1, 1, 1, 1), mode="circular")

    def _pooled(self, x: Tensor) -> Tensor:
        return pooled(x) if self.pool == "max" else F.avg_pool2d(x, 2)

    def weighed(self, gram: Tensor, layer: str) -> Tensor:
        """R G R' of Gram matrices `(..., C, C)`, where the layer has a metric R; else as they are."""
        if layer not in self.metric:
            return gram
        matrix = self.metric[layer].to(gram)
        return matrix @ gram @ matrix.T

    def variant(self, pool: str | None = None, padding: str | None = None) -> Encoder:
        """The same network, sharing these weights, with another way to pool or to pad."""
        twin = copy.copy(self)
        twin.pool, twin.padding = _check_modes(pool or self.pool, padding or self.padding)
        return twin


def reach(level: str, positions: int = 0, grid: int = 8) -> int:
    """Receptive radius in pixels of an encoder to a level, of a change there that looks `positions` far, and
    of the mirrored decoder back, rounded up to a grid.

    A 3x3 convolution reaches one position of its grid; a 2x2 pooling one of the finer grid. Nearest
    upsampling reaches nothing; bilinear at most one position, which the rounding covers.
    """
    depth = int(level[4])
    radius = (2 + positions) << (depth - 1)
    for block in range(depth - 1):
        radius += (2 * BLOCKS[block] + 1) << block
    return round_up(radius, grid)


def _check_modes(pool: str, padding: str) -> tuple[str, str]:
    if pool not in ("max", "avg"):
        raise ValueError(f"pool must be 'max' or 'avg', not {pool!r}")
    if padding not in ("reflect", "circular"):
        raise ValueError(f"padding must be 'reflect' or 'circular', not {padding!r}")
    return pool, padding


def check_layers(layers: Iterable[str]) -> set[str]:
    """The layer names as a set; raises `ValueError` for one that does not exist."""
    wanted = set(layers)
    unknown = sorted(wanted.difference(LAYERS))
    if unknown or not wanted:
        raise ValueError(f"unknown layer {unknown or 'list: empty'}; known: {', '.join(LAYERS)}")
    return wanted


def depth(layers: Iterable[str]) -> int:
    """How many convolutions it takes to reach the deepest of the layers."""
    return max(LAYERS.index(name) for name in check_layers(layers)) // 2 + 1


def encoder_from_state(state: Mapping[str, Tensor], pool: str = "max") -> Encoder:
    """An encoder whose widths are read off the weights, in evaluation mode, without gradients; raises as
    `check_state`."""
    check_state(state)
    widths = tuple(state[f"conv{b}_1.weight"].shape[0] for b in range(1, 6))
    encoder = Encoder(widths, preprocess="conv0.weight" in state, pool=pool)
    encoder.load_state_dict({k: v.float() for k, v in state.items()})
    return encoder.eval().requires_grad_(False)


def check_state(state: Mapping[str, Tensor]) -> None:
    """Raises `ValueError` for tensors that are not of a VGG-shaped encoder up to conv5_1, naming the first at
    fault."""
    wanted = {f"conv{name}.{part}" for name in CONVS for part in ("weight", "bias")}
    optional = {"conv0.weight", "conv0.bias"}
    names = set(state)
    if lacking := sorted(wanted - names) or sorted(optional - names if optional & names else ()):
        raise ValueError(f"it lacks {lacking[0]!r}")
    if extra := sorted(names - wanted - optional):
        raise ValueError(f"it holds {extra[0]!r}")
    shapes, cin = {"conv0.weight": (3, 3, 1, 1), "conv0.bias": (3,)}, 3
    for name in CONVS:
        cout = state[f"conv{name[0]}_1.weight"].shape[0]
        shapes |= {f"conv{name}.weight": (cout, cin, 3, 3), f"conv{name}.bias": (cout,)}
        cin = cout
    for name, tensor in state.items():
        if tuple(tensor.shape) != shapes[name]:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {shapes[name]}")


def prepared(encoder: Encoder, dtype: torch.dtype = torch.float32, pool: str = "max") -> Encoder:
    """A copy of an encoder for optimisation: in one dtype, channels_last, without gradients to its
    weights, with its 1x1 pre-processing folded into the first convolution (exact: both are linear,
    and reflection commutes with what acts on single pixels). In bfloat16 its wide layers are `rough`
    where that is faster."""
    twin = Encoder(encoder.widths, preprocess=False, pool=pool)
    state = {name: value.detach().float() for name, value in encoder.state_dict().items()}
    if encoder.conv0 is not None:
        mix, shift = state.pop("conv0.weight")[:, :, 0, 0], state.pop("conv0.bias")
        first = state["conv1_1.weight"]
        state["conv1_1.weight"] = torch.einsum("oikl,ij->ojkl", first, mix)
        state["conv1_1.bias"] = state["conv1_1.bias"] + torch.einsum("oikl,i->o", first, shift)
    device = next(encoder.parameters()).device
    twin.load_state_dict(state)
    twin = placed(twin, device, dtype)
    for conv in (module for module in twin.modules() if isinstance(module, Conv3x3)):
        conv.rough = dtype == torch.bfloat16 and filtering_pays(device)
    twin.metric = {layer: matrix.to(device) for layer, matrix in encoder.metric.items()}
    return twin.eval().requires_grad_(False)
