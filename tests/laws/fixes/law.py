"""How each error of the library is found, and how the repair that its message proposes is tried.

A room's table has, for each function that raises, calls that raise and what repairs them: `TRIED`; what cannot be tried
there, with the reason: `ELSEWHERE`; and what its calls need beside the library: `names`.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import functools
import io
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any, Final, Never, Protocol

import pytest
import torch

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import cli
from slopes import losses as L  # noqa: N812  likewise
from slopes import recipes as R  # noqa: N812  likewise

SOURCE: Final = Path(slopes.__file__).parent
EXTRAS: Final[Mapping[str, Sequence[str]]] = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text("utf-8"))[
    "project"
]["optional-dependencies"]
DISTRIBUTIONS: Final = {
    "sklearn": "scikit-learn",
    "vl_convert": "vl-convert-python",
    "fontTools": "fonttools",
    "markdown_it": "markdown-it-py",
    "mdit_py_plugins": "mdit-py-plugins",
}
BUILTIN: Final = {name for name, value in vars(builtins).items() if isinstance(value, type)}


def awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401  whatever it returns
    """Run a coroutine in a thread of its own: in this one Playwright may have left its loop running."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@dataclass(frozen=True)
class Fix:
    """A call that raises an error, and what repairs it.

    Attributes:
        call: The call, in the names of `given`.
        given: What the names stand for, or what makes that, where it is a file or takes an import.
        code: New values of names, as code that the message has word for word.
        words: New values that the message describes without code.
        check: What must hold afterwards, in the same names, `result`, and `error`, the message.
        typed: New values of names, as text that the message has word for word: what is typed on a command line, or one
            of the words to choose from.
    """

    call: str
    given: Mapping[str, Any] | Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    check: str = "True"
    typed: Mapping[str, str] = field(default_factory=dict)


class Table(Protocol):
    """A module with the repairs of one room."""

    TRIED: Mapping[str, Sequence[Fix]]
    ELSEWHERE: Mapping[str, str]

    @staticmethod
    def names() -> Mapping[str, Any]:
        """Return what the room's calls need; packages are imported when it is called."""
        ...


@functools.cache
def places() -> dict[str, set[int]]:
    """Return each function of the library that raises an error, and the lines where it does."""
    found: dict[str, set[int]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text("utf-8")
        if "raise " not in text and ".error(" not in text:
            continue
        for name, lines in _raised(ast.parse(text), ""):
            found.setdefault(f"{path.relative_to(SOURCE)} {name}", set()).update(lines)
    return {place: lines for place, lines in found.items() if lines}


def _raised(node: ast.AST, name: str) -> Iterator[tuple[str, set[int]]]:
    """Give the functions under a node by their names, each with the lines where it raises an error of its own."""
    lines = set()
    inside = list(ast.iter_child_nodes(node))
    while inside:
        child = inside.pop()
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _raised(child, f"{name}.{child.name}".removeprefix("."))
            continue
        if (isinstance(child, ast.Raise) and _tells(child.exc)) or _is_parser_error(child):
            lines.add(child.lineno)
        inside += ast.iter_child_nodes(child)
    yield name, lines


def _tells(raised: ast.expr | None) -> bool:
    """Whether a new error is raised that is not one of Python's own, with which the library speaks to itself."""
    return isinstance(raised, ast.Call) and not (isinstance(raised.func, ast.Name) and raised.func.id in BUILTIN)


def _is_parser_error(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "error"


def where(error: BaseException) -> tuple[str, int]:
    """Return the function of the library that raised an error, and the line."""
    found, trace = None, error.__traceback__
    while trace is not None:
        code: CodeType = trace.tb_frame.f_code
        if Path(code.co_filename).is_relative_to(SOURCE):
            name = code.co_qualname.replace("<locals>.", "")
            found = f"{Path(code.co_filename).relative_to(SOURCE)} {name}", trace.tb_lineno
        trace = trace.tb_next
    assert found is not None, f"this comes from elsewhere: {error!r}"
    return found


def said_by(error: BaseException) -> str:
    """Return what somebody reads of an error: a page's sentence, what a command prints, or the message."""
    printed: list[str] = getattr(error, "__notes__", [])
    return printed[0] if printed else str(getattr(error, "detail", error))


def try_fix(fix: Fix, extra: Mapping[str, Any], folder: Path, patch: pytest.MonkeyPatch) -> tuple[str, int]:
    """Raise the error, repair the call as its message proposes, call again, and return where it was raised.

    Args:
        fix: The call and its repair.
        extra: More names.
        folder: An empty folder, `folder` in the calls.
        patch: `patch` in the calls.
    """
    given = fix.given(folder, patch) if callable(fix.given) else fix.given
    names: dict[str, Any] = {"torch": torch, "slopes": slopes, "A": A, "L": L, "R": R, "command": command}
    names |= {"folder": folder, "patch": patch, **extra, **given}
    try:
        eval(fix.call, names)  # noqa: S307  our own text
    except BaseException as error:  # noqa: BLE001  SystemExit too, as which argparse speaks
        caught = error
    else:
        pytest.fail(f"{fix.call} raises nothing")
    text = said_by(caught)
    made = {}
    for name, code in fix.code.items():
        assert code in text, f"{code!r} is not what the message proposes: {text}"
        made[name] = eval(code, names)  # noqa: S307  likewise
    for typed in fix.typed.values():
        assert typed in text, f"{typed!r} is not what the message proposes: {text}"
    names |= made | dict(fix.typed) | {"error": text}
    names |= {name: eval(code, names) for name, code in fix.words.items()}  # noqa: S307  likewise
    names["result"] = eval(fix.call, names)  # noqa: S307  likewise: it raises nothing any more
    assert eval(fix.check, names), f"{fix.check} does not hold after what this proposes: {text}"  # noqa: S307
    return where(caught)


class _NoError(Exception):
    pass


def command(line: str) -> str:
    """Run `slopes` with what is typed after it, in this process, and return what it prints.

    Raises:
        SlopesError: As the command, before it is turned into a line; that line is its note.
        SystemExit: Of argparse, likewise.
    """
    said, told = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
            if cli.main(shlex.split(line)):
                _raised_by(line)
    except BaseException as error:
        if not (isinstance(error, SystemExit) and not error.code):  # as which argparse ends after its help
            error.add_note(told.getvalue())
            raise
    return said.getvalue()


def _raised_by(line: str) -> Never:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "SlopesError", _NoError)
        patch.setattr(cli, "UnknownFunctionError", _NoError)
        cli.main(shlex.split(line))
    pytest.fail(f"slopes {line} fails once only")


def without(*packages: str) -> Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]:
    """Return what hides packages, as if they were not installed, and gives `pip` to install them with.

    `pip` takes the line that a message has, and asks whether the extra that it names brings these packages.
    """

    def given(_: Path, patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        there = {package: sys.modules.get(package) for package in packages}
        for package in packages:
            patch.setitem(sys.modules, package, None)

        def pip(line: str) -> None:
            words = shlex.split(line)
            assert words[:2] == ["pip", "install"], line
            extra = words[2].removeprefix("slopes[").removesuffix("]")
            brought = {re.split("[>;]", needed)[0] for needed in EXTRAS[extra]}
            assert {DISTRIBUTIONS.get(package, package) for package in packages} <= brought, line
            for package, module in there.items():
                del sys.modules[package]
                sys.modules |= {} if module is None else {package: module}

        return {"pip": pip}

    return given
