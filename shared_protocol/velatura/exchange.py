"""The client's blobs on their way in both directions: which are sent, which are asked for, who is told.

No I/O: messages come in through `receive`, go out through the `send` callable given, and chunks are taken
one at a time with `next_chunk`, so that the connection decides how much work it does per call. A blob that
several jobs need is sent once.
"""

from __future__ import annotations

import itertools
import mmap
import os
from collections.abc import Callable

from . import lending
from .blob import STRIP_BYTES, Blob, Picture
from .errors import VelaturaError
from .messages import CHUNK_BYTES, Chunk, Credit, Drop, Error, Fetch, Have, Lent, Message, Offer
from .transfer import Phase, Receiver, Sender
from .wire import Buffer, as_exception, error_for

UPLOADS = 2
"""Uploads offered at the same time; the others wait, so that memory in flight stays bounded."""

DOWNLOADS = 8
"""Pictures asked for at the same time, above those of jobs, which never wait: a gallery may want hundreds."""

Sent = Callable[[VelaturaError | None], None]
Arrived = Callable[[Picture | None, VelaturaError | None], None]


class _Upload:
    def __init__(self, name: str, blob: Blob) -> None:
        self.blob = blob
        self.tell: list[Sent] = []
        self.sender = Sender(name, blob.layout, blob.digest, blob.read, STRIP_BYTES)
        self.offered = False


class _Download:
    def __init__(self, digest: str, tell: Arrived, urgent: bool) -> None:
        self.digest, self.tell, self.urgent = digest, tell, urgent
        self.asked = False
        self.receiver: Receiver | None = None


