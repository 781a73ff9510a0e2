"""What the decision page asks the server: recipes in words, data and their columns, choices, comparisons, reports."""

from __future__ import annotations

import atexit
import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from slopes._core.errors import MissingDependencyError, SlopesError
from slopes.explorer.choose.comparing import Comparing
from slopes.explorer.choose.orders import Order, order
from slopes.explorer.choose.refusal import Refusal, plainly
from slopes.explorer.choose.sources import Source, Sources, check_installed, check_size

T = TypeVar("T")
Answer = Callable[[Request], Awaitable[Response]]
Compute = Callable[[Callable[[], Any]], Awaitable[Any]]

_LONGEST_ORDER: Final = 64 * 1024  # bytes
_REPORTS: Final = {".html": "text/html; charset=utf-8", ".json": "application/json"}


class Choosing:
    """The routes of the decision page.

    Args:
        ready: Waits until torch is imported.
        compute: Runs something on the thread on which the library computes.
    """

    def __init__(self, ready: Callable[[], Awaitable[object]], compute: Compute) -> None:
        self._ready = ready
        self._compute = compute
        self._sources = Sources()
        self._comparing = Comparing(self._sources)
        atexit.register(self.close)

    def close(self) -> None:
        """End what runs, and remove the visitor's files and reports."""
        self._comparing.close()
        self._sources.close()

    def routes(self) -> list[Route]:
        """Return the routes."""
        at = "/api/choose"
        return [
            Route(f"{at}/snippets/{{name}}", _answered(self._snippet)),
            Route(f"{at}/sets", _answered(self._sets)),
            Route(f"{at}/files", _answered(self._file), methods=["POST"]),
            Route(f"{at}/data/{{data}}", _answered(self._data)),
            Route(f"{at}/data/{{data}}/choice", _answered(self._choice)),
            Route(f"{at}/comparisons", _answered(self._start), methods=["POST"]),
            Route(f"{at}/comparisons", _answered(self._running)),
            Route(f"{at}/comparisons/{{id}}", _answered(self._progress)),
            Route(f"{at}/comparisons/{{id}}", _answered(self._stop), methods=["DELETE"]),
            Route("/choose/reports/{file}", _answered(self._report)),
        ]

    async def _snippet(self, request: Request) -> Response:
        name = request.path_params["name"]
        await self._ready()

        def work() -> dict[str, Any] | None:
            from slopes.explorer.choose.reasons import reasons  # noqa: PLC0415  imports torch

            return reasons(name)

        found = await self._compute(work)
        if found is None:
            raise Refusal(404, "There is no such task.")
        return _json(found)

    async def _sets(self, _: Request) -> Response:
        await self._prepared()

        def work() -> list[dict[str, str]]:
            from slopes.recipes.data.bundled import SETS  # noqa: PLC0415  packages of an extra

            return [{"name": s.name, "task": s.task, "about": s.about} for s in SETS.values()]

        return _json({"sets": await run_in_threadpool(work)})

    async def _file(self, request: Request) -> Response:
        length = request.headers.get("content-length", "0")
        check_size(int(length) if length.isdecimal() else 0)  # before a byte of it is read
        await self._prepared()
        path = await self._sources.receive(request.query_params.get("name", ""), request.stream())
        source = await run_in_threadpool(self._sources.keep, path)
        return _json(await run_in_threadpool(_described, source), 201)

    async def _data(self, request: Request) -> Response:
        source = await self._source(request.path_params["data"])
        return _json(await run_in_threadpool(_described, source))

    async def _choice(self, request: Request) -> Response:
        await self._prepared()
        wanted = _queried(request)
        source = await self._source(wanted.data)

        def work() -> dict[str, Any]:
            from slopes.explorer.choose.choices import decided  # noqa: PLC0415  imports torch

            return decided(source, wanted)

        # The library's checks of values are a setting of the process, which figures turn off while they compute.
        return _json(await self._compute(work))

    async def _start(self, request: Request) -> Response:
        wanted = order(await _body(request))
        await self._source(wanted.data)
        run = await run_in_threadpool(self._comparing.start, wanted)
        return _json(run.as_json(), 202)

    async def _running(self, _: Request) -> Response:
        run = self._comparing.running()
        return _json({"running": run.as_json() if run else None})

    async def _progress(self, request: Request) -> Response:
        return _json(self._comparing.find(request.path_params["id"]).as_json())

    async def _stop(self, request: Request) -> Response:
        run = await run_in_threadpool(self._comparing.stop, request.path_params["id"])
        return _json(run.as_json())

    async def _report(self, request: Request) -> Response:
        name = Path(request.path_params["file"])
        try:
            run = self._comparing.find(name.stem)
        except Refusal as refusal:
            raise HTTPException(404, refusal.sentence) from None  # a page that says so
        if run.stage != "done" or name.suffix not in _REPORTS:
            raise HTTPException(404, "There is no such report.")
        body = await run_in_threadpool(run.report.with_suffix(name.suffix).read_bytes)
        headers = {"cache-control": "no-store"}
        if name.suffix == ".html":
            headers |= await run_in_threadpool(policy, body)
        return Response(body, media_type=_REPORTS[name.suffix], headers=headers)

    async def _prepared(self) -> None:
        await self._ready()
        await run_in_threadpool(_imported)

    async def _source(self, name: str) -> Source:
        await self._prepared()
        found: Source = await run_in_threadpool(self._sources.find, name)
        return found


