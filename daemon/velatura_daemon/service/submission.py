"""What is checked of a job before it may queue, beyond the ranges that the schema states.

Pure functions; the engine checks what only it can know (styles, weights, finite pixels).
"""

from __future__ import annotations

from collections.abc import Callable

from velatura.errors import FieldError
from velatura.messages import Submit
from velatura.pixels import Layout
from velatura.recipe import pictures_of

from .scheduler import Ticket, Urgency


def digests_of(submit: Submit) -> list[str]:
    """Every picture that a job names, once each: content, mask, and those of its recipe."""
    named = [submit.content, submit.mask, *(pictures_of(submit.recipe) if submit.recipe else ())]
    return list(dict.fromkeys(d for d in named if d))


def check_parts(submit: Submit) -> None:
    """Raises `FieldError` where a part is missing that the recipe's kind needs, or one is there too many."""
    if not submit.job:
        raise FieldError("submit.job", "is empty; give the job a random name")
    if submit.recipe is None:
        raise FieldError("submit.recipe", "is missing")
    facts, kind = submit.recipe.FACTS, submit.recipe.KIND
    if facts.content and not submit.content:
        raise FieldError("submit.content", "is empty; name the picture to work on")
    if submit.content and not (facts.content or facts.trial):
        raise FieldError("submit.content", f"must be empty: {kind} makes a picture of its own")
    if submit.mask and not facts.mask:
        raise FieldError("submit.mask", f"must be empty: {kind} is of the whole picture")


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
    """Bytes that the result will take, in full size.

    Raises:
        VelaturaError: `too_large` for an enlargement over the limits of the protocol.
    """
    recipe = submit.recipe
    return recipe.result_layout(content or Layout()).nbytes if recipe else 0


def ticket_of(submit: Submit, client: str) -> Ticket:
    """What the scheduler needs to know of a job."""
    long = submit.recipe is None or submit.recipe.facts.long
    urgency = Urgency.LONG if long else Urgency.LIVE
    if submit.priority == "batch":
        urgency = Urgency.BATCH
    return Ticket(submit.job, client, urgency, submit.supersede, submit.content, long)
