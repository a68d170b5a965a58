"""`velatura keys` and `velatura profile`: a daemon on one machine, its clients on others."""

from __future__ import annotations

from typing import Annotated

import typer
from velatura import endpoint, keys

from . import show
from .exits import EXISTS, CommandError
from .show import Json

keys_app = typer.Typer(no_args_is_help=True, help="Keys: who may use this daemon from another machine.")
profile_app = typer.Typer(no_args_is_help=True, help="Profiles: daemons on other machines, by name.")


Name = Annotated[str, typer.Argument(help="A name of your choice: letters, digits, - and _.")]


@keys_app.command()
def new(
    force: Annotated[bool, typer.Option("--force", help="Replace the pair that there is.")] = False,
) -> None:
    """Make this user's own pair of keys, and print the public one: give it to the daemon's owner."""
    path = endpoint.run_folder() / "client.key"
    if path.exists() and not force:
        raise CommandError(EXISTS, f"{path} is there already (velatura keys list); --force makes a new one")
    path.unlink(missing_ok=True)
    show.line(keys.key_pair("client")[0].decode())


@keys_app.command()
def allow(
    name: Name, key: Annotated[str, typer.Argument(help="The public key: velatura keys new prints it.")]
) -> None:
    """Let the owner of a key use this machine's daemon; holds at once."""
    keys.admit(key.encode(), name)
    show.line(f"{name}: admitted")


@keys_app.command()
def revoke(name: Name) -> None:
    """Admit a key no longer. A connection that stands goes on until it is closed."""
    keys.revoke(name)
    show.line(f"{name}: admitted no longer")


@keys_app.command("list")
def list_keys(json: Json = False) -> None:
    """List this user's public keys, and the keys that are admitted. Secret ones are never shown."""
    rows = []
    for own in ("client", "server"):
        if (endpoint.run_folder() / f"{own}.key").exists():
            rows.append({"whose": f"own, as {own}", "name": "", "key": keys.key_pair(own)[0].decode()})
    for name, key in keys.admitted().items():
        rows.append({"whose": "admitted", "name": name, "key": key.decode()})
    show.told(json, rows, ("whose", "name", "public key"), (tuple(row.values()) for row in rows))


@profile_app.command()
def add(
    name: Name,
    address: Annotated[str, typer.Argument(help="Where the daemon listens, as tcp://studio.lan:7878.")],
    server_key: Annotated[str, typer.Argument(help="Its public key: there, velatura keys list.")],
) -> None:
    """Note down a daemon on another machine. Use it with VELATURA_CONNECTION=NAME."""
    made = endpoint.Address(address, server_key, endpoint.PROTOCOL, host="elsewhere")
    endpoint.add_profile(name, made)
    show.line(f"{name}: noted; use it: VELATURA_CONNECTION={name}")


@profile_app.command()
def remove(name: Name) -> None:
    """Forget a daemon."""
    endpoint.remove_profile(name)
    show.line(f"{name}: forgotten")


@profile_app.command("list")
def list_profiles(json: Json = False) -> None:
    """List the daemons that were noted down."""
    found = {name: endpoint.read_file(path) for name, path in endpoint.profiles().items()}
    rows = [{"name": n, "address": a.endpoint, "server_key": a.server_key} for n, a in found.items()]
    show.told(json, rows, ("name", "address", "server key"), (tuple(row.values()) for row in rows))
