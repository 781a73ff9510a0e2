"""Real data that comes with scikit-learn, by name, and two sets made from its digits. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from slopes.recipes.data.table import Table
from slopes.recipes.data.tasks import Task


@dataclass(frozen=True)
class Bundled:
    """A set of data by name: what it is, and how it is made."""

    name: str
    task: Task
    about: str
    make: Callable[[], tuple[pl.DataFrame, tuple[str, ...]]]


def read(name: str) -> Table:
    """Return a bundled set as a table; `name` is one of `SETS`."""
    chosen = SETS[name]
    frame, targets = chosen.make()
    return Table(name, frame, len(frame), targets=targets, task=chosen.task, about=chosen.about)


def _loaded(name: str) -> Any:  # noqa: ANN401  scikit-learn's Bunch, which has no types
    from sklearn import datasets  # noqa: PLC0415  only where a bundled set is asked for

    return getattr(datasets, f"load_{name}")()


def _features(bunch: Any) -> pl.DataFrame:  # noqa: ANN401  likewise
    names = [str(name).replace(" ", "_") for name in bunch.feature_names]
    return pl.DataFrame(np.asarray(bunch.data, dtype=np.float64), schema=names)


def _classes(name: str, target: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    bunch = _loaded(name)
    words = np.asarray(bunch.target_names).astype(str)[bunch.target]
    return _features(bunch).with_columns(pl.Series(target, words.tolist())), (target,)


def _digits() -> tuple[pl.DataFrame, npt.NDArray[np.int64]]:
    bunch = _loaded("digits")
    return _features(bunch), np.asarray(bunch.target, dtype=np.int64)


def _ten_digits() -> tuple[pl.DataFrame, tuple[str, ...]]:
    pixels, digit = _digits()
    return pixels.with_columns(pl.Series("digit", digit.astype(str).tolist())), ("digit",)


def _diabetes() -> tuple[pl.DataFrame, tuple[str, ...]]:
    bunch = _loaded("diabetes")
    return _features(bunch).with_columns(progression=pl.Series(np.asarray(bunch.target))), ("progression",)


def _linnerud() -> tuple[pl.DataFrame, tuple[str, ...]]:
    bunch = _loaded("linnerud")
    body = pl.DataFrame(np.asarray(bunch.target), schema=[str(name) for name in bunch.target_names])
    return pl.concat([_features(bunch), body], how="horizontal"), ("Waist",)


ATTRIBUTES: Final = {
    "loop": (0, 6, 8, 9),
    "even": (0, 2, 4, 6, 8),
    "five_or_more": (5, 6, 7, 8, 9),
    "prime": (2, 3, 5, 7),
    "straight": (1, 4, 7),
    "eight": (8,),
}
"""The labels of `digits_attributes`, and the digits that have each."""

RARE_DIGIT: Final = 8
RARE_KEPT: Final = 40


def _attributes() -> tuple[pl.DataFrame, tuple[str, ...]]:
    pixels, digit = _digits()
    labels = [pl.Series(name, np.isin(digit, having).astype(np.float64)) for name, having in ATTRIBUTES.items()]
    return pixels.with_columns(labels), tuple(ATTRIBUTES)


def _rare() -> tuple[pl.DataFrame, tuple[str, ...]]:
    pixels, digit = _digits()
    eights = np.flatnonzero(digit == RARE_DIGIT)
    kept = np.random.default_rng(0).choice(eights, RARE_KEPT, replace=False)
    rows = np.sort(np.concatenate([np.flatnonzero(digit != RARE_DIGIT), kept]))
    words = np.where(digit[rows] == RARE_DIGIT, "eight", "other")
    return pixels[rows].with_columns(pl.Series("eight", words.tolist())), ("eight",)


SETS: Final = {
    chosen.name: chosen
    for chosen in (
        Bundled(
            "breast_cancer",
            "binary",
            "569 tumours, 30 measurements of cell nuclei each; malignant (212) or benign (357).",
            lambda: _classes("breast_cancer", "diagnosis"),
        ),
        Bundled(
            "digits",
            "multiclass",
            "1,797 handwritten digits of 8 × 8 pixels, ten classes of about 180 each.",
            _ten_digits,
        ),
        Bundled(
            "digits_attributes",
            "multilabel",
            "The same 1,797 digits with six labels each, read off the digit: it has a loop (0, 6, 8, 9), is even, is "
            "five or more, is prime (2, 3, 5, 7), is drawn with straight strokes (1, 4, 7), is an eight. Ten "
            "combinations of labels occur, one for each digit; an eight is the rarest label, 174 of 1,797.",
            _attributes,
        ),
        Bundled(
            "digits_rare",
            "binary",
            "Eights against the nine other digits, 40 of the 174 eights kept (drawn with seed 0): 40 positives among "
            "1,663 rows, 1 in 42.",
            _rare,
        ),
        Bundled(
            "diabetes",
            "regression",
            "442 patients, ten measurements each; the progression of their disease a year later, 25 to 346.",
            _diabetes,
        ),
        Bundled(
            "linnerud",
            "regression",
            "20 men at a fitness club: chin-ups, sit-ups and jumps; weight, waist and pulse. The waist is predicted "
            "where nobody says otherwise, and the other two are features.",
            _linnerud,
        ),
        Bundled(
            "wine",
            "multiclass",
            "178 wines of three growers, 13 chemical measurements each.",
            lambda: _classes("wine", "grower"),
        ),
    )
}
"""Every bundled set by its name."""
