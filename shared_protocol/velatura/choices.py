"""What a recipe's choices are, and what each is called wherever a person meets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .schema import Option

QUALITIES = {
    "fast": Option("Fast", "One pass of a network: a blink"),
    "fine": Option("Fine", "Strokes that follow the forms, coarse to fine: seconds"),
    "finest": Option("Finest", "More of the same, with the best network at hand: a minute"),
    "auto": Option("Automatic", "Fine where this device takes no more than some seconds, else fast"),
}
"""How much work goes into a picture. `fine` and `finest` optimise it by the objective `neighbours`; the
result's recipe says what `auto` was."""

METHODS = {
    "auto": Option("Best", "The best that the network has"),
    "adain-skip": Option("AdaIN, sharper", "Keeps fine detail of the content"),
    "adain": Option("AdaIN as published", "Adaptive instance normalisation (Huang & Belongie 2017)"),
    "wct": Option("Whitening and colouring", "Bold: colours and strokes go together as the style's do"),
    "style-swap": Option("Style patches", "Lays the style's own patches; needs its picture"),
    "multi": Option("Many styles, one network", "Fastest; knows its own styles only"),
    "fast": Option("One network, one style", "Networks trained for one painting, such as yours"),
    "multimodal": Option("Coarse to fine", "Three networks trained for one painting"),
}
"""Feed-forward methods. `auto` takes the backbone's best; the result's recipe says which it was. Strength
and mask fade between features in the first four, and between pictures in `multi`, `fast` and `multimodal`,
whose networks paint in their own styles only."""

OWN_STYLES = ("multi", "fast", "multimodal")
"""Methods whose networks paint only in the styles that they were trained for, with strokes of one size, or
larger ones where a smaller picture is painted first."""

BACKBONES = {
    "auto": Option("Best", "VGG-19 for refining and textures once it is downloaded, else Slim"),
    "slim": Option("Slim", "Small and fast, always there"),
    "vgg19": Option("VGG-19", "The published network; its weights are downloaded on request"),
    "vgg19-imagenet": Option(
        "VGG-19 (ImageNet)", "Refine and texture only; its weights are downloaded on request"
    ),
}
"""Encoders. `auto` is `slim` for a feed-forward pass; refine and texture take `vgg19` where it was pulled and
every style's picture is at hand, else `slim`. The result's recipe says which it was."""

COLORS = {
    "style": Option("The style's colours", "Colours come from the style"),
    "luminance": Option("Keep my colours", "Colours stay; only lightness is restyled"),
    "statistics": Option("Fit to my colours", "The style first gets the content's mean and spread"),
}

OBJECTIVES = {
    "gram": Option("Gram matrices", "The style's statistics and the drawing, as Gatys et al. 2016"),
    "neighbours": Option(
        "Neighbours", "Every place takes after the style's place nearest to it (Kolkin et al. 2022); seconds"
    ),
    "strotss": Option(
        "Optimal transport",
        "All of the style is moved to where it fits, and what is alike stays alike (STROTSS, Kolkin et al."
        " 2019); minutes",
    ),
}

SHAPES = {
    "keep": Option("Stay", "Only marks and colours change"),
    "joint": Option("Move", "Shapes and marks are found together (Kim et al. 2020)"),
    "after": Option("Move afterwards", "The finished picture is bent"),
    "only": Option("Move alone", "The picture is bent and not painted"),
}
"""Whether shapes move towards those of the style."""

OPTIMIZERS = {
    "lbfgs": Option("L-BFGS", "Gets furthest in the same time"),
    "adam": Option("Adam", "Steady; a third of the memory on very large pictures"),
    "rmsprop": Option("RMSprop", "For losses that are sampled anew at every step"),
}

STARTS = {
    "content": Option("The layer", "Keeps the drawing best"),
    "stylized": Option("The stylized layer", "Fastest to a strong style"),
    "noise": Option("Noise", "Freest"),
}

POOLINGS = {
    "avg": Option("Average", "A calm surface, as the paper advises"),
    "max": Option("Maximum", "As the network was trained"),
}

TEXTURE_METHODS = {
    "optimise": Option("Optimise", "Takes any style, step by step"),
    "network": Option(
        "Network",
        "In one pass, by a network trained for the one style named (Ulyanov et al. 2016); it heeds size,"
        " tiling and seed only",
    ),
}

FACTORS = {4: Option("4 times"), 8: Option("8 times", "Needs a network of your own: none ships")}

UNSET: Mapping[str, Mapping[str, Any]] = {
    "gram": {
        "iterations": 200, "content_weight": 1.0, "statistics_weight": 0.0, "tv_weight": 10.0,
        "optimizer": "lbfgs", "learning_rate": 0.03, "init": "stylized", "pooling": "max", "levels": 3,
    },
    "neighbours": {
        "iterations": 52, "content_weight": 0.15, "statistics_weight": 0.8, "tv_weight": 0.0,
        "optimizer": "adam", "learning_rate": 0.005, "init": "content", "pooling": "max", "levels": 4,
    },
    "strotss": {
        "iterations": 800, "content_weight": 2.0, "statistics_weight": 0.0, "tv_weight": 0.0,
        "optimizer": "rmsprop", "learning_rate": 0.002, "init": "content", "pooling": "max", "levels": 4,
    },
}  # fmt: skip
"""What the unset fields of a refinement are, by its objective."""

MOVING: Mapping[str, Mapping[str, Any]] = {"gram": {"optimizer": "adam", "learning_rate": 0.01}}
"""What is otherwise where shapes move too: L-BFGS has one scale for pixels and points."""
