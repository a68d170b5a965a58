"""Foreign checkpoints turned into Velatura's own names, once, when they are pulled.

Three layouts are known, each by the architecture that its publisher documents: the normalised VGG-19
and the AdaIN decoder of pytorch-AdaIN (both plain `nn.Sequential` states, keys `<index>.weight`), and
torchvision's VGG-19 (`features.<index>.weight`). Pickles are opened with `weights_only=True` and only
after their checksum was verified.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights, vgg19

from ..networks.decoder import Decoder
from ..networks.encoder import CONVS, VGG19_WIDTHS
from .files import WeightsError

UPSAMPLED_AFTER = (0, 4, 6)
"""Convolutions of the AdaIN decoder that are followed by an upsampling."""


def sequential_encoder_names() -> dict[int, str]:
    """Index in the published normalised VGG-19 to convolution name, up to conv5_1.

    The sequence opens with the 1x1 preprocessing; each further convolution is a pad, the convolution
    and a ReLU; a pool follows each block.
    """
    names = {0: "conv0"}
    index = 1
    for position, name in enumerate(CONVS):
        if name.endswith("_1") and position:
            index += 1  # the pool
        names[index + 1] = f"conv{name}"
        index += 3
    return names


def sequential_decoder_names() -> dict[int, str]:
    """Index in the published AdaIN decoder to the name in `Decoder`."""
    names = {}
    index = 0
    for position in range(9):
        names[index + 1] = f"convs.{position}"
        index += 3 + (position in UPSAMPLED_AFTER)
    return names


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state held in a PyTorch checkpoint, read without running code from it.

    Raises:
        WeightsError: `corrupt` when it is not a plain map of names to tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError("corrupt", f"{path} is not a plain PyTorch checkpoint: {reason}") from error
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError("corrupt", f"{path} does not hold a map of names to tensors")
    return dict(state)


def encoder_from_sequential(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`Encoder` state from the published normalised VGG-19; layers above conv5_1 are left out."""
    return _renamed(state, sequential_encoder_names())


def decoder_from_sequential(state: Mapping[str, Tensor]) -> Decoder:
    """The published AdaIN decoder.

    Raises:
        WeightsError: `architecture` when a tensor is missing or of another shape.
    """
    decoder = Decoder(VGG19_WIDTHS)
    try:
        decoder.load_state_dict(_renamed(state, sequential_decoder_names()))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise WeightsError("architecture", f"not the published AdaIN decoder: {reason}") from error
    return decoder.eval().requires_grad_(False)


def encoder_from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`Encoder` state from that of torchvision's VGG-19, with the normalisation that its weights ask for as
    `conv0`; the classifier, where there is one, is left out.

    torchvision pads with zeros and `Encoder` reflects, so the two agree away from the borders only;
    reflection is what synthesis wants, because zeros draw a frame into the result.

    Raises:
        WeightsError: `architecture` when the state is not that network's.
    """
    with torch.device("meta"):
        network = vgg19(init_weights=False).features
    features = {key.removeprefix("features."): t for key, t in state.items() if key.startswith("features.")}
    try:
        network.load_state_dict(features, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise WeightsError("architecture", f"not torchvision's VGG-19: {reason}") from error
    normalised = VGG19_Weights.IMAGENET1K_V1.transforms()
    mean, std = torch.tensor(normalised.mean), torch.tensor(normalised.std)
    out = {"conv0.weight": torch.diag(1 / std).reshape(3, 3, 1, 1), "conv0.bias": -mean / std}
    convolutions = [layer for layer in network.children() if isinstance(layer, nn.Conv2d)]
    for name, layer in zip(CONVS, convolutions, strict=False):  # what follows conv5_1 is not needed
        for part, tensor in layer.state_dict().items():
            out[f"conv{name}.{part}"] = tensor.float()
    return out


def _renamed(state: Mapping[str, Tensor], names: Mapping[int, str]) -> dict[str, Tensor]:
    out = {}
    for index, name in names.items():
        for part in ("weight", "bias"):
            key = f"{index}.{part}"
            if key not in state:
                raise WeightsError("architecture", f"the checkpoint lacks {key!r} ({name}.{part})")
            out[f"{name}.{part}"] = state[key].float()
    return out
