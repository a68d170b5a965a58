"""What is checked of a job before it may queue, beyond the ranges that the schema states.

Pure functions; the engine checks what only it can know (styles, weights, finite pixels).
"""

from __future__ import annotations

from collections.abc import Callable

from velatura.errors import FieldError
from velatura.messages import Submit
from velatura.pixels import Layout
from velatura.recipe import Stylize, Texture, Upscale

from .scheduler import Ticket, Urgency


def digests_of(submit: Submit) -> list[str]:
    """Every picture that a job names, once each: content, mask, style pictures, region masks."""
    styles = submit.recipe.styles if submit.recipe else ()
    named = [submit.content, submit.mask, *(d for s in styles for d in (s.digest, s.mask))]
    return list(dict.fromkeys(d for d in named if d))


def check_parts(submit: Submit) -> None:
    """Raises `FieldError` where a part is missing that the recipe's kind needs, or one is there too many."""
    if not submit.job:
        raise FieldError("submit.job", "is empty; give the job a random name")
    if submit.recipe is None:
        raise FieldError("submit.recipe", "is missing")
    if isinstance(submit.recipe, Texture):
        if submit.content or submit.mask:
            raise FieldError("submit.content", "and mask must be empty: a texture starts from noise")
    elif not submit.content:
        raise FieldError("submit.content", "is empty; name the picture to work on")
    if isinstance(submit.recipe, Upscale) and submit.mask:
        raise FieldError("submit.mask", "must be empty: an enlargement is of the whole picture")


def check_masks(submit: Submit, layout_of: Callable[[str], Layout | None]) -> None:
    """Raises `FieldError` for a mask that is not GRAY, or not of the content's size.

    Args:
        layout_of: gives the layout of a picture by digest, None for the empty name.
    """
    content = layout_of(submit.content)
    styles = submit.recipe.styles if submit.recipe else ()
    masks = [("submit.mask", submit.mask)]
    masks += [(f"submit.recipe.styles[{i}].mask", s.mask) for i, s in enumerate(styles)]
    for where, digest in masks:
        mask = layout_of(digest)
        if mask is None:
            continue
        if mask.channels != "GRAY":
            raise FieldError(where, f"has channels {mask.channels}; a mask is GRAY")
        if content is not None and (mask.width, mask.height) != (content.width, content.height):
            raise FieldError(
                where, f"is {mask.width} x {mask.height}, the content {content.width} x {content.height}"
            )


def result_bytes(submit: Submit, content: Layout | None) -> int:
    """Bytes that the result will take: the content's layout, a larger one, or 8-bit RGBA for a texture.

    Raises:
        VelaturaError: `too_large` for an enlargement over the limits of the protocol.
    """
    if isinstance(submit.recipe, Texture):
        return submit.recipe.width * submit.recipe.height * 4
    if isinstance(submit.recipe, Upscale) and content:
        return submit.recipe.result_layout(content).nbytes
    return content.nbytes if content else 0


def ticket_of(submit: Submit, client: str) -> Ticket:
    """What the scheduler needs to know of a job."""
    long = not isinstance(submit.recipe, Stylize)
    urgency = Urgency.LONG if long else Urgency.LIVE
    if submit.priority == "batch":
        urgency = Urgency.BATCH
    return Ticket(submit.job, client, urgency, submit.supersede, submit.content, long)
