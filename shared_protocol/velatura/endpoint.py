"""Where the daemon is found: its folder, its socket, its connection file, and the keys for TCP.

The daemon writes one small JSON file that says where it listens; every client reads it. On Linux and
macOS the socket lies beside it, in a folder that only its owner may enter. That folder is under the home
folder and not under the runtime directory, because sandboxed editors (Flatpak) see only the former; for
the same reason the XDG variables, which a sandbox redirects, are not asked. Where there is no ipc
(Windows), or across machines, TCP with CURVE and known client keys serves; plain TCP is refused.

Environment:
    VELATURA_HOME        a folder that holds everything, instead of the usual places.
    VELATURA_CONNECTION  a profile, or a connection file, of a daemon elsewhere, instead of the local one.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from .errors import FieldError, VelaturaError
from .messages import PROTOCOL
from .schema import check, from_map, listed, ranged, text, to_map

SOCKET_LIMIT = 100
"""Longest socket path used; the kernel's `sun_path` holds 104 (macOS) or 108 bytes."""


@dataclass(frozen=True)
class Address:
    """What the connection file says about a running daemon."""

    FORMAT: ClassVar[int] = 1
    endpoint: str = text("", "ZeroMQ endpoint, `ipc://PATH` or `tcp://HOST:PORT`", 400)
    server_key: str = text("", "CURVE public key of the daemon in Z85; empty with ipc", 40)
    protocol: tuple[int, ...] = listed("protocol major and minor", 2, 2)
    version: str = text("", "version of the daemon")
    pid: int = ranged(0, 0, 2**31, "process id, in the daemon's own view")
    started: str = text("", "start of that process (see `process_start`), so that a reused pid is told apart")
    host: str = text("", "name of the machine")

    def check_whole(self) -> None:
        scheme = self.endpoint.partition("://")[0]
        if scheme not in ("ipc", "tcp"):
            raise FieldError("endpoint", f"is {self.endpoint!r}; allowed: ipc://PATH, tcp://HOST:PORT")
        if scheme == "tcp":
            check_port("endpoint", self.endpoint)
            if not self.server_key:
                raise FieldError("server_key", "is missing; TCP is used with CURVE only")
            if len(self.server_key) != 40:
                raise FieldError("server_key", f"has {len(self.server_key)} characters; a key has 40")


def check_port(field: str, address: str) -> None:
    """Raises `FieldError` for an address without a port or with one that is none: ZeroMQ takes the port's
    last 16 bits. `*` is any that is free."""
    port = address.rpartition(":")[2]
    if port != "*" and not (port.isascii() and port.isdecimal() and int(port) < 1 << 16):
        raise FieldError(field, f"is {address!r}; write tcp://ADDRESS:PORT, with a port of at most 65535")


def home() -> Path:
    """The folder that everybody (daemon, editors sandboxed or not, scripts) agrees on."""
    given = os.environ.get("VELATURA_HOME")
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "velatura"
    user = Path(os.environ.get("SNAP_REAL_HOME") or Path.home())
    if sys.platform == "darwin":
        return user / "Library" / "Application Support" / "velatura"
    return user / ".local" / "share" / "velatura"


def run_folder(base: Path | None = None) -> Path:
    """The private folder of socket, connection file, lock and keys."""
    return (base or home()) / "run"


def connection_file(base: Path | None = None) -> Path:
    """Where the local daemon's connection file lies."""
    return run_folder(base) / "daemon.json"


def socket_path(base: Path | None = None) -> Path:
    """Where the daemon binds its ipc socket.

    Beside the connection file; where that path is too long for a socket, in a private folder under the
    system's temporary folder whose name depends on `base`. The folder exists afterwards.

    Raises:
        VelaturaError: `insecure` when the folder may be entered by others.
    """
    path = private_folder(run_folder(base)) / "daemon.sock"
    if len(os.fsencode(path)) <= SOCKET_LIMIT:
        return path
    name = hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()
    return private_folder(Path("/tmp") / f"velatura-{os.getuid()}-{name}") / "daemon.sock"


def private_folder(path: Path) -> Path:
    """Makes a folder that only this user may enter, or checks one that exists.

    Raises:
        VelaturaError: `insecure` when it is a link, belongs to someone else, or is open to others.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    if sys.platform != "win32":  # there the profile folder's access list does it
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise VelaturaError("insecure", f"{path} is not a folder (a link is not accepted); remove it")
        if found.st_uid != os.getuid():
            raise VelaturaError("insecure", f"{path} belongs to user id {found.st_uid}; remove it")
        if found.st_mode & 0o077:
            raise VelaturaError("insecure", f"{path} is open to others; run: chmod 700 '{path}'")
    return path


def check_own(path: Path) -> None:
    """Accepts a file or folder only where nobody else could have put into it what this program would obey.

    Raises:
        VelaturaError: `insecure` when it belongs to someone else, or others may write to it.
    """
    if sys.platform == "win32" or not path.exists():
        return
    found = path.stat()
    if found.st_uid != os.getuid():
        raise VelaturaError("insecure", f"{path} belongs to user id {found.st_uid}; use a folder of your own")
    others = 0o002 if found.st_gid == os.getgid() else 0o022  # a group of one's own is common
    if found.st_mode & others:
        raise VelaturaError("insecure", f"{path} can be written to by others; run: chmod go-w '{path}'")


def write_private(path: Path, data: bytes) -> None:
    """Writes a file of mode 0600 that appears whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.filename:
            error.filename = str(path)
        raise


