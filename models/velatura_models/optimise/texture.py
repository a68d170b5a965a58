"""Texture synthesis from noise (Gatys, Ecker & Bethge, NIPS 2015): a picture of any size whose Gram
matrices are those of a source, on all chosen layers, and which may repeat without a seam.

It is a refinement without content, so that it streams, stops and resumes the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from ..networks.encoder import Encoder
from .objective import Options
from .problem import Problem, StyleSource
from .refinement import Refinement


def synthesis(
    encoder: Encoder,
    size: tuple[int, int],
    styles: Sequence[StyleSource],
    options: Options,
    wrap: bool = False,
    checkpoint: Mapping[str, Tensor] | None = None,
) -> Refinement:
    """A texture to be, as a `Refinement` to run.

    Args:
        encoder: as `encoder.prepared` gives it; the paper pools by averages.
        size: height and width of the result, any.
        styles: sources; the loss weighs them by their `weight`. Masks make no sense here.
        options: `init` is noise whatever they say.
        wrap: tileable. The picture is optimised as a torus, through an encoder that pads around; its
            sides are rounded up to the encoder's grid for that and the result resampled around.
        checkpoint: to go on from.

    Raises:
        ValueError: no style; a style with a mask; and as for `Refinement`.
    """
    if not styles:
        raise ValueError("a texture needs at least one style")
    if any(style.mask is not None for style in styles):
        raise ValueError("a texture's styles apply everywhere; masks are for refinements")
    options = replace(options, init="noise", color="style")
    return Refinement(encoder, Problem(size, styles, wrap=wrap), options, checkpoint)
