"""What repairs the errors of the recipes for numbers, tokens, large vocabularies and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import torch
from tests.laws.fixes.law import Fix, without

ELSEWHERE: Final[Mapping[str, str]] = {}


def names() -> Mapping[str, Any]:
    from slopes.recipes.regression import intervals, quantiles, tails, transforms  # noqa: PLC0415  where they are used

    return {
        "conformal_quantile": intervals.conformal_quantile,
        "rising": quantiles.rising,
        "Tails": tails.Tails,
        "Transform": transforms.Transform,
    }


NUMBERS: Final = torch.tensor([0.5, -1.0, 2.0, 3.5])
SHARES: Final = torch.tensor([0.1, 0.9, 0.5, 0.25])
COUNTS: Final = torch.tensor([6, 1, 1, 2])
IDS: Final = torch.tensor([[0, 3, 1, 2], [2, 1, 0, 3]])
PAIRS: Final = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [0.5, 0.0, 1.0], [1.0, 1.0, 0.0]])
LABELS: Final = torch.tensor([0, 0, 1, 1])

FROM: Final = "R.Regression.from_targets(targets)"
BOUNDED: Final = "R.BoundedRegression.from_targets(targets, low=low, high=high)"
LEVELS: Final = "R.QuantileRegression.from_targets(NUMBERS, levels=levels)"
TOKENS: Final = "R.NextToken.from_targets(token_ids, vocabulary=vocabulary)"
ADAPTIVE: Final = "R.AdaptiveSoftmax(8, counts, cutoffs=cutoffs, div_value=div_value)"
PATHS: Final = "R.LabelTree.from_paths(paths)"
EMBED: Final = "R.Embedding(objective=objective)"


def unfit(kind: str) -> Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]:
    """Return what makes scikit-learn find no exponent."""

    def given(_: Path, patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        from slopes.recipes.regression.transforms import Transform  # noqa: PLC0415  where it is used

        none = SimpleNamespace(lambdas_=[float("nan")])
        patch.setattr("sklearn.preprocessing.PowerTransformer", lambda **_: SimpleNamespace(fit=lambda _: none))
        return {"NUMBERS": NUMBERS, "kind": kind, "given": {"kind": kind}, "recipe": Transform.fitted}

    return given


def score(objective: str, rows: int, raw: torch.Tensor, targets: torch.Tensor) -> Any:  # noqa: ANN401
    """Return what a recipe for embeddings scores after some rows."""
    from slopes import recipes  # noqa: PLC0415  where it is used

    recipe = recipes.Embedding(objective=objective)  # type: ignore[arg-type]
    metrics = recipe.metrics()
    recipe.observe(metrics, raw[:rows], targets[:rows])
    return metrics.compute()


def perplexity(mask: torch.Tensor) -> Any:  # noqa: ANN401
    """Return what a recipe for tokens scores where a mask is True."""
    from slopes import recipes  # noqa: PLC0415  where it is used

    recipe = recipes.NextToken.from_targets(IDS, vocabulary=4)
    metrics = recipe.metrics()
    recipe.observe(metrics, torch.zeros(2, 4, 4), IDS, mask=mask)
    return metrics.compute()


def numbers(**given: Any) -> Mapping[str, Any]:  # noqa: ANN401  whatever is given
    return {"NUMBERS": NUMBERS, "low": 0.0, "high": 1.0, "vocabulary": 4, "cutoffs": None, "div_value": 2.0, **given}


TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "recipes/recipe.py refuse_nan": [
        Fix(
            "R.Regression.from_targets(NUMBERS).score(raw, NUMBERS)",
            numbers(raw=NUMBERS * float("nan")),
            words={"raw": "NUMBERS"},
        ),
    ],
    "recipes/recipe.py needs": [
        Fix(
            "R.Binary(prior=0.5).metrics()",
            without("torchmetrics"),
            words={"_": "pip(line)"},
            typed={"line": "pip install 'slopes[recipes]'"},
        ),
    ],
    "recipes/frequencies.py counted": [
        Fix(TOKENS, numbers(token_ids=IDS[:0]), words={"token_ids": "torch.tensor([[0, 3, 1, 2]])"}),
        Fix(TOKENS, numbers(token_ids=IDS + 1), words={"vocabulary": "5"}),
    ],
    "recipes/frequencies.py check_counts": [
        Fix(
            "R.LabelTree.huffman(counts)",
            {"counts": COUNTS - 2, "targets": IDS, "classes": 4},
            {"counts": "torch.bincount(targets.flatten(), minlength=classes)"},
        ),
    ],
    "recipes/language/metrics.py Ratio.compute": [
        Fix("perplexity(mask)", {"mask": IDS < 0, "perplexity": perplexity}, words={"mask": "~mask"}),
    ],
    "recipes/language/token_head.py check_width": [
        Fix(
            "R.NextToken.from_targets(token_ids, vocabulary=vocabulary).loss(raw, token_ids)",
            numbers(token_ids=IDS, raw=torch.zeros(2, 4, 6)),
            words={"vocabulary": "raw.shape[-1]"},
        ),
        Fix(
            "R.NextToken.from_targets(token_ids, vocabulary=vocabulary).loss(raw, token_ids)",
            numbers(token_ids=IDS, raw=torch.zeros(2, 4, 6)),
            words={"raw": "R.NextToken.from_targets(token_ids, vocabulary=4).head(6)(raw)"},
        ),
    ],
    "recipes/large_vocabulary/factored.py check_hidden": [
        Fix(
            "R.AdaptiveSoftmax(features, counts, div_value=2.0)(torch.zeros(3, 4))",
            {"features": 8, "counts": COUNTS},
            words={"features": "4"},
        ),
    ],
    "recipes/large_vocabulary/heads.py _check_classes": [
        Fix(
            ADAPTIVE,
            numbers(counts=COUNTS[:1], targets=IDS, classes=4),
            {"counts": "torch.bincount(targets.flatten(), minlength=classes)"},
        ),
    ],
    "recipes/large_vocabulary/heads.py _checked": [
        Fix(ADAPTIVE, numbers(counts=COUNTS, cutoffs=[4]), words={"cutoffs": "None"}),
        Fix(ADAPTIVE, numbers(counts=COUNTS, cutoffs=[]), {"least": "1"}, {"cutoffs": "[least]"}),
    ],
    "recipes/large_vocabulary/heads.py AdaptiveSoftmax.__init__": [
        Fix(ADAPTIVE, numbers(counts=COUNTS, cutoffs=[1, 2], div_value=4.0), words={"div_value": "2.0"}),
        Fix(ADAPTIVE, numbers(counts=COUNTS, cutoffs=[1, 2], div_value=4.0), words={"cutoffs": "[1]"}),
    ],
    "recipes/large_vocabulary/heads.py SampledSoftmax.__init__": [
        Fix("R.SampledSoftmax(8, 4, samples=samples)", {"samples": 5}, {"samples": "4"}),
    ],
    "recipes/large_vocabulary/hierarchical.py HierarchicalSoftmax.__init__": [
        Fix(
            "R.HierarchicalSoftmax(8, tree)",
            lambda _, __: {"tree": COUNTS, "counts": COUNTS, "LabelTree": _tree()},
            {"tree": "LabelTree.huffman(counts)"},
        ),
        Fix(
            "R.HierarchicalSoftmax(8, tree)",
            lambda _, __: {"tree": [("a",), ("b",)], "paths": [("a",), ("b",)], "LabelTree": _tree()},
            {"tree": "LabelTree.from_paths(paths)"},
        ),
    ],
    "recipes/large_vocabulary/label_tree.py _check_counts": [
        Fix("R.LabelTree.huffman(counts)", {"counts": IDS}, words={"counts": "counts.flatten().bincount()"}),
    ],
    "recipes/large_vocabulary/label_tree.py _check_paths": [
        Fix(PATHS, {"paths": [("a",)]}, words={"paths": "[('a',), ('b',)]"}),
        Fix(PATHS, {"paths": ["cat", "dog"]}, {"cat": '("animal", "cat")'}, {"paths": "[cat, ('animal', 'dog')]"}),
        Fix(PATHS, {"paths": [("a",), ("a",)]}, words={"paths": "[('a', 'x'), ('a', 'y')]"}),
        Fix(PATHS, {"paths": [("a",), ("a", "b")]}, {"step": "('a', 'other')"}, {"paths": "[step, paths[1]]"}),
        Fix(PATHS, {"paths": [("a",), ("a", "other")]}, {"step": "('a', 0)"}, {"paths": "[step, paths[1]]"}),
    ],
    "recipes/large_vocabulary/label_tree.py LabelTree.under": [
        Fix(
            "R.LabelTree.from_paths([('ape',), ('bee', 'queen'), ('bee', 'drone')]).under(*prefix)",
            {"prefix": ("bea",)},
            {"prefix": "('ape',)"},
        ),
        Fix(
            "tree.under('ape')",
            lambda _, __: {"tree": _tree().huffman(COUNTS), "paths": [("ape",), ("bee",)], "LabelTree": _tree()},
            {"tree": "LabelTree.from_paths(paths)"},
        ),
    ],
    "recipes/regression/bounded.py BoundedRegression.__post_init__": [
        Fix(BOUNDED, numbers(targets=SHARES, low=1.0, high=0.0), words={"low": "high", "high": "low"}),
    ],
    "recipes/regression/bounded.py BoundedRegression.from_targets": [
        Fix(
            "getattr(R, name).from_targets(targets)",
            {"targets": SHARES.round(), "name": "BoundedRegression"},
            typed={"name": "Binary"},
        ),
        Fix(
            "getattr(R, name).from_targets(targets)",
            {"targets": PAIRS.round(), "name": "BoundedRegression"},
            typed={"name": "MultiLabel"},
        ),
    ],
    "recipes/regression/intervals.py conformal_quantile": [
        Fix("conformal_quantile(torch.arange(rows * 1.0), coverage=0.9)", {"rows": 3}, {"rows": "9"}),
        Fix("conformal_quantile(torch.arange(rows * 1.0), coverage=0.95)", {"rows": 18}, {"rows": "19"}),
        Fix("conformal_quantile(torch.arange(3.0), coverage=coverage)", {"coverage": 0.9}, words={"coverage": "0.7"}),
    ],
    "recipes/regression/judging.py score": [
        Fix(
            "R.Regression.from_targets(NUMBERS).score(raw, targets)",
            numbers(raw=NUMBERS[:1], targets=NUMBERS[:1]),
            words={"raw": "NUMBERS", "targets": "NUMBERS"},
        ),
    ],
    "recipes/regression/numbers.py read": [
        Fix(FROM, numbers(targets=NUMBERS.reshape(1, 2, 2)), {"targets": "targets.flatten()"}),
        Fix(FROM, numbers(targets=NUMBERS[:1]), words={"targets": "NUMBERS"}),
    ],
    "recipes/regression/numbers.py finite": [
        Fix(FROM, numbers(targets=NUMBERS.sqrt()), words={"targets": "targets[targets.isfinite()]"}),
    ],
    "recipes/regression/numbers.py _varied": [
        Fix(FROM, numbers(targets=NUMBERS * 0), words={"targets": "NUMBERS"}),
        Fix(
            FROM,
            numbers(targets=PAIRS * torch.tensor([1.0, 0.0, 1.0])),
            words={"targets": "targets[:, [0, 2]]"},
            check="'of column 1' in error",
        ),
    ],
    "recipes/regression/numbers.py check_validation": [
        Fix(
            "R.GaussianRegression.from_targets(NUMBERS).calibrated(torch.rand(rows, 2), torch.rand(rows))",
            numbers(rows=0),
            words={"rows": "20"},
        ),
    ],
    "recipes/regression/quantiles.py rising": [
        Fix("rising(torch.zeros(3), middle=middle)", {"middle": 3}, words={"middle": "1"}),
    ],
    "recipes/regression/quantiles.py _check_levels": [
        Fix(LEVELS, numbers(levels=0.5), {"levels": "(0.05, 0.5, 0.95)"}),
        Fix(LEVELS, numbers(levels=(0.9, 0.5, 0.1)), {"levels": "(0.05, 0.5, 0.95)"}),
    ],
    "recipes/regression/tails.py Tails.of": [
        Fix("Tails.of(values)", {"values": NUMBERS}, words={"values": "torch.linspace(-1, 1, 20)"}),
        Fix(
            "Tails.of(values)",
            {"values": torch.linspace(-1, 1, 61).clamp(min=0.35)},
            words={"values": "values[values > values.median()]"},
        ),
    ],
    "recipes/regression/transforms.py _exponents": [
        Fix("Transform.fitted(NUMBERS.exp(), kind=kind)", unfit("box-cox"), {"kind": "'log'"}),
        Fix(
            "recipe(NUMBERS, **given)",
            unfit("yeo-johnson"),
            words={"recipe": "getattr(R, name).from_targets", "given": "{}"},
            typed={"name": "RobustRegression"},
        ),
    ],
    "recipes/retrieval/embedding.py _check_matrix": [
        Fix(
            "R.Embedding().loss(raw, targets)",
            {"raw": PAIRS.reshape(2, 2, 3), "targets": PAIRS},
            {"raw": "raw.flatten(0, -2)"},
        ),
        Fix(
            "R.Embedding().nearest(queries, PAIRS, 1)",
            {"queries": PAIRS[0], "PAIRS": PAIRS},
            {"queries": "queries.reshape(1, -1)"},
        ),
        Fix(
            "R.Embedding().nearest(queries, PAIRS, 1)",
            {"queries": PAIRS[:, :0], "PAIRS": PAIRS},
            words={"queries": "PAIRS"},
            check="'check how the embeddings were made' in error",
        ),
    ],
    "recipes/retrieval/embedding.py _check_objective": [
        Fix(
            "R.Embedding.from_targets(targets, objective=objective)",
            {"targets": LABELS, "objective": "clip"},
            {"objective": "'triplet'"},
        ),
        Fix(
            "R.Embedding.from_targets(targets, objective=objective)",
            {"targets": PAIRS, "objective": "triplet"},
            {"objective": "'clip'"},
        ),
        Fix(
            "R.Embedding.from_targets(targets, objective='clip')",
            {"targets": LABELS, "PAIRS": PAIRS},
            words={"targets": "PAIRS"},
        ),
    ],
    "recipes/retrieval/embedding.py _evidence_of_labels": [
        Fix(
            "R.Embedding.from_targets(targets, objective=objective)",
            {"targets": torch.arange(4), "PAIRS": PAIRS, "objective": None},
            words={"targets": "PAIRS", "objective": "name"},
            typed={"name": "nt_xent"},
        ),
    ],
    "recipes/retrieval/embedding.py Embedding.scale": [
        Fix(EMBED + ".scale()", {"objective": "info_nce"}, {"objective": "'clip'"}),
    ],
    "recipes/retrieval/embedding.py Embedding.loss": [
        Fix(
            "R.Embedding().loss(z, z, logit_scale=scale)",
            {"z": PAIRS, "scale": torch.tensor(1.0)},
            words={"scale": "None"},
        ),
    ],
    "recipes/retrieval/embedding.py Embedding.nearest": [
        Fix("R.Embedding().nearest(z, z, count)", {"z": PAIRS, "count": 5}, {"count": "4"}),
    ],
    "recipes/retrieval/embedding.py Embedding._check": [
        Fix(
            "embedding.loss(z, labels)",
            lambda _, __: {"embedding": _embedding()(), "Embedding": _embedding(), "z": PAIRS, "labels": LABELS},
            {"embedding": "Embedding(objective='triplet')"},
        ),
    ],
    "recipes/retrieval/metrics.py Retrieval.compute": [
        Fix("score('info_nce', rows, z, z)", {"rows": 1, "z": PAIRS, "score": score}, words={"rows": "4"}),
    ],
    "recipes/retrieval/metrics.py Retrieval._found": [
        Fix(
            "score('triplet', 4, z, labels)",
            {"labels": torch.arange(4), "z": PAIRS, "score": score},
            words={"labels": "torch.tensor([0, 0, 1, 1])"},
        ),
    ],
}


def _tree() -> Any:  # noqa: ANN401  a class
    from slopes import recipes  # noqa: PLC0415  where it is used

    return recipes.LabelTree


def _embedding() -> Any:  # noqa: ANN401  a class
    from slopes import recipes  # noqa: PLC0415  where it is used

    return recipes.Embedding