def write(address: Address, base: Path | None = None) -> Path:
    """The daemon: publishes where it listens, once it does.

    Raises:
        FieldError: for an address without key where one is needed.
        VelaturaError: `insecure`, see `private_folder`.
    """
    check(address)
    path = private_folder(run_folder(base)) / "daemon.json"
    data = {"format": Address.FORMAT, **to_map(address)}
    write_private(path, json.dumps(data, indent=1).encode() + b"\n")
    return path


def remove(base: Path | None = None) -> None:
    """The daemon: withdraws its connection file, if it is still its own."""
    path = connection_file(base)
    try:
        if read_file(path).pid == os.getpid():
            path.unlink(missing_ok=True)
    except VelaturaError:
        return  # none there, or another daemon's: not ours to remove


def read(base: Path | None = None) -> Address:
    """The client: where the daemon listens.

    Raises:
        VelaturaError: `not_running` when there is no connection file; `insecure` when others could have
            written it; `bad_field` when it is not one.
    """
    given = os.environ.get("VELATURA_CONNECTION")
    return read_file(elsewhere(given) if given and base is None else connection_file(base))


def elsewhere(given: str, base: Path | None = None) -> Path:
    """The connection file of a daemon elsewhere, by the name of a profile or by its path.

    Raises:
        FieldError: for a name that is neither.
    """
    known, path = profiles(base), Path(given).expanduser()
    if given not in known and path.name == given and not path.suffix and not path.exists():
        raise FieldError("connection", f"is {given!r}; there is {', '.join(known) or 'no profile'}")
    return known.get(given, path)


def profiles(base: Path | None = None) -> dict[str, Path]:
    """The profiles, by name: connection files of daemons elsewhere that this user has noted down."""
    return {path.stem: path for path in sorted((run_folder(base) / "profiles").glob("*.json"))}


def add_profile(name: str, address: Address, base: Path | None = None) -> Path:
    """Notes down how to reach a daemon elsewhere.

    Raises:
        FieldError: for a name that is no plain file name, or an address without the server's key.
    """
    check_plain(name)
    check(address)
    path = private_folder(private_folder(run_folder(base)) / "profiles") / f"{name}.json"
    write_private(path, json.dumps(to_map(address), indent=1).encode() + b"\n")
    return path


def remove_profile(name: str, base: Path | None = None) -> None:
    """Forgets a profile.

    Raises:
        FieldError: where there is none of that name.
    """
    known = profiles(base)
    if name not in known:
        raise FieldError("name", f"is {name!r}; there is {', '.join(known) or 'no profile'}")
    known[name].unlink()


def check_plain(name: str) -> None:
    """Raises `FieldError` for a name that could be more than a file's."""
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise FieldError("name", f"is {name!r}; use letters, digits, - and _")


def read_file(path: Path) -> Address:
    """The address in one connection file; raises as `read` does."""
    try:
        with path.open("rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            raw = file.read(65536)
    except (FileNotFoundError, NotADirectoryError):
        raise VelaturaError(
            "not_running", f"no daemon runs ({path} does not exist); start one: velatura daemon start"
        ) from None
    except OSError as error:
        raise VelaturaError("not_running", f"cannot read {path}: {error.strerror}") from error
    try:
        return from_map(Address, json.loads(raw))
    except ValueError as error:
        raise FieldError(str(path), f"is not a connection file ({error}); restart the daemon") from error
    except FieldError as error:
        raise FieldError(f"{path}: {error.field}", f"{error.message}; restart the daemon") from None


def _check_owner(path: Path, found: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise VelaturaError("insecure", f"{path} could have been written by others; remove it")


def process_start(pid: int) -> str:
    """When a process started, as text to compare; empty when it has ended or that cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if after_name[0] in "ZX":  # ended, and not yet waited for by its parent
            return ""
        return f"{boot}:{after_name[19]}"  # field 22 of stat: clock ticks since boot
    except (OSError, IndexError):
        return ""


def is_alive(address: Address) -> bool | None:
    """Whether the process of an address still runs; None where only an attempt to connect can tell
    (another machine, a sandbox with process ids of its own, a system without /proc)."""
    if (
        address.host != platform.node()
        or Path("/.flatpak-info").exists()
        or not Path("/proc/self/stat").exists()
    ):
        return None
    return bool(address.started) and process_start(address.pid) == address.started


def kill(address: Address) -> bool:
    """Ends at once the process of a daemon that does not answer and, where it leads a group of its own, its
    worker; False where it cannot be told whether that process is the daemon."""
    if is_alive(address) is not True:
        return False
    if sys.platform == "win32":
        os.kill(address.pid, signal.SIGTERM)
    elif os.getpgid(address.pid) == address.pid:
        os.killpg(address.pid, signal.SIGKILL)
    else:
        os.kill(address.pid, signal.SIGKILL)
    return True


def describe(endpoint: str, server_key: str = "", version: str = "") -> Address:
    """The address of the daemon in this process, ready for `write`."""
    pid = os.getpid()
    return Address(endpoint, server_key, PROTOCOL, version, pid, process_start(pid), platform.node())
