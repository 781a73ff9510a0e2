"""What repairs the errors of the explorer: addresses, answers of its server, a visitor's own functions and data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import torch
from tests.laws.fixes.law import Fix, awaited, without

ELSEWHERE: Final[Mapping[str, str]] = {
    "explorer/site/application.py Server._asset": "an address that no page has: nothing is to be repaired",
    "explorer/site/application.py Server._runtime": "likewise",
    "explorer/site/application.py Server._picture": "likewise",
}


def names() -> Mapping[str, Any]:
    from starlette.datastructures import QueryParams  # noqa: PLC0415  where it is used

    from slopes import explorer  # noqa: PLC0415  likewise
    from slopes.explorer.atlas import cards  # noqa: PLC0415  likewise
    from slopes.explorer.book import answers, exercise  # noqa: PLC0415  likewise
    from slopes.explorer.book.routes import Book  # noqa: PLC0415  likewise
    from slopes.explorer.figures import notebook  # noqa: PLC0415  likewise
    from slopes.explorer.figures.build import library_figure  # noqa: PLC0415  likewise
    from slopes.explorer.figures.contents import BY_ID  # noqa: PLC0415  likewise
    from slopes.explorer.figures.line_fit import fitted  # noqa: PLC0415  likewise
    from slopes.explorer.figures.residual_losses import Kind  # noqa: PLC0415  likewise
    from slopes.explorer.site import launch, maths_font  # noqa: PLC0415  likewise
    from slopes.explorer.site.application import Server  # noqa: PLC0415  likewise
    from slopes.explorer.site.kept import Kept  # noqa: PLC0415  likewise
    from slopes.explorer.yours import reference  # noqa: PLC0415  likewise
    from slopes.explorer.yours.guarded import Guarded, GuardedLoss  # noqa: PLC0415  likewise

    def asked(text: str = "", **paths: str) -> Any:  # noqa: ANN401  a request, as far as it is looked at
        return SimpleNamespace(
            scope={"query_string": text.encode()},
            query_params=QueryParams(text),
            path_params=paths,
            headers={},
            cookies={},
            url=SimpleNamespace(query=text, path=""),
            base_url="http://localhost/",
        )

    def state(page: str, text: str) -> Any:  # noqa: ANN401  whatever the figure computes
        figure = library_figure(BY_ID[page])
        return figure.parse([tuple(pair.split("=")) for pair in text.split("&") if pair])  # type: ignore[misc]

    def kind(loss: Callable[..., Any]) -> Kind:
        return Kind(name="x", label="Mine", said="mine", hue=0, guarded=GuardedLoss(loss, "mine"))

    async def loaded() -> Any:  # noqa: ANN401  what the server waits for
        figures = {"softmax-temperature": library_figure(BY_ID["softmax-temperature"])}
        return SimpleNamespace(figures=figures, card=cards.card, lasting=True)

    async def compute(work: Callable[[], Any]) -> Any:  # noqa: ANN401  likewise
        return work()

    rooms = {
        "explorer": explorer,
        "notebook": notebook,
        "maths_font": maths_font,
        "launch": launch,
        "Guarded": Guarded,
        "GuardedLoss": GuardedLoss,
        "reference": reference,
        "fitted": fitted,
    }
    book = Book(loaded, compute, lambda *_: None, str)  # type: ignore[arg-type, return-value]  nothing is looked at
    asking = {"id": "x", "question": "?", "told": "so"}
    rank = answers.Rank(items=(("a", 1.0), ("b", 2.0), ("c", 3.0)), **asking)  # type: ignore[arg-type]
    pick = answers.Pick(options=(answers.Option(label="a"), answers.Option(label="b")), right=0, **asking)  # type: ignore[arg-type]
    stub = SimpleNamespace(_loaded=loaded, _compute=compute, _timing=True, _kept=Kept())
    rooms |= {"book": book, "rank": rank, "pick": pick, "answers": answers, "exercise": exercise}
    mine = {"asked": asked, "state": state, "kind": kind, "server": stub, "run": awaited}
    return {**rooms, **mine, "Server": Server}


RUN: Final = "slopes.explorer.yours.guarded._run"
GUARDED: Final = "Guarded(mine, 'mine', limit)(torch.zeros(2))"
TYPED: Final = "state(page, text)"
WHERE: Final = "reference.load(where)"


def unloaded(*packages: str, **others: Any) -> Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]:  # noqa: ANN401
    """Return what hides packages, and lets an explorer start without loading what it shows."""

    def given(folder: Path, patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        patch.setattr("slopes.explorer.site.launch.Loading.start", lambda _: None)
        patch.setattr("slopes.explorer.site.launch.VegaRuntime.start", lambda _: None)
        return {**without(*packages)(folder, patch), **others}

    return given


def endless(x: torch.Tensor) -> torch.Tensor:
    while len(x):
        time.sleep(0.005)
    return x


def stopped(patch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401  a function of one tensor
    """Return a function that has been stopped, as it is called again."""
    from slopes.explorer.yours.guarded import Guarded  # noqa: PLC0415  where it is used

    patch.setattr(guarded := Guarded(torch.tanh, "mine"), "_stopped", ("mine had not returned; mend it.", ""))
    return guarded


def written(name: str, text: str) -> Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]:
    """Return what writes a file, and gives its path."""

    def given(folder: Path, _: pytest.MonkeyPatch) -> Mapping[str, Any]:
        (folder / name).write_text(text, "utf-8")
        return {"where": f"{folder / name}:mine", "path": folder / name}

    return given


TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "explorer/figures/parameters.py Number.parse": [
        Fix(TYPED, {"page": "activations", "text": "at=two"}, words={"text": "'at=' + text"}, typed={"text": "-2"}),
        Fix(TYPED, {"page": "activations", "text": "at=nan"}, words={"text": "'at=' + text"}, typed={"text": "-2"}),
        Fix(TYPED, {"page": "activations", "text": "at=500"}, words={"text": "'at=' + text"}, typed={"text": "100"}),
    ],
    "explorer/figures/parameters.py Choice.parse": [
        Fix(
            TYPED, {"page": "pairing", "text": "task=binry"}, words={"text": "'task=' + text"}, typed={"text": "binary"}
        ),
    ],
    "explorer/figures/parameters.py Several.parse": [
        Fix(
            TYPED,
            {"page": "activations", "text": "functions=glu"},
            words={"text": "'functions=' + text"},
            typed={"text": "gelu"},
        ),
        Fix(TYPED, {"page": "activations", "text": "functions=relu,relu"}, words={"text": "'functions=relu'"}),
        Fix(
            TYPED,
            {"page": "activations", "text": "functions=relu,gelu,elu,selu,mish,swish,tanh,sigmoid,prelu"},
            words={"text": "'functions=relu,gelu,elu,selu,mish,swish,tanh,sigmoid'"},
            check="'at most 8' in error",
        ),
    ],
    "explorer/figures/figure.py Figure.parse": [
        Fix(TYPED, {"page": "activations", "text": "fron=1"}, words={"text": "text + '=1'"}, typed={"text": "from"}),
        Fix(TYPED, {"page": "activations", "text": "at=1&at=2"}, words={"text": "'at=1'"}),
        Fix(TYPED, {"page": "activations", "text": "at="}, words={"text": "''"}),
        Fix(TYPED, {"page": "activations", "text": "at=1" + "0" * 500}, words={"text": "text[:5]"}),
    ],
    "explorer/figures/state.py check_range": [
        Fix(TYPED, {"page": "regression-losses", "text": "from=2&to=1"}, words={"text": "'from=1&to=2'"}),
    ],
    "explorer/figures/kl/figure.py _check": [
        Fix(
            TYPED,
            {"page": "kl", "text": "p_sun=0&p_rain=0&p_snow=0"},
            words={"text": "text.replace('p_sun=0', 'p_sun=1')"},
        ),
    ],
    "explorer/figures/pairing/figure.py _check": [
        Fix(
            TYPED, {"page": "pairing", "text": "task=regression&loss=log"}, words={"text": "text.replace('log', 'mse')"}
        ),
    ],
    "explorer/figures/line_fit/fitted.py fitted": [
        Fix(
            "fitted.fitted(kind(loss), 1.0, 3.0, 2.0)",
            {"loss": lambda p, t: p - t},
            words={"loss": "lambda p, t: (p - t) ** 2"},
        ),
    ],
    "explorer/figures/notebook.py _drawn": [
        Fix("notebook.figure(name)", {"name": "softmax-temperatur"}, typed={"name": "softmax-temperature"}),
        Fix("notebook.figure('softmax-temperature', theme=theme)", {"theme": "night"}, {"theme": "'dark'"}),
        Fix(
            "notebook.figure('softmax-temperature', given)",
            {"given": {"tt": 1.0}},
            words={"given": "{name: 1.0}"},
            typed={"name": "t"},
        ),
    ],
    "explorer/site/maths_font.py source": [
        Fix(
            "maths_font.source()",
            without("ziamath"),
            words={"_": "pip(line)"},
            typed={"line": "pip install 'slopes[explorer]'"},
        ),
    ],
    "explorer/site/launch.py explore": [
        Fix("explorer.explore(f, open_browser=False).stop()", unloaded(f=3), words={"f": "torch.tanh"}),
    ],
    "explorer/site/launch.py _explorer": [
        Fix(
            "launch._explorer(0, ())._listener.close()",
            unloaded("uvicorn"),
            words={"_": "pip(line)"},
            typed={"line": "pip install 'slopes[explorer]'"},
        ),
    ],
    "explorer/site/launch.py _listen": [
        Fix("launch._listen(port).close()", {"port": 99999}, {"port": "0"}),
    ],
    "explorer/yours/reference.py load": [
        Fix(
            WHERE,
            {"where": "torch.tanh"},
            words={"where": "form.replace('module', 'torch').replace('name', 'tanh')"},
            typed={"form": "module:name"},
        ),
        Fix(
            WHERE, written("mine.py", "import nothing_here\n"), words={"_": "path.write_text('def mine(x): return x')"}
        ),
        Fix(WHERE, {"where": "torch:tahn"}, words={"where": "'torch:' + name"}, typed={"name": "tan"}),
        Fix(WHERE, written("mine.py", "other = 3\n"), words={"_": "path.write_text('def mine(x): return x + 1 - 1')"}),
        Fix(WHERE, {"where": "math:tau"}, words={"where": "'math:tan'"}),
    ],
    "explorer/yours/reference.py _from_file": [
        Fix(
            WHERE,
            {"where": "nowhere/mine.py:mine"},
            words={"_": "(folder / 'mine.py').write_text('mine = abs')", "where": "f'{folder}/mine.py:mine'"},
        ),
    ],
    "explorer/yours/guarded.py Guarded._guard": [
        Fix(GUARDED, {"mine": lambda _: 1 / 0, "limit": 2.0}, words={"mine": "torch.tanh"}),
        Fix(GUARDED, {"mine": endless, "limit": 0.05}, words={"mine": "torch.tanh", "limit": "2.0"}),
        Fix(
            "[guarded(torch.zeros(2)) for _ in range(2)]",
            lambda _, patch: {"guarded": stopped(patch)},
            words={"guarded": "Guarded(torch.tanh, 'mine')"},
        ),
        Fix(
            GUARDED,
            lambda _, patch: {"mine": torch.tanh, "limit": 2.0, "_": patch.setattr(RUN, lambda *_: None)},
            words={"_": "patch.undo()"},
        ),
    ],
    "explorer/yours/guarded.py Guarded._checked": [
        Fix(GUARDED, {"mine": lambda x: x.tolist(), "limit": 2.0}, words={"mine": "lambda x: x + 0"}),
        Fix(GUARDED, {"mine": lambda x: x.mean(), "limit": 2.0}, words={"mine": "lambda x: x + 0"}),
        Fix(
            "GuardedLoss(mine, 'mine').at(torch.ones(2), torch.zeros(2))",
            {"mine": lambda p, t: (p - t).mean()},
            words={"mine": "lambda p, t: p - t"},
            check="'before any mean' in error",
        ),
        Fix(GUARDED, {"mine": lambda x: x.long(), "limit": 2.0}, words={"mine": "lambda x: x.round()"}),
        Fix(GUARDED, {"mine": lambda x: x.detach() + 1, "limit": 2.0}, words={"mine": "lambda x: x + 1"}),
    ],
    "explorer/site/application.py _known": [
        Fix(
            "run(Server._schema(server, asked(figure=name)))",
            {"name": "softmax-temprature"},
            typed={"name": "softmax-temperature"},
        ),
    ],
    "explorer/site/application.py _pairs": [
        Fix(
            "run(Server._answer(server, asked(text, figure='softmax-temperature')))",
            {"text": "&".join("t=1" for _ in range(999))},
            words={"text": "'t=1'"},
        ),
    ],
    "explorer/site/application.py _tables": [
        Fix(
            "run(Server._answer(server, asked('tables=' + places, figure='softmax-temperature')))",
            {"places": "x"},
            typed={"places": "0,2"},
        ),
    ],
    "explorer/site/application.py _state": [
        Fix(
            "run(Server._answer(server, asked(name + '=1', figure='softmax-temperature')))",
            {"name": "tt"},
            typed={"name": "t"},
        ),
    ],
    "explorer/site/application.py Server._charts": [
        Fix(
            "run(Server._charts(server, asked(text, figure='softmax-temperature')))",
            {"text": ""},
            words={"text": "f'{name}=light'"},
            typed={"name": "theme"},
        ),
    ],
    "explorer/site/application.py Server._export": [
        Fix(
            "run(Server._export(server, asked('', file=file)))",
            {"file": "softmax-temperature.pdf"},
            words={"file": "'softmax-temperature.csv'"},
            typed={"kind": "csv"},
        ),
        Fix(
            "run(Server._export(server, asked('theme=' + theme, file='softmax-temperature.csv')))",
            {"theme": "night"},
            typed={"theme": "dark"},
        ),
    ],
    "explorer/site/application.py Server._page": [
        Fix(
            "run(Server._page(server, asked('hide=' + part, page='line-fit')))",
            {"part": "raeding"},
            typed={"part": "reading"},
        ),
    ],
    "explorer/book/routes.py Book._chapter": [
        Fix("run(book._chapter(asked(chapter=name)))", {"name": "suprise"}, words={"name": "'surprise'"}),
    ],
    "explorer/book/routes.py Book._judged": [
        Fix(
            "run(book._judged(asked('answer=' + text, chapter='surprise', exercise='dearer')))",
            {"text": "many"},
            typed={"text": "40"},
        ),
    ],
    "explorer/book/routes.py Book._chart": [
        Fix(
            "run(book._chart(asked(text, chapter='why-not-squares', exercise='draw-square-slope')))",
            {"text": ""},
            words={"text": "f'{name}=light'"},
            typed={"name": "theme"},
        ),
        Fix(
            "run(getattr(book, what)(asked('theme=light&answer=1', chapter='surprise', exercise='dearer')))",
            {"what": "_chart"},
            words={"what": "'_judged'"},
        ),
    ],
    "explorer/book/routes.py Book._exercise": [
        Fix(
            "run(book._judged(asked('answer=1', chapter='surprise', exercise=name)))",
            {"name": "deerer"},
            typed={"name": "dearer"},
        ),
    ],
    "explorer/book/routes.py _known": [
        Fix(
            "run(book._judged(asked('answer=1', chapter=name, exercise='dearer')))",
            {"name": "suprise"},
            typed={"name": "surprise"},
        ),
    ],
    "explorer/book/exercise.py parsed": [
        Fix("exercise.parsed(text)", {"text": "a few"}, typed={"text": "0.25"}),
    ],
    "explorer/book/exercise.py numbers": [
        Fix("exercise.numbers(text, 2)", {"text": "1"}, words={"text": "'1,2'"}),
    ],
    "explorer/book/answers.py Pick.judge": [
        Fix("pick.judge(text)", {"text": "second"}, typed={"text": "1"}),
    ],
    "explorer/book/answers.py Rank.judge": [
        Fix("rank.judge(text)", {"text": "2,1"}, typed={"text": "2,0,1"}),
    ],
    "explorer/book/answers.py state_of": [
        Fix("answers.state_of('kl', text)", {"text": "q_sun=0.5" + "0" * 300}, words={"text": "text[:9]"}),
        Fix("answers.state_of('kl', name + '=0.5')", {"name": "q_snu"}, typed={"name": "q_sun"}),
    ],
    "explorer/site/application.py Server._card": [
        Fix("run(Server._card(server, asked(name=name)))", {"name": "nothing"}, words={"name": "'gelu'"}),
    ],
}
