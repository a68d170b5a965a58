"""`velatura service`: the daemon's place in the system, so that editors that may start no programs find one.

Linux gets a systemd user socket: systemd listens, and starts the daemon at the first connection; the daemon
ends when nobody has needed it for a while. macOS gets a launch agent, Windows an entry in the start-up
folder; both start it at login, and it rests in a few megabytes until it is needed.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from velatura import endpoint

from . import daemon_command, home
from . import system as this_system

UNIT = "velatura"
LABEL = "org.velatura.daemon"
EXIT_SECONDS = 1800
"""Seconds without a client after which a daemon that systemd started ends: it is started anew on need."""


def files(
    system: str, home: Path, env: Mapping[str, str], command: Sequence[str], socket: Path
) -> dict[Path, bytes]:
    """What is to be written, by path.

    Args:
        system: `linux`, `windows` or `macos`.
        home: the user's home folder.
        env: the environment (`XDG_CONFIG_HOME`, `APPDATA`, `VELATURA_HOME`).
        command: the daemon's absolute command.
        socket: where the daemon listens, on Linux.
    """
    kept = {"VELATURA_HOME": env["VELATURA_HOME"]} if env.get("VELATURA_HOME") else {}
    if system == "linux":
        folder = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "systemd" / "user"
        service = _service(command, {**kept, "VELATURA_EXIT_SECONDS": str(EXIT_SECONDS)})
        return {folder / f"{UNIT}.socket": _socket(socket), folder / f"{UNIT}.service": service}
    if system == "macos":
        agent = {
            "Label": LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "ProcessType": "Interactive",
        }
        if kept:
            agent["EnvironmentVariables"] = kept
        return {home / "Library" / "LaunchAgents" / f"{LABEL}.plist": plistlib.dumps(agent)}
    folder = Path(env.get("APPDATA") or home / "AppData" / "Roaming")
    startup = folder / "Microsoft" / "Windows" / "Start Menu" / "Programs" / "Startup"
    words = subprocess.list2cmdline([_windowless(command[0]), *command[1:]])
    lines = [
        "@echo off",
        *(f'set "{name}={value}"' for name, value in kept.items()),
        f'start "" /b {words}',
        "",
    ]
    return {startup / "velatura.cmd": "\r\n".join(lines).encode()}


def commands(system: str, paths: Sequence[Path], remove: bool) -> list[list[str]]:
    """What the system is to be told once the files are there, or before they go."""
    if system == "linux":
        if remove:
            return [["systemctl", "--user", "disable", "--now", f"{UNIT}.socket", f"{UNIT}.service"]]
        return [
            ["systemctl", "--user", "daemon-reload"],
            ["systemctl", "--user", "enable", "--now", f"{UNIT}.socket"],
        ]
    if system == "macos":
        return [["launchctl", "bootout" if remove else "bootstrap", f"gui/{os.getuid()}", str(paths[0])]]
    return []


def install(*, dry_run: bool = False) -> list[str]:
    """Writes the files and tells the system; what was done (or would be), a line each.

    Raises:
        VelaturaError: `insecure` for a socket folder that others may enter.
        OSError: for what cannot be written.
    """
    system = this_system()
    socket = endpoint.socket_path() if system == "linux" else Path()
    wanted = files(system, home(), os.environ, daemon_command(), socket)
    lines = [f"write {path}" for path in wanted]
    if not dry_run:
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    return lines + [_told(command, dry_run) for command in commands(system, list(wanted), remove=False)]


def remove(*, dry_run: bool = False) -> list[str]:
    """Takes it back; what was done (or would be), a line each."""
    system = this_system()
    there = [path for path in files(system, home(), os.environ, daemon_command(), Path()) if path.exists()]
    if not there:
        return ["no service of Velatura's is installed"]
    lines = [_told(command, dry_run) for command in commands(system, there, remove=True)]
    for path in there:
        if not dry_run:
            path.unlink()
    return lines + [f"remove {path}" for path in there]


def _told(command: list[str], dry_run: bool) -> str:
    words = " ".join(command)
    if dry_run:
        return f"run {words}"
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not here; where it is, run: {words}"
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    why = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
    return f"run {words}" if done.returncode == 0 else f"this did not work: {words} ({why})"


def _socket(path: Path) -> bytes:
    return f"""[Unit]
Description=Velatura, neural style transfer: where its clients connect

[Socket]
ListenStream={_escaped(str(path))}
SocketMode=0600
DirectoryMode=0700

[Install]
WantedBy=sockets.target
""".encode()


def _service(command: Sequence[str], env: Mapping[str, str]) -> bytes:
    settings = "\n".join(f"Environment={_quoted(f'{name}={value}')}" for name, value in env.items())
    return f"""[Unit]
Description=Velatura, neural style transfer
Requires={UNIT}.socket
After={UNIT}.socket

[Service]
ExecStart={" ".join(map(_quoted, command))}
{settings}
UMask=0077
""".encode()


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """A word of a systemd unit (systemd.syntax(7), systemd.unit(5))."""
    words = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{_escaped(words)}"'


def _windowless(python: str) -> str:
    """Python without a console window, beside the one with."""
    path = Path(python)
    return str(path.with_name("pythonw.exe")) if path.name.lower() == "python.exe" else python
