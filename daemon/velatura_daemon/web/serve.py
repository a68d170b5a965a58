"""The page's server: Streamlit behind a door that asks everybody for the token before it hears anything else.

The address that `velatura web` prints holds the token; whoever opens it gets a cookie, which everything that
the page asks for afterwards (its own files, its socket, uploads, results) brings along.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from streamlit.starlette import App

from .visitor import MOST_BYTES

PAGE = Path(__file__).with_name("page.py")
HEALTH = "/_stcore/health"
REFUSED = "This page needs its token: open it by the address that `velatura web` printed."


def serve(host: str, port: int, token: str, ready: Callable[[], object]) -> None:
    """Serves the page until a signal ends it.

    Args:
        host, port: where.
        token: what visitors must know.
        ready: called once, when visitors may come.
    """

    @asynccontextmanager
    async def begun(app: App) -> AsyncIterator[dict[str, Any]]:
        ready()
        yield {}

    settings = {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.maxUploadSize": MOST_BYTES >> 20,
        "server.fileWatcherType": "none",
        "runner.magicEnabled": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
    }
    App(PAGE, lifespan=begun, middleware=[Middleware(TokenGate, token=token, port=port)]).run(config=settings)


class TokenGate:
    """Lets through who brings the token, or the cookie that answered it; others hear no more than why not."""

    def __init__(self, app: Any, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        self._name = f"velatura-{port}"  # a browser sends the cookies of one host to all its ports
        self._cookie = hashlib.sha256(self._token).hexdigest()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" or scope["path"] == HEALTH:
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        named = hmac.compare_digest(asked.query_params.get("token", "").encode(), self._token)
        known = hmac.compare_digest(asked.cookies.get(self._name, "").encode(), self._cookie.encode())
        if named and scope["type"] == "http":
            await self._app(scope, receive, self._greeting(send))
        elif named or known:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse(REFUSED, 403)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": REFUSED})

    def _greeting(self, send: Any) -> Any:
        """The same, with the cookie in its answer."""
        cookie = f"{self._name}={self._cookie}; HttpOnly; SameSite=Strict; Path=/".encode()

        async def greeting(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", cookie)]}
            await send(message)

        return greeting
