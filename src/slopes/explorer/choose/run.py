"""The program of a comparison, in a process of its own: an order comes in as a line, progress goes out as lines.

It ends when its standard input does, so that it never outlives the explorer that asked for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from slopes._core.errors import SlopesError


def main(orders: TextIO = sys.stdin, told: TextIO = sys.stdout) -> int:
    """Read an order, compare, write the report and its data, and return the exit status."""
    given = json.loads(orders.readline())
    threading.Thread(target=_end_with, args=(orders,), daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)  # the page that waits for it should stay quick
    try:
        _compare(given, told)
    except SlopesError as error:
        _tell(told, error=str(error))
        return 1
    return 0


def _compare(given: dict[str, Any], told: TextIO) -> None:
    from slopes.recipes.compare.as_data import as_data  # noqa: PLC0415  the order is read first
    from slopes.recipes.compare.comparison import CORRUPTED, RATIOS, Plan, compare  # noqa: PLC0415  likewise
    from slopes.recipes.compare.page import page  # noqa: PLC0415  likewise
    from slopes.recipes.compare.written import write  # noqa: PLC0415  likewise
    from slopes.recipes.data.dataset import Columns, load  # noqa: PLC0415  likewise

    def watched(outcomes: Iterator[Any], total: int) -> Iterator[Any]:
        _tell(told, done=0, total=total)
        for done, outcome in enumerate(outcomes, 1):
            _tell(told, done=done, total=total)
            yield outcome

    harm = given["harm"]
    plan = Plan(
        seeds=given["seeds"],
        steps=given["steps"],
        corrupted=CORRUPTED if harm else (),
        ratios=RATIOS if harm else (),
        wrong=given["wrong"],
    )
    columns = Columns(target=tuple(given["target"]))
    data = load(given["where"], columns, task=given["task"], missing=given["missing"])
    found = compare(data, plan, jobs=given["jobs"], told=watched)
    result = as_data(found)
    report = Path(given["report"])
    text = json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    write({report: page(found), report.with_suffix(".json"): text})
    _tell(told, claim=result["recommendation"]["claim"], reading=result["recommendation"]["reading"])


def _tell(told: TextIO, **said: object) -> None:
    told.write(json.dumps(said) + "\n")
    told.flush()


def _end_with(orders: TextIO) -> None:
    """End this process and those that it started, once nobody is there to read what it says."""
    while orders.readline():
        pass
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():  # a group of our own, as `comparing` starts it
        os.killpg(0, signal.SIGTERM)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
