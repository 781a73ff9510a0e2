from __future__ import annotations

import torch
from mpmath import mp, mpf
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each

from slopes.recipes.classification.posterior import from_focal, from_softmax_focal


def risk(logit: mpf, share: mpf, gamma: float) -> mpf:
    """Return the expected focal loss of a logit where this share of the rows is positive: its definition."""
    p = 1 / (1 + mp.exp(-logit))
    return -share * (1 - p) ** gamma * mp.log(p) - (1 - share) * p**gamma * mp.log(1 - p)


@each("gamma", [0.5, 1.0, 2.0, 5.0])
@each("share", ["0.001", "0.1", "0.5", "0.73", "0.999"])
def test_focal_is_undone_to_the_share_that_the_data_have(share: str, gamma: float) -> None:
    """Assert that the logit under which the risk is least comes back as the log-odds of the share."""
    with mp.workdps(40):
        truth = mp.log(mpf(share) / (1 - mpf(share)))
        best = mp.findroot(lambda x: mp.diff(lambda y: risk(y, mpf(share), gamma), x), truth / (1 + gamma))
        came = from_focal(torch.tensor(float(best), dtype=torch.float64), gamma)
        # The best logit is rounded to float64, and the map is up to γ + 1 times steeper than 1.
        assert_close_to_scale(came, [truth], scale=float(abs(best)) * (gamma + 1) + 1)


def test_focal_with_gamma_0_is_left_alone() -> None:
    logits = torch.linspace(-50, 50, 101, dtype=torch.float64)
    assert_close(from_focal(logits, 0.0), logits)


def test_focal_far_out_grows_by_gamma_plus_1_and_stays_finite() -> None:
    logits = torch.tensor([-2000.0, -800.0, 800.0, 2000.0], dtype=torch.float64)
    expected = [-6000 + float(mp.log(3)), -2400 + float(mp.log(3)), 2400 - float(mp.log(3)), 6000 - float(mp.log(3))]
    assert_close(from_focal(logits, 2.0), torch.tensor(expected, dtype=torch.float64))


def test_focal_rises_everywhere() -> None:
    logits = torch.linspace(-40, 40, 4001, dtype=torch.float64)
    assert bool((from_focal(logits, 3.0).diff() > 0).all())


@each("gamma", [0.0, 1.0, 2.0, 4.5])
def test_softmax_focal_is_undone_to_the_shares_that_the_data_have(gamma: float) -> None:
    """Assert that logits under which the risk of three classes is least come back as the classes' shares."""
    shares = [mpf("0.7"), mpf("0.25"), mpf("0.05")]
    with mp.workdps(30):

        def expected_loss(first: mpf, second: mpf) -> mpf:
            powers = [mp.exp(z) for z in (first, second, mpf(0))]
            q = [power / sum(powers) for power in powers]
            return -sum(share * (1 - part) ** gamma * mp.log(part) for share, part in zip(shares, q, strict=True))

        def slopes(first: mpf, second: mpf) -> list[mpf]:
            return [mp.diff(expected_loss, (first, second), which) for which in ((1, 0), (0, 1))]

        start = [mp.log(share / shares[2]) / (1 + gamma) for share in shares[:2]]
        found = mp.findroot(slopes, start)
        logits = torch.tensor([[float(found[0]), float(found[1]), 0.0]], dtype=torch.float64)
        assert_close_to_scale(from_softmax_focal(logits, gamma).exp(), [shares], scale=gamma + 1, size=3)


def test_softmax_focal_over_two_classes_is_focal() -> None:
    gaps = torch.tensor([-900.0, -60.0, -5.0, -0.3, 0.0, 2.0, 30.0, 700.0], dtype=torch.float64)
    came = from_softmax_focal(torch.stack((gaps, torch.zeros_like(gaps)), -1), 2.0)
    assert_close(came[:, 0] - came[:, 1], from_focal(gaps, 2.0), size=4)


def test_softmax_focal_keeps_a_class_that_is_out_of_it() -> None:
    came = from_softmax_focal(torch.tensor([[1.0, 0.0, -torch.inf]]), 2.0)
    assert came[0, 2] == -torch.inf
    assert_close(came[:, :2], from_softmax_focal(torch.tensor([[1.0, 0.0]]), 2.0).double())
