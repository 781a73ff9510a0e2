"""The command `slopes`: list, show, plot and explore what there is, and compare losses on data.

Only the standard library is imported here. Whatever needs torch or an optional package comes in with the command that
needs it, so that `slopes explore` serves its page before torch is there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from slopes import __version__
from slopes._core.errors import OptionError, SlopesError, UnknownFunctionError
from slopes._core.names import meant
from slopes.recipes.compare import command

WRONG: Final = 2  # exit status of a command that cannot be done as it was given
EXPLORER: Final = (
    *("altair", "latex2mathml", "markdown_it", "mdit_py_plugins", "numpy", "orjson"),
    *("starlette", "uvicorn", "vl_convert", "ziamath"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 for a command that cannot be done as it was given."""
    parser, commands = _parser()
    words = sys.argv[1:] if arguments is None else list(arguments)
    first = next((word for word in words if not word.startswith("-")), None)
    if first is not None and first not in commands:
        parser.error(f"no command is called {first!r}; {meant(first, commands)}")
    given, left = parser.parse_known_args(words)
    if left:
        chosen = commands.get(first or "", parser)
        chosen.error(f"unrecognized arguments: {' '.join(left)}; `{chosen.prog} --help` shows what it takes.")
    if given.run is None:
        parser.print_help()
        return 0
    run: Callable[[argparse.Namespace], object] = given.run
    try:
        run(given)
        sys.stdout.flush()
    except UnknownFunctionError as error:
        print(f"slopes: {_unknown(given.name, str(error).rpartition('; ')[2])}", file=sys.stderr)
        return WRONG
    except SlopesError as error:
        said = str(error)
        known = said.partition(" ")[0].endswith(":")  # most errors begin with the name of what complains
        print(f"slopes {said}" if known else f"slopes: {said}", file=sys.stderr)
        return WRONG
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return 0


