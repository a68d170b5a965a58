"""What a connection asks for beside jobs: questions with their paged answers, pictures fetched by digest, and
pictures sent for later.

No I/O. Questions are asked again in a new session; each has exactly one answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from . import messages as m
from .blob import Blob
from .errors import VelaturaError
from .exchange import Exchange, unreadable
from .jobs import Answered, Fetched, HappenedEvent, Uploaded


class Asking:
    """Questions, fetches and lone uploads of a session.

    Args:
        send: takes each message for the daemon.
        exchange: carries the pictures.
        wanted: the set that digests of uploads under way are kept in.
        events: the list that events are appended to.
    """

    def __init__(
        self,
        send: Callable[[m.Message], None],
        exchange: Exchange,
        wanted: set[str],
        events: list[HappenedEvent],
    ) -> None:
        self._send, self._exchange, self._wanted, self._events = send, exchange, wanted, events
        self._names = (f"r{n}" for n in itertools.count(1))
        self._requests: dict[str, tuple[m.Request, list[dict[str, Any]]]] = {}
        self._uploads: list[Blob] = []

    def ask(self, what: str, args: dict[str, Any]) -> str:
        """Asks a question; `Answered` with the returned name follows."""
        name = next(self._names)
        request = m.Request(name, what, "", args)
        self._requests[name] = (request, [])
        self._send(request)
        return name

    def fetch(self, digest: str) -> str:
        """Asks for a picture; `Fetched` with the returned name follows."""
        name = next(self._names)
        tell = lambda picture, error: self._events.append(Fetched(name, digest, picture, error))  # noqa: E731
        self._exchange.want(digest, tell, urgent=False)
        return name

    def upload(self, blob: Blob) -> None:
        """Sends a picture once `prepare` has hashed it; `Uploaded` follows."""
        self._uploads.append(blob)

    @property
    def preparing(self) -> bool:
        """Whether a picture is still to be hashed."""
        return bool(self._uploads)

    def prepare(self) -> bool:
        """Hashes a strip of the first picture that is to be sent; False where there is none."""
        if not self._uploads:
            return False
        blob = self._uploads[0]
        try:
            if self._exchange.line is not None:
                blob.lend()
            ready = blob.hash_piece()
        except Exception as error:  # the program's own callable: it is told
            self._uploads.pop(0)
            self._uploaded(blob, unreadable(error))
            return True
        if ready:
            self._uploads.pop(0)
            self._wanted.add(blob.digest)
            self._exchange.give(blob, lambda error: self._uploaded(blob, error))
        return True

    def take(self, reply: m.Reply) -> None:
        """A page of an answer; the next one is asked for."""
        if reply.request not in self._requests:
            return
        request, pages = self._requests[reply.request]
        pages.extend(reply.items)
        if reply.more and reply.items and reply.items[-1].get("name"):
            after = str(reply.items[-1]["name"])
            self._send(m.Request(request.request, request.what, after, request.args))
        else:
            self.end(reply.request, None)

    def end(self, name: str, error: VelaturaError | None) -> None:
        """A question has its answer, or will have none."""
        if name in self._requests:
            request, pages = self._requests.pop(name)
            self._events.append(Answered(name, request.what, pages, error))

    def renew(self) -> None:
        """Asks again in a new session."""
        for request, pages in self._requests.values():
            pages.clear()
            self._send(request)

    def refuse(self, error: VelaturaError) -> None:
        """No session will come: every question has ended."""
        for name in list(self._requests):
            self.end(name, error)

    def _uploaded(self, blob: Blob, error: VelaturaError | None) -> None:
        self._wanted.discard(blob.digest)
        self._events.append(Uploaded(blob, error))
