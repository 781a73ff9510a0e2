"""`slopes.figure`: a figure of the explorer in any of its states, as an Altair chart for a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from slopes._core.errors import OptionError
from slopes._core.names import near
from slopes.shown import palette
from slopes.shown.plotting import PACKAGES, needs

if TYPE_CHECKING:
    import altair as alt


def figure(
    name: str, state: Mapping[str, float | str | Sequence[str]] | None = None, *, theme: str = "light"
) -> alt.TopLevelMixin:
    """Return a figure of the explorer in any of its states, the same charts with their data inside.

    Args:
        name: The figure, as its address has it: `"line-fit"`, `"preference"`.
        state: What differs from its default state, by the names that its address has: `{"delta": 2.0}`.
        theme: `"light"` or `"dark"`.

    Returns:
        An Altair chart; a notebook shows it, `chart.save("figure.svg")` writes it.

    Raises:
        OptionError: There is no such figure, or the state is none of its states.
        MissingDependencyError: The packages of the `explorer` extra are not installed.

    Examples:
        >>> type(figure("softmax-temperature", {"t": 2.0})).__name__
        'ConcatChart'
    """
    needs("figure", PACKAGES)
    return _drawn(name, state or {}, theme)


def _drawn(name: str, state: Mapping[str, float | str | Sequence[str]], theme: str) -> alt.TopLevelMixin:
    import altair as alt  # noqa: PLC0415  an optional package

    from slopes.explorer.figures.build import library_figure  # noqa: PLC0415  packages of the extra
    from slopes.explorer.figures.contents import BY_ID  # noqa: PLC0415  likewise
    from slopes.explorer.figures.standalone import specification  # noqa: PLC0415  likewise
    from slopes.explorer.figures.state import StateError  # noqa: PLC0415  likewise

    page = BY_ID.get(name)
    if page is None:
        found = near(name, BY_ID)
        hint = f"did you mean {found[0]}?" if found else "choose one of these."
        text = f"figure: `name` is {name!r}, expected one of {', '.join(BY_ID)}; {hint}"
        raise OptionError(text)
    if theme not in palette.PAPER:
        text = f"figure: `theme` is {theme!r}, expected 'light' or 'dark'; choose one of these."
        raise OptionError(text)
    made = library_figure(page)
    pairs = [(key, value if isinstance(value, str) else _said(value)) for key, value in state.items()]
    try:
        result = made.compute(made.parse(pairs))
    except StateError as error:
        text = f"figure: {name}: {error}"
        raise OptionError(text) from None
    chart: alt.TopLevelMixin = alt.Chart.from_dict(specification(page, result, theme))
    return chart


def _said(value: float | Sequence[str]) -> str:
    return repr(float(value)) if isinstance(value, int | float) else ",".join(value)
