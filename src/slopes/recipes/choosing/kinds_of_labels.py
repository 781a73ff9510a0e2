"""Targets in one column that are labels, or may be: texts, booleans, few whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slopes._core.errors import ValuesError
from slopes.recipes.choosing.columns import Column, as_numbers, counts
from slopes.recipes.choosing.positive import sides
from slopes.recipes.choosing.verdict import Answer, Verdict, asked, clear
from slopes.recipes.classification.labels import FEW, MILD, listed, to_one

FEW_VALUES: Final = 20
_MANY_CLASSES: Final = 1000
_TWO: Final = 2

_CLASSES: Final = Answer("multiclass", "they are names of exclusive classes, and 2 is no more than 1")
_ORDERED: Final = Answer("regression", "they are ratings or steps of a scale, and an error of 2 is worse than one of 1")
_COUNTED: Final = Answer("positive", "they count something, and larger numbers could come")


def of_text(column: Column) -> Verdict:
    """Return what a column of texts says.

    Raises:
        ValuesError: All are the same, or most occur once: identifiers or free text.
    """
    seen = {column.labels[int(code)]: often for code, often in counts(column.values).items()}
    evidence = (f"{column.rows} texts, {len(seen)} of them different: {_counted(seen)}.", *_once(seen))
    once = sum(often == 1 for often in seen.values())
    if once > column.rows / 2:
        message = (
            f"choose: {once} of {column.rows} `targets` are texts that occur once, {len(seen)} are different, expected "
            f"labels that occur again; these are identifiers or free text, so check the column, or merge labels."
        )
        raise ValuesError(message)
    if as_numbers(column.labels) is not None:
        names = Answer("binary" if len(seen) == _TWO else "multiclass", "they are names, such as postcodes or codes")
        return asked(
            "All texts read as numbers. Are they quantities that were stored as text, or names?",
            Answer("regression", "they are quantities; they are then read as numbers"),
            names,
            evidence=evidence,
        )
    if len(seen) == _TWO:
        return clear("binary", *evidence)
    large = (f"{len(seen)} classes are many: `slopes.recipes.large_vocabulary` has heads that do not make all logits.",)
    return clear("multiclass", *evidence, *(large if len(seen) > _MANY_CLASSES else ()))


def of_booleans(column: Column) -> Verdict:
    """Return what a column of True and False says."""
    seen = {str(bool(value)): often for value, often in counts(column.values).items()}
    return clear("binary", f"{column.rows} booleans: {_counted(seen)}.", *_once(seen))


def of_whole_numbers(column: Column) -> Verdict | None:
    """Return what a column of whole numbers says; None where it is so many different ones that they are a quantity."""
    found = counts(column.values)
    seen = {f"{value:g}": often for value, often in found.items()}
    low, high = min(found), max(found)
    told = f"{column.rows} whole numbers from {low:g} to {high:g}, {len(seen)} different: {_counted(seen)}."
    evidence = (told,)
    if set(found) in ({0, 1}, {-1, 1}):
        return clear("binary", *evidence, *_once(seen))
    if len(seen) == _TWO:
        return _two(found, (*evidence, *_once(seen)))
    if len(seen) <= FEW_VALUES:
        return _few(column, found, evidence)
    if len(seen) == column.rows and high - low == column.rows - 1:
        return asked(
            f"Every whole number from {low:g} to {high:g} occurs once, as numbers of rows do. Is there something to "
            f"predict in them?",
            Answer("regression", "they are ranks or times, and not the rows' own numbers"),
            evidence=evidence,
        )
    if column.kind == "integer" and low == 0 and high == len(seen) - 1 and len(seen) <= _MANY_CLASSES:
        return asked(
            f"Every whole number from 0 to {high:g} occurs. Are they class indices, or a quantity?",
            _CLASSES,
            _COUNTED,
            _ORDERED,
            evidence=(*evidence, *_once(seen)),
        )
    return None


def _two(found: Mapping[float, int], evidence: tuple[str, ...]) -> Verdict:
    (low, high), (no, yes, why) = found, sides(found)
    return asked(
        f"There are only {low:g} and {high:g}. Are they two classes, or a quantity that takes two values here?",
        Answer("binary", f"they are two classes; {yes:g}, {why}, then counts as 1, {no:g} as 0"),
        Answer("regression", "they are values of a quantity"),
        evidence=evidence,
    )


def _few(column: Column, found: Mapping[float, int], evidence: tuple[str, ...]) -> Verdict:
    fewest, most, low = min(found.values()), max(found.values()), min(found)
    indices = column.kind == "integer" and low == 0 and max(found) == len(found) - 1
    if indices and most <= MILD * fewest and fewest >= FEW:
        told = (
            f"Integers that start at 0, leave none out and are about equally frequent ({to_one(most, fewest)} at most) "
            f"are class indices; counts and ratings have rare ends."
        )
        return clear("multiclass", *evidence, told, alternatives=(_ORDERED, _COUNTED))
    return asked(
        f"There are {len(found)} different whole numbers. Are they classes, ratings, or counts?",
        _CLASSES,
        _ORDERED,
        *((_COUNTED,) if low >= 0 else ()),
        evidence=(*evidence, *_once({f"{value:g}": often for value, often in found.items()})),
    )


def _counted(seen: Mapping[str, int], most: int = 6) -> str:
    shown = [f"{name} {often} times" if often > 1 else f"{name} once" for name, often in seen.items()]
    return listed(shown, most)


def _once(seen: Mapping[str, int]) -> tuple[str, ...]:
    once = [name for name, often in seen.items() if often == 1]
    if not once:
        return ()
    verb = "occurs" if len(once) == 1 else "occur"
    told = (
        f"{listed(once)} {verb} once: a row cannot be in the training and in the validation part, so such a class can "
        f"be learned or judged, not both. Collect more; where there are others like it, merge them."
    )
    return (told,)
