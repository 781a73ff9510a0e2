"""What the pairing figure says: a sentence on the pair, the library's own words, formulas, the Python."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.pairing.model import STARTS, STEPS, Response, Verdict
from slopes.explorer.figures.pairing.pairs import YOURS, Pair, matched
from slopes.explorer.figures.pairing.tasks import LINEAR
from slopes.explorer.figures.result import Formula
from slopes.explorer.figures.wording import bracketed, capital, latex_number, number

_FAINT: Final = 0.1  # of the matched pair's gradient
_WORDS: Final = {"mse": "2(ŷ − y)", "log": "2(ln ŷ − ln y)"}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is seen of a pair at one logit, for both targets: its response, the matched one, where training ends."""

    pair: Pair
    z: float
    found: Response
    best: Response
    verdict: Verdict
    leads_away: list[bool]
    ends: tuple[list[float], list[float]]

    @property
    def row(self) -> int:
        """The target that is worth a sentence: one that is pushed away, else the one that the logit is wrong about."""
        if not self.verdict.matched and any(self.leads_away):
            return self.leads_away.index(True)
        goals = self.pair.task.goals
        answer = self.best.answer[0].item()
        return 0 if abs(answer - goals[0]) >= abs(answer - goals[1]) else 1


def reading(seen: Seen) -> str:
    """Return whether the pair is matched, what is handed back here, and where training ends."""
    pair = f"{seen.pair.activation.said} with {seen.pair.loss.said}"
    i, verdict = seen.row, seen.verdict
    here = f"At z = {number(seen.z, 3)} with {seen.pair.task.said[i]}"
    pull, best = seen.found.slope[i].item(), seen.best.slope[i].item()
    if verdict.matched:
        kind = "the matched pair" if seen.pair.own else "matched too"
        is_it = f"{pair} is {kind}: what reaches the logit is {_WORDS.get(seen.pair.loss.name, 'ŷ − y')}"
        return f"{is_it}. {here} that is {number(pull, 3)}, and {_trained(seen, i)}. {_aside(seen)}".strip()
    kind = "is a mismatch" if verdict.mismatch else "works, without being the matched pair"
    if math.isnan(pull):
        given = number(seen.found.output[i].item(), 3)
        return f"{pair} {kind}. {here} there is no loss at all, since the output is {given}. {_limits(seen)}".strip()
    against = f"{here} the gradient is {number(pull, 3)}, where the matched pair has {number(best, 3)}"
    effect, limits = _effect(seen, i), _limits(seen)
    if verdict.mismatch and not effect and not limits:
        limits = _elsewhere(verdict)
    said = f"{pair} {kind}. {against}{effect}. {limits}"
    return f"{said} {capital(_trained(seen, i))}.".replace("  ", " ")


def _elsewhere(verdict: Verdict) -> str:
    if verdict.dies:
        return "Confidently wrong the other way, it gets next to nothing."
    return "At other logits it leads away from the target." if verdict.wrong else ""


def _effect(seen: Seen, i: int) -> str:
    pull, best = seen.found.slope[i].item(), seen.best.slope[i].item()
    if seen.leads_away[i]:
        return f": it leads away from the target{_why_away(seen.pair)}"
    if abs(pull) >= _FAINT * min(abs(best), 1.0):
        return ""
    because = _because(seen, i)
    effect = ": nothing at all" if pull == 0 else ": it dies"
    return f"{effect}, because {because}" if because else effect


def _why_away(pair: Pair) -> str:
    if pair.task.name == "labels" and "softmax" in {pair.activation.name, "softmax" if pair.loss.name == "ce" else ""}:
        return ", because a softmax makes labels compete that may both be true"
    if pair.task.hard and pair.loss.name == "mse":
        return ", because beyond it a right answer counts as an error again"
    return ""


