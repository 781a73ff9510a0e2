"""What the worked-examples figure says: a sentence on one figure, its formulas, and the tables."""

from __future__ import annotations

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.wording import bracketed, capital, latex_number, listed, number
from slopes.explorer.figures.worked_examples.examples import EXAMPLES, differences, exact, lines, worst
from slopes.explorer.figures.worked_examples.table import FAILING, Row, of_topic, rows
from slopes.explorer.figures.worked_examples.views import View

_COUNTED = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")


def reading(topic: str, row: Row) -> str:
    """Return what the chosen figure shows, and how many of its topic hold."""
    found = listed([number(v, 6) for v in exact(row.id)])
    if not row.holds:
        said = f"stated as {_said(row.stated)}, exactly {found}"
    elif not any(differences(row)):
        said = f"exactly {found}, as stated"
    else:
        said = f"exactly {found}, which rounds to the stated {_said(row.stated)}"
    why = f" {capital(row.why)}." if row.why else ""
    return f"{capital(row.what)}: {said}.{why} {_count(topic)}"


def readings(row: Row, x: float, under: list[tuple[float, float]]) -> Table:
    """Return each number of a figure, stated and exact, and what its lines are under the cursor."""
    parts = row.parts or ("figure",)
    cells = zip(parts, row.stated, exact(row.id), differences(row), row.room, strict=True)
    return Table(
        title=f"{capital(row.label)}, of the {row.note}",
        columns=("", "stated", "exact", "off by", "room"),
        rows=tuple(
            (part, _minus(stated), number(figure, 6), _share(far), f"± {number(room, 2)}")
            for part, stated, figure, far, room in cells
        ),
        note="The room is half a unit of the last place that is stated: what rounding explains. "
        f"{_under(EXAMPLES[row.id].view, x, under)}",
    )


def _under(view: View, x: float, under: list[tuple[float, float]]) -> str:
    said = [
        f"{line.label} {number(value, 4)}, slope {number(slope, 4)}"
        for line, (value, slope) in zip(view.lines, under, strict=True)
    ]
    return f"Under the cursor, at {number(x, 4)} ({view.over}): {'; '.join(said)}."


def formulas(row: Row) -> tuple[Formula, ...]:
    """Return the figure's formula with what comes out of it, and its difference beside the room of rounding."""
    found = [latex_number(v, 6) for v in exact(row.id)]
    together = r",\ ".join(found)
    result = found[0] if len(found) == 1 else rf"\left({together}\right)"
    i = worst(row)
    stated, figure, room = row.stated[i], exact(row.id)[i], row.room[i]
    far = abs(float(stated) - figure)
    sign = r"\le" if row.holds else ">"
    check = (
        rf"\left|{stated} - {bracketed(latex_number(figure, 6))}\right| = {latex_number(far, 3)} {sign} "
        rf"{latex_number(room, 2)}"
    )
    return (
        Formula(label="The figure", mathml=mathml(f"{row.latex} = {result}")),
        Formula(label="Stated less exact, and half a unit of the last place", mathml=mathml(check)),
    )


def corrections(topic: str, row: Row) -> tuple[Correction, ...]:
    """Return what does not hold in a topic, the chosen figure first."""
    failing = [other for other in of_topic(topic) if not other.holds]
    ordered = sorted(failing, key=lambda other: other.id != row.id)
    return tuple(
        Correction(
            stated=f"{capital(other.what)}: {_said(other.stated)}.",
            holds=f"Exactly {listed([number(v, 6) for v in exact(other.id)])}: {other.why}.",
        )
        for other in ordered
    )


def tables(topic: str, row: Row) -> tuple[Table, ...]:
    """Return the figures of the topic, all figures, and the data of the lines above."""
    every = "All sixty-three figures"
    return (_figures("The figures of this topic", of_topic(topic)), _figures(every, rows()), _data(row))


def _figures(title: str, chosen: tuple[Row, ...]) -> Table:
    def fill() -> tuple[tuple[str, ...], ...]:
        return tuple(
            (
                row.what,
                row.note,
                ", ".join(map(_minus, row.stated)),
                ", ".join(number(v, 6) for v in exact(row.id)),
                _share(differences(row)[worst(row)]),
                _verdict(row),
            )
            for row in chosen
        )

    columns = ("figure", "note", "stated", "exact", "off by", "holds, and why")
    return Table(title=title, columns=columns, fill=fill)


def _data(row: Row) -> Table:
    def fill() -> tuple[tuple[str, ...], ...]:
        drawn = lines(row.id)
        x = drawn[0].x.tolist()
        cells = [column.tolist() for curve in drawn for column in (curve.value, curve.slope)]
        return tuple(
            (number(x[i], 5), *(number(column[i], 5) for column in cells))
            for i in range(0, len(x), max(len(x) // 40, 1))
        )

    view = EXAMPLES[row.id].view
    heads = [f"{line.label}{said}" for line in view.lines for said in ("", ", slope")]
    return Table(title="Data of the lines", columns=(view.over, *heads), fill=fill)


def _verdict(row: Row) -> str:
    return ("holds" if row.holds else "does not hold") + (f": {row.why}" if row.why else "")


def _count(topic: str) -> str:
    chosen = of_topic(topic)
    failing = sum(not row.holds for row in chosen)
    if topic == FAILING:
        return "A diamond right of its bar is further off than rounding explains."
    if not failing:
        return f"All {len(chosen)} figures of this topic hold."
    do = "does" if failing == 1 else "do"
    return f"Of the {len(chosen)} figures here {_COUNTED[failing]} {do} not hold."


def _said(stated: tuple[str, ...]) -> str:
    return listed([_minus(text) for text in stated])


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _share(far: float) -> str:
    return "none" if far == 0 else f"{number(100 * far, 2)} %"