def policy(report: bytes) -> dict[str, str]:
    """Return the headers under which a report is shown: its own scripts by their hashes, nothing fetched, no origin.

    Vega makes functions out of its expressions, which needs `unsafe-eval`, and styles what it draws. A sandbox without
    an origin keeps the page from the explorer's addresses; a browser refuses one together with an opener policy.
    """
    scripts = re.findall(rb"<script>(.*?)</script>", report, flags=re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s).digest()).decode()}'" for s in scripts)
    said = (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-modals"
    )
    return {"content-security-policy": said, "cross-origin-opener-policy": "unsafe-none"}


def _imported() -> None:
    """Import what the page's questions need; here and not on the thread that draws figures."""
    check_installed()
    from slopes.explorer.choose import choices, columns, reasons  # noqa: F401, PLC0415  packages of an extra


def _described(source: Source) -> dict[str, Any]:
    from slopes.explorer.choose.choices import gaps  # noqa: PLC0415  packages of an extra
    from slopes.explorer.choose.columns import columns  # noqa: PLC0415  likewise

    table = source.table
    return {
        "id": source.id,
        "name": source.said,
        "bundled": source.id == source.where,
        "about": table.about,
        "rows": len(table.frame),
        "total": table.total,
        "notes": list(table.notes),
        "targets": list(table.targets),
        "gaps": gaps(table.frame),
        "columns": columns(table),
    }


def _queried(request: Request) -> Order:
    given: dict[str, Any] = {"data": request.path_params["data"], "target": request.query_params.getlist("target")}
    for name in request.query_params:
        texts = request.query_params.getlist(name)
        if name != "target" and len(texts) > 1:
            raise Refusal(400, f"{name} was given more than once; once is enough.")
        given.setdefault(name, _read(name, texts[0]))
    return order(given)


def _read(name: str, text: str) -> object:
    if name in {"seeds", "steps"}:
        return int(text) if re.fullmatch(r"\d{1,9}", text, flags=re.ASCII) else text
    return {"1": True, "0": False}.get(text, text) if name in {"harm", "wrong"} else text


async def _body(request: Request) -> Mapping[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_ORDER:
            raise Refusal(413, f"The order is longer than {_LONGEST_ORDER // 1024} KiB; name fewer columns.")
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refusal(400, 'The body is no JSON object; send one such as {"data": "wine"}.')
    return given


def _answered(answer: Answer) -> Answer:
    """Return a handler that turns what cannot be done into a status and a sentence."""

    @wraps(answer)
    async def handler(request: Request) -> Response:
        try:
            return await answer(request)
        except Refusal as refusal:
            return _json({"error": refusal.sentence}, refusal.status)
        except MissingDependencyError as error:
            return _json({"error": str(error)}, 501)
        except SlopesError as error:
            return _json({"error": plainly(error)}, 422)

    return handler


def _json(data: object, status: int = 200) -> Response:
    return JSONResponse(data, status_code=status, headers={"cache-control": "no-store"})
