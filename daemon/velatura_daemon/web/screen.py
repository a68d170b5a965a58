"""Frames as they are made, in any browser of this machine: one address, with a secret in it.

Needs no extra: a picture that goes on (`multipart/x-mixed-replace`) is served by Python's own server.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EDGE = "frame"
SILENCE = 5.0
"""Seconds after which the last frame is sent again, so that a browser that is gone is noticed."""
PAGE = """<!doctype html><meta charset="utf-8"><title>Velatura</title>
<meta name="viewport" content="width=device-width">
<style>html, body {{ margin: 0; height: 100%; background: #111; }}
img {{ width: 100%; height: 100%; object-fit: contain; }}</style>
<img src="{secret}/frames" alt="what the camera sees, painted">"""


class Screen:
    """Shows JPEG files one after the other; a context manager that ends with its server.

    Args:
        port: of this machine; 0 for a free one.

    Raises:
        OSError: where the port cannot be had.
    """

    def __init__(self, port: int = 0) -> None:
        self._new = threading.Condition()
        self._jpeg, self._count, self._over = b"", 0, False
        self.watchers = 0
        secret = secrets.token_urlsafe(18)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler(secret))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/{secret}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        with self._new:
            self._over = True
            self._new.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def show(self, jpeg: Callable[[], bytes]) -> None:
        """The next frame; asked for only where somebody is looking."""
        if self.watchers:
            data = jpeg()
            with self._new:
                self._jpeg, self._count = data, self._count + 1
                self._new.notify_all()

    def _handler(self, secret: str) -> type[BaseHTTPRequestHandler]:
        screen = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if secrets.compare_digest(self.path.encode(), f"/{secret}".encode()):
                    self._begin("text/html")
                    self.wfile.write(PAGE.format(secret=secret).encode())
                elif secrets.compare_digest(self.path.encode(), f"/{secret}/frames".encode()):
                    self._begin(f"multipart/x-mixed-replace; boundary={EDGE}")
                    with suppress(ConnectionError):
                        screen._send(self.wfile.write)
                else:
                    self.send_error(404)

            def _begin(self, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        return Handler

    def _send(self, write: Callable[[bytes], object]) -> None:
        """The newest frame again and again, until the screen ends; a slow watcher misses some."""
        with self._new:
            self.watchers += 1
        try:
            seen = -1
            while not self._over:
                with self._new:
                    if self._count in (seen, 0):
                        self._new.wait(SILENCE)
                    jpeg, seen = self._jpeg, self._count
                if jpeg:
                    head = f"--{EDGE}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    write(head.encode() + jpeg + b"\r\n")
        finally:
            with self._new:
                self.watchers -= 1
