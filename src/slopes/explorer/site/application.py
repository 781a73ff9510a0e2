"""The server: pages before torch is imported, answers after, every formula computed on one thread by the library."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from slopes._core.names import meant
from slopes.explorer.book.routes import Book
from slopes.explorer.choose import page as choose_page
from slopes.explorer.choose.routes import Choosing
from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.page import Page
from slopes.explorer.figures.result import encode
from slopes.explorer.figures.state import State, StateError, quoted, state_json
from slopes.explorer.site import exports, pages
from slopes.explorer.site.frames import Along, along
from slopes.explorer.site.guard import POLICY, Guard
from slopes.explorer.site.kept import Kept
from slopes.explorer.site.loading import Loaded, Loading
from slopes.explorer.site.maths_font import MathsFont
from slopes.explorer.site.runtime import VegaRuntime

_FOREVER: Final = "public, max-age=31536000, immutable"
_ASSETS: Final = {
    "style.css": "text/css",
    "choosing.css": "text/css",
    "book.css": "text/css",
    **dict.fromkeys(("house.js", "figure.js", "explorer.js", "book.js", "choosing.js"), "text/javascript"),
}
_MOST_FIELDS: Final = 100
_TABLES: Final = "tables"  # of a request: which long tables are looked at

T = TypeVar("T")


class Server:
    """The routes, and the one thread on which everything is computed.

    Args:
        loading: What becomes available once torch is imported.
        vega: The runtime of the charts.
    """

    def __init__(self, loading: Loading, vega: VegaRuntime) -> None:
        self._loading = loading
        self._vega = vega
        self._font = MathsFont()
        # One thread: the library's precision setting is process-wide, so that requests must take turns.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slopes: compute", initializer=_alone)
        self._timing: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._pictures: dict[tuple[str, str], bytes] = {}
        self._drawing = asyncio.Lock()
        self._kept = Kept()
        self._choosing = Choosing(self._loaded, self._compute)
        self._book = Book(self._loaded, self._compute, _chapter, _with_sketches)

    def app(self) -> ASGIApp:
        """Return the application, guarded from the outside in."""
        routes = [
            Route("/", self._landing),
            Route("/plates", self._plates),
            Route("/figures", self._figures),
            Route("/tour", self._tour),
            Route("/yours", self._yours),
            Route("/functions", self._functions),
            Route("/functions/{name}", self._card),
            Route("/choose", self._choose),
            *self._choosing.routes(),
            *self._book.routes(),
            Route("/export/{file}", self._export),
            Route("/picture/{theme}/{file}", self._picture),
            Route("/api/{figure}", self._answer),
            Route("/api/{figure}/schema", self._schema),
            Route("/api/{figure}/charts", self._charts),
            Route("/page/{name}", self._asset),
            Route("/runtime/{name}", self._runtime),
            Route("/{page}", self._page),
        ]
        handlers: dict[Any, Any] = {HTTPException: _refused, Exception: _failed}
        return Guard(Starlette(routes=routes, exception_handlers=handlers))

    async def _landing(self, request: Request) -> Response:
        loaded = self._loading.now()
        plates = await self._compute(loaded.plates) if loaded else None
        return _html(request, pages.landing_page(plates, _theme(request)))

    async def _plates(self, request: Request) -> Response:
        loaded = await self._loaded()
        return _html(request, await self._compute(loaded.plates))

    async def _figures(self, request: Request) -> Response:
        return _html(request, pages.figures_page(_theme(request)))

    async def _tour(self, _: Request) -> Response:
        return RedirectResponse("/book")

    async def _yours(self, _: Request) -> Response:
        return RedirectResponse(f"/{(await self._loaded()).yours}")

    async def _functions(self, request: Request) -> Response:
        loaded = await self._loaded()
        body = await self._compute(loaded.tables)
        return _html(request, pages.text_page("Every function", body, _theme(request), "functions"))

    async def _card(self, request: Request) -> Response:
        loaded = await self._loaded()
        card = await self._compute(lambda: loaded.card(request.path_params["name"]))
        if card is None:
            raise HTTPException(404, "There is no function of that name; /functions lists every one.")
        if card.name != request.path_params["name"]:
            return RedirectResponse(f"/functions/{card.name}")
        return _html(request, pages.text_page(card.title, card.body, _theme(request), "functions"))

    async def _choose(self, request: Request) -> Response:
        return _html(request, pages.text_page("Which loss?", choose_page.body(), _theme(request), "choose"))

    async def _page(self, request: Request) -> Response:
        page = _known(request, "page")
        hide = [part for part in request.query_params.get("hide", "").split(",") if part]
        wrong = next((part for part in hide if part not in pages.HIDDEN), None)
        if wrong is not None:
            raise HTTPException(400, f"There is nothing called {quoted(wrong)} to hide; {meant(wrong, pages.HIDDEN)}")
        embed, host = "embed" in request.query_params, str(request.base_url).rstrip("/")
        made = pages.figure_page(page, _theme(request), request.url.query, hide=hide, embed=embed, host=host)
        answer = _html(request, made)
        if embed:  # a course page may show it
            answer.headers["content-security-policy"] = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
        return answer

    async def _answer(self, request: Request) -> Response:
        page = _known(request, "figure")
        pairs = _pairs(request)
        tables = _tables(pairs)
        loaded = await self._loaded()
        figure, state = _state(loaded, page.id, [pair for pair in pairs if pair[0] != _TABLES])

        def work() -> tuple[bytes, bool]:
            result = figure.compute(state)
            return encode({"state": state_json(state), **result.as_json(tables)}), result.pending

        key = (page.id, str(state), str(tables))
        kept = self._kept.get(key)
        body, pending = (kept, True) if kept is not None else await self._compute(work)
        if loaded.lasting and not pending:
            self._kept.keep(key, body)
        if self._timing is None:
            self._timing = asyncio.create_task(self._time_costs(loaded))
        return _packed(request, body, "application/json", "no-store")

    async def _export(self, request: Request) -> Response:
        name, _, kind = request.path_params["file"].rpartition(".")
        page = BY_ID.get(name)
        if page is None or kind not in exports.KINDS:
            raise HTTPException(
                404, f"A figure is exported as {', '.join(exports.KINDS)}: call it NAME.svg, by the name of its page."
            )
        pairs = _pairs(request)
        theme = next((text for key, text in pairs if key == "theme"), "light")
        if theme not in {"light", "dark"}:
            raise HTTPException(400, "theme has another value, expected light or dark; choose one of these.")
        loaded = await self._loaded()
        figure, state = _state(loaded, page.id, [pair for pair in pairs if pair[0] != "theme"])
        moves = along(figure, state) if kind == "html" else Along(control=None, states=(state,), start=0)
        results = await self._compute(lambda: [figure.compute(each) for each in moves.states])
        body = await run_in_threadpool(lambda: exports.export(page, moves, results, kind, theme))
        headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{page.id}.{kind}"'}
        return Response(body, media_type=exports.KINDS[kind], headers=headers)

    async def _picture(self, request: Request) -> Response:
        """A figure as it opens, small: drawn once for each theme, and one at a time, since each takes half a second."""
        theme, name = request.path_params["theme"], request.path_params["file"].removesuffix(".svg")
        page = BY_ID.get(name)
        if page is None or theme not in {"light", "dark"} or not request.path_params["file"].endswith(".svg"):
            raise HTTPException(404, "There is no such picture; it is called light/NAME.svg or dark/NAME.svg.")
        async with self._drawing:
            if (theme, name) not in self._pictures:
                figure = (await self._loaded()).figures[name]
                result = await self._compute(lambda: figure.compute(figure.default()))
                self._pictures[theme, name] = await run_in_threadpool(lambda: exports.picture(page, result, theme))
        return _packed(request, self._pictures[theme, name], "image/svg+xml", "no-cache")

    async def _schema(self, request: Request) -> Response:
        _known(request, "figure")
        loaded = await self._loaded()
        figure = loaded.figures[request.path_params["figure"]]
        body = await self._compute(lambda: encode(figure.schema()))
        return _packed(request, body, "application/json", "no-store")

    async def _charts(self, request: Request) -> Response:
        page = _known(request, "figure")
        theme = request.query_params.get("theme", "")
        if len(request.query_params.multi_items()) != 1 or theme not in {"light", "dark"}:
            raise HTTPException(400, "Charts take one parameter, theme, which is light or dark.")
        body = await run_in_threadpool(lambda: encode(page.charts(theme)))
        return _packed(request, body, "application/json", "no-store")

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            raise HTTPException(404, "There is no such file.")
        body = pages.asset(name)
        return _packed(request, body, f"{_ASSETS[name]}; charset=utf-8", "no-cache")

    async def _runtime(self, request: Request) -> Response:
        path = request.url.path
        names = pages.runtime_names()
        if path == names["vega"]:
            packed = await run_in_threadpool(self._vega.packed)
            headers = {"cache-control": _FOREVER, "vary": "accept-encoding"}
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["content-encoding"] = "gzip"
                return Response(packed, media_type="text/javascript; charset=utf-8", headers=headers)
            plain = await run_in_threadpool(gzip.decompress, packed)
            return Response(plain, media_type="text/javascript; charset=utf-8", headers=headers)
        if path == names["font"]:
            cut = await run_in_threadpool(self._font.woff2)
            return Response(cut, media_type="font/woff2", headers={"cache-control": _FOREVER})
        raise HTTPException(404, "There is no such file.")

    async def _loaded(self) -> Loaded:
        loaded = await run_in_threadpool(self._loading.wait)
        if self._warming is None:
            self._warming = asyncio.create_task(self._warm(loaded))
        return loaded

    async def _warm(self, loaded: Loaded) -> None:
        """Compute each figure once between the answers: the first time of everything is slow."""
        for figure in loaded.figures.values():
            await asyncio.sleep(0.02)
            with contextlib.suppress(Exception):  # whoever opens it is told
                await self._compute(partial(figure.compute, figure.default()))

    async def _compute(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def _time_costs(self, loaded: Loaded) -> None:
        """Time what functions cost, one at a time between the answers."""
        for name in loaded.costs.waiting:
            await asyncio.sleep(0.02)
            await self._compute(partial(loaded.costs.time, name))


def _alone() -> None:
    import torch  # noqa: PLC0415  the worker starts when there is something to compute

    torch.set_num_threads(1)  # holds for this thread; a few thousand numbers are slower on more


def _known(request: Request, name: str) -> Page:
    """Return the page that a path names, or refuse, before torch is waited for."""
    page = BY_ID.get(request.path_params[name])
    if page is None:
        raise HTTPException(404, f"There is no such figure; {meant(request.path_params[name], BY_ID)}")
    return page


def _theme(request: Request) -> str:
    chosen = request.cookies.get("slopes-theme", "")
    return chosen if chosen in {"light", "dark"} else "auto"


def _chapter(request: Request, title: str, body: str) -> Response:
    head = '<link rel="stylesheet" href="/page/book.css"><script type="module" src="/page/book.js"></script>'
    here = request.url.path.strip("/")
    return _html(request, pages.text_page(title, head + body, _theme(request), here))


def _with_sketches(text: str) -> str:
    from slopes.explorer.atlas.sparklines import with_sketches  # noqa: PLC0415  needs torch

    return with_sketches(text)


def _html(request: Request, text: str) -> Response:
    return _packed(request, text.encode(), "text/html; charset=utf-8", "no-store")


def _pairs(request: Request) -> list[tuple[str, str]]:
    text = request.scope["query_string"].decode("ascii", "replace")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise HTTPException(400, f"A query has at most {_MOST_FIELDS} parameters; leave some out.") from None


def _tables(pairs: list[tuple[str, str]]) -> list[int] | None:
    """Return which long tables are looked at; None where the query does not say."""
    said = [text for name, text in pairs if name == _TABLES]
    if not said:
        return None
    if len(said) > 1 or not re.fullmatch(r"(\d(,\d)*)?", said[0]):
        raise HTTPException(400, "tables is a list of places, such as 0,2, given once.")
    return [int(place) for place in said[0].split(",") if place]


def _state(loaded: Loaded, name: str, pairs: list[tuple[str, str]]) -> tuple[Figure, State]:
    figure = loaded.figures[name]
    try:
        return figure, figure.parse(pairs)
    except StateError as error:
        raise HTTPException(400, str(error)) from None


def _packed(request: Request, body: bytes, media: str, caching: str) -> Response:
    headers = {"cache-control": caching, "vary": "accept-encoding"}
    if len(body) > 2_000 and media != "application/json" and "gzip" in request.headers.get("accept-encoding", ""):  # noqa: PLR2004
        headers["content-encoding"] = "gzip"
        body = gzip.compress(body, 5)
    return Response(body, media_type=media, headers=headers)


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == 404 and not request.url.path.startswith(("/api", "/export", "/picture", "/page", "/runtime")):  # noqa: PLR2004
        return HTMLResponse(pages.missing_page(_theme(request), request.url.path), status_code=status)
    return JSONResponse({"error": detail}, status_code=status, headers=headers)


async def _failed(_: Request, __: Exception) -> Response:
    """A sentence for the page; Starlette raises the error on, into the server's log."""
    # The server closes this connection, and whoever asked should not ask on it again.
    headers = {"connection": "close"}
    return JSONResponse({"error": "The explorer failed to answer; its log says why."}, status_code=500, headers=headers)
