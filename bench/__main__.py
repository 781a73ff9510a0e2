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
        print("\n\n".join(map(profiled, chosen)))
        return 0
    results = []
    for case in chosen:
        results.append(run(case, quick=given.quick))
        print(line(results[-1]), flush=True)
    print(_summary(results))
    if given.json:
        _write(given.json, results)
    if not given.names and not given.quick:
        RESULTS.mkdir(exist_ok=True)
        for group in groups:
            _write(RESULTS / f"{group}.json", [r for r in results if r.name.partition(".")[0] == group])
        PAGE.write_text(page(results), "utf-8")
    return int(any(result.outcome == "wrong" for result in results))


def _is_named(case: Case, name: str) -> bool:
    return case.name == name or case.name.partition(".")[0] == name or case.name.partition(".")[2] == name


def line(result: Result) -> str:
    """Return one result as a line for a terminal."""
    if result.ratio is None:
        return f"{result.name:<28} WRONG by {result.off:.1e} of its largest entry: no speed is shown"
    said = f"{result.name:<28} {result.ours_ms:9.2f} ms against {result.peer_ms:9.2f} ms: {result.ratio:6.3f}"
    said += f" ({result.low:.2f} to {result.high:.2f}, best {result.best:.2f})"
    said += "" if result.goal is None else f", goal {result.goal:.3g}"
    if result.kept is not None:
        said += f", keeps {result.kept:g} bytes an element" + ("" if result.keep is None else f", goal {result.keep:g}")
    said += "".join(f", {what} {number:g}" for what, number in result.notes.items())
    return f"{said}: {result.outcome.upper() if result.outcome == 'missed' else result.outcome}"


def _summary(results: Sequence[Result]) -> str:
    counts = {what: sum(r.outcome == what for r in results) for what in ("met", "missed", "wrong", "information")}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _write(path: Path, results: Sequence[Result]) -> None:
    data = {"conditions": machine.conditions(), "results": [result.as_data() for result in results]}
    path.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", "utf-8")


def page(results: Sequence[Result]) -> str:
    """Return the document."""
    parts = [_HEAD.format(**machine.conditions())]
    for group, heading in _HEADINGS.items():
        chosen = [result for result in results if result.name.partition(".")[0] == group]
        if chosen:
            parts += [f"## {heading}\n", *_table(chosen), ""]
    missed = [result for result in results if result.outcome in {"missed", "wrong"}]
    if missed:
        parts += ["## Goals that are missed\n", *(f"- {' '.join(line(result).split())}" for result in missed)]
    else:
        parts.append("All goals are met.")
    return "\n".join(parts).rstrip() + "\n"


def _table(results: Sequence[Result]) -> list[str]:
    keeps = any(result.kept is not None for result in results)
    notes = list(dict.fromkeys(note for result in results for note in result.notes))
    heads = ["what", "against", "ours, ms", "peer, ms", "ratio", "quartiles", "goal"]
    heads += [*(["kept, bytes an element"] if keeps else []), *notes, "outcome"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for r in results:
        if r.ratio is None:
            cells = [r.claim, _peer(r), "", "", "", "", ""]
        else:
            spread = f"{r.low:.2f} to {r.high:.2f}"
            goal = "" if r.goal is None else f"{r.goal:.3g}"
            cells = [r.claim, _peer(r), f"{r.ours_ms:.2f}", f"{r.peer_ms:.2f}", f"{r.ratio:.2f}", spread, goal]
        if keeps:
            kept = "" if r.kept is None else f"{r.kept:g}"
            cells.append(kept if r.keep is None else f"{kept} (goal {r.keep:g})")
        cells += [f"{r.notes[note]:.2f}" if note in r.notes else "" for note in notes]
        cells.append(f"**{r.outcome}**" if r.outcome in {"missed", "wrong"} else r.outcome)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _peer(result: Result) -> str:
    return f"`{result.peer}`" if result.peer.startswith(_CODE) else result.peer


_CODE: Final = ("F.", "torch.", "value *")
_HEADINGS: Final = {
    "default": "Default activations",
    "exact": "Exact activations",
    "gated": "Gated units",
    "binary": "Losses of one logit",
    "cross_entropy": "Cross-entropy",
    "linear": "Logits that are never made",
    "info_nce": "Line-ups",
}
_HEAD: Final = """# Performance

`make bench` wrote this page: torch {torch}, {processor} ({instructions}), {threads} threads.

Each case runs in the same process as its peer, turn by turn, forward and backward, on the same inputs; the times are
medians, the ratio is ours to the peer's (below 1 we are faster), and the quartiles are those of the rounds' ratios. A
case is timed only after value and gradient have agreed with float64. Bytes are what the forward pass keeps for the
backward pass beyond inputs and output. "Eager ratio" is the same comparison without compilation.
"""

if __name__ == "__main__":
    sys.exit(main())
