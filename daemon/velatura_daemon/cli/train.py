"""`velatura train NAME`: the trainers of `velatura_models.training`, with their options.

A trainer is a module with `main(options, report)`. `options` is a dataclass: its fields, types, defaults
and the `Args` of its docstring become the command's options here, so that they are stated once; what means
the same in all of them is in `COMMON`. Trainers import torch, so one is looked at only when it is called.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import time
import typing
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from . import show
from .exits import BY_CODE, CommandError
from .progress import JobBar

PACKAGE = "velatura_models.training"
TRAINERS = {
    "slim": "Distil the compact encoder from VGG-19.",
    "metric": "Fit how VGG-19 weighs what a compact encoder sees.",
    "adain": "Train a decoder for an encoder.",
    "fast": "Train a network that paints in one style, such as your own painting.",
    "multi": "Train one network for many styles that blend.",
    "style-n-plus-one": "Add a style, such as your own painting, to a network of many.",
    "texture-net": "Train a network that makes textures like one picture.",
    "multimodal": "Train a network that paints in one style, coarse to fine.",
    "superres": "Train a network that enlarges pictures 4 or 8 times.",
}

COMMON = {
    "batch": "Pictures a step.",
    "content": "Folder of photos.",
    "content_layers": "Layers whose maps are compared with the photo's.",
    "content_loss": "How their difference is taken.",
    "content_weight": "Of the content loss.",
    "copies": "How many pictures of a batch are of one photo, in different styles.",
    "crop": "Side of the crops in pixels.",
    "device": "Where to train: auto, cpu, cuda, cuda:1, mps.",
    "feature_weight": "Of the difference in features.",
    "identity_weight": "Of the difference where a picture is its own style.",
    "note": "What users of the network should know, such as that training was short.",
    "optimizer": "Which one.",
    "out": "Folder of the run; continued where it holds a checkpoint.",
    "pixel_weight": "Of the squared error of the pixels.",
    "projection_rate": "Learning rate of the projections to the teacher's channels.",
    "rate": "Learning rate at the start.",
    "seed": "Of the random numbers.",
    "sheet_every": "Steps between sample sheets.",
    "smooth_weight": "Of the total variation.",
    "steps": "Training steps.",
    "style_layers": "Layers whose Gram matrices are compared with the style's.",
    "style_side": "Short side in pixels at which the style is seen: larger means larger strokes.",
    "style_weight": "Of the style loss.",
    "upsampling": "How maps are enlarged.",
    "vgg": "Weights that the loss sees with, safetensors; by default the encoder that ships.",
    "widths": "Channels of the blocks.",
}
"""Options that mean the same in every trainer; a trainer's own words come first."""

train_app = typer.Typer(no_args_is_help=True, help="Train networks on pictures of your own.")


def trainer_command(name: str, module: Any) -> Callable[..., None]:
    """A function for typer with one option for each field of the dataclass that `module.main` takes.

    A tuple is written with commas, such as `--widths 32,64,128,256,256`; an empty text is the empty tuple.
    """
    from ..engine.device import choose_device

    options = next(iter(typing.get_type_hints(module.main).values()))
    hints, docs = typing.get_type_hints(options), argument_docs(options)
    presets = getattr(module, "PRESETS", {}).values()
    decided = {field.name for preset in presets for field in dataclasses.fields(preset)}
    tuples = {n: typing.get_args(h)[0] for n, h in hints.items() if typing.get_origin(h) is tuple}
    parameters = []
    for field in dataclasses.fields(options):
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        if field.name in tuples and isinstance(default, tuple):
            default = ",".join(map(str, default))
        flag = field.name.replace("_", "-")
        flags = f"--{flag}/--no-{flag}" if hints[field.name] is bool else f"--{flag}"
        told = docs.get(field.name) or COMMON.get(field.name, "")
        told = told[:1].upper() + told[1:]
        if default is None and field.name in decided:
            told = f"{told.rstrip('.')}, instead of the preset's."
        option = typer.Option(flags, help=told)
        kind = Annotated[str if field.name in tuples else hints[field.name], option]
        parameters.append(
            inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        )

    def run(**values: Any) -> None:
        try:
            if "device" in values:
                values["device"] = str(choose_device(values["device"])[0])
            for field, kind in tuples.items():
                values[field] = tuple(kind(part) for part in values[field].split(",") if part)
            with JobBar() as bar:
                bar.begin(f"train {name}")
                written = module.main(options(**values), report=_reporting(bar))
        except (ValueError, ArithmeticError) as error:
            raise CommandError(BY_CODE["bad_field"], f"train {name}: {error}") from error
        show.line(str(written))

    run.__doc__ = inspect.getdoc(module.main)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def argument_docs(options: type) -> dict[str, str]:
    """What a docstring's `Args` say about each field; a line may be about several: `content, style: ...`."""
    _, _, args = (inspect.getdoc(options) or "").partition("Args:\n")
    docs: dict[str, str] = {}
    for names, text in re.findall(r"^    ([\w, ]+): ((?:.+\n?(?:      .*\n?)*))", args, re.MULTILINE):
        for name in names.split(","):
            docs[name.strip()] = " ".join(text.split())
    return docs


def _reporting(bar: JobBar) -> Callable[[int, int, Mapping[str, float]], None]:
    """A report for the bar, with the time left by the pace since the first report."""
    first: list[tuple[int, float]] = []

    def report(step: int, of: int, losses: Mapping[str, float]) -> None:
        first.append((step, time.monotonic()))
        begun, at = first[0]
        pace = (time.monotonic() - at) / (step - begun) if step > begun else 0.0
        bar.step(step, of, dict(losses), pace * (of - step))

    return report


def _module(name: str) -> str:
    """The module of a trainer: `texture-net` is in `texture_net`."""
    return f"{PACKAGE}.{name.replace('-', '_')}"


def _mount(name: str, text: str) -> None:
    passing_all_on = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

    @train_app.command(name, help=text, context_settings=passing_all_on)
    def command(context: typer.Context) -> None:
        inner = typer.Typer(
            add_completion=False,
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        inner.command(help=text)(trainer_command(name, importlib.import_module(_module(name))))
        typer.main.get_command(inner).main(context.args, prog_name=f"velatura train {name}")


for _name, _text in TRAINERS.items():
    if find_spec(_module(_name)) is not None:
        _mount(_name, _text)