def _unknown(name: str, hint: str) -> str:
    """Return what to say of a name that the catalogue does not have; a class may have it all the same."""
    import slopes  # noqa: PLC0415  imports torch

    for room in (slopes, slopes.activations, slopes.losses):
        if name in room.__all__:
            there = f"{room.__name__}.{name}"
            return f"{name} has no entry here, since it is no function; in Python, help({there}) says all about it."
    return f"nothing here is called {name!r}; {hint}"


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser, and those of its commands by name."""
    parser = argparse.ArgumentParser(
        prog="slopes",
        description="Every activation and loss function: its value and its slope.",
        epilog="Names are forgiving: `slopes show SiLU`, `slopes show pinball`.",
    )
    parser.add_argument("--version", action="version", version=f"slopes {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    every = commands.add_parser("list", help="every function, with one line on what it is for")
    every.add_argument("--kind", choices=("activation", "loss", "tool"), help="only these")
    every.add_argument("--family", help="only one family: smooth, gated, regression, preference, ...")
    _json(every)
    every.set_defaults(run=_list)

    show = commands.add_parser("show", help="all about one function: formula, slope, domain, other libraries' names")
    show.add_argument("name", metavar="NAME", help="gelu, SiLU, 'smooth l1', pinball, ...")
    _json(show)
    show.set_defaults(run=_show)

    plot = commands.add_parser("plot", help="draw one function, value and slope, as SVG or PNG")
    plot.add_argument("name", metavar="NAME", help="an elementwise activation, or a loss of one number")
    plot.add_argument("--output", metavar="FILE", help="where to: .svg or .png (default: NAME.svg)")
    plot.add_argument("--parameter", metavar="NAME=VALUE", action="append", default=[], help="beta=2; may be repeated")
    plot.add_argument(
        "--from", dest="low", metavar="X", type=float, help="left end of the axis (-6, or what suits the loss)"
    )
    plot.add_argument("--to", dest="high", metavar="X", type=float, help="right end of the axis")
    plot.add_argument("--theme", choices=("light", "dark"), default="light", help="paper (light)")
    plot.add_argument("--json", action="store_true", help="print the numbers; draw only with --output")
    plot.set_defaults(run=_plot)

    explore = commands.add_parser("explore", help="every function in the browser, on this machine only")
    explore.add_argument("--port", metavar="N", type=int, default=8000, help="where (8000); 0 takes a free one")
    explore.add_argument("--no-browser", action="store_true", help="only print the address")
    explore.add_argument(
        "--function",
        metavar="FILE:NAME",
        action="append",
        default=[],
        help="a function of your own to draw beside the others, of x or of predictions and targets; may be repeated",
    )
    explore.set_defaults(run=_explore)

    book = commands.add_parser("book", help="the book: why losses and activations are what they are, with live figures")
    book.add_argument("--port", metavar="N", type=int, default=8000, help="where (8000); 0 takes a free one")
    book.add_argument("--no-browser", action="store_true", help="only print the address")
    book.add_argument(
        "--output", metavar="FILE", help="write it as one .html file that opens offline, and serve nothing"
    )
    book.set_defaults(run=_book)

    compare = commands.add_parser(
        "compare",
        help="which loss fits a file of data: train the same model under each, and write a report",
        epilog="For example: slopes compare wine, or slopes compare houses.csv --target price --missing median.",
    )
    command.add_arguments(compare)
    compare.set_defaults(run=command.run)
    return parser, commands.choices


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for a program to read")


def _list(given: argparse.Namespace) -> None:
    from slopes.catalog import CATALOG  # noqa: PLC0415  likewise
    from slopes.shown import describe  # noqa: PLC0415  imports torch

    families = list(dict.fromkeys(spec.family for spec in CATALOG))
    if given.family is not None and given.family not in families:
        text = f"list: `--family` is {given.family!r}, expected one of {', '.join(families)}; choose one of these."
        raise OptionError(text)
    chosen = [
        spec for spec in CATALOG if given.kind in {None, spec.kind} and given.family in {None, spec.family}
    ]  # fmt: skip
    if given.json:
        _print_json([describe.line_as_data(spec) for spec in chosen])
    else:
        print(describe.table(chosen))


def _show(given: argparse.Namespace) -> None:
    from slopes.catalog import find  # noqa: PLC0415  likewise
    from slopes.shown import describe  # noqa: PLC0415  imports torch

    spec = find(given.name)
    if given.json:
        _print_json(describe.as_data(spec))
    else:
        print(describe.as_text(spec))


def _plot(given: argparse.Namespace) -> None:
    from slopes.catalog import find  # noqa: PLC0415  likewise
    from slopes.shown import plotting  # noqa: PLC0415  imports torch

    name = find(given.name).name
    parameters: dict[str, Any] = dict(_parameter(text) for text in given.parameter)
    axis: dict[str, Any] = {"low": given.low, "high": given.high}
    if given.json:
        lines = plotting.numbers(name, **axis, **parameters)
    if given.output or not given.json:
        chart = plotting.plot(name, theme=given.theme, **axis, **parameters)
        path = plotting.save(chart, given.output or f"{name}.svg")
    if given.json:
        over = plotting.axis_title(name)
        _print_json({"name": name, "parameters": parameters, "over": over, "lines": lines})
    else:
        print(path)


def _parameter(text: str) -> tuple[str, float | str]:
    name, given, value = text.partition("=")
    if not (given and name and value):
        said = f"plot: `--parameter` is {text!r}, expected NAME=VALUE; for example --parameter beta=2."
        raise OptionError(said)
    if name in {"name", "low", "high", "theme"}:
        said = f"plot: `--parameter {name}` is no parameter of a function; --from, --to and --theme set the figure."
        raise OptionError(said)
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _explore(given: argparse.Namespace) -> None:
    _needs("explore")
    from slopes.explorer import serve  # noqa: PLC0415  optional packages

    serve(given.port, open_browser=not given.no_browser, functions=given.function)


def _book(given: argparse.Namespace) -> None:
    _needs("book")
    if given.output is None:
        from slopes.explorer import serve  # noqa: PLC0415  optional packages

        serve(given.port, open_browser=not given.no_browser, start="book")
        return
    path = Path(given.output)
    if path.suffix not in {".html", ".htm"}:
        text = f"book: `--output` is {given.output!r}, expected a name that ends in .html; call it {path.stem}.html."
        raise OptionError(text)
    from slopes.explorer.site.offline import write  # noqa: PLC0415  likewise

    try:
        size = write(path, said=lambda chapter: print(f"  {chapter}", flush=True))
    except OSError as error:
        text = f"book: `--output` cannot be written: {error}; name a file in a folder that is there."
        raise OptionError(text) from None
    print(f"{path}: {size / 1e6:.1f} MB, opens offline")


def _needs(command: str) -> None:
    """Refuse a command whose packages are not installed."""
    from importlib.util import find_spec  # noqa: PLC0415  with the explorer only

    from slopes._core.errors import MissingDependencyError  # noqa: PLC0415  likewise

    missing = [package for package in EXPLORER if find_spec(package) is None]
    if missing:
        text = (
            f"{command}: needs {', '.join(missing)}, not installed; the `explorer` extra has them: "
            f"pip install 'slopes[explorer]'."
        )
        raise MissingDependencyError(text)


def _print_json(data: object) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False))