def _because(seen: Seen, i: int) -> str:
    pair, by_output = seen.pair, seen.found.by_output[i].item()
    activation, loss, single = pair.activation.name, pair.loss.name, len(pair.task.targets[0]) == 1
    if single and "softmax" in {activation, "softmax" if loss == "ce" else ""}:
        return "a softmax over a single output is always 1"
    if (activation, loss) in {("sigmoid", "bce"), ("softmax", "ce")}:
        return f"the {activation} is applied twice"
    if loss == "hinge01" and pair.task.goals[i] == 0:
        return "a label of 0 takes the output out of the loss"
    if by_output == 0:
        return "the loss is flat at this output"
    shrunk = abs(seen.found.slope[i].item()) < _FAINT * abs(by_output)
    return pair.activation.because if shrunk else ""


def _limits(seen: Seen) -> str:
    verdict, task = seen.verdict, seen.pair.task
    low, high = number(verdict.low, 3), number(verdict.high, 3)
    if not verdict.reaches:
        if verdict.low == verdict.high:
            return f"It answers {low} whatever the logit is."
        return f"Its answers stay between {low} and {high}."
    if not verdict.inside:
        ends = "[0, 1]" if math.isfinite(task.domain[1]) else "the positive numbers"
        return f"Its answers leave {ends}."
    return ""


def _trained(seen: Seen, i: int) -> str:
    start = number(STARTS[i], 2)
    end, best = seen.ends[0][i], seen.ends[1][i]
    if math.isnan(end):
        return f"training from z = {start} ends where the loss does"
    against = "" if seen.verdict.matched else f", the matched pair's to {number(best, 3)}"
    return f"{STEPS} steps from z = {start} bring ŷ to {number(end, 3)}{against}"


def _aside(seen: Seen) -> str:
    if seen.pair.loss.name == "probabilities":
        return "On paper, that is: in two steps it fails where the sigmoid rounds to 1, in float32 from z = 17 on."
    if seen.pair.task.exclusive and seen.pair.loss.name != matched(seen.pair.task).name:
        return "Each class is judged alone, so the answers need not add up to 1."
    return ""


def words(pair: Pair, said: tuple[tuple[str, str], ...]) -> str:
    """Return what the library says to a pair, in its own words."""
    if not said:
        return ""
    texts: dict[str, list[str]] = {}
    for target, text in said:
        texts.setdefault(text, []).append(target)
    quoted = " ".join(f"For {' and '.join(targets)}: {text}" for text, targets in texts.items())
    if pair.loss.unit:
        return f"Where torch refuses, nothing is drawn. {quoted}"
    if all("Warning" in text for text in texts):
        return f"slopes warns. {quoted}"
    return f"slopes refuses; what is drawn is without its checks. {quoted}"


def formulas(seen: Seen) -> tuple[Formula, ...]:
    """Return output, loss and gradient with the present numbers, and the gradient of the matched pair."""
    pair, i = seen.pair, seen.row
    z, output = latex_number(seen.z, 3), latex_number(seen.found.output[i].item(), 3)
    value = latex_number(seen.found.value[i].item())
    target = pair.task.said[i].replace("−", "-")
    single = len(pair.task.targets[0]) == 1 or "sum" in pair.loss.latex
    loss = pair.loss.latex if single else pair.loss.latex.replace("L = ", r"L = \textstyle\sum_k ", 1)
    chosen = [
        rf"z = {z},\quad {target}",
        rf"{pair.activation.latex} = {output}" if pair.activation.name != LINEAR else rf"o = z = {output}",
        rf"{loss} = {value}",
        _chain(seen, i),
    ]
    label = "This pair" if not seen.pair.own else "The matched pair"
    if math.isnan(seen.found.slope[i].item()):
        chosen = chosen[:2]
    return (
        *(Formula(label=label, mathml=mathml(latex)) for latex in chosen),
        Formula(label="What a matched pair leaves", mathml=mathml(_left(seen, i))),
    )


