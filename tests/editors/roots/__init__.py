"""Runs the real editors: a Debian in a folder, entered by chroot in a mount namespace of its own.

`build.sh` makes the folder once. A program inside sees the host's network, its /dev and /proc, and the
folders named as shared at the very same path as outside, so that a socket or picture has one name on
both sides. Mounts live and die with the program: nothing is left mounted, whatever kills it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BUILD = Path(__file__).with_name("build.sh")

_ENTER = """
root=$1 user=$2; shift 2
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
    shift
done
shift
exec chroot --userspec="$user" "$root" "$@"
"""


@dataclass(frozen=True)
class Root:
    """The editors' folder.

    Args:
        path: where it lies on the host.
        shared: host folders that programs inside see at the same path.
    """

    path: Path
    shared: tuple[Path, ...] = field(default=())

    def popen(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: Path | str = "/",
        **options: object,
    ) -> subprocess.Popen:
        """Starts a program inside. Its process id is the program's own, so it can be killed directly.

        Args:
            command: absolute or found in the inside's PATH.
            env: added to a small clean environment; nothing of the host's leaks in.
            user: `root` (as whom the tests' daemon runs, so that it may use its socket) or `artist`.
            options: for `subprocess.Popen`.
        """
        home = "/root" if user == "root" else f"/home/{user}"
        clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home, "USER": user, "LC_ALL": "C.UTF-8"}
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-eu", "-c", _ENTER, "sh"]
        start = ["env", "-i", f"--chdir={cwd}", *(f"{k}={v}" for k, v in {**clean, **(env or {})}.items())]
        return subprocess.Popen(
            [*enter, str(self.path), user, *map(str, self.shared), "--", *start, *map(str, command)],
            **options,  # type: ignore[call-overload]  # Popen's
        )

    def run(
        self,
        command: Sequence[str | Path],
        *,
        timeout: float = 120,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: Path | str = "/",
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program inside to its end, with its output as text.

        Raises:
            AssertionError: it ended with another status than 0 (unless `check` is False), with its output.
            subprocess.TimeoutExpired: after `timeout` seconds; the program is killed.
        """
        process = self.popen(
            command, env=env, user=user, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            kill_group(process)
            raise
        if check and process.returncode:
            raise AssertionError(f"{command[0]} ended with {process.returncode}\n{out}\n{err}")
        return subprocess.CompletedProcess(list(map(str, command)), process.returncode, out, err)

    @contextlib.contextmanager
    def screen(self, size: str = "1400x1000", user: str = "root") -> Iterator[Screen]:
        """An X server inside, ready when this returns; ended with the block."""
        read, write = os.pipe()
        server = self.popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"],
            user=user, pass_fds=[write], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        os.close(write)
        try:
            with os.fdopen(read) as pipe:
                number = pipe.readline().strip()  # written when the server is ready; empty if it ended
            if not number:
                raise AssertionError(f"Xvfb did not start: {server.communicate()[1]}")
            yield Screen(self, f":{number}", user)
        finally:
            server.terminate()
            server.communicate()

    def profile(self, name: str, into: Path, warm: Callable[[Path], None]) -> Path:
        """A private copy of an editor's warmed-up profile.

        The first start of an editor is slow (it queries plug-ins, makes caches), so it happens once: `warm`
        is called with a shared, empty folder and starts the editor on it; the outcome is kept beside the
        editors' folder. Name a profile anew when what `warm` does changes.

        Args:
            name: of the profile, such as `gimp-plain`.
            into: a shared folder that does not exist; the copy.
        """
        kept = self.path.parent / f"{self.path.name}-profiles" / name
        if not kept.exists():
            into.mkdir(parents=True)
            warm(into)
            unfinished = kept.with_name(f"{name}.{os.getpid()}")
            shutil.copytree(into, unfinished, symlinks=True)
            with contextlib.suppress(OSError):  # another run was faster: its profile serves as well
                unfinished.rename(kept)
            return into
        shutil.copytree(kept, into, symlinks=True)
        return into


@dataclass(frozen=True)
class Screen:
    """A display inside the editors' folder."""

    root: Root
    display: str
    user: str

    @property
    def env(self) -> dict[str, str]:
        return {"DISPLAY": self.display}

    def shot(self, png: Path) -> Path:
        """Takes a picture of the whole screen into `png`, which lies in a shared folder."""
        self.root.run(["maim", png], env=self.env, user=self.user)
        return png

    def xdotool(self, *arguments: str | int) -> str:
        """Runs xdotool (`search`, `windowfocus`, `key`, ...); its output."""
        return self.root.run(["xdotool", *map(str, arguments)], env=self.env, user=self.user).stdout.strip()

    def windows(self, name: str) -> list[int]:
        """Ids of the visible windows whose title matches a regular expression."""
        found = self.root.run(
            ["xdotool", "search", "--onlyvisible", "--name", name], env=self.env, user=self.user, check=False
        )
        return [int(word) for word in found.stdout.split()]


def build(suite: str = "trixie") -> Root:
    """The editors' folder, built where it is not there yet (minutes).

    Raises:
        AssertionError: with what the build said. A machine that cannot build it cannot pass these tests.
    """
    built = subprocess.run(
        [str(BUILD)], env={**os.environ, "SUITE": suite}, stdout=subprocess.PIPE, text=True, check=False
    )
    if built.returncode:
        raise AssertionError(f"the editors' folder could not be built (status {built.returncode}); see above")
    return Root(Path(built.stdout.splitlines()[-1]))


def kill_group(process: subprocess.Popen) -> None:
    """Kills a program that was started in a session of its own, with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()
