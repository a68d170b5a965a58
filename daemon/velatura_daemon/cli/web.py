"""`velatura web`: the page, for one's own browser or a studio's."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
import velatura
from velatura.extras import need

from . import show

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAGE = Path(__file__).parents[1] / "web" / "page.py"
UPLOAD = 32
"""Megabytes of one file, as the page's `MOST_BYTES`."""


def mount(app: typer.Typer) -> None:
    app.command()(web)


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
    nothing is kept after it. Needs the extra: pip install 'velatura[web]'.
    """
    need("web")
    velatura.connect(client="velatura web").close()  # the daemon is there, or says why it is not
    token = token or secrets.token_urlsafe(24)
    shown = f"[{host}]" if ":" in host else host
    if host not in LOOPBACK:
        show.note(f"velatura: {host} can be reached by others, in plain text; put a proxy with TLS before it")
    show.line(f"http://{shown}:{port}/?token={token}")
    settings = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.maxUploadSize": UPLOAD,
        "server.fileWatcherType": "none",
        "runner.magicEnabled": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "logger.level": "warning",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", str(PAGE), *options],
        env={**os.environ, "VELATURA_WEB_TOKEN": token},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    raise typer.Exit(done.returncode)