def _left(seen: Seen, i: int) -> str:
    """The matched pair's gradient, its two terms as numbers."""
    task, best = seen.pair.task, latex_number(seen.best.slope[i].item())
    answer, goal = seen.best.answer[i].item(), task.goals[i]
    if matched(task).name == "log":
        answer, goal = math.log(answer), math.log(goal)
    minus = rf"{latex_number(answer, 3)} - {bracketed(latex_number(goal, 3))}"
    numbers = rf"2({minus})" if task.gradient.startswith("2") else minus
    return rf"\frac{{\partial L}}{{\partial z}} = {task.gradient} = {numbers} = {best}"


def _chain(seen: Seen, i: int) -> str:
    """The gradient as the product of its two factors, or as the sum of products under a softmax."""
    pull, first = seen.found.slope[i].item(), seen.found.by_output[i].item()
    by, single = seen.pair.loss.slope, len(seen.pair.task.targets[0]) == 1
    d = r"\frac{\partial L}{\partial z}"
    if seen.pair.activation.name == LINEAR:
        return rf"{d} = {by} = {latex_number(pull)}" if by else rf"{d} = {latex_number(pull)}"
    if seen.pair.activation.name == "softmax" and not single:
        sum_of = r"\textstyle\sum_k \frac{\partial L}{\partial o_k}\,\frac{\partial o_k}{\partial z}"
        return rf"{d} = {sum_of} = {latex_number(pull)}"
    product = rf"{_part(by)} \cdot \frac{{\partial o}}{{\partial z}}"
    second = pull / first if first else math.nan
    if math.isnan(second):
        return rf"{d} = {product} = {latex_number(pull)}"
    factors = rf"{bracketed(latex_number(first, 3))} \cdot {bracketed(latex_number(second, 3))}"
    return rf"{d} = {product} = {factors} = {latex_number(pull)}"


def _part(slope: str) -> str:
    if not slope:
        return r"\frac{\partial L}{\partial o}"
    return slope if slope.startswith((r"\frac", "2(")) else rf"\left({slope}\right)"


def snippet(seen: Seen, *, refused: bool) -> str:
    """Return Python that prints loss and gradient for both targets."""
    pair = seen.pair
    task = pair.task
    own = "\nfrom slopes.explorer.yours import load" * (YOURS in {pair.activation.name, pair.loss.name})
    unchecked = ", slopes.checks(values=False)" if refused and not pair.loss.unit else ""
    first, second = ([int(v) if v == int(v) else v for v in row] for row in task.targets)
    lines = [
        f"import torch\nimport slopes\nfrom slopes import activations as A, losses as L{own}\n",
        f"z = torch.tensor([{_listed([seen.z, *task.others])}], dtype=torch.float64, requires_grad=True)",
        f"for target in ({_listed(first)}, {_listed(second)}):",
        "    y = torch.tensor([target], dtype=torch.float64)",
        f"    with slopes.exact(){unchecked}:",
        f"        o = {pair.activation.code}",
        f"        loss = {pair.loss.code(task)}",
        "    print(loss.item(), torch.autograd.grad(loss, z)[0][0, 0].item())",
    ]
    if pair.loss.unit and any(math.isnan(v) for v in seen.found.value.tolist()):
        lines[-2] = (
            "        try:\n"
            f"            loss = {pair.loss.code(task)}\n"
            "        except RuntimeError:  # there is no loss here\n"
            '            print(float("nan"), float("nan"))\n'
            "            continue"
        )
    return "\n".join(lines) + "\n"


def _listed(values: list[float]) -> str:
    """A list as Python, with a run of equal numbers at its end written as a product."""
    tail = len(values)
    while tail > 1 and values[tail - 1] == values[tail - 2]:
        tail -= 1
    run = len(values) - tail + 1
    if run < 5:  # noqa: PLR2004  shorter written out
        return repr(values)
    start = values[: tail - 1]
    return f"{start!r} + [{values[-1]!r}] * {run}" if start else f"[{values[-1]!r}] * {run}"
