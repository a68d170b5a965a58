"""What tests of methods and trainers share: a method run to its end, small networks."""

from __future__ import annotations

from dataclasses import replace

import torch
from safetensors.torch import save_file
from velatura_models.maths.stitched import ROOM
from velatura_models.methods.method import framed, painted, work
from velatura_models.networks.decoder import Decoder
from velatura_models.networks.encoder import Encoder


def stylized(
    method, rgb, styles, strength=1.0, weight=None, known=None, tile=4096, cut=None, room=ROOM, **more
):
    """What a method makes of a picture, every part of it painted once, and what it keeps of the content.

    Args:
        known: what it kept before; else the content is seen first.
        tile: side of the tiles' cores.
        cut: the tiles themselves, where they shall not be as the method cuts.
        room: bytes that may be kept of a content in tiles.
    """
    content = framed(rgb, weight, method.footprint, method.footprint.side(0, tile), room)
    content = content if cut is None else replace(content, tiles=cut)
    out = torch.full_like(rgb, torch.nan)
    todo = work(content, styles, strength, **more)
    todo.seen = known
    with torch.inference_mode():
        for part in painted(method, todo):
            if part is not None:
                rows, columns = part[0].slices()
                assert bool(torch.isnan(out[:, :, rows, columns]).all()), "painted twice"
                out[:, :, rows, columns] = part[1]
    assert not bool(torch.isnan(out).any()), "left out"
    return out, todo.seen


def noise(height=64, width=96, seed=0):
    """A picture `(1, 3, H, W)` of random pixels."""
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def smooth(height=64, width=96, seed=0):
    """One of soft patches of 4 pixels."""
    return torch.nn.functional.interpolate(
        noise(height // 4, width // 4, seed), (height, width), mode="bilinear"
    )


def alive(*networks):
    """Networks of random weights whose features live at every layer."""
    for parameter in (parameter for network in networks for parameter in network.parameters()):
        if parameter.dim() == 4:
            torch.nn.init.kaiming_normal_(parameter)
        parameter.requires_grad_(False)
    return networks


def small_pair(skips=("relu3_1", "relu2_1"), widths=(6, 8, 10, 10, 10)):
    """An encoder and its decoder."""
    torch.manual_seed(0)
    return alive(Encoder(widths, preprocess=False), Decoder(widths, skips))


def write_loss_network(path):
    """A small encoder of random weights."""
    torch.manual_seed(0)
    save_file(alive(Encoder((8, 12, 16, 16, 16)))[0].state_dict(), path)
