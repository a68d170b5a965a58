"""Running the daemon: settings, lock, socket, connection file, supervisor, in that order, and back.

What `velatura daemon run` and `python -m velatura_daemon run` call.
"""

from __future__ import annotations

import signal

import velatura
from velatura import endpoint
from velatura.schema import to_map

from ..logs import start_logging
from ..paths import default_paths
from ..settings import Settings, load_settings
from .instance import InstanceLock
from .listening import Listener, check_unserved
from .supervisor import Supervisor


def run(settings: Settings | None = None, to_stderr: bool = False) -> None:
    """Serves in this process until it is told to stop, by a client, SIGTERM or SIGINT.

    Args:
        settings: in force; from file and environment by default.
        to_stderr: whether the log is shown as well.

    Raises:
        AlreadyRunning: another daemon serves this home folder.
        VelaturaError: for settings out of range, an insecure folder, an address that cannot be bound.
    """
    paths = default_paths()
    settings = settings or load_settings(paths)
    check_unserved()
    lock = InstanceLock()
    log = start_logging(paths, "daemon", settings.log_level, to_stderr)
    try:
        listener = Listener(settings)
        try:
            supervisor = Supervisor(listener, settings, paths)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: supervisor.stop())
            key = listener.server_key if listener.endpoint == listener.tcp_endpoint else ""
            endpoint.write(endpoint.describe(listener.endpoint, key, velatura.__version__))
            log.info(
                "velatura %s listens at %s; %s", velatura.__version__, listener.endpoint, to_map(settings)
            )
            supervisor.serve()
        finally:
            if not listener.activated:  # then it stays true: connecting starts a daemon
                endpoint.remove()
            listener.close()
            log.info("stopped")
    finally:
        lock.close()
