from __future__ import annotations

import dataclasses
import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.accuracy import assert_close
from tests.each import each
from torch import Tensor

import slopes
from slopes import MissingDependencyError, recipes
from slopes.recipes import Binary, MultiClass, MultiLabel, Reason, Recipe

LABELS = torch.tensor([0] * 12 + [1] * 6)
CLASSES = torch.arange(18) % 3
SEVERAL = torch.stack((LABELS, torch.arange(18) % 2), 1)
CASES: list[tuple[Any, Tensor]] = [
    (Binary.from_targets(LABELS), LABELS),
    (Binary.from_targets(LABELS, criterion="focal"), LABELS),
    (MultiClass.from_targets(CLASSES), CLASSES),
    (MultiClass.from_targets(CLASSES, criterion="softmax_focal"), CLASSES),
    (MultiLabel.from_targets(SEVERAL), SEVERAL),
    (MultiLabel.from_targets(SEVERAL, criterion="asymmetric"), SEVERAL),
]
HEAVY = ("torchmetrics", "sklearn", "polars", "pytorch_lightning", "transformers", "joblib", "altair", "tqdm")


@pytest.fixture(params=CASES, ids=lambda case: f"{type(case[0]).__name__}-{case[0].criterion}")
def case(request: pytest.FixtureRequest) -> tuple[Any, Tensor]:
    given: tuple[Any, Tensor] = request.param
    return given


def test_the_contract_is_kept(case: tuple[Any, Tensor]) -> None:
    recipe, targets = case
    assert isinstance(recipe, Recipe)
    assert isinstance(recipe.name, str)
    features = torch.randn(18, 5)
    raw = recipe.head(5)(features)
    loss = recipe.loss(raw, targets)
    assert loss.shape == ()
    loss.backward()
    rows = recipe.loss(raw.detach(), targets, reduction="none")
    assert bool((rows >= 0).all())
    prediction = recipe.predict(raw.detach())
    assert prediction.decision.shape == targets.shape
    assert prediction.decision.dtype == torch.int64
    assert bool(((prediction.probability >= 0) & (prediction.probability <= 1)).all())
    score = recipe.score(raw, targets)
    assert all(isinstance(value, float) for value in score.values())
    calibrated = recipe.calibrated(raw, targets)
    assert type(calibrated) is type(recipe)
    assert len(calibrated.reasons) > len(recipe.reasons)


def test_signatures_are_those_of_the_contract(case: tuple[Any, Tensor]) -> None:
    recipe, _ = case
    for name in ("head", "predict", "metrics", "observe", "score"):
        ours, theirs = (list(inspect.signature(getattr(one, name)).parameters) for one in (type(recipe), Recipe))
        assert ours == theirs
    loss, contract = (inspect.signature(one.loss).parameters for one in (type(recipe), Recipe))
    assert {k: (p.kind, p.default) for k, p in loss.items()} == {k: (p.kind, p.default) for k, p in contract.items()}
    assert list(inspect.signature(type(recipe).calibrated).parameters)[:3] == ["self", "raw", "targets"]


def test_reasons_are_sentences_about_a_choice(case: tuple[Any, Tensor]) -> None:
    recipe, _ = case
    assert recipe.reasons
    for reason in recipe.reasons:
        assert isinstance(reason, Reason)
        assert len(reason.choice) < 80
        assert reason.because[0].isupper() or reason.because[0].isdigit()
        assert reason.because.endswith(".")


def test_a_recipe_is_a_value(case: tuple[Any, Tensor]) -> None:
    recipe, _ = case
    assert pickle.loads(pickle.dumps(recipe)) == recipe  # noqa: S301  our own bytes
    assert hash(dataclasses.replace(recipe)) == hash(recipe)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.temperature = 2.0
    assert not any(isinstance(value, Tensor) for value in dataclasses.asdict(recipe).values())


def test_nothing_of_the_caller_is_written_to(case: tuple[Any, Tensor]) -> None:
    recipe, targets = case
    raw = recipe.head(5)(torch.randn(18, 5)).detach()
    before = raw.clone(), targets.clone()
    recipe.loss(raw, targets)
    recipe.predict(raw)
    recipe.score(raw, targets)
    recipe.calibrated(raw, targets)
    assert torch.equal(raw, before[0])
    assert torch.equal(targets, before[1])


def test_the_loss_compiles_to_the_same_graph_for_every_batch(case: tuple[Any, Tensor]) -> None:
    recipe, targets = case
    raw = recipe.head(5)(torch.randn(18, 5)).detach()
    compiled = torch.compile(recipe.loss, fullgraph=True, backend="eager")
    assert_close(compiled(raw, targets), recipe.loss(raw, targets).double(), size=raw.numel())


@each("recipe", [CASES[0][0], CASES[2][0], CASES[4][0]], ids=lambda recipe: type(recipe).__name__)
def test_a_missing_torchmetrics_is_named_with_the_fix(recipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(
        MissingDependencyError, match=r"metrics: needs torchmetrics, .* pip install 'slopes\[recipes\]'\.$"
    ):
        recipe.metrics()


def test_recipes_come_without_what_they_do_not_need_yet() -> None:
    code = (
        "import sys, torch; before = set(sys.modules); "
        "from slopes.recipes import Binary, MultiClass, MultiLabel, imbalanced, mixup; "
        "r = imbalanced(torch.tensor([0, 0, 1])); r.loss(torch.zeros(1), torch.ones(1)); "
        "r.calibrated(torch.tensor([1., 2., 0.]), torch.tensor([0, 1, 1])); print(' '.join(set(sys.modules) - before))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(slopes.__file__).parents[1])}
    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert [name for name in done.stdout.split() if name in HEAVY] == []


def test_every_public_name_is_there_and_listed() -> None:
    assert set(recipes.__all__) <= set(dir(recipes))
    assert all(getattr(recipes, name) is not None for name in recipes.__all__)
    assert set(recipes._LATER) == set(recipes.__all__)
    assert recipes.__all__ == sorted(recipes.__all__, key=lambda name: (not name[0].isupper(), name))
    with pytest.raises(AttributeError, match=r"module 'slopes.recipes' has no attribute 'nothing'"):
        recipes.nothing  # noqa: B018
