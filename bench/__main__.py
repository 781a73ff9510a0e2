"""`make bench`: every claim of speed against its named peer, in one run and one process.

`python -m bench` measures all cases, writes `bench/results/*.json` and `docs/performance.md`; with names, or with
`--quick`, it only prints. A case whose answer is wrong gets no speed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from bench import machine
from bench.cases import CASES
from bench.report import line, page, summary
from bench.series import Series, run_series
from bench.timing import Case, Result, profiled, run

RESULTS: Final = machine.ROOT / "bench" / "results"
PAGE: Final = machine.ROOT / "docs" / "performance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 where an answer is wrong."""
    groups = dict.fromkeys(case.name.partition(".")[0] for case in CASES)
    parser = argparse.ArgumentParser(prog="python -m bench", description="Every claim of speed, against its peer.")
    parser.add_argument(
        "names", nargs="*", metavar="CASE", help=f"a group ({', '.join(groups)}) or one, as default.gelu"
    )
    parser.add_argument("--quick", action="store_true", help="small inputs, few rounds: whether it works, not how fast")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument(
        "--profile", action="store_true", help="show where the time goes instead, operation by operation"
    )
    parser.add_argument("--list", action="store_true", help="only say which cases there are")
    parser.add_argument("--threads", type=int, metavar="N", help="how many threads torch has (default: torch's own)")
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    chosen = [case for case in CASES if not given.names or any(_is_named(case, name) for name in given.names)]
    for name in given.names:
        if not any(_is_named(case, name) for case in CASES):
            parser.error(f"no case {name!r}; `python -m bench --list` shows all")
    if given.list:
        print("\n".join(f"{case.name:<28} {case.claim}" for case in chosen))
        return 0
    if given.profile:
        print("\n\n".join(profiled(case) for case in chosen if isinstance(case, Case)))
        return 0
    results = []
    for case in chosen:
        results.append(_measured(case, quick=given.quick))
        print(line(results[-1]), flush=True)
    print(summary(results))
    if given.json:
        _write(given.json, results)
    if not given.names and not given.quick:
        RESULTS.mkdir(exist_ok=True)
        for group in groups:
            _write(RESULTS / f"{group}.json", [r for r in results if r.name.partition(".")[0] == group])
        PAGE.write_text(page(results), "utf-8")
    return int(any(result.outcome == "wrong" for result in results))


def _measured(case: Case | Series, *, quick: bool) -> Result:
    return run_series(case, quick=quick) if isinstance(case, Series) else run(case, quick=quick)


def _is_named(case: Case | Series, name: str) -> bool:
    return case.name == name or case.name.partition(".")[0] == name or case.name.partition(".")[2] == name


def _write(path: Path, results: Sequence[Result]) -> None:
    data = {"conditions": machine.conditions(), "results": [result.as_data() for result in results]}
    path.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
