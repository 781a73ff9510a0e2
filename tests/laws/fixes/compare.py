"""What repairs the errors of `slopes compare` about what is tried, how it is run, and where the report goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.laws.fixes import data
from tests.laws.fixes.law import Fix, command, without

ELSEWHERE: Final[Mapping[str, str]] = {}

QUICK: Final = "--seeds 1 --steps 1 --corrupt none --imbalance none --jobs 1"
READ: Final = "read(f'wine {said}')"
PLACE: Final = "written.places(output, 'wine')"


def names() -> Mapping[str, Any]:
    from slopes.recipes.compare import comparison, page, splitting, trials, written  # noqa: PLC0415  packages of an extra

    rooms = {"comparison": comparison, "splitting": splitting, "trials": trials, "written": written}

    def run(line: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(page, "page", lambda _: "")  # its charts take a while
            return command(f"compare {line} {QUICK}")

    return {**data.names(), **rooms, "run": run, "table": data.table}


def said(text: str) -> Mapping[str, Any]:
    return {"said": text}


def a_set(said: str, *columns: str, rows: int = 60) -> Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]:
    """Return what writes a file of data, and gives what is said of it."""

    def given(folder: Path, patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        return {**data.table(*columns, rows=rows)(folder, patch), "said": said}

    return given


def losing(_: Path, patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Let what the rules choose predict NaN, as after a training that has gone astray."""
    from slopes.recipes.compare import candidates  # noqa: PLC0415  packages of an extra

    given, rules = candidates._ROOMS["multiclass"]
    lost = [replace(c, raw=lambda _, out: out * float("nan")) if c.name == "cross_entropy" else c for c in given]
    patch.setitem(candidates._ROOMS, "multiclass", (tuple(lost), rules))
    return {}


TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "recipes/compare/command.py _check_installed": [
        Fix("read('wine')", without("tqdm"), words={"_": "pip(line)"}, typed={"line": "pip install 'slopes[recipes]'"}),
    ],
    "recipes/compare/command.py _plan": [
        Fix(READ, said("--rows 1"), typed={"said": "--rows 20"}),
        Fix(READ, said("--seeds 0"), typed={"said": "--seeds 1"}),
        Fix(READ, said("--steps 0"), typed={"said": "--steps 1"}),
        Fix(READ, said("--jobs 0"), typed={"said": "--jobs -1"}),
    ],
    "recipes/compare/command.py _numbers": [
        Fix(READ, said("--corrupt ten"), typed={"said": "--corrupt 10,20"}),
        Fix(READ, said("--corrupt 100"), typed={"said": "--corrupt none"}),
        Fix(READ, said("--imbalance 1"), typed={"said": "--imbalance 10,20"}),
    ],
    "recipes/compare/comparison.py _tried": [
        Fix("run(f'wine --output {folder} --only {name}')", {"name": "crossentropy"}, typed={"name": "cross_entropy"}),
    ],
    "recipes/compare/comparison.py _decides": [
        Fix(
            "run(f'wine --output {folder} --only cross_entropy --metric {name}')",
            {"name": "auroc"},
            typed={"name": "macro_f1"},
        ),
    ],
    "recipes/compare/comparison.py _scored": [
        Fix("run(f'wine --only cross_entropy --output {folder}')", losing, words={"_": "patch.undo()"}),
    ],
    "recipes/compare/splitting.py _by_group": [
        Fix(
            "run(f'{at} {said} --only mae --output {folder}')",
            a_set("--target y --groups g", "x=i % 7", "g=i % 3", "y=i * 0.37 + i % 3"),
            words={"said": "'--target y'"},
        ),
    ],
    "recipes/compare/splitting.py _check_parts": [
        Fix(
            "run(f'{at} {said} --only focal --output {folder}')",
            a_set("--target y --time x", "x=i", "z=i % 7", "y='ab'[i > 30]"),
            words={"_": "table('x=i', 'z=i % 7', 'y=i % 2')(folder, patch)"},
        ),
    ],
    "recipes/compare/trials.py _workers": [
        Fix(
            "trials._workers(backend, 1, None).__enter__()",
            lambda folder, patch: {**without("distributed")(folder, patch), "backend": "dask"},
            words={"_": "pip(line)", "backend": "'loky'"},
            typed={"line": "pip install 'slopes[dask]'"},
        ),
    ],
    "recipes/compare/written.py places": [
        Fix(PLACE, {"output": "report.pdf"}, words={"output": "'report' + ending"}, typed={"ending": ".html"}),
        Fix(PLACE, lambda folder, _: {"output": str(_made(folder / "x.html"))}, words={"output": "output + '/y.html'"}),
        Fix(
            PLACE,
            lambda folder, _: {"output": str(_file(folder / "x") / "y.html")},
            words={"output": "f'{folder}/y.html'"},
        ),
    ],
    "recipes/compare/written.py write": [
        Fix(
            "written.write({path: 'text'})",
            lambda folder, _: {"path": _file(folder / "x") / "y.html"},
            words={"path": "folder / 'y.html'"},
            check="path.read_text() == 'text'",
        ),
    ],
}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _file(path: Path) -> Path:
    path.write_text("", "utf-8")
    return path
