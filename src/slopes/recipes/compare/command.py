"""`slopes compare`: from a file of data to a report on which loss fits it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from slopes._core.errors import MissingDependencyError, OptionError

NEEDS: Final = ("altair", "joblib", "polars", "sklearn", "torchmetrics", "tqdm", "vl_convert")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `slopes compare` takes; nothing heavy is imported for it."""
    parser.add_argument(
        "data", metavar="DATA", help="a .csv, .tsv or .parquet file, or a bundled set: digits, wine, ..."
    )
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        action="append",
        default=[],
        help="what to predict; once for each of several labels",
    )
    parser.add_argument(
        "--task", choices=("binary", "multiclass", "multilabel", "regression"), help="what the target is"
    )
    parser.add_argument(
        "--positive",
        metavar="VALUE",
        help="the positive one of two classes (the 1 of 0 and 1 or -1 and 1, else the rarer)",
    )
    columns = parser.add_argument_group("columns")
    columns.add_argument("--groups", metavar="COLUMN", help="rows with the same value stay together in a split")
    columns.add_argument("--time", metavar="COLUMN", help="train on what comes before, test on what comes after")
    columns.add_argument(
        "--ignore", metavar="COLUMN", action="append", default=[], help="leave it out; may be repeated"
    )
    columns.add_argument(
        "--categorical", metavar="COLUMN", action="append", default=[], help="its numbers are names; may be repeated"
    )
    columns.add_argument("--missing", choices=("drop", "median"), help="leave rows with gaps out, or fill the gaps")
    columns.add_argument("--rows", metavar="N", type=int, default=20_000, help="the most rows to use (20000)")
    tried = parser.add_argument_group("what is tried")
    tried.add_argument("--seeds", metavar="N", type=int, default=5, help="repetitions (5)")
    tried.add_argument("--steps", metavar="N", type=int, default=400, help="batches of each training (400)")
    tried.add_argument("--only", metavar="NAME", action="append", default=[], help="this candidate; may be repeated")
    tried.add_argument(
        "--include-wrong", action="store_true", help="pairs that do not belong together, to see their cost"
    )
    tried.add_argument("--corrupt", metavar="PERCENT", default="5,10,20", help="shares of labels to corrupt, or none")
    tried.add_argument(
        "--imbalance", metavar="RATIO", default="10,50", help="how rare to make a class, 1 in so many, or none"
    )
    tried.add_argument(
        "--metric", metavar="NAME", help="the measure that decides: average_precision, macro_f1, mae, ..."
    )
    runs = parser.add_argument_group("how it is run")
    runs.add_argument("--jobs", metavar="N", type=int, default=-1, help="processes (-1: one for each core)")
    runs.add_argument(
        "--backend", choices=("loky", "dask"), default="loky", help="this machine (loky), or a Dask cluster"
    )
    runs.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a running Dask cluster; without it one is started here"
    )
    parser.add_argument("--output", metavar="PLACE", help="a folder, or a file ending in .html (the folder you are in)")
    parser.add_argument("--json", action="store_true", help="print the result for a program to read")


def run(given: argparse.Namespace) -> int:
    """Compare, write the page and its data, say where they are, and return 0.

    Raises:
        SlopesError: It cannot be done as it was given; nothing is written.
    """
    _check_installed()
    plan = _plan(given)
    from slopes.recipes.compare.as_data import as_data  # noqa: PLC0415  packages of the extra, and torch
    from slopes.recipes.compare.comparison import compare  # noqa: PLC0415  likewise
    from slopes.recipes.compare.page import page  # noqa: PLC0415  likewise
    from slopes.recipes.compare.written import places, write  # noqa: PLC0415  likewise
    from slopes.recipes.data.dataset import Columns, load  # noqa: PLC0415  likewise

    where = places(given.output, given.data)
    columns = Columns(
        target=tuple(given.target),
        groups=given.groups,
        time=given.time,
        ignored=tuple(given.ignore),
        categorical=tuple(given.categorical),
    )
    data = load(given.data, columns, task=given.task, positive=given.positive, missing=given.missing, rows=given.rows)
    found = compare(data, plan, jobs=given.jobs, backend=given.backend, scheduler=given.scheduler, told=_bar)
    result = as_data(found)
    text = json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    write({where[0]: page(found), where[1]: text})
    sys.stdout.write(text if given.json else _said(result, [str(place) for place in where]))
    return 0


def _check_installed() -> None:
    from importlib.util import find_spec  # noqa: PLC0415  with this command only

    missing = [package for package in NEEDS if find_spec(package) is None]
    if missing:
        text = (
            f"compare: needs {', '.join(missing)}, not installed; the `recipes` extra has them: "
            f"pip install 'slopes[recipes]'"
        )
        raise MissingDependencyError(text)


def _plan(given: argparse.Namespace) -> Any:  # noqa: ANN401  a Plan, whose module is not imported here
    from slopes.recipes.data.dataset import LEAST_ROWS  # noqa: PLC0415  packages of the extra

    for name, least in (("rows", LEAST_ROWS), ("seeds", 1), ("steps", 1)):
        if getattr(given, name) < least:
            text = (
                f"compare: --{name} is {getattr(given, name)}, expected at least {least}; say --{name} {least} or more."
            )
            raise OptionError(text)
    if given.jobs == 0:
        text = "compare: --jobs is 0, expected a number of processes; say --jobs -1 for one on each core."
        raise OptionError(text)
    shares = tuple(share / 100 for share in _numbers("corrupt", given.corrupt, 0, 100))
    ratios = _numbers("imbalance", given.imbalance, 1, float("inf"))
    from slopes.recipes.compare.comparison import Plan  # noqa: PLC0415  packages of the extra, and torch

    return Plan(
        seeds=given.seeds,
        steps=given.steps,
        corrupted=shares,
        ratios=ratios,
        wrong=given.include_wrong,
        only=tuple(given.only),
        decides=given.metric,
    )


def _numbers(option: str, text: str, low: float, high: float) -> tuple[float, ...]:
    if text == "none":
        return ()
    try:
        found = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        found = ()
    if not found or not all(low < number < high for number in found):
        said = (
            f"compare: --{option} is {text!r}, expected numbers between {low:g} and {high:g}, as in --{option} 10,20; "
            f"say --{option} none to leave it out."
        )
        raise OptionError(said)
    return found


def _bar(outcomes: Iterator[Any], total: int) -> Iterator[Any]:
    """Return what comes in, with a progress bar on stderr where a person looks at it."""
    from tqdm import tqdm  # noqa: PLC0415  the extra's packages come with their use

    watched: Iterator[Any] = iter(tqdm(outcomes, total=total, desc="training", unit="run", disable=None, leave=False))
    return watched


def _said(result: dict[str, Any], places: list[str]) -> str:
    told = result["recommendation"]
    return "\n".join([told["claim"] + ".", told["reading"], "", *places, ""])
