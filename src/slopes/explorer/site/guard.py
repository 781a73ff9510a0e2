"""Who may ask, and what a page may do: loopback names only, no cross-site requests, a strict content policy."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
LONGEST_QUERY: Final = 4096  # characters

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Refuse what does not come from a page of ours, and put the policy on every answer.

    A name that resolves to this machine is not enough: a page elsewhere could have its own name point here and read
    what we answer. So the Host must be a loopback name, and an Origin, where there is one, must be that Host.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)  # a report has a policy of its own
            await send(message)

        refused = refusal(Headers(scope=scope), scope)
        if refused is None:
            await self._app(scope, receive, with_policy)
        else:
            await _answer(with_policy, *refused)


def refusal(headers: Headers, scope: Scope) -> tuple[int, str] | None:
    """Return status and sentence where a request must be refused."""
    hosts = headers.getlist("host")
    host = hosts[0] if len(hosts) == 1 else ""
    if _hostname(f"//{host}") not in NAMES:
        return 421, "This explorer answers to localhost and 127.0.0.1 only."
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return 403, "Pages of another origin may not ask this explorer."
    if headers.get("sec-fetch-site") == "cross-site" and scope["path"].startswith("/api"):
        return 403, "Pages of another site may not ask this explorer."
    if len(scope["query_string"]) > LONGEST_QUERY:
        return 414, f"The query is longer than {LONGEST_QUERY} characters."
    return None


def _hostname(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
