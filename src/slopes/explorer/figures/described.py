"""A recipe in words: its own, out of its docstrings and its reasons, so that no page writes them a second time."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from typing import Any, Final

from slopes.explorer.figures.wording import capital
from slopes.recipes import Recipe

_OPENINGS: Final = ("Return torchmetrics for observe: ", "Return this recipe: ", "Return this recipe with ", "Return ")


@dataclass(frozen=True)
class Described:
    """A recipe in words.

    Attributes:
        name: The task.
        recipe: Its name in `slopes.recipes`.
        head: The last layer.
        loss: What training minimises.
        function: Its name in `slopes.losses`, for a recipe that chooses between several; else empty.
        prediction: What comes out.
        metrics: What is measured.
        calibration: What is found on validation data.
        reasons: Pairs of what was chosen and why.
    """

    name: str
    recipe: str
    head: str
    loss: str
    function: str
    prediction: str
    metrics: str
    calibration: str
    reasons: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as dictionaries and lists."""
        return asdict(self)


def described(recipe: Recipe) -> Described:
    """Return a recipe in words."""
    kind = type(recipe)
    return Described(
        name=recipe.name,
        recipe=kind.__name__,
        head=_first(inspect.getdoc(kind.head)),
        loss=_first(inspect.getdoc(kind.loss)),
        function=str(getattr(recipe, "criterion", getattr(recipe, "objective", ""))),
        prediction=_first(inspect.getdoc(kind.predict)),
        metrics=_first(inspect.getdoc(kind.metrics)),
        calibration=_first(inspect.getdoc(kind.calibrated)),
        reasons=tuple((_plain(reason.choice), _plain(reason.because)) for reason in recipe.reasons),
    )


def _plain(text: str) -> str:
    return text.replace("`", "")


def _first(text: str | None) -> str:
    """Return the first paragraph of a docstring, without what only says that it is returned."""
    line = _plain(" ".join((text or "").partition("\n\n")[0].split()))
    opening = next((opening for opening in _OPENINGS if line.startswith(opening)), "")
    return capital(line.removeprefix(opening)) if line else ""
