"""Answers to requests that are not jobs: status, lists, the style library, shutdown.

What takes longer than a moment (reading, decoding and writing style pictures) is done by one background
thread, the librarian, so that the supervisor stays quick; its answers come back through a pipe that
the supervisor polls. Lists go out in pages.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from velatura import messages, stylefile
from velatura.blob import Picture
from velatura.errors import FieldError, VelaturaError
from velatura.messages import MAX_HEADER, NAME, Message, Reply, Request
from velatura.pixels import Layout, digest
from velatura.wire import error_for

from ..between.slots import create_slot, map_slot, write_slot
from ..paths import Paths
from .blobs import BlobStore
from .pulls import PullQueue

if TYPE_CHECKING:
    from ..styles.library import Library

log = logging.getLogger("velatura.daemon")

PAGE_ITEMS = 50
"""Items on a page at most; fewer where the header would grow too long."""

MOST_WAITING = 64
"""Requests of all clients that may wait for the librarian."""

Items = list[dict[str, Any]]


@dataclass(frozen=True)
class Carried:
    """A style's small picture or its file, ready to become a blob."""

    digest: str
    layout: Layout
    data: bytes


class Librarian:
    """One thread that works through callables, in order, and hands their results back.

    `fileno` becomes readable when `deliver` has something.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "librarian")
        self._waiting: deque[tuple[Future[Any], Callable[[Future[Any]], None]]] = deque()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)

    def fileno(self) -> int:
        return self._read

    def do(self, work: Callable[[], Any], then: Callable[[Future[Any]], None]) -> None:
        """Has `work` done on the thread and `then` called with what became of it, by `deliver`.

        Raises:
            VelaturaError: `busy` when too much waits already.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise VelaturaError("busy", f"{MOST_WAITING} requests wait already; try again")
        future = self._thread.submit(work)
        self._waiting.append((future, then))
        future.add_done_callback(lambda _: os.write(self._write, b"."))

    def deliver(self) -> None:
        """Calls what waits for results; on the supervisor's own thread."""
        os.read(self._read, 4096)
        while self._waiting and self._waiting[0][0].done():
            future, then = self._waiting.popleft()
            try:
                then(future)
            except Exception:  # costs this answer
                log.exception("an answer could not be given")

    def close(self) -> None:
        """Ends the thread after what it is at."""
        self._thread.shutdown(cancel_futures=True)
        os.close(self._read)
        os.close(self._write)


