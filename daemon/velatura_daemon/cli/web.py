"""`velatura web`: the page, for one's own browser or a studio's."""

from __future__ import annotations

import os
import secrets
import socket
from typing import Annotated
from urllib.parse import quote

import typer
import velatura
from velatura.errors import FieldError
from velatura.extras import need

from . import show

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def web(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the page is served.")] = 8501,
    host: Annotated[
        str, typer.Option(help="Of which address; another than loopback belongs behind a proxy with TLS.")
    ] = "127.0.0.1",
    token: Annotated[
        str, typer.Option(envvar="VELATURA_WEB_TOKEN", help="What visitors must know; made anew by default.")
    ] = "",
) -> None:
    """Serve a page to paint in a browser.

    Everybody who has its address with the token may paint; each visitor has a session of their own, and
    nothing is kept after it. Needs the extra: pip install 'velatura\\[web]'.
    """
    need("web")
    from ..web.serve import serve

    velatura.connect(client="velatura web").close()  # the daemon is there, or says why it is not
    token = token or secrets.token_urlsafe(24)
    shown = f"[{host}]" if ":" in host else host
    if host not in LOOPBACK:
        show.note(f"velatura: {host} can be reached by others, in plain text; put a proxy with TLS before it")
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise FieldError("port", f"{port} of {host} cannot be had: {why}; choose another") from error
    serve(host, port, token, lambda: show.line(f"http://{shown}:{port}/?token={quote(token)}"))
