"""`velatura video`: a clip painted frame by frame, each held to the one before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import velatura
from velatura.extras import need
from velatura.recipe import Stylize

from . import show
from .files import check_output, check_readable
from .options import Chosen, ForceOption, RecipeOption, StyleOption, runs
from .progress import JobBar
from .recipes import SourcedStyles, parse_styles, whole_recipe

InOption = Annotated[Path, typer.Argument(metavar="IN", help="The video.")]
OutOption = Annotated[
    Path, typer.Option("--out", "-o", help="The video to write: .mp4, .mov, .mkv or .webm.")
]
TrackOption = Annotated[
    Path | None, typer.Option(help="Keyframes of strength, stroke size and styles: a JSON file.")
]
MaskOption = Annotated[
    Path | None, typer.Option(help="Where, and how strongly: a video or a picture; white is in full.")
]
SteadyOption = Annotated[
    bool, typer.Option("--steady/--loose", help="Hold each frame to the one before, or paint it by itself.")
]
RaftOption = Annotated[
    Path | None,
    typer.Option(
        help="Find motion by RAFT, with torchvision's weights in this file; slower, surer where it is fast."
    ),
]
CrfOption = Annotated[
    int, typer.Option(min=0, max=51, help="Quality of the encoder: 0 is lossless, 18 shows no loss.")
]


@runs(Stylize)
def video(
    chosen: Chosen,
    source: InOption,
    out: OutOption,
    style: StyleOption = None,
    track: TrackOption = None,
    mask: MaskOption = None,
    steady: SteadyOption = True,
    raft: RaftOption = None,
    crf: CrfOption = 18,
    recipe: RecipeOption = None,
    force: ForceOption = False,
) -> None:
    """Paint a video. One that was stopped goes on when the same command is given again.

    Sound, frame times, colour range and depth are kept. Needs the extra: pip install 'velatura\\[video]'.
    """
    need("video")
    from velatura.video import painting

    check_readable(source, recipe, track, mask, raft)
    painting.check_output(source, out)
    check_output(out, force, painting.CODECS)
    flow = None
    if raft is not None:
        from velatura_models.store.raft import Raft

        flow = Raft(raft)
    sourced = SourcedStyles(parse_styles(style))
    if track is not None and recipe is None and not sourced:
        whole = Stylize(**chosen)  # the track's keys name styles, and are checked with them
    else:
        whole = whole_recipe(Stylize, recipe, chosen, sourced)
    sourced.load()
    with velatura.connect(client="velatura video") as client, JobBar() as bar:
        sourced.add(client)
        whole, pictures = sourced.into(whole)
        bar.begin(source.name)

        def tell(progress: painting.ClipProgress) -> None:
            if progress.note:
                show.note(f"{source}: {progress.note}")
            if progress.doing == "reading":
                bar.say(f"reading, frame {progress.done}")
            else:
                bar.step(progress.done, progress.of, {}, progress.seconds_left)

        painting.paint(
            client,
            source,
            out,
            whole,
            pictures,
            track=track,
            mask=mask,
            steady=steady,
            flow=flow,
            crf=crf,
            tell=tell,
        )
    show.line(str(out))
