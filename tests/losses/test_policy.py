from __future__ import annotations

import math

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.losses.contract import Case, assert_compiles, assert_contract, every_backend
from tests.oracles import losses as oracles
from tests.oracles.precision import exact, gradient
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812

ESTIMATORS = ("k1", "k2", "k3")


def normal(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


OLD = -normal(8, seed=1, scale=3.0).abs() - 0.5
NEW = OLD + normal(8, seed=2, scale=0.4)
CASES = (
    Case(L.ppo, L.PPO, (NEW, OLD, normal(8, seed=3)), 1, scale=4.0),
    Case(L.ppo, L.PPO, (NEW, OLD, normal(8, seed=3)), 1, {"clip": 0.05}, scale=4.0),
    *(Case(L.kl_penalty, L.KLPenalty, (NEW, OLD), 1, {"estimator": estimator}, scale=4.0) for estimator in ESTIMATORS),
    *(
        Case(
            L.kl_penalty,
            L.KLPenalty,
            (NEW, OLD),
            1,
            {"estimator": estimator, "as_loss": True},
            scale=4.0,
            exact_slope=estimator == "k2",
        )
        for estimator in ESTIMATORS
    ),
)


@each("case", CASES, ids=str)
def test_contract(case: Case) -> None:
    assert_contract(case)


@every_backend
@each("case", CASES, ids=str)
def test_compiled(case: Case, backend: str) -> None:
    assert_compiles(case, backend)


class TestPPO:
    @each(
        ("ratio", "advantage", "loss", "slope"),
        [
            (0.5, 1.0, -0.5, -0.5),  # worse than it was, and it should be better: pulls
            (1.5, 1.0, -1.2, 0.0),
            (0.5, -1.0, 0.8, 0.0),
            (1.5, -1.0, 1.5, 1.5),
            (1.0, 2.0, -2.0, -2.0),
            (1.5, 0.0, 0.0, 0.0),
        ],
    )
    def test_by_hand(self, ratio: float, advantage: float, loss: float, slope: float) -> None:
        log_probs = torch.tensor([math.log(ratio)], dtype=torch.float64, requires_grad=True)
        given = torch.zeros(1, dtype=torch.float64), torch.tensor([advantage], dtype=torch.float64)
        came = L.ppo(log_probs, *given, clip=0.2)
        assert_close(came, loss)
        assert_close(torch.autograd.grad(came, log_probs)[0], [slope])

    @each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
    @each("far", [200.0, 1e4, math.inf])
    def test_far_beyond_the_clip_nothing_pulls(self, dtype: torch.dtype, far: float) -> None:
        log_probs = torch.tensor([far, -far, far], dtype=dtype, requires_grad=True)
        advantages = torch.tensor([1.0, -1.0, 0.0], dtype=dtype)
        loss = L.ppo(log_probs, torch.zeros(3, dtype=dtype), advantages, clip=0.25, reduction="none")
        assert loss.tolist() == [-1.25, 0.75, 0.0]
        slope = torch.autograd.grad(loss.sum(), log_probs, create_graph=True)[0]
        assert slope.tolist() == [0.0, 0.0, 0.0]
        assert torch.autograd.grad(slope.sum(), log_probs)[0].tolist() == [0.0, 0.0, 0.0]

    @each("dtype", [torch.float32, torch.float64])
    def test_large_ratios_keep_their_digits(self, dtype: torch.dtype) -> None:
        log_probs = torch.tensor([-1.234567, -0.7654321], dtype=dtype, requires_grad=True)
        old = torch.tensor([-62.3456789, -41.987654], dtype=dtype)
        advantages = torch.tensor([-1.7, -0.3], dtype=dtype)
        loss = L.ppo(log_probs, old, advantages, reduction="none")
        rows = list(zip(*map(exact, (log_probs, old, advantages)), strict=True))
        assert_close(loss, [oracles.ppo(*row) for row in rows])
        assert_close(torch.autograd.grad(loss.sum(), log_probs)[0], [oracles.ppo_slope(*row) for row in rows])

    def test_its_own_samples_give_the_plain_policy_gradient(self) -> None:
        log_probs = NEW.clone().requires_grad_()
        advantages = normal(8, seed=3).requires_grad_()
        loss = L.ppo(log_probs, log_probs, advantages, reduction="sum")
        slope, other = torch.autograd.grad(loss, (log_probs, advantages), allow_unused=True)
        assert torch.equal(slope, -advantages)
        assert other is None

    def test_options(self) -> None:
        with pytest.raises(slopes.OptionError, match=r"^ppo: `clip` is -0.1, expected a number in \[0, ∞\)"):
            L.ppo(NEW, OLD, OLD, clip=-0.1)
        assert_close(L.ppo(NEW, OLD, -torch.ones_like(OLD), clip=2.0), (NEW - OLD).exp().mean().item())


class TestKLPenalty:
    @each(("estimator", "value", "slope"), [("k1", 1.0, 1.0), ("k2", 0.5, 1.0), ("k3", 0.0, 0.0)])
    def test_by_hand(self, estimator: str, value: float, slope: float) -> None:
        log_probs = torch.tensor([-1.0], dtype=torch.float64, requires_grad=True)
        loss = L.kl_penalty(log_probs, torch.tensor([-2.0], dtype=torch.float64), estimator=estimator)
        shown = {"k3": math.exp(-1)}.get(estimator, value)
        assert_close(loss, shown)
        wanted = {"k3": 1 - math.exp(-1)}.get(estimator, slope)
        assert_close(torch.autograd.grad(loss, log_probs)[0], [wanted])

    @each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
    @each("gap", [-75.3, -3.0, -0.51, -0.49, -1e-3, -1e-6, 0.0, 1e-4, 0.3, 2.0, 80.0])
    def test_k3_against_the_definition(self, dtype: torch.dtype, gap: float) -> None:
        log_probs = torch.tensor([-90.123 + gap], dtype=dtype, requires_grad=True)
        reference = torch.tensor([-90.123], dtype=dtype)
        loss = L.kl_penalty(log_probs, reference, estimator="k3", reduction="none")
        row = exact(log_probs)[0], exact(reference)[0], "k3"
        assert_close(loss, [oracles.kl_penalty(*row)])
        wanted = gradient(oracles.kl_penalty, *row)
        if abs(wanted) < torch.finfo(dtype).max:
            assert_close(torch.autograd.grad(loss, log_probs)[0], [wanted])

    def test_k3_of_an_impossible_reference_is_infinite(self) -> None:
        one, never = torch.tensor([-1.0]), torch.tensor([-math.inf])
        assert L.kl_penalty(one, never, estimator="k3").item() == math.inf
        assert L.kl_penalty(one, torch.tensor([500.0]), estimator="k3").item() == math.inf

    @each("estimator", ESTIMATORS)
    def test_as_loss_keeps_the_value(self, estimator: str) -> None:
        values = [L.kl_penalty(NEW, OLD, estimator=estimator, as_loss=flag) for flag in (False, True)]
        assert torch.equal(*values)

    @each("estimator", ESTIMATORS)
    def test_as_loss_has_the_gradient_of_the_divergence(self, estimator: str) -> None:
        """Exact expectation over four actions, with the gradient by the policy's logits."""
        slope, reverse, _ = expected_slope(estimator, as_loss=True)
        assert_close_to_scale(slope, reverse, 1.0, size=4)

    def test_the_plain_gradients_and_what_they_are_of(self) -> None:
        """k1's is nothing, k2's is right, k3's is that of the other direction."""
        for estimator, wanted in (("k1", 0), ("k2", 1), ("k3", 2)):
            slope, reverse, forward = expected_slope(estimator, as_loss=False)
            assert_close_to_scale(slope, [torch.zeros(4), reverse, forward][wanted].double(), 1.0, size=4)
            assert reverse.abs().max() > 0.1
            assert (reverse - forward).abs().max() > 0.1

    def test_no_gradient_to_the_reference(self) -> None:
        reference = OLD.clone().requires_grad_()
        assert not L.kl_penalty(NEW, reference, estimator="k3").requires_grad

    def test_options(self) -> None:
        with pytest.raises(
            slopes.OptionError, match=r"^kl_penalty: `estimator` is 'k4', expected one of 'k1', 'k2', 'k3'"
        ):
            L.kl_penalty(NEW, OLD, estimator="k4")
        with pytest.raises(slopes.OptionError, match=r"^kl_penalty: `as_loss` is 1, expected True or False"):
            L.kl_penalty(NEW, OLD, as_loss=1)


def expected_slope(estimator: str, *, as_loss: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return the expected gradient by the logits, and those of both divergences."""
    logits = torch.tensor([0.3, -1.2, 0.8, 0.1], dtype=torch.float64, requires_grad=True)
    log_reference = torch.tensor([-0.5, 0.9, -0.2, 0.4], dtype=torch.float64).log_softmax(-1)
    log_policy = logits.log_softmax(-1)
    each = L.kl_penalty(log_policy, log_reference, estimator=estimator, as_loss=as_loss, reduction="none")
    drawn = log_policy.detach().exp()  # how often each action is drawn: no gradient through that
    slopes_ = [(drawn * each).sum()]
    slopes_ += [(log_policy.exp() * (log_policy - log_reference)).sum()]
    slopes_ += [(log_reference.exp() * (log_reference - log_policy)).sum()]
    by_estimate, reverse, forward = (torch.autograd.grad(s, logits, retain_graph=True)[0] for s in slopes_)
    return by_estimate, reverse, forward
