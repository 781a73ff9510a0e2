"""Recipes: for a task, what belongs together."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from slopes.recipes.binary import Binary, BinaryPrediction
    from slopes.recipes.bounded import BoundedRegression
    from slopes.recipes.calibration import Cost, TemperatureFit, TunedThreshold, fit_temperature, tune_threshold
    from slopes.recipes.choose import Choice, choose
    from slopes.recipes.heteroscedastic import GaussianPrediction, GaussianRegression
    from slopes.recipes.hierarchical import HierarchicalSoftmax
    from slopes.recipes.imbalance import imbalanced
    from slopes.recipes.label_tree import LabelTree
    from slopes.recipes.language import MaskedToken, NextToken, TokenPrediction
    from slopes.recipes.large_vocabulary import AdaptiveSoftmax, SampledSoftmax
    from slopes.recipes.mixing import Mixed, cutmix, mixup
    from slopes.recipes.multiclass import MultiClass, MultiClassPrediction
    from slopes.recipes.multilabel import MultiLabel, MultiLabelPrediction
    from slopes.recipes.positive import PositiveRegression
    from slopes.recipes.quantiles import QuantilePrediction, QuantileRegression
    from slopes.recipes.recipe import Reason, Recipe
    from slopes.recipes.regression import Regression, RegressionPrediction
    from slopes.recipes.retrieval import Embedding, EmbeddingPrediction
    from slopes.recipes.robust import RobustRegression
    from slopes.recipes.sample_weights import noise_weight, recency_weight
    from slopes.recipes.transformed import TransformedPrediction, TransformedRegression
    from slopes.recipes.verdict import Answer, Question

__all__ = [
    "AdaptiveSoftmax",
    "Answer",
    "Binary",
    "BinaryPrediction",
    "BoundedRegression",
    "Choice",
    "Cost",
    "Embedding",
    "EmbeddingPrediction",
    "GaussianPrediction",
    "GaussianRegression",
    "HierarchicalSoftmax",
    "LabelTree",
    "MaskedToken",
    "Mixed",
    "MultiClass",
    "MultiClassPrediction",
    "MultiLabel",
    "MultiLabelPrediction",
    "NextToken",
    "PositiveRegression",
    "QuantilePrediction",
    "QuantileRegression",
    "Question",
    "Reason",
    "Recipe",
    "Regression",
    "RegressionPrediction",
    "RobustRegression",
    "SampledSoftmax",
    "TemperatureFit",
    "TokenPrediction",
    "TransformedPrediction",
    "TransformedRegression",
    "TunedThreshold",
    "choose",
    "cutmix",
    "fit_temperature",
    "imbalanced",
    "mixup",
    "noise_weight",
    "recency_weight",
    "tune_threshold",
]

# By hand. Each comes in when it is first asked for, and torchmetrics, scikit-learn and polars with what needs them.
_LATER: Final = {
    "AdaptiveSoftmax": "slopes.recipes.large_vocabulary",
    "Answer": "slopes.recipes.verdict",
    "Binary": "slopes.recipes.binary",
    "BinaryPrediction": "slopes.recipes.binary",
    "BoundedRegression": "slopes.recipes.bounded",
    "Choice": "slopes.recipes.choose",
    "Cost": "slopes.recipes.calibration",
    "Embedding": "slopes.recipes.retrieval",
    "EmbeddingPrediction": "slopes.recipes.retrieval",
    "GaussianPrediction": "slopes.recipes.heteroscedastic",
    "GaussianRegression": "slopes.recipes.heteroscedastic",
    "HierarchicalSoftmax": "slopes.recipes.hierarchical",
    "LabelTree": "slopes.recipes.label_tree",
    "MaskedToken": "slopes.recipes.language",
    "Mixed": "slopes.recipes.mixing",
    "MultiClass": "slopes.recipes.multiclass",
    "MultiClassPrediction": "slopes.recipes.multiclass",
    "MultiLabel": "slopes.recipes.multilabel",
    "MultiLabelPrediction": "slopes.recipes.multilabel",
    "NextToken": "slopes.recipes.language",
    "PositiveRegression": "slopes.recipes.positive",
    "QuantilePrediction": "slopes.recipes.quantiles",
    "QuantileRegression": "slopes.recipes.quantiles",
    "Question": "slopes.recipes.verdict",
    "Reason": "slopes.recipes.recipe",
    "Recipe": "slopes.recipes.recipe",
    "Regression": "slopes.recipes.regression",
    "RegressionPrediction": "slopes.recipes.regression",
    "RobustRegression": "slopes.recipes.robust",
    "SampledSoftmax": "slopes.recipes.large_vocabulary",
    "TemperatureFit": "slopes.recipes.calibration",
    "TokenPrediction": "slopes.recipes.language",
    "TransformedPrediction": "slopes.recipes.transformed",
    "TransformedRegression": "slopes.recipes.transformed",
    "TunedThreshold": "slopes.recipes.calibration",
    "choose": "slopes.recipes.choose",
    "cutmix": "slopes.recipes.mixing",
    "fit_temperature": "slopes.recipes.calibration",
    "imbalanced": "slopes.recipes.imbalance",
    "mixup": "slopes.recipes.mixing",
    "noise_weight": "slopes.recipes.sample_weights",
    "recency_weight": "slopes.recipes.sample_weights",
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
