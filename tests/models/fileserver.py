"""A web server on this machine for downloads under test: resumes, breaks off, or lies on request."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class FileServer(ThreadingHTTPServer):
    """Serves a folder.

    Attributes:
        requests: `(path, Range header)` of everything asked for.
        break_after: bytes after which the next answer breaks off; 0 never. Used up once.
        ranges: whether Range is honoured.
        fail: status to answer with instead of serving; 0 none.
        hold_after: bytes after which answers wait for `go_on`; 0 never.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.requests: list[tuple[str, str]] = []
        self.break_after = 0
        self.ranges = True
        self.fail = 0
        self.hold_after = 0
        self.go_on = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.requests.append((self.path, asked))
        path = self.server.folder / self.path.lstrip("/")
        if self.server.fail or not path.is_file():
            self.send_error(self.server.fail or 404)
            return
        data = path.read_bytes()
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        if asked and self.server.ranges:
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        body = data[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.break_after:
            body, self.server.break_after = body[: self.server.break_after], 0
            self.close_connection = True
        with contextlib.suppress(ConnectionError):  # a client that had enough
            if self.server.hold_after:
                self.wfile.write(body[: self.server.hold_after])
                self.server.go_on.wait(60)
                body = body[self.server.hold_after :]
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving(folder: Path) -> Iterator[FileServer]:
    server = FileServer(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
