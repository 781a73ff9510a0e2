"""`slopes.plot`: the figure of any function that one number decides, value and slope, as an Altair chart.

An elementwise activation is drawn over its input. A loss is drawn over the one number that decides it: the residual,
the logit, the margin, the distance. The slope is the derivative by that number, by autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from torch import Tensor

from slopes import catalog
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.errors import MissingDependencyError, OptionError
from slopes._core.settings import checks
from slopes._core.spec import Spec

if TYPE_CHECKING:
    import altair as alt

    from slopes.explorer.curve import Series

Options = dict[str, float | str]
Curve = Callable[[Tensor, Options], Tensor]
Lines = dict[str, list[dict[str, float | None]]]

PACKAGES: Final = ("altair", "vl_convert")


def plot(
    name: str,
    *,
    low: float | None = None,
    high: float | None = None,
    theme: str = "light",
    **parameters: float | str,
) -> alt.LayerChart:
    """Return the figure of a function: value solid, slope dashed, over the same axes.

    Args:
        name: The function, by any of its names: `"gelu"`, `"SiLU"`, `"pinball"`.
        low: Left end of the x axis; by default -6, or what suits the loss.
        high: Right end of the x axis; by default 6, or what suits the loss.
        theme: `"light"` or `"dark"`.
        **parameters: The function's own parameters; left out, they have their defaults.

    Returns:
        An Altair chart with its data inside; a notebook shows it, `chart.save("gelu.svg")` writes it.

    Raises:
        UnknownFunctionError: Nothing has that name.
        OptionError: No single number decides the function, a parameter is not its own, or the range is empty.
        MissingDependencyError: The packages of the `explorer` extra are not installed.

    Examples:
        >>> type(plot("huber", delta=2.0)).__name__
        'LayerChart'
    """
    needs("plot", PACKAGES)
    spec = catalog.find(name)
    low, high = _checked(spec, low, high, theme, parameters)
    from slopes.explorer.charts import function_chart  # noqa: PLC0415  altair is an optional package

    if spec.kind == "activation":
        return function_chart(spec, low=low, high=high, theme=theme, **cast("dict[str, Any]", parameters))
    with checks(values=False):  # a log-probability above 0 is no such thing, but a log-ratio is
        return _figure(spec, low, high, theme, parameters)


def numbers(name: str, *, low: float | None = None, high: float | None = None, **parameters: float | str) -> Lines:
    """Return the numbers that `plot` draws: for each line, x, value and slope, None where one jumps.

    Raises:
        UnknownFunctionError: Nothing has that name.
        OptionError: As of `plot`.
        MissingDependencyError: As of `plot`.
    """
    needs("plot", PACKAGES)
    spec = catalog.find(name)
    low, high = _checked(spec, low, high, "light", parameters)
    with checks(values=False):
        return {label: _rows(series, low, high) for label, series in _series(spec, parameters).items()}


def axis_title(name: str) -> str:
    """Return what the x axis of a function's figure is."""
    spec = catalog.find(name)
    return "x" if spec.kind == "activation" else _LOSSES[spec.name][0]


def save(chart: alt.TopLevelMixin, path: str | Path) -> Path:
    """Write a chart to an SVG or PNG file, offline, and return the path.

    Raises:
        OptionError: The file's ending is neither .svg nor .png, or it cannot be written.
    """
    from slopes.explorer import charts  # noqa: PLC0415  altair is an optional package

    try:
        return charts.save(chart, path)
    except OSError as error:
        text = f"plot: {path} cannot be written ({error.strerror}); choose a file in a folder that exists."
        raise OptionError(text) from None


