"""`velatura webcam`: what a camera sees, painted as it films, in a browser and into a file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer
import velatura
from velatura.extras import need
from velatura.recipe import Stylize

from . import show
from .files import check_output
from .options import Chosen, ForceOption, RecipeOption, StyleOption, runs
from .recipes import SourcedStyles, parse_styles, whole_recipe
from .video import CrfOption, SteadyOption

CameraOption = Annotated[
    str, typer.Option(help="The number of a camera, its device or address, or a video in its place.")
]
SideOption = Annotated[
    int, typer.Option(min=16, max=4096, help="Longest side of a frame; smaller is faster.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="Record it too: .mp4, .mov, .mkv or .webm.")
]
SecondsOption = Annotated[float, typer.Option(min=0, help="End after so many seconds; 0 is with Ctrl-C.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="Where it is shown; 0 is any that is free.")]


@runs(Stylize)
def webcam(
    chosen: Chosen,
    style: StyleOption = None,
    camera: CameraOption = "0",
    side: SideOption = 512,
    out: OutOption = None,
    seconds: SecondsOption = 0,
    port: PortOption = 0,
    steady: SteadyOption = True,
    crf: CrfOption = 18,
    recipe: RecipeOption = None,
    force: ForceOption = False,
) -> None:
    """Paint what a camera sees, as it films: open the address that it prints. Ctrl-C ends it.

    Needs the extra: pip install 'velatura\\[video]'.
    """
    need("video")
    import cv2
    from velatura.video import painting
    from velatura.video.camera import Camera, Recording, paint

    from ..web.screen import Screen

    if out is not None:
        painting.check_output(Path(camera), out)
        check_output(out, force, painting.CODECS)
    sourced = SourcedStyles(parse_styles(style))
    whole = whole_recipe(Stylize, recipe, chosen, sourced)
    sourced.load()
    with (
        Camera(camera, side) as filmed,
        velatura.connect(client="velatura webcam") as client,
        Screen(port) as screen,
        Recording(out, crf) if out is not None else contextlib.nullcontext() as recording,
        contextlib.suppress(KeyboardInterrupt),  # the way to end it
    ):
        show.line(screen.address)
        sourced.add(client)
        whole, pictures = sourced.into(whole)
        for shot in paint(client, filmed, whole, pictures, steady=steady):
            screen.show(lambda shot=shot: cv2.imencode(".jpg", shot.frame[:, :, ::-1])[1].tobytes())
            if recording is not None:
                recording.add(shot)
            if seconds and shot.seconds >= seconds:
                break
    if out is not None:
        show.line(str(out))
