"""Inside Krita: runs the Python that the tests send over a socket, on the GUI thread, and sends values back.

Test-only. Each request is one line of JSON with `code`; each answer is one line with `value` (of a final
expression) or `error` (the traceback). Requests run from a timer, so Krita's own events go on between them.
"""

import ast
import base64
import json
import os
import socket
import sys
import time
import traceback

import krita
from PyQt5.QtCore import QObject, QTimer

PACE = 5
"""Milliseconds between looks at the socket; also the resolution of the measured event-loop gaps."""


class Driver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.names: dict = {
            "krita": krita,
            "Krita": krita.Krita,
            "app": krita.Krita.instance(),
            "driver": self,
        }
        self.gaps: list[tuple[float, float]] = []
        self.errors: list[str] = []
        sys.excepthook = lambda *error: self.errors.append("".join(traceback.format_exception(*error)))
        self._last = time.perf_counter()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(os.environ["VELATURA_DRIVER"])
        self._server.listen(1)
        self._server.setblocking(False)
        self._peer: socket.socket | None = None
        self._read = b""
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(PACE)

    def _look(self) -> None:
        now = time.perf_counter()
        self.gaps.append((self._last, now))
        if self._peer is None:
            try:
                self._peer = self._server.accept()[0]
                self._peer.setblocking(False)
            except BlockingIOError:
                self._last = time.perf_counter()
                return
        try:
            self._read += self._peer.recv(1 << 20)
        except BlockingIOError:
            self._last = time.perf_counter()
            return
        while b"\n" in self._read:
            line, self._read = self._read.split(b"\n", 1)
            answer = json.dumps(self._answer(json.loads(line))).encode() + b"\n"
            self._peer.setblocking(True)
            self._peer.sendall(answer)
            self._peer.setblocking(False)
        self._last = time.perf_counter()  # what the tests' own code took is no gap of Krita's

    def _answer(self, request: dict) -> dict:
        try:
            return {"value": plain(self._run(request["code"]))}
        except Exception:
            return {"error": traceback.format_exc()}

    def _run(self, code: str):
        tree = ast.parse(code)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<test>", "exec"), self.names)
        if last is not None:
            return eval(compile(ast.Expression(last.value), "<test>", "eval"), self.names)
        return None


def plain(value):
    """Bytes as base64, tuples as lists; what JSON cannot hold as its text."""
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


class DriverExtension(krita.Extension):
    def setup(self) -> None:
        notifier = krita.Krita.instance().notifier()
        notifier.setActive(True)
        notifier.windowCreated.connect(self.begin)
        self.driver = None

    def begin(self) -> None:
        if self.driver is None:
            self.driver = Driver()

    def createActions(self, window) -> None:
        pass


krita.Krita.instance().addExtension(DriverExtension(krita.Krita.instance()))