class Answers:
    """Answers requests.

    Args:
        store: where thumbnails become blobs, and where pictures of new styles come from.
        paths: where the styles lie.
        post: hands a message to a session, by token.
        status, jobs: give these two answers; they must be quick.
        shutdown: called when a client asks for the end.
    """

    def __init__(
        self,
        store: BlobStore,
        paths: Paths,
        post: Callable[[str, Message], None],
        status: Callable[[str], dict[str, Any]],
        jobs: Callable[[str], Items],
        shutdown: Callable[[], None],
    ) -> None:
        self.store, self.paths, self.post = store, paths, post
        self._status, self._jobs, self._shutdown = status, jobs, shutdown
        self.librarian = Librarian()
        self.pulls = PullQueue(paths.logs)
        self._thumbnails: dict[tuple[str, str], Carried] = {}

    @cached_property
    def library(self) -> Library:
        """The styles; imported at the first need, since it brings numpy and pillow along."""
        from ..styles.library import Library

        return Library(self.paths.styles, self.paths.cache, self.paths.weights)

    def answer(self, token: str, request: Request) -> None:
        """Answers now or, through the librarian, soon.

        Raises:
            VelaturaError: what is to be reported to the client.
        """
        if request.what == "status":
            self.post(token, Reply(request.request, [self._status(token)]))
        elif request.what == "jobs":
            self.post(token, page(request, self._jobs(token)))
        elif request.what == "shutdown":
            self.post(token, Reply(request.request, []))
            self._shutdown()
        elif request.what in ("style_add", "style_import"):
            self._add_style(token, request)
        elif request.what in ("pulls", "pull", "pull_cancel"):
            self._pull(request)
            self.post(token, page(request, self.pulls.list()))
        else:
            self._later(token, request, lambda: self._looked_up(request))

    def _later(self, token: str, request: Request, work: Callable[[], Items]) -> None:
        def done(future: Future[Items]) -> None:
            error = future.exception()
            if error is not None:
                if not isinstance(error, VelaturaError):
                    log.error("request %s failed", request.what, exc_info=error)
                self.post(token, error_for(error, request=request.request))
                return
            result = future.result()
            for item in result:
                thumbnail, file = item.pop("_thumbnail", None), item.pop("_file", None)
                if thumbnail is not None and not self._keep(thumbnail):
                    item["thumbnail"] = ""
                if file is not None and not self._keep(file):
                    busy = VelaturaError("busy", "there is no room for what was asked for; raise blobs_mb")
                    self.post(token, error_for(busy, request=request.request))
                    return
            self.post(token, page(request, result))

        self.librarian.do(work, done)

    # -- styles: on the librarian's thread except where noted ----------------------------------------

    def _looked_up(self, request: Request) -> Items:
        if request.what == "models":
            from velatura_models.store.nets import everything

            return everything(self.paths.weights)
        if request.what == "styles":
            return self._styles(request)
        name = _text(request, "name")
        if request.what == "style_remove":
            self.library.remove(name)
            return []
        if request.what == "style_unlearn":
            return [self.library.unlearn(name).to_map()]
        if request.what == "style_export":
            blob = stylefile.blob_of(self.library.export(name))
            layout, data = blob.layout, bytes(blob.read(0, blob.layout.nbytes))
        else:
            layout, data = self.library.seen(name)
        file = Carried(digest(layout, [data]), layout, data)
        return [{"name": name, "digest": file.digest, "_file": file}]

    def _styles(self, request: Request) -> Items:
        entries = [e for e in self.library.list() if e.name > request.after]
        out = []
        for entry in entries[: PAGE_ITEMS + 1]:
            thumbnail = self._thumbnail(entry.name, entry.digest)
            item = {**entry.to_map(), "thumbnail": thumbnail.digest if thumbnail else ""}
            out.append({**item, "_thumbnail": thumbnail})
        return out

    def _thumbnail(self, name: str, picture: str) -> Carried | None:
        key = (name, picture)
        if key not in self._thumbnails:
            try:
                layout, data = self.library.thumbnail(name)
            except VelaturaError as error:
                log.debug("no thumbnail of style %s: %s", name, error)
                return None
            self._thumbnails[key] = Carried(digest(layout, [data]), layout, data)
        return self._thumbnails[key]

    def _keep(self, carried: Carried) -> bool:
        """Makes it a blob that clients can fetch; on the supervisor's thread. False without room."""
        if self.store.get(carried.digest) is None:
            try:
                fd = create_slot(len(carried.data))
            except VelaturaError as error:
                log.warning("what was asked for of a style is left out: %s", error)
                return False
            write_slot(fd, 0, carried.data)
            self.store.add(carried.digest, carried.layout, fd)
        return True

    def _pull(self, request: Request) -> None:
        if request.what == "pulls":
            return
        kind, name = _text(request, "kind"), _text(request, "name")
        if kind not in ("model", "style"):
            raise FieldError("request.args.kind", f"must be model or style, not {kind!r}")
        (self.pulls.begin if request.what == "pull" else self.pulls.cancel)(kind, name)

    def _add_style(self, token: str, request: Request) -> None:
        """Takes a style's picture or file from the store; on the supervisor's thread up to the reading."""
        name = _text(request, "name", None if request.what == "style_add" else "")
        texts = {key: _text(request, key, "") for key in ("title", "artist", "year", "rights")}
        blob = self.store.get(_text(request, "digest"))
        if blob is None:
            raise VelaturaError("unknown_blob", "the style's picture or file is not held; send it first")
        layout, data = blob.layout, map_slot(blob.fd, blob.layout.nbytes)

        def work() -> Items:
            from ..styles.reading import sent_style

            if request.what == "style_import":
                return [self.library.add_file(stylefile.bytes_of(Picture(layout, data)), name).to_map()]
            file = request.args.get("file") is True
            picture = stylefile.bytes_of(Picture(layout, data)) if file else sent_style(layout, data)
            return [self.library.add(name, picture, **texts).to_map()]

        self._later(token, request, work)

    def close(self) -> None:
        """Ends what is under way."""
        self.pulls.close()
        self.librarian.close()


def page(request: Request, items: Items) -> Reply:
    """The items that come after `request.after`, as many as fit on one page; each has a `name`."""
    if request.after:
        names = [item.get("name", "") for item in items]
        if request.after in names:
            items = items[names.index(request.after) + 1 :]
    count = min(len(items), PAGE_ITEMS)
    while True:
        reply = Reply(request.request, items[:count], more=count < len(items))
        try:
            messages.encode(reply)
        except VelaturaError:
            if count <= 1:
                items = [_fitting(items[0]), *items[1:]]
            count = max(1, count // 2)
            continue
        assert count or not items, MAX_HEADER
        return reply


def _fitting(item: dict[str, Any]) -> dict[str, Any]:
    """What is left of an item that is too long for a message: its keys, short values, and that."""
    words = "what its file says of it is too long to be listed"
    kept = {k: v[:NAME] if isinstance(v, str) else type(v)() if v else v for k, v in item.items()}
    return {**kept, "title": words, "error": words}


def _text(request: Request, key: str, default: str | None = None) -> str:
    value = request.args.get(key, default)
    if not isinstance(value, str) or len(value) > 400:
        raise FieldError(f"request.args.{key}", f"must be text of at most 400 characters, not {value!r:.80}")
    return value
