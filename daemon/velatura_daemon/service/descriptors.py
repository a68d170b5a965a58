"""How the process's file descriptors are shared out: pictures and connections take them, and running out
would end more than the one that asked for the last.
"""

from __future__ import annotations

import contextlib
import functools

WANTED = 16384
"""Descriptors that are asked of the system."""

BLOBS = 512
"""Pictures kept at most, whatever their size: more than an artist's session has use for."""

CONNECTIONS = 1024
PER_CONNECTION = 3
"""The client's socket, the door's, and libzmq's."""


@functools.cache
def granted() -> int:
    """Descriptors that this process may have, after asking for more; where there is no such limit, 2048."""
    with contextlib.suppress(ImportError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
        if wanted > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        return soft
    return 2048


def most_blobs() -> int:
    """How many pictures may be held, a descriptor each: a quarter of all descriptors at most."""
    return min(BLOBS, granted() // 4)


def most_connections() -> int:
    """How many clients may be connected: a quarter of all descriptors at most."""
    return min(CONNECTIONS, granted() // 4 // PER_CONNECTION)
