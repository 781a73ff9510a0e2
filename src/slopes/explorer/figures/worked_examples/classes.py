"""The figures of several classes: cross-entropy, smoothed targets, and squares taken where they do not belong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.figures.worked_examples.arithmetic import gradient, real, squares
from slopes.explorer.figures.worked_examples.views import Example, Line, Mark, View
from slopes.shown import palette


def surprise_of_class(p: Tensor) -> Tensor:
    """Return the cross-entropy where the true one of ten classes has p, and the others share what is left."""
    others = ((1 - p) / 9).unsqueeze(-1).expand(-1, 9)
    logits = torch.cat([p.unsqueeze(-1), others], -1).log()
    return L.cross_entropy(logits, torch.zeros(len(p), dtype=torch.int64), reduction="none")


def of_first(logits: Tensor) -> Tensor:
    """Return the cross-entropy of each row of logits where the first class is true."""
    return L.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64), reduction="none")


def seven_tenths() -> Tensor:
    """Return the loss where the true class has 0.7."""
    return surprise_of_class(real(0.7))


def ten_classes() -> Tensor:
    """Return the loss where it has 0.9, and 0.01."""
    return surprise_of_class(real(0.9, 0.01))


def three_shares() -> Tensor:
    """Return the loss where it has 0.733, 0.067 and 0.01."""
    return surprise_of_class(real(0.733, 0.067, 0.01))


def cross_entropy_gradient() -> Tensor:
    """Return the gradient by the logits."""
    logits = real(0.733, 0.200, 0.067).log().unsqueeze(0)
    return gradient(lambda z: of_first(z).sum(), logits)


def trio() -> Tensor:
    """Return the shares of three classes, of which the first is true."""
    return real(0.2, 0.5, 0.3)


def truth() -> Tensor:
    """Return the one-hot target."""
    return real(1.0, 0.0, 0.0)


def trio_cross_entropy() -> Tensor:
    """Return the loss of the three shares, and its gradient by the logits."""
    logits = trio().log().unsqueeze(0)
    return torch.cat([of_first(logits), gradient(lambda z: of_first(z).sum(), logits)[0]])


def smoothed_over_all() -> Tensor:
    """Return what is left for each other of four classes, and for the true one."""
    target = L.smooth_labels(torch.tensor([0]), 4, label_smoothing=0.1, dtype=torch.float64)[0]
    return target[[1, 0]]


def smoothed_three() -> Tensor:
    """Return what is left for the true one of three classes, and for each other."""
    return L.smooth_labels(torch.tensor([0]), 3, label_smoothing=0.1, dtype=torch.float64)[0, :2]


def squares_on_classes() -> Tensor:
    """Return the MSE of an unsure answer, and of one that is sure and wrong."""
    return torch.stack([L.mse(trio(), truth()), L.mse(real(0.01, 0.98, 0.01), truth())])


def trio_squares() -> Tensor:
    """Return the sum of the squares of the three shares."""
    return squares(trio(), truth())


def squares_by_shares() -> Tensor:
    """Return its gradient by the shares."""
    return gradient(lambda p: squares(p, truth()), trio())


def slope_of_own_share(i: int) -> Tensor:
    """Return how much a share moves with its own logit: an entry of the Jacobian's diagonal."""
    return gradient(lambda z: A.softmax(z, dim=-1)[i], trio().log())[i]


def squares_by_diagonal() -> Tensor:
    """Return its gradient by the logits where each logit moves its own share alone."""
    own = torch.stack([slope_of_own_share(i) for i in range(3)])
    return own * gradient(lambda p: squares(p, truth()), trio())


def squares_by_logits() -> Tensor:
    """Return its whole gradient by the logits."""
    return gradient(lambda z: squares(A.softmax(z, dim=-1), truth()), trio().log())


def squares_of_logits() -> Tensor:
    """Return the sum of the squares of logits themselves, and its gradient."""
    logits = real(0.5, 1.5, 0.9)
    return torch.cat([squares(logits, truth()).unsqueeze(0), gradient(lambda z: squares(z, truth()), logits)])


_HUE: Final = palette.hue("cross_entropy")
_THREE: Final = (palette.BLUE, palette.ORANGE, palette.GREEN)
Rows = Callable[[Tensor], Tensor]


def _over_share(*points: float, low: float) -> View:
    line = Line(label="−log p", hue=_HUE, function=surprise_of_class)
    marks = tuple(Mark(p) for p in points)
    return View(over="share of the true class", low=low, high=0.999, lines=(line,), marks=marks)


def _moved(start: Tensor, rows: Rows, i: int) -> Callable[[Tensor], Tensor]:
    """Return a function of rows, over how far one of their entries is moved."""
    step = torch.eye(len(start), dtype=start.dtype)[i]
    return lambda x: rows(start + x.unsqueeze(-1) * step)


