"""The figures of regression: three houses, three prices, five numbers with an outlier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.worked_examples.arithmetic import gradient, real
from slopes.explorer.figures.worked_examples.views import Example, Line, Mark, View
from slopes.shown import palette


def two_errors() -> Tensor:
    """Return the squared errors of 20 and of 40."""
    return L.mse(real(420.0, 440.0), real(400.0, 400.0), reduction="none")


def houses() -> tuple[Tensor, Tensor]:
    """Return the predicted and the true prices of houses A, B and C."""
    return real(210.0, 340.0, 400.0), real(200.0, 350.0, 180.0)


def houses_mse() -> Tensor:
    """Return the MSE of the houses."""
    return L.mse(*houses())


def houses_mse_share() -> Tensor:
    """Return what percentage of it is house C's."""
    each = L.mse(*houses(), reduction="none")
    return 100 * each[2] / each.sum()


def houses_mae() -> Tensor:
    """Return the MAE of the houses."""
    return L.mae(*houses())


def houses_mae_share() -> Tensor:
    """Return what percentage of it is house C's."""
    each = L.mae(*houses(), reduction="none")
    return 100 * each[2] / each.sum()


def houses_huber() -> Tensor:
    """Return Huber of each house, and the mean."""
    each = L.huber(*houses(), delta=15.0, reduction="none")
    return torch.stack([*each, L.huber(*houses(), delta=15.0)])


def houses_huber_drop() -> Tensor:
    """Return by what percentage Huber lowers house C's squared error."""
    squared = L.mse(*houses(), reduction="none")[2]
    return 100 * (1 - L.huber(*houses(), delta=15.0, reduction="none")[2] / squared)


def prices() -> tuple[Tensor, Tensor]:
    """Return three predicted and true prices."""
    return real(300.0, 210.0, 480.0), real(350.0, 200.0, 500.0)


def prices_mse() -> Tensor:
    """Return the MSE of the prices."""
    return L.mse(*prices())


def prices_gradient() -> Tensor:
    """Return its gradient by the predictions."""
    predictions, targets = prices()
    return gradient(lambda p: L.mse(p, targets), predictions)


def five() -> tuple[Tensor, Tensor]:
    """Return five predictions and targets, of which the last is an outlier."""
    return real(11.0, 19.0, 14.0, 13.0, 50.0), real(10.0, 20.0, 15.0, 12.0, 100.0)


def outlier() -> Tensor:
    """Return MAE, MSE and Huber of the five."""
    return torch.stack([L.mae(*five()), L.mse(*five()), L.huber(*five(), delta=1.0)])


def weighted() -> Tensor:
    """Return the weighted squared errors over their count; `denominator` replaces the sum of the weights."""
    return L.mse(*five(), weight=real(1.0, 1.0, 2.0, 3.0, 3.0), denominator=5.0)


def pinball_ratio() -> Tensor:
    """Return how many times dearer it is to predict 1 too little than 1 too much, at the 0.9 quantile."""
    predictions = real(-1.0, 1.0).unsqueeze(-1)
    losses = L.quantile(predictions, real(0.0, 0.0), [0.9], reduction="none").squeeze(-1)
    return losses[0] / losses[1]


_RESIDUAL: Final = "residual, prediction minus target"


def _over_residual(
    function: Callable[[Tensor], Tensor], name: str, reach: float, *marks: Mark, direct: bool = True
) -> View:
    line = Line(label=name, hue=palette.hue(name), function=function)
    kinks = (0.0,) if name == "quantile" else ()
    return View(over=_RESIDUAL, low=-reach, high=reach, lines=(line,), marks=marks, direct=direct, kinks=kinks)


def _each(loss: Callable[..., Tensor], **options: float) -> Callable[[Tensor], Tensor]:
    """Return a loss of each residual on its own."""
    return lambda r: loss(r, torch.zeros_like(r), reduction="none", **options)


def _mean(loss: Callable[..., Tensor], data: tuple[Tensor, Tensor], **options: object) -> Callable[[Tensor], Tensor]:
    """Return the mean loss of some data over the prediction of the last."""
    predictions, targets = data

    def function(x: Tensor) -> Tensor:
        rows = torch.cat([predictions[:-1].expand(len(x), -1), x.unsqueeze(-1)], -1)
        each: Tensor = loss(rows, targets.expand_as(rows), reduction="none", **options)
        return each.mean(-1)

    return function


