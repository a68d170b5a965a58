"""CURVE keys: who may talk to a daemon over TCP.

Each user has one client key pair; a daemon that listens on TCP has its own, and a folder of public client
keys it admits, one file each. On one machine the client admits itself, since only the same user can
write there. For a remote machine its owner admits the public key there (`velatura keys allow`).
"""

from __future__ import annotations

from pathlib import Path

import zmq

from .endpoint import check_plain, private_folder, run_folder, write_private
from .errors import FieldError, VelaturaError

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
        while public.startswith(b"-"):  # which a command line would take for an option
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
    check_plain(name)
    path = private_folder(private_folder(run_folder(base)) / "clients") / f"{name}.pub"
    write_private(path, public + b"\n")
    return path


def revoke(name: str, base: Path | None = None) -> None:
    """Admits a key no longer; a connection that stands goes on until it is closed.

    Raises:
        FieldError: where no key of that name is admitted.
    """
    known = admitted(base)
    if name not in known:
        raise FieldError("name", f"is {name!r}; admitted: {', '.join(known) or 'none'}")
    (run_folder(base) / "clients" / f"{name}.pub").unlink()


def admitted(base: Path | None = None) -> dict[str, bytes]:
    """The public keys that may connect, by name; anything that is not a key is left out."""
    files = sorted((run_folder(base) / "clients").glob("*.pub"))
    found = {path.stem: path.read_bytes().strip() for path in files}
    return {name: key for name, key in found.items() if len(key) == KEY_LENGTH}
