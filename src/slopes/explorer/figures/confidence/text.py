"""What the confidence figure says: a sentence on the two pulls, the formulas with numbers, the Python."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.confidence.model import CROSS_ENTROPY, DIAGONAL, HUES, NAMES, SQUARES, Taught
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Formula
from slopes.explorer.figures.wording import bracketed, latex_number, number

_LOUDEST: Final = 1 / 3  # where MSE's pull on the right logit is largest, whatever the others share
_SURE: Final = 0.9
_HEARD: Final = 1e-3  # a pull on another class that is worth a word


def reading(taught: Taught) -> str:
    """Return what each loss does about this prediction."""
    p = taught.p[0, 0].item()
    shout, whisper = (taught.methods[name].gradient[0].tolist() for name in (CROSS_ENTROPY, SQUARES))
    start = f"The model gives cat {number(p, 3)}"
    pulls = f"cross-entropy lifts its logit with {number(-shout[0], 3)}, MSE with {number(-whisper[0], 3)}"
    ratio = shout[0] / whisper[0]
    if p > _SURE:
        return f"{start}, and cat is right: both losses let go. What is left: {pulls}."
    if p >= _LOUDEST * (1 - 1e-6):
        near = "Here MSE pulls hardest" if p < _LOUDEST * (1 + 1e-3) else "MSE pulls hardest at p = 1/3"
        return f"{start}: {pulls}. {near}; with every mistake that is more certain than p = 1/3 it pulls less."
    lifted = [(-pull, name) for pull, name in zip(whisper[1:], NAMES[1:], strict=True) if pull < -_HEARD]
    more = ""
    if lifted:
        size, name = max(lifted)
        than = ", more than it lifts cat" if size > -whisper[0] else ""
        more = f" MSE also lifts {name}, a wrong class, with {number(size, 3)}{than}."
    return f"{start}, and cat is right: {pulls}, {number(ratio, 3)} times less.{more}"


def formulas(taught: Taught, *, mean: bool) -> tuple[Formula, ...]:
    """Return loss and gradient of both losses and of the diagonal, with the present numbers."""
    p = taught.p[0].tolist()
    g = taught.by_p[0].tolist()
    loss = {name: method.loss[0].item() for name, method in taught.methods.items()}
    pull = {name: method.gradient[0, 0].item() for name, method in taught.methods.items()}
    p1, g1 = latex_number(p[0], 3), latex_number(g[0], 3)
    average = latex_number(sum(a * b for a, b in zip(p, g, strict=True)), 3)
    squares = r" + ".join([rf"({_plain(p[0])} - 1)^2", *(rf"({_plain(q)})^2" for q in p[1:])])
    squares = rf"\tfrac{{1}}{{3}}\left({squares}\right)" if mean else squares
    scale = r"\tfrac{2}{3}" if mean else "2"
    d = r"\frac{\partial L}{\partial z_1}"
    shout, whisper = latex_number(pull[CROSS_ENTROPY]), latex_number(pull[SQUARES], 3)
    whole = rf"p_1\left(g_1 - \textstyle\sum_j p_j g_j\right) = {p1}\,({g1} - {average})"
    part = rf"p_1 (1 - p_1)\, g_1 = {p1} \cdot {latex_number(1 - p[0], 3)} \cdot {bracketed(g1)}"
    lines = (
        (CROSS_ENTROPY, rf"L = -\ln p_1 = -\ln({p1}) = {latex_number(loss[CROSS_ENTROPY])}"),
        (CROSS_ENTROPY, rf"{d} = p_1 - 1 = {shout}"),
        (SQUARES, rf"L = {squares} = {latex_number(loss[SQUARES])}"),
        (SQUARES, rf"{d} = {whole} = {whisper}"),
        (SQUARES, rf"g = {scale}(p - y) = ({g1}, {_plain(g[1])}, {_plain(g[2])})"),
        (DIAGONAL, rf"{part} = {latex_number(pull[DIAGONAL])}"),
    )
    heads = {CROSS_ENTROPY: "Cross-entropy", SQUARES: "MSE on the softmax", DIAGONAL: "MSE, diagonal only"}
    return tuple(Formula(label=heads[name], mathml=mathml(latex), hue=HUES[name]) for name, latex in lines)


def snippet(z: list[float], *, mean: bool) -> str:
    """Return Python that prints both losses with their gradients, and the diagonal's."""
    return _SNIPPET.format(logits=z, reduction="mean" if mean else "sum")


_SNIPPET: Final = """\
import torch
import slopes
from slopes import activations as A, losses as L

logits = torch.tensor([{logits}], dtype=torch.float64, requires_grad=True)
with slopes.exact():
    surprise = L.cross_entropy(logits, torch.tensor([0]))
    p = A.softmax(logits, dim=-1)
    squares = L.mse(p, torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64), reduction="{reduction}")
for loss in (surprise, squares):
    print(loss.item(), *torch.autograd.grad(loss, logits, retain_graph=True)[0][0].tolist())
diagonal = torch.autograd.grad(squares, p)[0] * p * (1 - p)
print(*diagonal[0].tolist())
"""


def _plain(value: float) -> str:
    return latex_number(value, 3)
