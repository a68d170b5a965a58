"""What can be set about the daemon, once: ranges, units and meaning stand in one dataclass.

Values come from the dataclass's defaults, then the TOML settings file, then `VELATURA_*` environment
variables (`VELATURA_THREADS=2`), the later over the earlier. Worker processes get the same value as a
plain map.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.endpoint import check_own
from velatura.errors import FieldError
from velatura.schema import check, choice, flag, from_map, hints, ranged, text, to_map

from .paths import Paths, default_paths

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PREFIX = "VELATURA_"


@dataclass(frozen=True)
class Settings:
    """All settings of the daemon and its worker."""

    device: str = text("auto", "`auto`, `cpu`, `cuda`, `cuda:1`, `mps`: where networks run")
    dtype: str = choice("auto", ("auto", "float32", "bfloat16"), "`auto` times both at warm-up")
    threads: int = ranged(
        0, 0, 1024, "CPU threads of the worker; 0 leaves the editor a core of more than two"
    )
    memory_mb: int = ranged(
        0,
        0,
        1 << 20,
        "what the worker may hold beside PyTorch's own: the job in hand and what is kept; 0 takes a quarter"
        " of the machine's memory, from 1000 to 2500",
        unit="MB",
    )
    cache_mb: int = ranged(
        0,
        0,
        1 << 20,
        "of memory_mb, at most half: networks, cards, contents kept between jobs; 0 takes two fifths",
        unit="MB",
    )
    tile: int = ranged(0, 0, 16384, "side of a tile; 0 takes the largest that fits memory_mb", unit="pixels")
    prewarm: bool = flag(True, "load the networks at the daemon's start rather than at the first job")
    idle_seconds: float = ranged(
        600.0, 0.0, 1e7, "idle time after which the worker ends; 0 is never", unit="seconds"
    )
    exit_seconds: float = ranged(
        0.0,
        0.0,
        1e7,
        "time without any client or job after which the daemon ends; 0 is never",
        unit="seconds",
    )
    blobs_mb: int = ranged(2048, 1, 1 << 20, "pictures kept for clients, shared memory", unit="MB")
    max_blob_mb: int = ranged(1600, 1, 1 << 20, "largest picture taken", unit="MB")
    lease: float = ranged(30.0, 1.0, 3600.0, "silence after which a session ends", unit="seconds")
    keep_detached: float = ranged(
        3600.0, 1.0, 1e7, "how long a detached job's outcome waits for attach", unit="seconds"
    )
    sessions: int = ranged(256, 1, 10000, "clients at a time")
    queue: int = ranged(512, 1, 100000, "jobs waiting or queued, all clients together")
    queue_per_client: int = ranged(128, 1, 100000, "jobs waiting or queued, one client")
    cancel_grace: float = ranged(
        10.0, 0.1, 600.0, "time to honour a cancel before the worker is replaced", unit="seconds"
    )
    hang_seconds: float = ranged(
        60.0,
        1.0,
        3600.0,
        "silence of a busy worker that counts as hung, unless it only lacks the processor",
        unit="seconds",
    )
    start_seconds: float = ranged(
        180.0, 1.0, 3600.0, "time a worker may take to start and warm up", unit="seconds"
    )
    listen: str = text("", "also listen on TCP, as `tcp://0.0.0.0:7878`; CURVE keys are then required")
    log_level: str = choice("info", ("debug", "info", "warning", "error"), "what is written to the logs")
    engine: str = text(
        "velatura_daemon.engine.engine:TorchEngine", "class that runs jobs; tests name another"
    )

    @property
    def blobs_bytes(self) -> int:
        return self.blobs_mb << 20

    @property
    def max_blob_bytes(self) -> int:
        return min(self.max_blob_mb, self.blobs_mb) << 20

    @property
    def memory_bytes(self) -> int:
        """The worker's budget, for the job in hand and what is kept."""
        return self.memory_mb << 20 or min(max(machine_bytes() // 4, 1000 << 20), 2500 << 20)

    @property
    def cache_bytes(self) -> int:
        """Of it, what is kept between jobs."""
        return min(self.cache_mb << 20 or self.memory_bytes * 2 // 5, self.memory_bytes // 2)

    def worker_threads(self) -> int:
        """CPU threads for the worker: as set, or all cores but one where there are more than two."""
        if self.threads:
            return self.threads
        cores = usable_cores()
        return cores - 1 if cores > 2 else cores


def machine_bytes() -> int:
    """Memory of this machine; 16 GB where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 16 << 30


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_settings(paths: Paths | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in force.

    Raises:
        FieldError: naming the file or variable, the field, its value and its range.
        VelaturaError: `insecure` for a file or folder that others could write to.
    """
    paths = paths or default_paths()
    values = _from_file(paths.settings_file)
    settings = settings_from_map(values, str(paths.settings_file))
    variables = _from_environment(os.environ if environment is None else environment)
    return settings_from_map({**to_map(settings), **variables}, "environment")


def settings_from_map(values: Mapping[str, Any], where: str = "settings") -> Settings:
    """Checked settings from plain values; a name that is no setting is an error here, unlike on the wire."""
    known = [f.name for f in dataclasses.fields(Settings)]
    for name in values:
        if name not in known:
            raise FieldError(f"{where}: {name}", f"is no setting; known: {', '.join(known)}")
    made = from_map(Settings, values, where)
    check(made, where)
    return made


def _from_file(file: Path) -> dict[str, Any]:
    for path in (file.parent, file):  # settings name the class that runs jobs
        check_own(path)
    try:
        raw = file.read_text(encoding="utf-8-sig")  # with the mark that Windows' editors put first
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise FieldError(str(file), f"cannot be read: {error}") from error
    try:
        return tomllib.loads(raw)
    except tomllib.TOMLDecodeError as error:
        raise FieldError(str(file), f"is not TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    kinds = hints(Settings)
    out: dict[str, Any] = {}
    for variable, raw in environment.items():
        name = variable[len(PREFIX) :].lower()
        if variable.startswith(PREFIX) and name in kinds:
            out[name] = _parse(raw, kinds[name], variable)
    return out


def _parse(raw: str, kind: type, variable: str) -> Any:
    if kind is bool:
        yes, no = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
        if raw.lower() not in yes + no:
            raise FieldError(variable, f"is {raw!r}; allowed: {', '.join(yes + no)}")
        return raw.lower() in yes
    if kind in (int, float):
        try:
            return kind(raw)
        except ValueError:
            raise FieldError(
                variable, f"must be {'a whole number' if kind is int else 'a number'}, not {raw!r}"
            ) from None
    return raw
