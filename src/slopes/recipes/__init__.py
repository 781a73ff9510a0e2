"""Recipes: for a task, what belongs together."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from slopes.recipes.choosing.choose import Choice, choose
    from slopes.recipes.choosing.verdict import Answer, Question
    from slopes.recipes.classification.binary import Binary, BinaryPrediction
    from slopes.recipes.classification.calibration import (
        Cost,
        TemperatureFit,
        TunedThreshold,
        fit_temperature,
        tune_threshold,
    )
    from slopes.recipes.classification.imbalance import imbalanced
    from slopes.recipes.classification.mixing import Mixed, cutmix, mixup
    from slopes.recipes.classification.multiclass import MultiClass, MultiClassPrediction
    from slopes.recipes.classification.multilabel import MultiLabel, MultiLabelPrediction
    from slopes.recipes.language.masked_token import MaskedToken
    from slopes.recipes.language.next_token import NextToken
    from slopes.recipes.language.predicting import TokenPrediction
    from slopes.recipes.large_vocabulary.heads import AdaptiveSoftmax, SampledSoftmax
    from slopes.recipes.large_vocabulary.hierarchical import HierarchicalSoftmax
    from slopes.recipes.large_vocabulary.label_tree import LabelTree
    from slopes.recipes.recipe import Reason, Recipe
    from slopes.recipes.regression.bounded import BoundedRegression
    from slopes.recipes.regression.heteroscedastic import GaussianPrediction, GaussianRegression
    from slopes.recipes.regression.plain import Regression, RegressionPrediction
    from slopes.recipes.regression.positive import PositiveRegression
    from slopes.recipes.regression.quantiles import QuantilePrediction, QuantileRegression
    from slopes.recipes.regression.robust import RobustRegression
    from slopes.recipes.regression.sample_weights import noise_weight, recency_weight
    from slopes.recipes.regression.transformed import TransformedPrediction, TransformedRegression
    from slopes.recipes.retrieval.embedding import Embedding, EmbeddingPrediction

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
    "AdaptiveSoftmax": "slopes.recipes.large_vocabulary.heads",
    "Answer": "slopes.recipes.choosing.verdict",
    "Binary": "slopes.recipes.classification.binary",
    "BinaryPrediction": "slopes.recipes.classification.binary",
    "BoundedRegression": "slopes.recipes.regression.bounded",
    "Choice": "slopes.recipes.choosing.choose",
    "Cost": "slopes.recipes.classification.calibration",
    "Embedding": "slopes.recipes.retrieval.embedding",
    "EmbeddingPrediction": "slopes.recipes.retrieval.embedding",
    "GaussianPrediction": "slopes.recipes.regression.heteroscedastic",
    "GaussianRegression": "slopes.recipes.regression.heteroscedastic",
    "HierarchicalSoftmax": "slopes.recipes.large_vocabulary.hierarchical",
    "LabelTree": "slopes.recipes.large_vocabulary.label_tree",
    "MaskedToken": "slopes.recipes.language.masked_token",
    "Mixed": "slopes.recipes.classification.mixing",
    "MultiClass": "slopes.recipes.classification.multiclass",
    "MultiClassPrediction": "slopes.recipes.classification.multiclass",
    "MultiLabel": "slopes.recipes.classification.multilabel",
    "MultiLabelPrediction": "slopes.recipes.classification.multilabel",
    "NextToken": "slopes.recipes.language.next_token",
    "PositiveRegression": "slopes.recipes.regression.positive",
    "QuantilePrediction": "slopes.recipes.regression.quantiles",
    "QuantileRegression": "slopes.recipes.regression.quantiles",
    "Question": "slopes.recipes.choosing.verdict",
    "Reason": "slopes.recipes.recipe",
    "Recipe": "slopes.recipes.recipe",
    "Regression": "slopes.recipes.regression.plain",
    "RegressionPrediction": "slopes.recipes.regression.plain",
    "RobustRegression": "slopes.recipes.regression.robust",
    "SampledSoftmax": "slopes.recipes.large_vocabulary.heads",
    "TemperatureFit": "slopes.recipes.classification.calibration",
    "TokenPrediction": "slopes.recipes.language.predicting",
    "TransformedPrediction": "slopes.recipes.regression.transformed",
    "TransformedRegression": "slopes.recipes.regression.transformed",
    "TunedThreshold": "slopes.recipes.classification.calibration",
    "choose": "slopes.recipes.choosing.choose",
    "cutmix": "slopes.recipes.classification.mixing",
    "fit_temperature": "slopes.recipes.classification.calibration",
    "imbalanced": "slopes.recipes.classification.imbalance",
    "mixup": "slopes.recipes.classification.mixing",
    "noise_weight": "slopes.recipes.regression.sample_weights",
    "recency_weight": "slopes.recipes.regression.sample_weights",
    "tune_threshold": "slopes.recipes.classification.calibration",
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
