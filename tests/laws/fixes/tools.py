"""What repairs the errors of the command line, of the catalogue and of figures drawn from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.laws.fixes.law import Fix, without

ELSEWHERE: Final[Mapping[str, str]] = {}


class Chart:
    """As much of a chart as writing one asks for."""

    def save(self, path: str, **_: object) -> None:
        Path(path).write_text("drawn", "utf-8")


def names() -> Mapping[str, Any]:
    from slopes import catalog  # noqa: PLC0415  where they are used
    from slopes.explorer.site import launch, offline  # noqa: PLC0415  likewise
    from slopes.shown import charts, plotting  # noqa: PLC0415  likewise

    return {
        "catalog": catalog,
        "plotting": plotting,
        "charts": charts,
        "launch": launch,
        "offline": offline,
        "Chart": Chart,
    }


PLOT: Final = "command(f'plot swish --json {said}')"
NUMBERS: Final = "command(f'plot {name} --json {said}')"
SAVED: Final = "plotting.save(Chart(), folder / path)"
CHART: Final = "charts.function_chart(catalog.find(name), low=low, high=high, **options)"
PLAIN: Final = {"name": "swish", "low": -1.0, "high": 1.0, "options": {}}

TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "catalog.py find": [
        Fix("catalog.find(name)", {"name": "gelo"}, typed={"name": "gelu"}, check="result.name == 'gelu'"),
        Fix("command('show ' + name)", {"name": "gelo"}, typed={"name": "gelu"}, check="'GELU' in result"),
        Fix(
            "command(line)",
            {"line": "show qqqqqq"},
            typed={"line": "list"},
            check="'slopes list' in error and 'gelu' in result",
        ),
        Fix("plotting.plot(name)", {"name": "GeLO"}, typed={"name": "gelu"}),
    ],
    "cli.py main": [
        Fix("command(line)", {"line": "lst"}, typed={"line": "list"}, check="'gelu' in result"),
        Fix(
            "command(line)",
            {"line": "list --famly smooth"},
            words={"line": "line.removeprefix('slopes ')"},
            typed={"line": "slopes list --help"},
            check="'--family FAMILY' in result",
        ),
    ],
    "cli.py _list": [
        Fix("command('list --family ' + name)", {"name": "smoth"}, typed={"name": "smooth"}, check="'gelu' in result"),
    ],
    "cli.py _parameter": [
        Fix(PLOT, {"said": "--parameter beta"}, typed={"said": "--parameter beta=2"}),
        Fix(PLOT, {"said": "--parameter theme=dark"}, typed={"option": "--theme"}, words={"said": "option + ' dark'"}),
        Fix(PLOT, {"said": "--parameter low=2"}, typed={"option": "--from"}, words={"said": "option + ' 2'"}),
    ],
    "cli.py _book": [
        Fix(
            "(patch.setattr(offline, 'write', lambda *_, **__: 1), command('book --output ' + name))",
            {"name": "book.pdf"},
            typed={"name": "book.html"},
        ),
        Fix(
            "(patch.setattr(offline, 'write', lambda at, **_: at.write_bytes(b'')), command(f'book --output {path}'))",
            {"path": "nowhere/book.html"},
            words={"path": "folder / 'book.html'"},
        ),
    ],
    "cli.py _needs": [
        Fix(
            "(patch.setattr(launch, '_explorer', lambda *_, **__: Quiet()), command('explore'))",
            without("ziamath"),
            typed={"line": "pip install 'slopes[explorer]'"},
            words={"_": "pip(line)", "Quiet": "type('Quiet', (), {'url': '', 'run': lambda _: None})"},
        ),
    ],
    "shown/plotting.py needs": [
        Fix(
            "plotting.plot('relu')",
            without("vl_convert"),
            typed={"line": "pip install 'slopes[explorer]'"},
            words={"_": "pip(line)"},
        ),
    ],
    "shown/plotting.py save": [
        Fix(SAVED, {"path": "nowhere/relu.svg"}, words={"path": "'relu.svg'"}, check="result.is_file()"),
    ],
    "shown/plotting.py _checked": [
        Fix("command(line)", {"line": "plot glu"}, typed={"line": "show glu"}, check="'slopes show glu' in error"),
        Fix(NUMBERS, {"name": "relu", "said": "--from 9"}, words={"said": "'--from 9 --to 12'"}),
        Fix(NUMBERS, {"name": "relu", "said": "--to inf"}, words={"said": "'--from -1 --to 1'"}),
        Fix("plotting.plot('relu', theme=theme)", {"theme": "night"}, {"theme": "'dark'"}),
        Fix(
            NUMBERS,
            {"name": "swish", "said": "--parameter bta=2"},
            words={"said": "f'--parameter {name_}=2'"},
            typed={"name_": "beta"},
        ),
        Fix(
            "plotting.plot('relu', **given)",
            {"given": {"beta": 2.0}},
            words={"given": "{}"},
            check="'leave it out' in error",
        ),
    ],
    "shown/charts.py function_chart": [
        Fix(
            CHART,
            PLAIN | {"name": "softmax"},
            words={"name": "next(n for n in command(line[7:]).split() if n == 'gelu')"},
            typed={"line": "slopes list --kind activation"},
        ),
        Fix(CHART, PLAIN | {"low": 2.0}, words={"low": "high", "high": "low"}),
        Fix(CHART, PLAIN | {"options": {"bta": 2.0}}, words={"options": "{option: 2.0}"}, typed={"option": "beta"}),
        Fix(CHART, PLAIN | {"name": "relu", "options": {"beta": 2.0}}, words={"options": "{}"}),
    ],
    "shown/charts.py save": [
        Fix(SAVED, {"path": "relu.jpg"}, typed={"path": "relu.svg"}, check="result.is_file()"),
        Fix(SAVED, {"path": "relu"}, typed={"path": "relu.svg"}, check="result.is_file()"),
    ],
}
