from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.each import each

from slopes import DtypeError, ShapeError, SlopesError, ValuesError
from slopes.recipes import Binary, MultiClass, MultiLabel, imbalanced


def test_the_shape_of_the_targets_says_which_recipe() -> None:
    assert isinstance(imbalanced(torch.tensor([0, 0, 1])), Binary)
    assert isinstance(imbalanced(torch.tensor([False, False, True])), Binary)
    assert isinstance(imbalanced(torch.tensor([0.0, 0.0, 1.0])), Binary)
    assert isinstance(imbalanced(torch.tensor([0, 0, 1, 2])), MultiClass)
    assert isinstance(imbalanced(torch.tensor([0, 0, 1]), classes=3), MultiClass)
    assert isinstance(imbalanced(torch.tensor([[0, 1], [0, 0], [1, 0]])), MultiLabel)


def test_it_weighs_at_any_ratio() -> None:
    assert imbalanced(torch.tensor([0] * 3 + [1] * 2)) == Binary.from_targets(
        torch.tensor([0] * 3 + [1] * 2), weighted=True
    )
    several = imbalanced(torch.tensor([0] * 5 + [1] * 4 + [2] * 4))
    assert isinstance(several, MultiClass)
    assert several.class_weight is not None
    many = imbalanced(torch.tensor([[0, 1], [0, 0], [1, 0]]))
    assert isinstance(many, MultiLabel)
    assert many.pos_weight == (2.0, 2.0)


@each(
    ("targets", "criterion"),
    [([0] * 501 + [1] * 5, "focal"), ([0] * 501 + [1] * 5 + [2] * 9, "softmax_focal"), ([[0]] * 501 + [[1]], "focal")],
)
def test_above_100_to_1_it_focuses(targets: list[Any], criterion: str) -> None:
    recipe = imbalanced(torch.tensor(targets))
    assert recipe.criterion == criterion
    assert any(reason.choice == "focal loss" for reason in recipe.reasons)


@each(
    ("targets", "error", "match"),
    [
        (torch.zeros(4, dtype=torch.long), ValuesError, "all 4 `targets` are 0"),
        (torch.zeros(2, 2, 2), ShapeError, "has shape"),
        (torch.tensor([0.0, 0.3]), ValuesError, "holds 0.3"),
        (torch.zeros(0, dtype=torch.long), ValuesError, "at least one row"),
        ([0, 1], DtypeError, "`targets` is list"),
    ],
)
def test_bad_targets(targets: Any, error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=match):
        imbalanced(targets)