class Exchange:
    """All transfers of one session.

    Args:
        send: takes each message that is to go to the daemon.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self.line: lending.LendingLine | None = None
        """On which memory is handed over, to a daemon on this machine."""
        self._names = (f"c{n}" for n in itertools.count(1))
        self._uploads: dict[str, _Upload] = {}
        self._downloads: dict[str, _Download] = {}

    def give(self, blob: Blob, tell: Sent) -> None:
        """Sends a hashed blob; `tell` is called once, with None or the error."""
        blob.is_new = False
        for upload in self._uploads.values():
            if upload.blob.digest == blob.digest:
                upload.tell.append(tell)
                return
        name = next(self._names)
        upload = self._uploads[name] = _Upload(name, blob)
        upload.tell.append(tell)
        self._offer_more()

    def want(self, digest: str, tell: Arrived, urgent: bool = True) -> str:
        """Asks for a blob; `tell` is called once, with the picture or the error. Returns the transfer.

        One that is not `urgent` waits while many are under way.
        """
        name = next(self._names)
        self._downloads[name] = _Download(digest, tell, urgent)
        self._ask_more()
        return name

    def forget(self, transfer: str, quietly: bool = False) -> None:
        """Gives a download up; the daemon is told unless `quietly`, the caller of `want` is not."""
        download = self._downloads.pop(transfer, None)
        if download is not None and download.asked and not quietly:
            self._send(Drop(transfer))

    def keep(self, wanted: set[str]) -> None:
        """Gives up the uploads whose digest nobody wants any more."""
        for name, upload in list(self._uploads.items()):
            if upload.blob.digest not in wanted:
                del self._uploads[name]
                if upload.offered:
                    self._send(upload.sender.drop())
        self._offer_more()

    def receive(
        self, message: Credit | Have | Drop | Error | Offer | Chunk | Lent, body: memoryview | None
    ) -> None:
        """Takes a message about a transfer; one about a transfer given up is ignored."""
        name = message.transfer
        if name in self._uploads and isinstance(message, (Credit, Have, Drop, Error)):
            self._about_upload(name, message)
        elif name in self._downloads:
            self._about_download(name, message, body)
        elif isinstance(message, Offer):
            self._send(Drop(name))

    @property
    def ready(self) -> bool:
        """Whether `next_chunk` has one."""
        return any(u.sender.ready for u in self._uploads.values())

    def next_chunk(self) -> tuple[Chunk, Buffer] | None:
        """The next chunk of the first upload that may send; None when none may."""
        for name, upload in list(self._uploads.items()):
            if not upload.sender.ready:
                continue
            try:
                return upload.sender.next_chunk()
            except Exception as error:  # the editor's callable may fail in any way: the job is told
                self._send(Drop(name))
                self._sent(name, unreadable(error))
        return None

    def restart(self) -> None:
        """The session was renewed: transfers of the old one are gone, so all begin again."""
        for name in list(self._uploads):
            old = self._uploads.pop(name)
            fresh = next(self._names)
            self._uploads[fresh] = _Upload(fresh, old.blob)
            self._uploads[fresh].tell = old.tell
        for name in list(self._downloads):
            gone = self._downloads.pop(name)
            self._downloads[next(self._names)] = _Download(gone.digest, gone.tell, gone.urgent)
        self._ask_more()
        self._offer_more()

    def _offer_more(self) -> None:
        busy = sum(u.offered for u in self._uploads.values())
        for name, upload in self._uploads.items():
            if not upload.offered and busy < UPLOADS:
                upload.offered = True
                busy += 1
                self._send(upload.sender.offer())
                memory = upload.blob.memory
                if self.line is not None and memory is not None and self.line.give(name, memory.fd):
                    self._send(upload.sender.lent())

    def _ask_more(self) -> None:
        under_way = sum(d.asked and not d.urgent for d in self._downloads.values())
        for name, download in self._downloads.items():
            if not download.asked and (download.urgent or under_way < DOWNLOADS):
                download.asked = True
                under_way += not download.urgent
                self._send(Fetch(name, download.digest))

    def _about_upload(self, name: str, message: Credit | Have | Drop | Error) -> None:
        sender = self._uploads[name].sender
        try:
            sender.receive(message)
        except VelaturaError as error:
            self._send(error_for(error, transfer=name))
        if sender.over:
            dropped = VelaturaError("unknown_blob", "the daemon gave the upload up; try again")
            self._sent(name, None if sender.phase is Phase.DONE else sender.error or dropped)

    def _sent(self, name: str, error: VelaturaError | None) -> None:
        for tell in self._uploads.pop(name).tell:
            tell(error)
        self._offer_more()

    def _about_download(self, name: str, message: Message, body: memoryview | None) -> None:
        download = self._downloads[name]
        try:
            if isinstance(message, Offer):
                if download.receiver is not None or message.digest != download.digest:
                    raise VelaturaError("bad_frame", f"offer of {message.digest!r} was not asked for")
                download.receiver = Receiver(message, _room(message.layout.nbytes))
                self._send(download.receiver.begin())
            elif isinstance(message, Chunk) and download.receiver is not None and body is not None:
                self._send(download.receiver.receive(message, body))
                if download.receiver.phase is Phase.DONE:
                    self._arrived(name, Picture(download.receiver.layout, download.receiver.into), None)
            elif isinstance(message, Lent) and download.receiver is not None:
                into = self._taken(name, download.receiver.layout.nbytes)
                download.receiver.lent(into)
                while (have := download.receiver.verify()) is None:
                    pass
                self._send(have)
                self._arrived(name, Picture(download.receiver.layout, into), None)
            elif isinstance(message, Error):
                self._arrived(name, None, as_exception(message))
            else:
                raise VelaturaError("bad_frame", f"message {message.TYPE!r} does not belong to a download")
        except VelaturaError as error:
            self._send(error_for(error, transfer=name))
            self._arrived(name, None, error)

    def _taken(self, name: str, nbytes: int) -> memoryview:
        fd = self.line.take(name) if self.line is not None else None
        if fd is None:
            raise VelaturaError("bad_frame", "memory was announced and did not come")
        try:
            return lending.view(fd, nbytes)
        except (OSError, ValueError) as error:
            raise VelaturaError("too_large", f"no room to map {nbytes} bytes: {error}") from error
        finally:
            os.close(fd)

    def _arrived(self, name: str, picture: Picture | None, error: VelaturaError | None) -> None:
        self._downloads.pop(name).tell(picture, error)
        self._ask_more()


def unreadable(error: Exception) -> VelaturaError:
    """What a job ends with when the bytes of its own pictures cannot be read."""
    if isinstance(error, VelaturaError):
        return error
    return VelaturaError("bad_image", f"the picture could not be read: {type(error).__name__}: {error}")


def _room(nbytes: int) -> memoryview:
    """Memory for a picture. Large ones are mapped and so zeroed page by page as they fill: a bytearray
    would be written through at once, which takes a GUI thread 100 ms for a big layer."""
    try:
        return memoryview(bytearray(nbytes) if nbytes <= CHUNK_BYTES else mmap.mmap(-1, nbytes))
    except (MemoryError, OSError):
        raise VelaturaError("too_large", f"no memory here for a picture of {nbytes} bytes") from None
