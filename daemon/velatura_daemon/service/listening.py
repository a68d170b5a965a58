"""The ROUTER socket: how it is bound, and who may connect.

On Linux and macOS clients come over ipc, in a folder that only its owner may enter, through a door that
counts (`front`). The system may hold the
socket and start the daemon when somebody connects (systemd's socket activation), which serves sandboxed
editors: they can connect, and cannot start programs of the host. TCP is there for
Windows and for other machines, always with CURVE and a list of admitted client keys: a TCP socket
without would be open to every web page.
"""

from __future__ import annotations

import os
import socket as sockets
import sys
from pathlib import Path

import zmq
from velatura import endpoint, keys, lending, wire
from velatura.errors import FieldError
from zmq.auth.thread import ThreadAuthenticator

from ..settings import Settings
from .descriptors import most_connections
from .front import Front
from .instance import AlreadyRunning, who_runs

HANDED_OVER = 3
"""Descriptor of a socket that the system hands over."""

DEPTH = 32
"""Messages that may queue per peer in libzmq, in each direction: bounds what a flood can take."""


BACKLOG = 64
"""Connections that the system keeps waiting."""


class Listener:
    """A bound ROUTER, with its authenticator where there is TCP.

    `endpoint` is the one for this machine's clients, `tcp_endpoint` and `server_key` those for others.

    Args:
        settings: `listen` adds TCP to ipc.

    Raises:
        FieldError: for a `listen` that cannot be bound.
        VelaturaError: `insecure` for a folder or key that others could touch.
    """

    def __init__(self, settings: Settings) -> None:
        self.context = zmq.Context(io_threads=1)
        self.router = self.context.socket(zmq.ROUTER)
        wire.limit(self.router)
        self.router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.router.setsockopt(zmq.ROUTER_HANDOVER, 0)
        self.router.setsockopt(zmq.SNDHWM, DEPTH)
        self.router.setsockopt(zmq.RCVHWM, DEPTH)
        self._authenticator: ThreadAuthenticator | None = None
        self.activated = False
        """Whether the system holds the socket and starts the daemon on need."""
        self._front: Front | None = None
        self.door: lending.Door | None = None
        """Where clients of this machine open lines for memory."""
        self._files: list[Path] = []
        self.endpoint, self.tcp_endpoint, self.server_key = "", "", ""
        listen = settings.listen or (
            "" if zmq.has("ipc") and sys.platform != "win32" else "tcp://127.0.0.1:*"
        )
        if zmq.has("ipc") and sys.platform != "win32":
            self._bind_ipc()
        if listen:
            self._bind_tcp(listen)

    def _bind_ipc(self) -> None:
        path = endpoint.socket_path()
        self.endpoint = f"ipc://{path}"
        self.activated = _is_handed_over(path)
        inner = path.with_name("router")
        before = os.umask(0o177)
        try:
            if self.activated:
                listening = sockets.socket(fileno=os.dup(HANDED_OVER))
            else:
                path.unlink(missing_ok=True)  # of a daemon that was killed: the lock says that none runs
                listening = sockets.socket(sockets.AF_UNIX)
                listening.bind(str(path))
                listening.listen(BACKLOG)
                self._files.append(path)
            inner.unlink(missing_ok=True)
            self.router.bind(f"ipc://{inner}")
            self._files.append(inner)
            if (place := lending.door_of(self.endpoint)) is not None:
                self.door = lending.Door(place)
        finally:
            os.umask(before)
        self._front = Front(listening, inner, most_connections())

    def _bind_tcp(self, listen: str) -> None:
        if not listen.startswith("tcp://"):
            raise FieldError("listen", f"is {listen!r}; write tcp://ADDRESS:PORT")
        endpoint.check_port("listen", listen)
        public, secret = keys.key_pair("server")
        keys.admit(keys.key_pair("client")[0], "local")
        self._authenticator = ThreadAuthenticator(self.context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback("velatura", _Admitted())
        self.router.setsockopt(zmq.ZAP_DOMAIN, b"velatura")
        self.router.curve_server = True
        self.router.curve_publickey, self.router.curve_secretkey = public, secret
        try:
            self.router.bind(listen)
        except zmq.ZMQError as error:
            raise FieldError("listen", f"is {listen!r}, which cannot be bound: {error.strerror}") from error
        self.tcp_endpoint = self.router.getsockopt_string(zmq.LAST_ENDPOINT)
        self.server_key = public.decode()
        self.endpoint = self.endpoint or self.tcp_endpoint

    def close(self, linger: int = 300) -> None:
        """Closes the socket, giving last words `linger` milliseconds, and removes its file."""
        if self._front is not None:
            self._front.stop_accepting()
        self.router.close(linger)
        if self.door is not None:
            self.door.close()
        if self._authenticator is not None:
            self._authenticator.stop()
        self.context.term()
        if self._front is not None:
            self._front.close()
        for file in self._files:
            file.unlink(missing_ok=True)


def check_unserved() -> None:
    """Raises `AlreadyRunning` when somebody listens at the socket: a daemon, or the system for one, which
    starts it now that it was asked."""
    if sys.platform == "win32":
        return
    path = endpoint.socket_path()
    if _is_handed_over(path):
        return
    with sockets.socket(sockets.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise AlreadyRunning(who_runs())


def _is_handed_over(path: Path) -> bool:
    """Whether the system passed this process a listening socket at `path` (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return False
    with sockets.socket(fileno=os.dup(HANDED_OVER)) as given:
        if given.family != sockets.AF_UNIX or given.getsockname() != str(path):
            raise FieldError("LISTEN_FDS", f"hands over {given.getsockname()!r}; it must be {str(path)!r}")
    return True


class _Admitted:
    """Asks the folder of admitted keys at every handshake, so that admitting one needs no restart."""

    def callback(self, domain: str, key: bytes) -> bool:
        return key in keys.admitted().values()
