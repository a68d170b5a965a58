"""One visitor: a session on the daemon, pictures in memory, a job that runs.

Files are read in memory and results lie in a folder that ends with the visitor, so that nothing is kept. The
page is run anew at every touch and must not wait: a thread follows the job, the page looks at what it noted.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import velatura
from PIL import Image
from velatura.errors import VelaturaError
from velatura.pictures import files, images
from velatura.pictures.arrays import Most, Pixels
from velatura.recipe import RecipeClass
from velatura.styles import build

MOST_BYTES = 32 << 20
"""Of one file that is sent here."""
MOST_PIXELS = 24_000_000
"""Of a picture that is sent here; larger ones are refused before they are decoded."""
GONE = 30.0
"""Seconds after which a tab that was closed, or whose connection broke, is gone with all that it had."""
SHOWN = 1024
"""Longest side, in pixels, of what the page shows."""


@dataclass
class PageJob:
    """A job, as the page sees it."""

    future: velatura.JobFuture
    result: Path
    stops: bool
    draft: bool
    """Whether it shows what a change would do, in small."""
    done: float = 0.0
    said: str = "waiting"
    preview: Any = None
    over: bool = False
    error: str = ""
    notes: Sequence[str] = ()
    """What is to be said of the result."""

    def follow(self) -> None:
        """On a thread of its own: notes what happens until the end."""
        try:
            for event in self.future:
                self.done = event.progress
                if event.preview is not None:
                    self.preview = event.preview
                self.said = f"{event.step} of {event.of}" if event.of else event.reason
            self.future.result()
            self.notes = self.future.record.get("notes", ())
        except VelaturaError as error:
            self.error = error.message if error.code != "cancelled" else ""
        except OSError as error:
            self.error = str(error)
        finally:
            self.over = True


class Visitor:
    """What one browser tab has; `close` ends it, which leaves nothing."""

    def __init__(self) -> None:
        self.client = velatura.connect(client="velatura web")
        self.running: PageJob | None = None
        self.result: Path | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="velatura-web-")
        self._count = 0
        self.closed = False

    def start(
        self,
        kind: RecipeClass,
        content: Pixels | None,
        style: Any,
        mask: np.ndarray | None,
        fields: Mapping[str, Any],
        draft: bool = False,
    ) -> None:
        """Runs a job, in place of the one that runs.

        Raises:
            VelaturaError: for a field out of range.
        """
        self.stop(discard=True)
        size = (content.layout.width, content.layout.height) if content is not None else None
        recipe, pictures, _ = build(kind, style, size, False, fields)
        facts = recipe.facts
        self._count += 1
        out = Path(self._folder.name) / f"velatura-{self._count}.png"
        options: dict[str, Any] = {"supersede": "draft", "preview_side": SHOWN // 2} if draft else {}
        if facts.long:
            options = {"preview_side": SHOWN, "preview_every": 0.7}
        future = self.client.submit(
            recipe, content, mask if facts.mask else None, out=out, pictures=pictures, **options
        )
        self.running = PageJob(future, out, facts.stops, draft)
        threading.Thread(target=self.running.follow, daemon=True).start()

    def stop(self, discard: bool = False) -> None:
        """Ends what runs: a job that may be stopped keeps its picture so far, unless it is discarded."""
        running = self.running
        if running is None or running.over:
            return
        if running.stops and not discard:
            running.future.stop()
        else:
            running.future.cancel()

    def take(self) -> PageJob | None:
        """What has just ended, once."""
        running = self.running
        if running is None or not running.over:
            return None
        self.running = None
        if not running.error and running.result.is_file():
            if self.result is not None and self.result != running.result:
                self.result.unlink(missing_ok=True)
            self.result = running.result
        return running

    def close(self) -> None:
        """Ends the session: its jobs are cancelled, its files gone."""
        self.closed = True
        self.client.close()
        self._folder.cleanup()


class Lobby:
    """Sees visitors out: Streamlit says nothing of a tab that is gone, and keeps what it had.

    Args:
        here: whether a tab is connected, by the name of its session.
        forget: drops all that Streamlit keeps of a session.
        gone: seconds after which a tab that is not connected is gone.
    """

    def __init__(
        self, here: Callable[[str], bool], forget: Callable[[str], object], gone: float = GONE
    ) -> None:
        self._here, self._forget, self._gone = here, forget, gone
        self._visitors: dict[str, tuple[Visitor, float]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def enter(self, session: str) -> Visitor:
        """A new visitor."""
        visitor = Visitor()
        with self._lock:
            self._visitors[session] = visitor, time.monotonic()
        return visitor

    def look(self) -> None:
        """Sees out whoever has not been connected for long enough."""
        now = time.monotonic()
        with self._lock:
            for session, (visitor, seen) in list(self._visitors.items()):
                if self._here(session):
                    self._visitors[session] = visitor, now
                elif now - seen > self._gone:
                    del self._visitors[session]
                    visitor.close()
                    self._forget(session)

    def _watch(self) -> None:
        while True:
            time.sleep(self._gone / 5)
            with contextlib.suppress(VelaturaError, OSError):
                self.look()


def read_upload(data: bytes, name: str) -> Pixels:
    """A picture that was sent here.

    Raises:
        VelaturaError: `too_large`, or `bad_image` with what is wrong.
    """
    if len(data) > MOST_BYTES:
        raise VelaturaError(
            "too_large", f"has {len(data) >> 20} MB; at most {MOST_BYTES >> 20} are taken", name
        )
    return files.decode(data, name, Path(name).suffix, most=Most(MOST_PIXELS))


def shown(picture: Any, side: int = SHOWN) -> Image.Image:
    """A picture as the page shows it: 8 bits, no larger than that."""
    found = picture if isinstance(picture, Image.Image) else images.to_pil(images.read(picture).array)
    small = found.convert("RGBA" if "A" in found.getbands() else "RGB")
    small.thumbnail((side, side))
    return small


def jpeg(picture: Any, side: int = SHOWN) -> bytes:
    """The same as a file."""
    out = BytesIO()
    shown(picture, side).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def mask_of(drawn: bytes, content: Pixels) -> np.ndarray | None:
    """A drawn mask, `(H, W)` u8 of the content's size: where there is paint. None where there is none."""
    alpha = Image.open(BytesIO(drawn), formats=("PNG",)).convert("RGBA").getchannel("A")
    mask = np.asarray(alpha.resize((content.layout.width, content.layout.height)))
    return mask if mask.any() else None


def fitted_mask(mask: Pixels, content: Pixels) -> np.ndarray:
    """A mask that was sent here, `(H, W)` u8 of the content's size."""
    gray = images.to_pil(mask.array).convert("L")
    return np.asarray(gray.resize((content.layout.width, content.layout.height)))


def mixed(styles: Sequence[Any], share: float) -> Any:
    """A blend of one or two styles, the second with a share of 0 to 1."""
    weights = (1 - share, share) if len(styles) > 1 else (1.0,)
    return [(style, weight) for style, weight in zip(styles, weights, strict=True) if weight > 0]