def needs(what: str, packages: tuple[str, ...]) -> None:
    """Raise `MissingDependencyError` where a package of the `explorer` extra is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        text = f"{what}: needs {', '.join(missing)}, not installed; the `explorer` extra has it: {INSTALL}"
        raise MissingDependencyError(text)


INSTALL: Final = "pip install 'slopes[explorer]'"


def _checked(spec: Spec, low: float | None, high: float | None, theme: str, parameters: Options) -> tuple[float, float]:
    """Check what a figure is asked for, and return the ends of its axis."""
    drawn = spec.elementwise if spec.kind == "activation" else spec.name in _LOSSES
    if not drawn:
        text = f"plot: no single number decides {spec.name}, so it has no curve; `slopes show {spec.name}` says more."
        raise OptionError(text)
    reach = _REACH.get(spec.name, 6.0)
    low, high = -reach if low is None else low, reach if high is None else high
    if not -float("inf") < low < high < float("inf"):
        text = f"plot: the axis goes from {low:g} to {high:g}, expected two finite numbers, the lower one first."
        raise OptionError(text)
    if theme not in {"light", "dark"}:
        text = f"plot: `theme` is {theme!r}, expected 'light' or 'dark'; choose one of these."
        raise OptionError(text)
    own = {parameter.name for parameter in spec.parameters}
    if unknown := sorted(set(parameters) - own):
        has = f"it has {', '.join(sorted(own))}" if own else "it has none"
        text = f"plot: {spec.name} has no parameter {unknown[0]!r}; {has}."
        raise OptionError(text)
    return low, high


def _series(spec: Spec, parameters: Options) -> dict[str, Series]:
    from slopes.explorer import curve, palette  # noqa: PLC0415  together with altair

    defaults = {p.name: p.default for p in spec.parameters if p.default is not None}
    chosen = {**defaults, **parameters}
    if spec.kind == "activation":
        return {spec.title: curve.from_spec(spec, chosen, hue=palette.hue(spec.name))}
    slices = _LOSSES[spec.name][1]
    hues = [palette.hue(spec.name)] if len(slices) == 1 else [palette.BLUE, palette.VERMILLION]
    return {
        label: curve.Series(
            key=f"{spec.name} {label}",
            name=spec.name,
            label=label,
            hue=hue,
            evaluate=lambda x, f=f: curve.value_and_slope(lambda v: f(v, chosen), x),  # type: ignore[misc]
        )
        for (label, f), hue in zip(slices.items(), hues, strict=True)
    }


def _rows(series: Series, low: float, high: float) -> list[dict[str, float | None]]:
    from slopes.explorer.charts import columns  # noqa: PLC0415  altair is an optional package
    from slopes.explorer.measure import find_breaks  # noqa: PLC0415  together with altair

    drawn = columns(series, low, high, find_breaks(series.evaluate))
    return [{"x": x, "value": v, "slope": s} for x, v, s in zip(*drawn.values(), strict=True)]


def _figure(spec: Spec, low: float, high: float, theme: str, parameters: Options) -> alt.LayerChart:
    import altair as alt  # noqa: PLC0415  an optional package

    from slopes.explorer import charts, drawing, palette  # noqa: PLC0415  likewise

    lines, ends, heights = [], [], []
    for label, series in _series(spec, parameters).items():
        rows = _rows(series, low, high)
        heights += [row[quantity] for row in rows for quantity in ("value", "slope")]
        for quantity in ("value", "slope"):
            data = [{"x": row["x"], "height": row[quantity]} for row in rows]
            stroke = palette.LINES[theme][series.hue]
            dash = drawing.DASH if quantity == "slope" else [1, 0]
            marked = alt.Chart(alt.InlineData(data)).mark_line(
                stroke=stroke, strokeWidth=2.25, strokeDash=dash, clip=True
            )
            lines.append(marked)
            said = quantity if not label else label if quantity == "value" else f"{label}: slope"
            ends.append((rows[-1][quantity] or 0.0, said, palette.LABELS[theme][series.hue]))
    bottom, top = charts.axis(heights)
    x = alt.X("x:Q", title=_LOSSES[spec.name][0], scale=alt.Scale(domain=[low, high], nice=False))
    y = alt.Y("height:Q", title=None, scale=alt.Scale(domain=[bottom, top], nice=False))
    places = charts.spread([height for height, _, _ in ends], bottom, top)
    texts = [
        alt.Chart(alt.InlineData([{"height": place, "label": said}]))
        .mark_text(align="left", dx=7, font=drawing.SANS, fontSize=12.5, color=colour)
        .encode(x=alt.value("width"), y="height:Q", text="label:N")
        for place, (_, said, colour) in zip(places, ends, strict=True)
    ]
    layers = (*drawing.zero_lines("height", theme), *(line.encode(x=x, y=y) for line in lines), *texts)
    styled = drawing.styled(alt.layer(*layers), theme)
    chart: alt.LayerChart = styled.properties(padding=8, width=560, height=340, title=spec.title)
    return chart


def _residual(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    return {"": lambda r, o: loss(r, torch.zeros_like(r), reduction="none", **o)}


def _binary(loss: Callable[..., Tensor], negative: float) -> dict[str, Curve]:
    return {
        "label 1": lambda x, o: loss(x, torch.ones_like(x), reduction="none", **o),
        f"label {negative:g}": lambda x, o: loss(x, torch.full_like(x, negative), reduction="none", **o),
    }


def _two_classes(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    def curve(x: Tensor, o: Options) -> Tensor:
        logits = torch.stack([x, torch.zeros_like(x)], -1)
        return loss(logits, torch.zeros(x.shape, dtype=torch.int64), reduction="none", **o)

    return {"": curve}


def _pairs(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    def curve(x: Tensor, o: Options, *, similar: bool) -> Tensor:
        pair = x.unsqueeze(-1), torch.zeros_like(x).unsqueeze(-1)
        return loss(*pair, torch.full(x.shape, similar), reduction="none", **o)

    return {
        "similar": lambda x, o: curve(x, o, similar=True),
        "not similar": lambda x, o: curve(x, o, similar=False),
    }


def _quantile(r: Tensor, o: Options) -> Tensor:
    level = float(o["q"])
    return L.quantile(r.unsqueeze(-1), torch.zeros_like(r), (level,), reduction="none").squeeze(-1)


def _gaussian_nll(r: Tensor, _: Options) -> Tensor:
    zeros = torch.zeros_like(r)
    return L.gaussian_nll(r, zeros, zeros, reduction="none")


def _margin(loss: Callable[..., Tensor], others: int) -> dict[str, Curve]:
    """Return a preference loss over the difference of its first argument from the others, which are 0."""
    return {"": lambda x, o: loss(x, *([torch.zeros_like(x)] * others), reduction="none", **o)}


def _kto(x: Tensor, o: Options, *, desirable: bool) -> Tensor:
    kl = torch.zeros((), dtype=x.dtype)
    flags = torch.full(x.shape, desirable)
    return L.kto(x, torch.zeros_like(x), flags, kl, reduction="none", **o)  # type: ignore[arg-type]


def _ppo(x: Tensor, o: Options, *, advantage: float) -> Tensor:
    given = torch.zeros_like(x), torch.full_like(x, advantage)
    return L.ppo(x, *given, reduction="none", **o)  # type: ignore[arg-type]


# How far the axis of a loss reaches on both sides, where that is not 6.
_REACH: Final = {
    **dict.fromkeys(("mse", "mae", "huber", "smooth_l1", "quantile", "gaussian_nll", "hinge", "contrastive"), 3.0),
    **dict.fromkeys(("dpo", "kto"), 60.0),
    "ipo": 20.0,
    "ppo": 1.0,
    "kl_penalty": 2.0,
}

_RESIDUAL: Final = "residual, prediction minus target"
_LEAD: Final = "lead of the true class's logit over the other's"
_LOG_RATIO: Final = "log-ratio of policy to reference, nats"
_BETTER: Final = "log-ratio of the chosen answer minus that of the rejected one, nats"

# What each loss is drawn over, and its lines, by label.
_LOSSES: Final[dict[str, tuple[str, dict[str, Curve]]]] = {
    "mse": (_RESIDUAL, _residual(L.mse)),
    "mae": (_RESIDUAL, _residual(L.mae)),
    "huber": (_RESIDUAL, _residual(L.huber)),
    "smooth_l1": (_RESIDUAL, _residual(L.smooth_l1)),
    "quantile": (_RESIDUAL, {"": _quantile}),
    "gaussian_nll": ("mean minus target, in standard deviations", {"": _gaussian_nll}),
    "binary_cross_entropy": ("logit", _binary(L.binary_cross_entropy, 0.0)),
    "focal": ("logit", _binary(L.focal, 0.0)),
    "asymmetric": ("logit", _binary(L.asymmetric, 0.0)),
    "hinge": ("score", _binary(L.hinge, -1.0)),
    "cross_entropy": (_LEAD, _two_classes(L.cross_entropy)),
    "softmax_focal": (_LEAD, _two_classes(L.softmax_focal)),
    "multiclass_hinge": (_LEAD, _two_classes(L.multiclass_hinge)),
    "contrastive": ("distance, with its side", _pairs(L.contrastive)),
    "bradley_terry": ("reward of the chosen answer minus that of the rejected one", _margin(L.bradley_terry, 1)),
    "dpo": (_BETTER, _margin(L.dpo, 3)),
    "ipo": (_BETTER, _margin(L.ipo, 3)),
    "kto": (
        _LOG_RATIO,
        {
            "desirable": lambda x, o: _kto(x, o, desirable=True),
            "undesirable": lambda x, o: _kto(x, o, desirable=False),
        },
    ),
    "ppo": (
        "log-ratio of new to old policy, nats",
        {
            "advantage 1": lambda x, o: _ppo(x, o, advantage=1.0),
            "advantage -1": lambda x, o: _ppo(x, o, advantage=-1.0),
        },
    ),
    "kl_penalty": (_LOG_RATIO, _margin(L.kl_penalty, 1)),
}
