"""`slopes.plot`: the figure of any function that one number decides, value and slope, as an Altair chart.

An elementwise activation is drawn over its input. A loss is drawn over the one number that decides it: the residual,
the logit, the margin, the distance. The slope is the derivative by that number, by autograd.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from slopes import catalog
from slopes._core.errors import MissingDependencyError, OptionError
from slopes._core.settings import checks
from slopes._core.spec import Spec
from slopes.shown.loss_curves import LOSSES, REACH, Options, options_of

if TYPE_CHECKING:
    import altair as alt

    from slopes.shown.curve import Series

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
    spec = catalog.find(name, function="plot")
    low, high = _checked(spec, low, high, theme, parameters)
    from slopes.shown.charts import function_chart  # noqa: PLC0415  altair is an optional package

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
    spec = catalog.find(name, function="plot")
    low, high = _checked(spec, low, high, "light", parameters)
    with checks(values=False):
        return {label: _rows(series, low, high) for label, series in _series(spec, parameters).items()}


def axis_title(name: str) -> str:
    """Return what the x axis of a function's figure is."""
    spec = catalog.find(name)
    return "x" if spec.kind == "activation" else LOSSES[spec.name][0]


def save(chart: alt.TopLevelMixin, path: str | Path) -> Path:
    """Write a chart to an SVG or PNG file, offline, and return the path.

    Raises:
        OptionError: The file's ending is neither .svg nor .png, or it cannot be written.
    """
    from slopes.shown import charts  # noqa: PLC0415  altair is an optional package

    try:
        return charts.save(chart, path)
    except OSError as error:
        text = f"plot: {path} cannot be written ({error.strerror}); choose a file in a folder that exists."
        raise OptionError(text) from None


def needs(what: str, packages: tuple[str, ...]) -> None:
    """Raise `MissingDependencyError` where a package of the `explorer` extra is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        text = f"{what}: needs {', '.join(missing)}, not installed; the `explorer` extra has it: {INSTALL}."
        raise MissingDependencyError(text)


INSTALL: Final = "pip install 'slopes[explorer]'"


def _checked(spec: Spec, low: float | None, high: float | None, theme: str, parameters: Options) -> tuple[float, float]:
    """Check what a figure is asked for, and return the ends of its axis."""
    drawn = spec.elementwise if spec.kind == "activation" else spec.name in LOSSES
    if not drawn:
        text = f"plot: no single number decides {spec.name}, so it has no curve; `slopes show {spec.name}` says more."
        raise OptionError(text)
    reach = REACH.get(spec.name, 6.0)
    low, high = -reach if low is None else low, reach if high is None else high
    if not -float("inf") < low < high < float("inf"):
        text = (
            f"plot: the axis goes from {low:g} to {high:g}, expected two finite numbers, the lower one first; give "
            f"both ends."
        )
        raise OptionError(text)
    if theme not in {"light", "dark"}:
        text = f"plot: `theme` is {theme!r}, expected 'light' or 'dark'; choose one of these."
        raise OptionError(text)
    own = {parameter.name for parameter in spec.parameters}
    if unknown := sorted(set(parameters) - own):
        has = f"it has {', '.join(sorted(own))}: choose one" if own else "it has none: leave it out"
        text = f"plot: {spec.name} has no parameter {unknown[0]!r}; {has}."
        raise OptionError(text)
    return low, high


def _series(spec: Spec, parameters: Options) -> dict[str, Series]:
    from slopes.shown import curve, palette  # noqa: PLC0415  together with altair

    chosen = options_of(spec, parameters)
    if spec.kind == "activation":
        return {spec.title: curve.from_spec(spec, chosen, hue=palette.hue(spec.name))}
    slices = LOSSES[spec.name][1]
    return {
        label: curve.Series(
            key=f"{spec.name} {label}",
            name=spec.name,
            label=label,
            hue=palette.hue_of_slice(label, spec.name, place),
            evaluate=lambda x, f=f: curve.value_and_slope(lambda v: f(v, chosen), x),  # type: ignore[misc]
        )
        for place, (label, f) in enumerate(slices.items())
    }


def _rows(series: Series, low: float, high: float) -> list[dict[str, float | None]]:
    from slopes.shown.breaks import find_breaks  # noqa: PLC0415  together with altair
    from slopes.shown.sampled import columns  # noqa: PLC0415  altair is an optional package

    drawn = columns(series, low, high, find_breaks(series.evaluate))
    return [{"x": x, "value": v, "slope": s} for x, v, s in zip(*drawn.values(), strict=True)]


def _figure(spec: Spec, low: float, high: float, theme: str, parameters: Options) -> alt.LayerChart:
    import altair as alt  # noqa: PLC0415  an optional package

    from slopes.shown import layout, palette, style  # noqa: PLC0415  likewise

    lines, ends, heights = [], [], []
    for label, series in _series(spec, parameters).items():
        rows = _rows(series, low, high)
        heights += [row[quantity] for row in rows for quantity in ("value", "slope")]
        for quantity in ("value", "slope"):
            data = [{"x": row["x"], "height": row[quantity]} for row in rows]
            stroke = palette.LINES[theme][series.hue]
            dash = style.DASH if quantity == "slope" else [1, 0]
            marked = alt.Chart(alt.InlineData(data)).mark_line(
                stroke=stroke, strokeWidth=2.25, strokeDash=dash, clip=True
            )
            lines.append(marked)
            said = quantity if not label else label if quantity == "value" else f"{label}: slope"
            ends.append((rows[-1][quantity] or 0.0, said, palette.LABELS[theme][series.hue]))
    bottom, top = layout.axis(heights)
    x = alt.X("x:Q", title=LOSSES[spec.name][0], scale=alt.Scale(domain=[low, high], nice=False))
    y = alt.Y("height:Q", title=None, scale=alt.Scale(domain=[bottom, top], nice=False))
    places = layout.spread([height for height, _, _ in ends], bottom, top)
    texts = [
        alt.Chart(alt.InlineData([{"height": place, "label": said}]))
        .mark_text(align="left", dx=7, font=style.SANS, fontSize=12.5, color=colour)
        .encode(x=alt.value("width"), y="height:Q", text="label:N")
        for place, (_, said, colour) in zip(places, ends, strict=True)
    ]
    layers = (*style.zero_lines("height", theme), *(line.encode(x=x, y=y) for line in lines), *texts)
    drawn = style.styled(alt.layer(*layers), theme)
    chart: alt.LayerChart = drawn.properties(padding=8, width=560, height=340, title=spec.title)
    return chart
