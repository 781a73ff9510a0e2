"""What the book asks the server: its pages, what is told of an answer, the charts that one draws on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from slopes._core.names import meant
from slopes.explorer.book import chapter as made
from slopes.explorer.book.by_hand import Place, Sketch
from slopes.explorer.book.contents import BY_ID, Chapter
from slopes.explorer.book.exercise import AnswerError, Exercise
from slopes.explorer.book.text import inline

T = TypeVar("T")
Show = Callable[[Request, str, str], Response]  # title and body
Compute = Callable[[Callable[[], Any]], Awaitable[Any]]


class Book:
    """The routes of the book.

    Args:
        ready: Waits until torch is imported.
        compute: Runs something on the thread on which the library computes.
        show: Makes a page of a title and a body.
        drawn: Puts drawings of functions into a text that lists them.
    """

    def __init__(
        self, ready: Callable[[], Awaitable[object]], compute: Compute, show: Show, drawn: Callable[[str], str]
    ) -> None:
        self._ready = ready
        self._compute = compute
        self._show = show
        self._drawn = drawn

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/book", self._contents),
            Route("/book/glossary", self._glossary),
            Route("/book/{chapter}", self._chapter),
            Route("/api/exercise/{chapter}/{exercise}", self._judged),
            Route("/api/exercise/{chapter}/{exercise}/chart", self._chart),
        ]

    async def _contents(self, request: Request) -> Response:
        return self._show(request, "The book", made.contents())

    async def _glossary(self, request: Request) -> Response:
        return self._show(request, "Glossary", made.glossary_page())

    async def _chapter(self, request: Request) -> Response:
        chapter = BY_ID.get(request.path_params["chapter"])
        if chapter is None:
            raise HTTPException(404, "There is no such chapter; /book lists all of them.")
        await self._ready()

        def body() -> str:
            return self._drawn(made.body(chapter)) if chapter.lists else made.body(chapter)

        return self._show(request, f"{chapter.number} {chapter.title}", await self._compute(body))

    async def _judged(self, request: Request) -> Response:
        exercise = await self._exercise(request)
        answer = request.query_params.get("answer", "")
        try:
            verdict = await self._compute(lambda: exercise.judge(answer))
        except AnswerError as error:
            raise HTTPException(400, str(error)) from None
        return JSONResponse({"right": verdict.right, "said": inline(verdict.said), "truth": verdict.truth})

    async def _chart(self, request: Request) -> Response:
        exercise = await self._exercise(request)
        theme = request.query_params.get("theme", "")
        if theme not in {"light", "dark"}:
            raise HTTPException(400, "theme is missing, expected light or dark; give one of these.")
        if not isinstance(exercise, Sketch | Place):
            raise HTTPException(404, "Nothing is drawn for this question; leave /chart out of the address.")
        from slopes.explorer.book.drawn import chart  # noqa: PLC0415  the first page should not wait for Altair

        return JSONResponse(await run_in_threadpool(lambda: chart(exercise, theme)))

    async def _exercise(self, request: Request) -> Exercise:
        chapter = _known(request)
        await self._ready()
        all_of_it = await self._compute(lambda: made.exercises(chapter))
        found: Exercise | None = all_of_it.get(request.path_params["exercise"])
        if found is None:
            raise HTTPException(404, f"There is no such question; {meant(request.path_params['exercise'], all_of_it)}")
        return found


def _known(request: Request) -> Chapter:
    chapter = BY_ID.get(request.path_params["chapter"])
    if chapter is None:
        raise HTTPException(404, f"There is no such chapter; {meant(request.path_params['chapter'], BY_ID)}")
    return chapter
