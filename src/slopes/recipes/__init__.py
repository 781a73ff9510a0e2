"""Recipes: for a task, what belongs together."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from slopes.recipes.binary import Binary, BinaryPrediction
    from slopes.recipes.calibration import (
        Cost,
        TemperatureFit,
        TunedThreshold,
        fit_temperature,
        tune_threshold,
    )
    from slopes.recipes.imbalance import imbalanced
    from slopes.recipes.mixing import Mixed, cutmix, mixup
    from slopes.recipes.multiclass import MultiClass, MultiClassPrediction
    from slopes.recipes.multilabel import MultiLabel, MultiLabelPrediction
    from slopes.recipes.recipe import Reason, Recipe

__all__ = [
    "Binary",
    "BinaryPrediction",
    "Cost",
    "Mixed",
    "MultiClass",
    "MultiClassPrediction",
    "MultiLabel",
    "MultiLabelPrediction",
    "Reason",
    "Recipe",
    "TemperatureFit",
    "TunedThreshold",
    "cutmix",
    "fit_temperature",
    "imbalanced",
    "mixup",
    "tune_threshold",
]

# By hand. Each comes in when it is first asked for, and torchmetrics, scikit-learn and polars with what needs them.
_LATER: Final = {
    "Binary": "slopes.recipes.binary",
    "BinaryPrediction": "slopes.recipes.binary",
    "Cost": "slopes.recipes.calibration",
    "Mixed": "slopes.recipes.mixing",
    "MultiClass": "slopes.recipes.multiclass",
    "MultiClassPrediction": "slopes.recipes.multiclass",
    "MultiLabel": "slopes.recipes.multilabel",
    "MultiLabelPrediction": "slopes.recipes.multilabel",
    "Reason": "slopes.recipes.recipe",
    "Recipe": "slopes.recipes.recipe",
    "TemperatureFit": "slopes.recipes.calibration",
    "TunedThreshold": "slopes.recipes.calibration",
    "cutmix": "slopes.recipes.mixing",
    "fit_temperature": "slopes.recipes.calibration",
    "imbalanced": "slopes.recipes.imbalance",
    "mixup": "slopes.recipes.mixing",
    "tune_threshold": "slopes.recipes.calibration",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  classes and functions
    if name not in _LATER:
        message = f"module 'slopes.recipes' has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(_LATER[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
