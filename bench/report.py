"""Results in words: a line for a terminal, and the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bench import machine
from bench.timing import Result


def line(result: Result) -> str:
    """Return one result as a line for a terminal, and below it the points of a series."""
    head = f"{result.name:<28} "
    if result.outcome == "absent":
        return f"{head}ABSENT: {result.why}"
    if result.ratio is None:
        return f"{head}WRONG by {result.off:.1e} of the largest entry: no speed is shown"
    notes = [] if result.kept is None else [f"keeps {result.kept:g} bytes an element{_goal(result.keep)}"]
    notes += [] if result.peak_ratio is None else [f"peak {result.peak_ratio:.3g} of it{_goal(result.peak)}"]
    notes += [f"{what} {number:g}" for what, number in result.notes.items()]
    outcome = result.outcome.upper() if result.outcome == "missed" else result.outcome
    rest = f"{''.join(f', {note}' for note in notes)}: {outcome}"
    if result.points:
        said = f"{result.ratio:.3f} {_compared(result)}{_goal(result.goal)}"
        points = ("; ".join(f"{what} {number:g}" for what, number in point.items()) for point in result.points)
        return head + said + rest + "".join(f"\n    {point}" for point in points)
    said = f"{result.ours_ms:9.2f} ms against {result.peer_ms:9.2f} ms: {result.ratio:6.3f}"
    return f"{head}{said} ({result.low:.2f} to {result.high:.2f}, best {result.best:.2f}){_goal(result.goal)}{rest}"


def summary(results: Sequence[Result]) -> str:
    """Return how many goals are met and missed."""
    kinds = ("met", "missed", "wrong", "information", "absent")
    counts = {what: sum(r.outcome == what for r in results) for what in kinds}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def page(results: Sequence[Result]) -> str:
    """Return the document."""
    parts = [_HEAD.format(**machine.conditions())]
    groups = dict.fromkeys([*_HEADINGS, *(result.name.partition(".")[0] for result in results)])
    for group in groups:
        chosen = [result for result in results if result.name.partition(".")[0] == group]
        if not chosen:
            continue
        parts.append(f"## {_HEADINGS.get(group, group)}\n")
        parts += [*_table([result for result in chosen if not result.points]), ""]
        for result in chosen:
            parts += _series(result) if result.points else []
    missed = [result for result in results if result.outcome in {"missed", "wrong"}]
    if missed:
        parts += ["## Goals that are missed\n", *(f"- {_in_one_line(result)}" for result in missed)]
    else:
        parts.append("All goals are met.")
    return "\n".join(parts).rstrip() + "\n"


def _goal(goal: float | None) -> str:
    return "" if goal is None else f", goal {goal:.3g}"


def _in_one_line(result: Result) -> str:
    return " ".join(line(result).partition("\n")[0].split())


def _table(results: Sequence[Result]) -> list[str]:
    if not results:
        return []
    rows = [_cells(result) for result in results]
    heads = [head for head in dict.fromkeys(head for row in rows for head in row) if head != "outcome"]
    heads = [head for head in heads if any(row.get(head) for row in rows)] + ["outcome"]
    lines = (f"| {' | '.join(row.get(head, '') for head in heads)} |" for row in rows)
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines]


def _cells(r: Result) -> dict[str, str]:
    cells = {"what": r.claim, "against": f"`{r.peer}`" if r.peer.startswith(_CODE) else r.peer}
    timed = r.ratio is not None
    cells["ours, ms"] = f"{r.ours_ms:.2f}" if timed else ""
    cells["peer, ms"] = f"{r.peer_ms:.2f}" if timed else ""
    cells["ratio"] = _ratio(r.ratio) if timed else ""
    cells["quartiles"] = f"{_ratio(r.low)} to {_ratio(r.high)}" if timed else ""
    cells["goal"] = "" if r.goal is None else f"{r.goal:.3g}"
    cells["kept, bytes an element"] = _with_goal(r.kept, r.keep)
    cells["peak ratio"] = _with_goal(r.peak_ratio, r.peak)
    cells |= {what: f"{number:.3g}" if abs(number) < 100 else f"{number:.0f}" for what, number in r.notes.items()}
    return cells | {"outcome": _outcome(r)}


def _ratio(ratio: float | None) -> str:
    """Return a ratio with two digits that say something."""
    if ratio is None:
        return ""
    return f"{ratio:.2f}" if ratio >= _SMALL else f"{ratio:.2g}"


def _with_goal(number: float | None, goal: float | None) -> str:
    if number is None:
        return ""
    return f"{number:.3g}" if goal is None else f"{number:.3g} (goal {goal:.3g})"


def _outcome(result: Result) -> str:
    if result.outcome == "absent":
        return f"absent: {result.why}"
    return f"**{result.outcome}**" if result.outcome in {"missed", "wrong"} else result.outcome


def _compared(result: Result) -> str:
    """Return what the ratio of a series is a ratio to."""
    return "times the fastest's time" if result.goal is None else "times the smallest's time for each unit"


def _series(result: Result) -> list[str]:
    """Return a series as a sentence and a table of its own."""
    time = f"{result.ratio:.2f} {_compared(result)}{_goal(result.goal)}"
    memory = f"{result.peak_ratio:.2f} times the smallest's peak of memory{_goal(result.peak)}"
    text = f"{result.claim}; at worst {time}; {memory}: {_outcome(result)}.\n"
    heads = list(result.points[0])
    lines = (f"| {' | '.join(_number(point[head]) for head in heads)} |" for point in result.points)
    return [text, f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines, ""]


def _number(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


_SMALL: Final = 0.1
_CODE: Final = ("F.", "torch.", "value *")
_HEADINGS: Final = {
    "default": "Default activations",
    "exact": "Exact activations",
    "fused": "Fused passes in code that is not compiled",
    "small": "Small calls on one thread",
    "gated": "Gated units",
    "binary": "Losses of one logit",
    "cross_entropy": "Cross-entropy",
    "linear": "Logits that are never made",
    "info_nce": "Line-ups",
    "clip": "Images and texts",
    "batch_triplet": "Triplets of a batch",
}
_HEAD: Final = """# Performance

`make bench` wrote this page: torch {torch}, {processor} ({instructions}), {threads} threads.

Each case runs in the same process as its peer, turn by turn, forward and backward, on the same inputs. Times are
medians. A ratio is ours to the peer's, below 1 where we are faster: the median of the rounds' ratios, with their
quartiles; "best" is the ratio of the fastest rounds. A case is timed only after value and gradient have agreed with
float64; where the peer's loss is further off than ours, its relative error stands beside.

Bytes are what the forward pass keeps for the backward pass beyond inputs and output. A peak is the most memory that is
alive at once beyond the inputs, the loss and the gradients. "Eager ratio" is the comparison without compilation; some
of torch's operators are faster without it, hence their time uncompiled.
"""