def _over_move(what: str, start: Tensor, rows: Rows, *, value: bool = False, reach: float = 3.0) -> View:
    """Return what happens as each entry moves; the slopes at 0 are the gradient."""
    lines = tuple(
        Line(label=f"move {what}{'₁₂₃'[i]}", hue=hue, function=_moved(start, rows, i)) for i, hue in enumerate(_THREE)
    )
    slopes = tuple(Mark(0.0, i, slope=True) for i in range(3))
    marks = (Mark(0.0), *slopes) if value else slopes
    return View(over=f"how far {what} is moved", low=-reach, high=reach, lines=lines, marks=marks)


def _own_term(i: int) -> Rows:
    """Return the square of one class alone, whose slope is the diagonal's term."""
    return lambda z: L.mse(A.softmax(z, dim=-1)[:, i], truth()[i].expand(len(z)), reduction="none")


def _diagonal_view() -> View:
    start = trio().log()
    lines = tuple(
        Line(label=f"square {'₁₂₃'[i]}", hue=hue, function=_moved(start, _own_term(i), i))
        for i, hue in enumerate(_THREE)
    )
    marks = tuple(Mark(0.0, i, slope=True) for i in range(3))
    return View(over="how far the class’s own logit is moved", low=-3.0, high=3.0, lines=lines, marks=marks)


def _smoothed(classes: int, place: int, smooth_over: str) -> Callable[[Tensor], Tensor]:
    """Return one entry of a smoothed target over ε, in which it is linear."""
    none, whole = (
        L.smooth_labels(
            torch.tensor([0]),
            classes,
            label_smoothing=share,
            smooth_over=smooth_over,  # type: ignore[arg-type]
            dtype=torch.float64,
        )[0, place]
        for share in (0.0, 1.0)
    )
    return lambda e: torch.lerp(none, whole, e)


def _over_smoothing(classes: int, order: tuple[int, int], *forms: str) -> View:
    said = {"all": "", "others": ", K − 1"}
    lines = tuple(
        Line(
            label=("true" if place == 0 else "other") + said[form],
            hue=(palette.BLUE if form == "all" else palette.ORANGE),
            function=_smoothed(classes, place, form),
        )
        for form in forms
        for place in order
    )
    return View(over="ε", low=0.0, high=0.3, lines=lines, marks=(Mark(0.1, 0), Mark(0.1, 1)))


def _between(x: Tensor) -> Tensor:
    unsure, sure = trio(), real(0.01, 0.98, 0.01)
    return squares(unsure + x.unsqueeze(-1) * (sure - unsure), truth()) / 3


EXAMPLES: Final = {
    "ce-cat": Example(compute=seven_tenths, view=_over_share(0.7, low=0.02)),
    "ten-class": Example(compute=ten_classes, view=_over_share(0.9, 0.01, low=0.005)),
    "lesson-ce": Example(compute=three_shares, view=_over_share(0.733, 0.067, 0.01, low=0.005)),
    "lesson-ce-gradient": Example(
        compute=cross_entropy_gradient, view=_over_move("z", real(0.733, 0.200, 0.067).log(), of_first)
    ),
    "robot-ce": Example(compute=trio_cross_entropy, view=_over_move("z", trio().log(), of_first, value=True)),
    "smoothed-target": Example(compute=smoothed_over_all, view=_over_smoothing(4, (1, 0), "all")),
    "lesson-smoothed": Example(compute=smoothed_three, view=_over_smoothing(3, (0, 1), "all", "others")),
    "mse-on-classes": Example(
        compute=squares_on_classes,
        view=View(
            over="from unsure, at 0, to sure and wrong, at 1",
            low=-0.1,
            high=1.1,
            lines=(Line(label="MSE", hue=palette.hue("mse"), function=_between),),
            marks=(Mark(0.0), Mark(1.0)),
        ),
    ),
    "robot-mse": Example(
        compute=trio_squares,
        view=View(
            over="how far p₁ is moved",
            low=-0.2,
            high=0.8,
            lines=(
                Line(
                    label="sum",
                    hue=palette.hue("mse"),
                    function=_moved(trio(), lambda p: squares(p, truth()), 0),
                ),
            ),
            marks=(Mark(0.0),),
        ),
    ),
    "robot-mse-dp": Example(
        compute=squares_by_shares, view=_over_move("p", trio(), lambda p: squares(p, truth()), reach=0.4)
    ),
    "robot-mse-dz-diagonal": Example(compute=squares_by_diagonal, view=_diagonal_view()),
    "robot-mse-dz-full": Example(
        compute=squares_by_logits,
        view=_over_move("z", trio().log(), lambda z: squares(A.softmax(z, dim=-1), truth())),
    ),
    "robot-logit-mse": Example(
        compute=squares_of_logits,
        view=_over_move("z", real(0.5, 1.5, 0.9), lambda z: squares(z, truth()), value=True, reach=1.5),
    ),
}
