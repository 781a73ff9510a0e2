"""What repairs the errors of the explorer's page that decides which loss to take for a visitor's data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from tests.laws.fixes.law import Fix, awaited

ELSEWHERE: Final[Mapping[str, str]] = {
    "explorer/choose/routes.py Choosing._snippet": "an address that no page has: nothing is to be repaired",
    "explorer/choose/routes.py Choosing._report": "a comparison in another process: tests/explorer/choose/test_routes",
    "explorer/choose/comparing.py Comparing.start": "likewise",
    "explorer/choose/comparing.py Comparing.find": "likewise",
}


def names() -> Mapping[str, Any]:
    from starlette.datastructures import QueryParams  # noqa: PLC0415  where it is used

    from slopes.explorer.choose import choices, orders, routes, sources  # noqa: PLC0415  likewise

    def asked(text: str, **paths: str) -> Any:  # noqa: ANN401  a request, as far as it is looked at
        return SimpleNamespace(query_params=QueryParams(text), path_params=paths)

    def body(text: str) -> Any:  # noqa: ANN401  JSON
        async def stream() -> Any:  # noqa: ANN401  an iterator of bytes
            yield text.encode()

        return awaited(routes._body(SimpleNamespace(stream=stream)))

    rooms = {"choices": choices, "orders": orders, "routes": routes, "sources": sources}
    return {**rooms, "asked": asked, "body": body}


ORDER: Final = "orders.order(given)"
WINE: Final = {"data": "wine"}


def shown(*target: str, **columns: list[Any]) -> Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]:
    """Return what a visitor's data are, and what is asked of them."""

    def given(_: Path, __: pytest.MonkeyPatch) -> Mapping[str, Any]:
        import polars as pl  # noqa: PLC0415  an extra's package

        from slopes.explorer.choose.orders import Order  # noqa: PLC0415  likewise
        from slopes.explorer.choose.sources import Source  # noqa: PLC0415  likewise
        from slopes.recipes.data.table import Table  # noqa: PLC0415  likewise

        table = Table("mine.csv", pl.DataFrame(columns), 4)
        return {"source": Source("x", "mine.csv", "mine.csv", table), "order": Order, "target": target}

    return given


CHOSEN: Final = "choices.decided(source, order(data='x', target=target))"
HOUSES: Final = {"price": [1.5, 2.25, 8.5, 3.0], "rooms": [1, 2, 2, 1]}

TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "explorer/choose/choices.py _choice": [
        Fix(CHOSEN, shown("name", name=["a", "b", "c"], y=[1, 2, 1]), words={"target": "('y',)"}),
    ],
    "explorer/choose/choices.py _targets": [
        Fix(CHOSEN, shown(**HOUSES), words={"target": "('price',)"}),
        Fix(CHOSEN, shown("prize", **HOUSES), words={"target": "('price',)"}),
        Fix(CHOSEN, shown("price", "price", **HOUSES), words={"target": "('price',)"}),
    ],
    "explorer/choose/orders.py order": [
        Fix(
            ORDER,
            {"given": {**WINE, "goal": []}},
            words={"given": "{'data': 'wine', name: []}"},
            typed={"name": "target"},
        ),
        Fix(ORDER, {"given": {}}, words={"given": "{'data': 'wine'}"}),
        Fix(
            ORDER,
            {"given": {**WINE, "target": "price"}},
            {"target": "['price']"},
            {"given": "{**given, 'target': target}"},
        ),
    ],
    "explorer/choose/orders.py _task": [
        Fix(
            ORDER,
            {"given": {**WINE, "task": "regresion"}},
            words={"given": "{**given, 'task': task}"},
            typed={"task": "regression"},
        ),
    ],
    "explorer/choose/orders.py _missing": [
        Fix(
            ORDER,
            {"given": {**WINE, "missing": "fill"}},
            words={"given": "{**given, 'missing': missing}"},
            typed={"missing": "median"},
        ),
    ],
    "explorer/choose/orders.py _whole": [
        Fix(
            ORDER,
            {"given": {**WINE, "seeds": 0}},
            words={"given": "{**given, 'seeds': int(least)}"},
            typed={"least": "1"},
        ),
    ],
    "explorer/choose/orders.py _truth": [
        Fix(
            ORDER,
            {"given": {**WINE, "harm": "yes"}},
            words={"given": "{**given, 'harm': harm == 'true'}"},
            typed={"harm": "true"},
        ),
    ],
    "explorer/choose/orders.py Order.compared_as": [
        Fix("orders.Order(data='x', task=task).compared_as", {"task": "next_token"}, words={"task": "None"}),
    ],
    "explorer/choose/routes.py _queried": [
        Fix("routes._queried(asked(text, data='wine'))", {"text": "seeds=1&seeds=2"}, words={"text": "'seeds=1'"}),
    ],
    "explorer/choose/routes.py _body": [
        Fix(
            "orders.order(body(text))",
            {"text": '{"data": "wine", "target": ["' + "x" * 70_000 + '"]}'},
            words={"text": '\'{"data": "wine"}\''},
        ),
        Fix("orders.order(body(text))", {"text": "[]"}, typed={"text": '{"data": "wine"}'}),
    ],
    "explorer/choose/sources.py check_name": [
        Fix("sources.check_name(name)", {"name": "../mine.csv"}, words={"name": "'mine.csv'"}),
        Fix(
            "sources.check_name(name)",
            {"name": "mine.xlsx"},
            words={"name": "'mine' + ending"},
            typed={"ending": ".csv"},
        ),
    ],
    "explorer/choose/sources.py check_size": [
        Fix(
            "sources.check_size(size)",
            {"size": 2**40},
            words={"size": "0"},
            typed={"line": "slopes compare FILE --target COLUMN"},
        ),
    ],
    "explorer/choose/sources.py Sources.find": [
        Fix("sources.Sources().find(name)", {"name": "vine"}, words={"name": "'wine'"}, check="result.id == 'wine'"),
    ],
}
