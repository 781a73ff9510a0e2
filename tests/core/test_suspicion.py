"""Input that is legal and probably a mistake."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core import suspicion


def test_probabilities_where_logits_belong() -> None:
    probabilities = torch.linspace(0.01, 0.99, 32)
    with pytest.warns(slopes.SuspiciousInputWarning) as caught:
        suspicion.not_probabilities("f", probabilities, rows=False)
    assert str(caught[0].message) == (
        "f: `logits` all lie in [0, 1], which looks like probabilities where logits belong; "
        "pass the scores before sigmoid or softmax, the loss applies it."
    )
    with pytest.warns(slopes.SuspiciousInputWarning, match="and each row sums to 1"):
        suspicion.not_probabilities("f", torch.randn(8, 4).softmax(-1), rows=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        suspicion.not_probabilities("f", probabilities[:15], rows=False)  # too few to tell
        suspicion.not_probabilities("f", torch.zeros(32), rows=False)  # a head that starts at 0
        suspicion.not_probabilities("f", probabilities - 0.5, rows=False)
        suspicion.not_probabilities("f", probabilities.reshape(8, 4), rows=True)


@pytest.mark.parametrize("loss", [L.dpo, L.ipo])
def test_losses_where_log_probabilities_belong(loss: Callable[..., Tensor]) -> None:
    """The negative log-likelihood of a library of language models, handed over as it is, trains backwards."""
    below, above = torch.full((4,), -12.0), torch.full((4,), 12.0)
    with pytest.warns(
        slopes.SuspiciousInputWarning, match="`policy_chosen`, .* are all above 0, .* pass their negativ"
    ):
        loss(above, above, above, above)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(above, above, above, below)
        loss(*[torch.full((4,), 1e-6)] * 4)  # certain answers, rounded


def test_losses_where_log_probabilities_of_single_answers_belong() -> None:
    with pytest.warns(slopes.SuspiciousInputWarning, match="kto: `policy`, `reference` are all above 0"):
        L.kto(torch.tensor([7.0]), torch.tensor([8.0]), torch.tensor([True]), 0.0)
