"""CURVE keys: who may talk to a daemon over TCP.

Each user has one client key pair; a daemon that listens on TCP has its own, and a folder of public client
keys it admits, one file each. On one machine the client admits itself, since only the same user can
write there. For a remote machine its owner copies the public key over (`velatura.keys.admit`).
"""

from __future__ import annotations

from pathlib import Path

import zmq

from .endpoint import private_folder, run_folder, write_private
from .errors import VelaturaError

KEY_LENGTH = 40
"""Characters of a Z85 key."""


def key_pair(name: str, base: Path | None = None) -> tuple[bytes, bytes]:
    """The public and secret key of `client` or `server`, in Z85; made on first use, mode 0600.

    Raises:
        VelaturaError: `insecure` when the file is damaged, or this pyzmq has no CURVE.
    """
    path = private_folder(run_folder(base)) / f"{name}.key"
    if not path.exists():
        if not zmq.has("curve"):
            raise VelaturaError("insecure", "this pyzmq was built without CURVE; TCP cannot be used")
        public, secret = zmq.curve_keypair()
        write_private(path, public + b"\n" + secret + b"\n")
    lines = path.read_bytes().split()
    if len(lines) != 2 or any(len(line) != KEY_LENGTH for line in lines):
        raise VelaturaError("insecure", f"{path} is damaged; remove it, and a new pair is made")
    return lines[0], lines[1]


def admit(public: bytes, name: str, base: Path | None = None) -> Path:
    """Lets the owner of a public key talk to the daemon of this home folder.

    Raises:
        VelaturaError: `bad_field` when that is no key, or the name is not a plain file name.
    """
    if len(public) != KEY_LENGTH:
        raise VelaturaError("bad_field", f"a key has {KEY_LENGTH} characters, not {len(public)}", "public")
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise VelaturaError("bad_field", f"is {name!r}; use letters, digits, - and _", "name")
    path = private_folder(private_folder(run_folder(base)) / "clients") / f"{name}.pub"
    write_private(path, public + b"\n")
    return path


def admitted(base: Path | None = None) -> set[bytes]:
    """The public keys that may connect; anything that is not a key is left out."""
    folder = run_folder(base) / "clients"
    found = (path.read_bytes().strip() for path in sorted(folder.glob("*.pub"))) if folder.is_dir() else ()
    return {key for key in found if len(key) == KEY_LENGTH}
