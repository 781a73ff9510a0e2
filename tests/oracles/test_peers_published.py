"""Agreement with two published formulas, evaluated with 700 digits: `golden/published.json`.

As published they lose 1 - p to cancellation. `test_peers_torch.py` does not run them for that reason: what is
compared here is what the formulas mean.
"""

from __future__ import annotations

from tests.each import each
from tests.oracles.peers import Case, answer, assert_agrees, of

from slopes import losses as L  # noqa: N812  the name that users give it


@each("case", of("published", "torchvision.ops.sigmoid_focal_loss"))
def test_focal_is_torchvisions(case: Case) -> None:
    """Theirs has alpha=0.25 by default and -1 for none, and reduces nothing by default."""
    ours = answer(
        lambda logits, targets: L.focal(logits, targets, **case.options, reduction="none"),
        case.inputs,
        ["logits"],
    )
    assert_agrees(case, ours)


@each("case", of("published", "AsymmetricLoss", named="eps 0.0"))
def test_asymmetric_is_the_authors_without_their_floor(case: Case) -> None:
    """Theirs sums, and may keep the focusing weight out of the gradient (`disable_torch_grad_focal_loss`)."""
    ours = answer(
        lambda logits, targets: L.asymmetric(logits, targets, **case.options, reduction="none"),
        case.inputs,
        ["logits"],
    )
    assert_agrees(case, ours)


@each("case", of("published", "AsymmetricLoss", named="eps 1e-08"))
def test_asymmetric_is_the_authors_with_their_floor_where_it_does_not_act(case: Case) -> None:
    """Theirs raises probabilities to 1e-8 in the logarithm: beyond a logit of 18.4 it has no gradient."""
    ours = answer(
        lambda logits, targets: L.asymmetric(logits, targets, **case.options, reduction="none"),
        case.inputs,
        ["logits"],
    )
    assert_agrees(case, ours)
