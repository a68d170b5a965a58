"""What is true of every job of a kind, as every recipe class states it in `FACTS`.

The daemon, the command line and the editors ask these facts instead of asking which class a recipe is, so
that a new kind is told to all of them in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Facts:
    """A kind of job.

    Attributes:
        title: what it is called, in English; editors translate it.
        doing: what is said while one runs.
        help: one sentence on what it does, without its full stop.
        made: what a result's name adds to that of its style, in English; empty where nothing has to be said.
        styles: whether it paints in styles, so that one has to be chosen.
        content: whether it works on a picture; one that does not makes its own.
        trial: whether one that needs no picture may be given one all the same, to be tried on.
        mask: whether it takes a mask for where, and how strongly.
        long: whether it takes many steps, so that live previews go first and the picture is shown meanwhile.
        stops: whether it may be stopped early and keeps what it has.
        placed: where the result goes: on a `layer` of the picture, into a `picture` of its own, or into the
            style `library`, and what comes back is only a look at it.
        editors: which editors offer it.
        applied: whether an editor's Apply makes it, and its "apply last" makes it again.
        pairs: whether it heeds places of content and style that correspond, which editors show as arrows.
        whole: whether a part of a picture, or a frame of a clip, can go by the statistics of the whole.
        told: the fields that a line on a recipe names besides the styles, where `made` says nothing.
        expert: whether it is for those who know what an objective is: others have a simpler way to the same.
    """

    title: str
    doing: str
    help: str
    made: str = ""
    styles: bool = True
    content: bool = True
    trial: bool = False
    mask: bool = True
    long: bool = True
    stops: bool = False
    placed: Literal["layer", "picture", "library"] = "layer"
    editors: tuple[str, ...] = ("krita", "gimp")
    applied: bool = False
    pairs: bool = False
    whole: bool = False
    told: tuple[str, ...] = ()
    expert: bool = False
