"""Running jobs for the commands: progress while they run, Ctrl-C, previews, and batches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import velatura
from velatura.blob import Blob
from velatura.errors import VelaturaError
from velatura.jobstate import State
from velatura.pixels import Layout
from velatura.recipe import Recipe, recipe_to_map
from velatura.waiting import JobFuture

from . import show
from .exits import SOME_FAILED, CommandError, about, in_words
from .progress import JobBar
from .recipes import SourcedStyles

AHEAD = 2
"""Jobs of a batch that are with the daemon at a time: while one runs, the next one's pixels travel."""

STOPPING = "stopping and keeping the best picture so far; Ctrl-C again discards it"

ABOUT_ONE_PICTURE = frozenset({"bad_image", "too_large", "busy", "out_of_memory", "worker_died", "internal"})
"""Errors that say nothing about the other pictures of a batch."""

Pair = tuple[Path | None, Path]
Watcher = Callable[[int, Any], None]
"""Called with the step and a PIL image."""
Look = Callable[[Layout, Any, Sequence[Blob]], None]
"""Called with a picture's layout, its recipe, and the pictures that this names."""


@dataclass
class Done:
    """What became of one picture, for people and for `--json`."""

    input: str
    output: str
    seconds: float = 0.0
    error: str = ""
    recipe: dict[str, Any] | None = None
    record: dict[str, Any] = field(default_factory=dict)


def run(
    whole: Recipe,
    pairs: Sequence[Pair],
    sourced: SourcedStyles,
    json: bool,
    mask: Path | None = None,
    preview: Watcher | None = None,
    look: Look | None = None,
    suited: bool = False,
    **options: Any,
) -> None:
    """The work of a command, from connecting to the report.

    Args:
        whole: the recipe, without what each picture brings.
        pairs: picture (none for a texture) and output file.
        sourced: its styles, whose pictures are read here; a texture of a picture has that as its style.
        json: whether the report is JSON.
        mask, options: of `Client.submit`.
        preview: see `follow`.
        look: may warn of what does not fit.
        suited: whether each picture has what suits its size.
    """
    sourced.load()
    with velatura.connect(client=f"velatura {whole.KIND}") as client, JobBar(len(pairs)) as bar:
        sourced.add(client)

        def submit(source: Path | None, target: Path, priority: str) -> JobFuture:

            pixels, styles = None, sourced
            if source is not None and whole.FACTS.content:
                pixels = client.read(source)
            elif source is not None:
                styles = SourcedStyles({source: 1.0})
                styles.load()
            recipe, pictures = styles.into(whole, pixels)
            if suited and pixels is not None:
                recipe = recipe.suited(pixels.layout.width, pixels.layout.height)
            if look is not None and pixels is not None:
                look(pixels.layout, recipe, pictures)
            return client.submit(
                recipe, pixels, mask, priority=priority, out=target, pictures=pictures, **options
            )

        results: list[Done] = []
        try:
            one = whole.facts.stops and len(pairs) == 1
            run_batch(pairs, submit, bar, results, preview, STOPPING if one else "")
        finally:
            report(results, json)
    failed = sum(bool(done.error) for done in results)
    if failed:
        raise CommandError(SOME_FAILED, f"{failed} of {len(results)} pictures failed")


def follow(job: JobFuture, bar: JobBar, preview: Watcher | None = None, stopping: str = "") -> None:
    """Shows a job until it ends. The first Ctrl-C stops one that can be stopped, and keeps what it has made;
    otherwise, and at the second, it is cancelled and KeyboardInterrupt goes on.

    Args:
        stopping: what is said when it is stopped; empty for a job that cannot be.
    """
    while True:
        try:
            for event in job:
                if event.state is State.RUNNING and event.of:
                    bar.step(event.step, event.of, event.losses or {}, event.seconds_left)
                elif event.state is State.QUEUED:
                    bar.say(f"{event.ahead} before it" if event.ahead else "queued")
                elif event.state is State.PAUSED:
                    bar.say(f"paused: {event.reason}" if event.reason else "paused")
                if event.preview is not None and preview is not None:
                    preview(event.step, event.preview)
            return
        except KeyboardInterrupt:
            if not stopping:
                job.cancel()
                raise
            job.stop()
            bar.announce(stopping)
            stopping = ""


def run_batch(
    pairs: Sequence[Pair],
    submit: Callable[[Path | None, Path, str], JobFuture],
    bar: JobBar,
    results: list[Done],
    preview: Watcher | None = None,
    stopping: str = "",
) -> None:
    """Runs one job a picture, in order. A picture of several that cannot be used is noted, the others go on;
    one for which there was no room comes again at the end, alone. After an error that concerns all of them,
    those that are with the daemon are finished.

    Args:
        pairs: picture (none for a texture) and output file.
        submit: makes the job for a picture, an output and a priority.
        bar: where to show it.
        results: what became of each picture is appended here, so that it is known also when the rest fails.
        preview, stopping: see `follow`.

    Raises:
        VelaturaError: the error of a single picture, or one that concerns all of them.
    """
    priority = "batch" if len(pairs) > 1 else "interactive"
    waiting, crowded = deque(pairs), deque[Pair]()
    running: deque[tuple[Path | None, Path, JobFuture, float]] = deque()
    ended = 0.0
    broken: VelaturaError | None = None
    ahead = AHEAD

    def note(source: Path | None, target: Path, error: VelaturaError) -> VelaturaError | None:
        if error.code == "busy" and ahead > 1 and len(pairs) > 1:
            crowded.append((source, target))
            return None
        return _note(source, target, error, pairs, results)

    while ((waiting or crowded) and broken is None) or running:
        if not waiting and not running:
            waiting, crowded, ahead = crowded, deque(), 1
        while waiting and broken is None and len(running) < ahead:
            source, target = waiting.popleft()
            try:
                running.append((source, target, submit(source, target, priority), time.monotonic()))
            except VelaturaError as error:
                broken = broken or note(source, target, error)
                bar.end()
        if running:
            source, target, job, since = running.popleft()
            bar.begin((source or target).name)
            try:
                follow(job, bar, preview, stopping)
                job.result()  # the client writes it
                seconds = time.monotonic() - max(since, ended)
                results.append(description(job, str(source or ""), target, seconds))
                for said in job.record.get("notes", ()):
                    show.note(f"velatura: {said}")
            except VelaturaError as error:
                broken = broken or note(source, target, error)
            ended = time.monotonic()
            bar.end()
    if broken is not None:
        raise broken


def report(results: Sequence[Done], json: bool) -> None:
    """Prints what became of the pictures."""
    if json:
        show.as_json([vars(done) for done in results])
    else:
        for done in results:
            if not done.error:
                show.line(f"{done.output}  {show.duration(done.seconds)}")


def description(job: JobFuture, source: str, target: Path, seconds: float) -> Done:
    """A finished job in plain values."""
    recipe: Recipe | None = job.recipe
    as_map = recipe_to_map(recipe) if recipe is not None else None
    return Done(source, str(target), round(seconds, 3), recipe=as_map, record=dict(job.record))


def _note(
    source: Path | None, target: Path, error: VelaturaError, pairs: Sequence[Pair], results: list[Done]
) -> VelaturaError | None:
    """Notes a picture of a batch that failed; gives back an error that is not the picture's own fault."""
    if len(pairs) == 1 or error.code not in ABOUT_ONE_PICTURE:
        return error
    words = in_words(error)
    show.note(f"velatura: {about(str(source), words)}")
    results.append(Done(str(source), str(target), error=f"{error.code}: {words}"))
    return None
