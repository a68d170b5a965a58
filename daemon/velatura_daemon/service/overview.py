"""What the daemon shows of itself: `status`, and the list of its jobs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import velatura
from velatura.jobstate import State
from velatura.messages import PROTOCOL

from ..paths import Paths
from .blobs import BlobStore
from .jobs import Jobs
from .listening import Listener
from .sessions import Sessions
from .workers import WorkerHost


class Overview:
    """Looks at what the supervisor holds; changes nothing. Each is asked with the token of who asks."""

    def __init__(
        self,
        listener: Listener,
        sessions: Sessions,
        jobs: Jobs,
        store: BlobStore,
        worker: WorkerHost,
        paths: Paths,
        now: Callable[[], float],
    ) -> None:
        self.listener, self.sessions, self._jobs, self.store = listener, sessions, jobs, store
        self.worker, self.paths, self.now = worker, paths, now
        self.started = time.monotonic()

    def status(self, token: str) -> dict[str, Any]:
        """The daemon's state in plain values."""
        counts: dict[str, int] = {}
        for job in self._jobs.known.values():
            counts[job.state.value] = counts.get(job.state.value, 0) + 1
        return {
            "version": velatura.__version__,
            "protocol": list(PROTOCOL),
            "pid": os.getpid(),
            "uptime": round(time.monotonic() - self.started, 3),
            "endpoint": self.listener.endpoint,
            "tcp_endpoint": self.listener.tcp_endpoint,
            "server_key": self.listener.server_key,
            "sessions": len(self.sessions),
            "jobs": counts,
            "blobs": {
                "count": len(self.store),
                "bytes": self.store.used,
                "reserved": self.store.reserved,
                "budget": self.store.budget,
            },
            "worker": {
                "state": self.worker.state,
                "pid": self.worker.pid,
                "starts": self.worker.starts,
                "trouble": self.worker.trouble,
            },
            "engine": self.worker.status,
            "log": str(self.paths.logs / "daemon.log"),
        }

    def jobs(self, token: str) -> list[dict[str, Any]]:
        """Every job that is known, the oldest first."""
        now = self.now()
        out = []
        for job in sorted(self._jobs.known.values(), key=lambda j: (j.created, j.name)):
            session = self.sessions.by_token.get(job.owner)
            out.append(
                {
                    "name": job.name,
                    "state": job.state.value,
                    "kind": job.submit.recipe.KIND if job.submit.recipe else "",
                    "priority": job.submit.priority,
                    "detached": job.submit.detached,
                    "client": session.client if session else "",
                    "mine": job.owner == token,
                    "age": round(now - job.created, 3),
                    "step": job.progress.step if job.progress else 0,
                    "of": job.progress.of if job.progress else 0,
                    "seconds_left": job.progress.seconds_left
                    if job.progress and job.state is State.RUNNING
                    else 0.0,
                    "reason": job.reason,
                }
            )
        return out
