"""A guard in front of a server on loopback: requests from this machine's browser tabs alone.

A web page may send requests to any address that the browser reaches, and may give its own name
that address (DNS rebinding). The server therefore answers to its exact names, and to its own pages.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NAMES = ("127.0.0.1", "localhost")
_HTTP_PORT = 80
_READING = ("GET", "HEAD")
_OWN_SITE = ("same-origin", "none")
# They run programs, or pass requests on to other servers, and no page of runs needs them.
_CLOSED = ("/assistant", "/gateway/", "/jobs", "/webhooks")


class RequestGuard:
    """An ASGI application that passes on requests of its own pages and of programs.

    Args:
        app: The application.
        port: At which it is served.
    """

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = [f"{name}:{port}" for name in NAMES]
        if port == _HTTP_PORT:
            self._hosts += NAMES
        self._origins = [f"http://{host}" for host in self._hosts]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = self._refusal(scope) if scope["type"] != "lifespan" else ""
        if not reason:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await respond(send, 403, reason)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> str:
        """Return why a request is refused; nothing if it is passed on."""
        method = scope.get("method", "GET")
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return f"this server answers at http://{self._hosts[0]} only"
        if any(origin not in self._origins for origin in origins):
            return "another page may not use this server"
        if not origins and method not in _READING and self._has_foreign_referer(scope):
            return "another page may not use this server"
        if _is_from_other_site(scope, method):
            return "another page may not use this server"
        if any(part in f"{scope['path']}/" for part in _CLOSED):
            return "this part of MLflow is closed in `harness ui`"
        return ""

    def _has_foreign_referer(self, scope: Scope) -> bool:
        own = tuple(f"{origin}/" for origin in self._origins)
        return any(not referer.startswith(own) for referer in _values(scope, b"referer"))


async def respond(send: Send, status: int, body: str, *, kind: str = "text/plain") -> None:
    """Send a whole response."""
    headers = [(b"content-type", f"{kind}; charset=utf-8".encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


def _is_from_other_site(scope: Scope, method: str) -> bool:
    """Return whether a browser says that another site asks; following a link to here is fine."""
    sites = _values(scope, b"sec-fetch-site")
    if all(site in _OWN_SITE for site in sites):
        return False
    modes, places = _values(scope, b"sec-fetch-mode"), _values(scope, b"sec-fetch-dest")
    return method not in _READING or modes != ["navigate"] or places != ["document"]


def _values(scope: Scope, name: bytes) -> Sequence[str]:
    """Return the values of a header, which may come several times."""
    headers = scope.get("headers", [])
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]
