from __future__ import annotations

import math

import pytest
import torch
from mpmath import mp, mpf
from tests.accuracy import assert_close
from tests.each import each
from tests.losses.contract import Case, assert_compiles, assert_contract, every_backend
from tests.oracles import losses as oracles
from tests.oracles.precision import exact, gradient
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
FLAGS = torch.tensor([True, False, True, True, False, False])


def normal(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def kto(policy: Tensor, reference: Tensor, flags: Tensor, **options: object) -> Tensor:
    return L.kto(policy, reference, flags, 0.25, **options)


class KTO(L.KTO):
    def forward(self, policy: Tensor, reference: Tensor, flags: Tensor, **options: object) -> Tensor:
        return super().forward(policy, reference, flags, 0.25, **options)


REFERENCE = -normal(6, seed=1, scale=20.0).abs() - 5
MEANS = (-normal(6, seed=2).abs() - 0.05, -normal(6, seed=3).abs() - 0.05, normal(6, seed=4).abs())
CASES = (
    Case(kto, KTO, (REFERENCE + normal(6, seed=5), REFERENCE, FLAGS), 1),
    Case(
        kto,
        KTO,
        (REFERENCE + normal(6, seed=5), REFERENCE, FLAGS),
        1,
        {"beta": 0.7, "desirable_weight": 1.3, "undesirable_weight": 0.5},
        scale=4.0,
    ),
    Case(L.orpo, L.ORPO, MEANS, 3, scale=4.0),
    Case(L.orpo, L.ORPO, MEANS, 3, {"lam": 1.7}, scale=32.0),
)


@each("case", CASES, ids=str)
def test_contract(case: Case) -> None:
    assert_contract(case)


@every_backend
@each("case", CASES, ids=str)
def test_compiled(case: Case, backend: str) -> None:
    assert_compiles(case, backend)


class TestKTO:
    def test_by_hand(self) -> None:
        """Log-ratio 2, kl 1, beta 1: σ(-1) where more of it is wanted, σ(1) where less."""
        policy = torch.tensor([-1.0, -1.0], dtype=torch.float64, requires_grad=True)
        reference = torch.tensor([-3.0, -3.0], dtype=torch.float64)
        loss = L.kto(policy, reference, FLAGS[:2], 1.0, beta=1.0, reduction="none")
        down, up = 1 / (1 + math.e), math.e / (1 + math.e)
        assert_close(loss, [down, up])
        assert_close(torch.autograd.grad(loss.sum(), policy)[0], [-down * up, down * up])

    def test_the_factors_multiply_the_loss_and_not_the_divisor(self) -> None:
        log_probs = torch.zeros(2), torch.zeros(2)
        loss = L.kto(*log_probs, FLAGS[:2], 0.0, desirable_weight=3.0, undesirable_weight=1.0)
        assert loss.item() == (3 * 0.5 + 1 * 0.5) / 2
        by_weight = L.kto(*log_probs, FLAGS[:2], 0.0, weight=torch.tensor([3.0, 1.0]))
        assert by_weight.item() == (3 * 0.5 + 1 * 0.5) / 4

    @each("dtype", DTYPES)
    @each("far", [-97.3, -0.7, 0.0, 41.7, 80.3])
    def test_against_the_definition(self, dtype: torch.dtype, far: float) -> None:
        policy = torch.tensor([-300.123 + far] * 2, dtype=dtype, requires_grad=True)
        reference = torch.tensor([-300.321] * 2, dtype=dtype)
        kl = torch.tensor(0.377, dtype=dtype)
        loss = L.kto(policy, reference, FLAGS[:2], kl, beta=0.9, undesirable_weight=1.3, reduction="none")
        rows = [
            (*row, exact(kl), 0.9, 1.0, 1.3) for row in zip(exact(policy), exact(reference), [True, False], strict=True)
        ]
        assert_close(loss, [oracles.kto(*row) for row in rows])
        assert_close(torch.autograd.grad(loss.sum(), policy)[0], [gradient(oracles.kto, *row) for row in rows])

    def test_kl_as_a_number_is_kl_as_a_tensor(self) -> None:
        inputs = list(CASES[0].inputs)
        as_number = L.kto(*inputs, 0.3)
        learned = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
        as_tensor = L.kto(*inputs, learned)
        assert torch.equal(as_number, as_tensor)
        assert not as_tensor.requires_grad

    @each("wrong", [-0.5, math.nan, math.inf])
    def test_a_number_that_is_no_divergence(self, wrong: float) -> None:
        with pytest.raises(slopes.OptionError, match=r"^kto: `kl` is .*expected a number in \[0, ∞\)"):
            L.kto(torch.zeros(2), torch.zeros(2), FLAGS[:2], wrong)

    def test_a_tensor_that_is_no_divergence(self) -> None:
        with pytest.raises(slopes.ValuesError, match=r"^kto: `kl` holds -0.5, expected .*kl.clamp\(min=0\)"):
            L.kto(torch.zeros(2), torch.zeros(2), FLAGS[:2], torch.tensor(-0.5))
        with pytest.raises(slopes.ShapeError, match=r"^kto: `kl` has shape \[2\], expected \[\] \(one number"):
            L.kto(torch.zeros(2), torch.zeros(2), FLAGS[:2], torch.zeros(2))

    def test_flags(self) -> None:
        with pytest.raises(slopes.DtypeError, match=r"^kto: `desirable` has dtype torch.int64, expected torch.bool"):
            L.kto(torch.zeros(2), torch.zeros(2), torch.ones(2).long(), 0.0)
        with pytest.raises(slopes.OptionError, match=r"^kto: `undesirable_weight` is -1.0"):
            L.kto(torch.zeros(2), torch.zeros(2), FLAGS[:2], 0.0, undesirable_weight=-1.0)


class TestORPO:
    def test_by_hand(self) -> None:
        """Odds 1 and 1/3: the log odds ratio is log 3, the penalty log(1 + 1/3)."""
        chosen, rejected = (torch.tensor([p], dtype=torch.float64).log().requires_grad_() for p in (0.5, 0.25))
        loss = L.orpo(chosen, rejected, torch.tensor([2.0], dtype=torch.float64), lam=0.5)
        assert_close(loss, 2 + 0.5 * math.log(4 / 3))
        by_chosen, by_rejected = torch.autograd.grad(loss, (chosen, rejected))
        assert_close(by_chosen, [-0.5 * 0.25 / 0.5])
        assert_close(by_rejected, [0.5 * (1 / 4) / (3 / 4)])

    def test_one_likelihood_for_all_pairs(self) -> None:
        nll = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
        loss = L.orpo(*MEANS[:2], nll)
        assert torch.equal(loss, L.orpo(*MEANS[:2], torch.full((6,), 1.5, dtype=torch.float64)))
        assert_close(torch.autograd.grad(loss, nll)[0], 1.0)

    @each("dtype", [torch.float32, torch.float64])
    @each("chosen", [-1e-38, -1e-12, -0.01, -1.3, -30.7, -95.3])
    @each("rejected", [-1e-30, -1e-7, -0.3, -7.7, -81.1])
    def test_against_the_definition(self, dtype: torch.dtype, chosen: float, rejected: float) -> None:
        inputs = [torch.tensor([value], dtype=dtype, requires_grad=True) for value in (chosen, rejected, 0.0)]
        loss = L.orpo(*inputs, lam=0.5, reduction="none")
        c, r = (exact(t)[0] for t in inputs[:2])
        with mp.workdps(200):
            assert_close(loss, [oracles.orpo(c, r, mpf(0), mpf(0.5))])
            both = mp.exp(r) / (-mp.exp(c) * mp.expm1(r) - mp.exp(r) * mp.expm1(c)) / 2
            wanted = (-both, both * mp.expm1(c) / mp.expm1(r), mpf(1))
        for number, slope in enumerate(torch.autograd.grad(loss, inputs)):
            assert_close(slope, [wanted[number]], what=f"gradient of input {number}")

    @each("dtype", DTYPES)
    def test_a_certain_chosen_answer_has_the_limit(self, dtype: torch.dtype) -> None:
        chosen, rejected = (torch.tensor([v], dtype=dtype, requires_grad=True) for v in (0.0, -math.log(2)))
        loss = L.orpo(chosen, rejected, torch.tensor([0.5], dtype=dtype), lam=1.0)
        odds = math.exp(rejected.item()) / -math.expm1(rejected.item())
        assert loss.item() == 0.5
        by_chosen, by_rejected = torch.autograd.grad(loss, (chosen, rejected))
        assert_close(by_chosen, [-odds])
        assert 0 <= by_rejected.item() <= 2 * torch.finfo(torch.float32).smallest_normal

    @each("dtype", [torch.float32, torch.float64])
    def test_a_certain_rejected_answer_is_very_wrong_and_finite(self, dtype: torch.dtype) -> None:
        near = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
        losses = []
        for certain in (0.0, -near, -1e-30):
            inputs = [torch.tensor([value], dtype=dtype, requires_grad=True) for value in (-1.0, certain)]
            loss = L.orpo(*inputs, torch.zeros(1, dtype=dtype), lam=10.0)
            for slope in torch.autograd.grad(loss, inputs):
                assert bool(slope.isfinite().all())
            losses.append(loss.item())
        assert losses[0] >= losses[1] > losses[2]

    @each("dtype", DTYPES)
    def test_both_certain_is_a_coin(self, dtype: torch.dtype) -> None:
        inputs = [torch.zeros(1, dtype=dtype, requires_grad=True) for _ in range(2)]
        loss = L.orpo(*inputs, torch.zeros((), dtype=dtype), lam=1.0)
        assert_close(loss, math.log(2))
        assert not any(slope.isnan().any() for slope in torch.autograd.grad(loss, inputs))

    def test_an_impossible_rejected_answer(self) -> None:
        inputs = [torch.tensor([v], requires_grad=True) for v in (-1.0, -math.inf)]
        loss = L.orpo(*inputs, torch.tensor([0.5]))
        assert loss.item() == 0.5
        assert [slope.item() for slope in torch.autograd.grad(loss, inputs)] == [0, 0]

    def test_log_probabilities_above_0(self) -> None:
        below, above = torch.tensor([-1.0, -1.0]), torch.tensor([-1.0, 0.5])
        with pytest.raises(
            slopes.ValuesError, match=r"^orpo: `rejected_log_probs` holds 0.5, expected .*mean log-prob"
        ):
            L.orpo(below, above, below)
        L.orpo(below, above, below, mask=torch.tensor([True, False]))

    @each("empty", ["chosen_log_probs", "rejected_log_probs"])
    def test_an_empty_answer_is_not_certain(self, empty: str) -> None:
        ids, answer = torch.tensor([[1, 2, 3], [1, 2, 3], [1, 2, 3]]), torch.tensor([[False, True, True]] * 3)
        answer[1] = False  # as truncation leaves it
        logits = normal(3, 3, 5, seed=6).requires_grad_()
        mean = L.sequence_log_prob(logits, ids, mask=answer, average=True)
        pair = {"chosen_log_probs": mean.detach(), "rejected_log_probs": torch.full_like(mean.detach(), -1.0)}
        if empty == "rejected_log_probs":
            pair = dict(zip(pair, reversed(pair.values()), strict=True))
        pair[empty] = mean
        nll = -pair["chosen_log_probs"]
        with pytest.raises(slopes.ValuesError, match=rf"^orpo: `{empty}` is nan at \[1\], .*with `mask`, or drop it"):
            L.orpo(**pair, nll=nll)
        with slopes.checks(values=False):
            assert L.orpo(**pair, nll=nll).isnan(), "what is not looked at is no certainty either"
        loss = L.orpo(**pair, nll=nll, mask=answer.any(-1))  # as it says
        dropped = {name: value[answer.any(-1)] for name, value in pair.items()}
        assert_close(loss, L.orpo(**dropped, nll=-dropped["chosen_log_probs"]).detach())
        (slope,) = torch.autograd.grad(loss, logits)
        assert bool(slope.isfinite().all())
        assert slope[0].any()
        assert not slope[1].any()

    def test_shapes_and_options(self) -> None:
        with pytest.raises(slopes.ShapeError, match=r"^orpo: .*`nll` \[1\] have different shapes"):
            L.orpo(-torch.ones(2), -torch.ones(2), torch.ones(1))
        with pytest.raises(slopes.OptionError, match=r"^orpo: `lam` is -0.1, expected a number in \[0, ∞\)"):
            L.orpo(-torch.ones(2), -torch.ones(2), torch.ones(2), lam=-0.1)