def _share(loss: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    """Return house C's share of a loss in percent, over its prediction."""
    whole = _mean(loss, houses())
    return lambda x: 100 * loss(x, torch.full_like(x, 180.0), reduction="none") / (3 * whole(x))


def _over_house_c(name: str, function: Callable[[Tensor], Tensor], kinks: tuple[float, ...] = ()) -> View:
    line = Line(label=name, hue=palette.hue(name), function=function)
    over = "prediction for house C, which sold at 180"
    return View(over=over, low=100.0, high=450.0, lines=(line,), marks=(Mark(400.0),), kinks=kinks)


def _huber_view() -> View:
    lines = (
        Line(label="each house", hue=palette.hue("huber"), function=_each(L.huber, delta=15.0)),
        Line(
            label="mean, over C",
            hue=palette.BLUE,
            function=lambda r: _mean(L.huber, houses(), delta=15.0)(r + 180.0),
        ),
    )
    marks = (Mark(10.0), Mark(-10.0), Mark(220.0), Mark(220.0, 1))
    return View(over=_RESIDUAL, low=-40.0, high=250.0, lines=lines, marks=marks)


def _drop(r: Tensor) -> Tensor:
    zeros = torch.zeros_like(r)
    squared = L.mse(r, zeros, reduction="none")
    return 100 * (1 - L.huber(r, zeros, delta=15.0, reduction="none") / squared)


def _over_last(low: float, high: float, kinks: tuple[float, ...], *names: str, **options: object) -> View:
    losses = {"mae": L.mae, "mse": L.mse, "huber": L.huber}
    lines = tuple(
        Line(label=name, hue=palette.hue(name), function=_mean(losses[name], five(), **options)) for name in names
    )
    over = "prediction for the last, which is 100"
    marks = tuple(Mark(50.0, i) for i in range(len(names)))
    return View(over=over, low=low, high=high, lines=lines, marks=marks, kinks=kinks)


def _weighted(x: Tensor) -> Tensor:
    weight = real(1.0, 1.0, 2.0, 3.0, 3.0)
    predictions, targets = five()
    rows = torch.cat([predictions[:-1].expand(len(x), -1), x.unsqueeze(-1)], -1)
    each = L.mse(rows, targets.expand_as(rows), weight=weight.expand_as(rows), reduction="none")
    return each.sum(-1) / len(weight)


EXAMPLES: Final = {
    "mse-house": Example(compute=two_errors, view=_over_residual(_each(L.mse), "mse", 50.0, Mark(20.0), Mark(40.0))),
    "houses-mse": Example(compute=houses_mse, view=_over_house_c("mse", _mean(L.mse, houses()))),
    "houses-mse-share": Example(compute=houses_mse_share, view=_over_house_c("mse", _share(L.mse))),
    "houses-mae": Example(compute=houses_mae, view=_over_house_c("mae", _mean(L.mae, houses()), (180.0,))),
    "houses-mae-share": Example(compute=houses_mae_share, view=_over_house_c("mae", _share(L.mae), (180.0,))),
    "houses-huber": Example(compute=houses_huber, view=_huber_view()),
    "houses-huber-drop": Example(
        compute=houses_huber_drop,
        view=View(
            over="residual of house C",
            low=5.0,
            high=260.0,
            lines=(Line(label="less, %", hue=palette.hue("huber"), function=_drop),),
            marks=(Mark(220.0),),
            kinks=(15.0,),
        ),
    ),
    "lesson-mse": Example(
        compute=prices_mse,
        view=View(
            over="prediction for the third, which is 500",
            low=400.0,
            high=600.0,
            lines=(Line(label="mse", hue=palette.hue("mse"), function=_mean(L.mse, prices())),),
            marks=(Mark(480.0),),
        ),
    ),
    "lesson-mse-gradient": Example(
        compute=prices_gradient,
        view=_over_residual(
            lambda r: L.mse(r, torch.zeros_like(r), reduction="none") / 3,
            "mse",
            70.0,
            Mark(-50.0, slope=True),
            Mark(10.0, slope=True),
            Mark(-20.0, slope=True),
        ),
    ),
    "outlier": Example(compute=outlier, view=_over_last(40.0, 110.0, (100.0,), "mae", "mse", "huber")),
    "weighted-mse": Example(
        compute=weighted,
        view=View(
            over="prediction for the last, which is 100",
            low=40.0,
            high=110.0,
            lines=(Line(label="weighted mse", hue=palette.hue("mse"), function=_weighted),),
            marks=(Mark(50.0),),
        ),
    ),
    "pinball-asymmetry": Example(
        compute=pinball_ratio,
        view=_over_residual(
            lambda r: L.quantile(r.unsqueeze(-1), torch.zeros_like(r), [0.9], reduction="none").squeeze(-1),
            "quantile",
            2.0,
            Mark(-1.0),
            Mark(1.0),
            direct=False,
        ),
    ),
}
