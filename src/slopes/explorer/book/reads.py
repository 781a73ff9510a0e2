"""What a figure reads in a state, as numbers, for sentences that speak of it."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from slopes.explorer.figures.build import library_figure
from slopes.explorer.figures.contents import BY_ID

_PLAIN: Final = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789", ",%")


def reads(figure: str, state: str, row: str, column: str) -> float:
    """Return the number in a cell of a figure's readings.

    Args:
        figure: Its id.
        state: The state, as an address has it; empty for its default.
        row: What heads the row.
        column: What heads the column; of several the first.
    """
    made = library_figure(BY_ID[figure])
    table = made.compute(made.parse(parse_qsl(state))).readings
    line = next(cells for cells in table.rows if cells[0] == row)
    mantissa, _, power = line[table.columns.index(column)].translate(_PLAIN).partition(" × 10")
    return float(mantissa) * 10.0 ** int(power or 0)
