"""Likelihoods of one number beside torch and SciPy; and where many degrees of freedom cost torch its digits."""

from __future__ import annotations

import math

import pytest
import torch
from tests.later import Later
from tests.oracles.peers import assert_same, by_position
from torch.distributions import Beta, Categorical, Gamma, Laplace, LogNormal, MixtureSameFamily, Normal, StudentT

from slopes import losses as L  # noqa: N812  the name that users give it

stats = Later("scipy.stats")

LOCATED = {
    "location": torch.tensor([-3.0, 0.5, 0.0, 40.0, 2.0], dtype=torch.float64),
    "log_scale": torch.tensor([1.0, -2.0, 0.0, 3.0, -0.5], dtype=torch.float64),
    "targets": torch.tensor([4.0, 0.75, 0.5, 0.25, 9.0], dtype=torch.float64),
}
DF = torch.tensor([-0.5, 0.0, 1.0, 2.0, 5.0], dtype=torch.float64)
NEAR = {"scale": 128.0, "slope_scale": 1024.0}


def test_laplace_is_torch_s_and_scipy_s() -> None:
    ours = by_position(lambda m, s, y: L.laplace_nll(m, s, y, full=True, reduction="none"))
    theirs = by_position(lambda m, s, y: -Laplace(m, s.exp()).log_prob(y))
    assert_same(ours, theirs, LOCATED, ["location", "log_scale", "targets"], **NEAR)
    m, _, y = (t.numpy() for t in LOCATED.values())
    found = ours(**LOCATED).tolist()
    assert found == pytest.approx((-stats.laplace.logpdf(y, m, LOCATED["log_scale"].exp().numpy())).tolist(), rel=1e-12)


def test_student_t_is_torch_s_and_scipy_s() -> None:
    m, s, y = LOCATED.values()
    given = {"location": m, "log_scale": s, "log_df": DF, "targets": y}
    ours = by_position(lambda m, s, k, y: L.student_t_nll(m, s, k, y, full=True, reduction="none"))
    theirs = by_position(lambda m, s, k, y: -StudentT(k.exp(), m, s.exp()).log_prob(y))
    assert_same(ours, theirs, given, list(given), **NEAR)
    wanted = -stats.t.logpdf(y.numpy(), DF.exp().numpy(), m.numpy(), s.exp().numpy())
    assert ours(**given).tolist() == pytest.approx(wanted.tolist(), rel=1e-11)


def test_many_degrees_of_freedom_leave_torch_without_digits() -> None:
    m, y, zero = torch.tensor([0.0]), torch.tensor([1.0]), torch.zeros(1)
    wanted = L.gaussian_nll(m, zero, y, full=True).item()
    assert L.student_t_nll(m, zero, torch.tensor([18.0]), y, full=True).item() == pytest.approx(wanted, rel=1e-6)
    assert abs(StudentT(torch.tensor([math.exp(18)])).log_prob(y).item() + wanted) > 0.1


def test_log_normal_is_torch_s_and_scipy_s() -> None:
    m, s, y = LOCATED.values()
    ours = by_position(lambda m, s: L.log_normal_nll(m, s, y, full=True, reduction="none"))
    theirs = by_position(lambda m, s: -LogNormal(m, s.exp()).log_prob(y))
    given = {"location": m, "log_scale": s}
    assert_same(ours, theirs, given, list(given), **NEAR)
    wanted = -stats.lognorm.logpdf(y.numpy(), s.exp().numpy(), scale=m.exp().numpy())
    assert ours(**given).tolist() == pytest.approx(wanted.tolist(), rel=1e-11)


def test_gamma_and_beta_are_torch_s() -> None:
    m, s, y = LOCATED["log_scale"], LOCATED["log_scale"].flip(0), LOCATED["targets"]
    theirs = -Gamma(s.exp(), (s - m).exp()).log_prob(y)
    assert L.gamma_nll(m, s, y, full=True, reduction="none").tolist() == pytest.approx(theirs.tolist(), rel=1e-10)
    share = torch.sigmoid(y / 4 - 1)
    theirs = -Beta(s.exp() * m.sigmoid(), s.exp() * (-m).sigmoid()).log_prob(share)
    ours = L.beta_distribution_nll(m, s, share, full=True, reduction="none")
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-10, abs=1e-12)


def test_a_mixture_is_torch_s() -> None:
    m = torch.stack([LOCATED["location"], LOCATED["targets"]], -1)
    x, s = m.flip(-1) / 4, m / 16
    theirs = -MixtureSameFamily(Categorical(logits=x), Normal(m, s.exp())).log_prob(LOCATED["targets"])
    ours = L.mixture_nll(x, m, s, LOCATED["targets"], full=True, reduction="none")
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-10)
