from __future__ import annotations

import math

import pytest
import torch
from mpmath import mp
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.losses.contract import Case, assert_compiles, assert_contract, every_backend
from tests.oracles import losses as oracles
from tests.oracles.precision import exact, gradient
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812

DTYPES = (torch.float32, torch.float64)


def normal(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def near(step: float, dtype: torch.dtype, classes: int = 7) -> tuple[Tensor, Tensor]:
    """Return two rows of log-probabilities that differ by about `step`."""
    logits = normal(3, classes, seed=8)
    moved = logits + step * normal(3, classes, seed=9)
    return logits.log_softmax(-1).to(dtype), moved.log_softmax(-1).to(dtype)


LOG_P, LOG_Q = (normal(6, 5, seed=seed).log_softmax(-1) for seed in (1, 2))
CASES = (
    Case(L.kl_divergence, L.KLDivergence, (LOG_P, LOG_Q), 2, scale=8.0),
    Case(L.js_divergence, L.JSDivergence, (LOG_P, LOG_Q), 2, scale=8.0),
    Case(L.entropy, L.Entropy, (LOG_P,), 1, scale=8.0),
    Case(L.gaussian_kl, L.GaussianKL, (normal(6, 5, seed=3), normal(6, 5, seed=4)), 2, scale=32.0),
)


@each("case", CASES, ids=str)
def test_contract(case: Case) -> None:
    assert_contract(case)


@every_backend
@each("case", CASES, ids=str)
def test_compiled(case: Case, backend: str) -> None:
    assert_compiles(case, backend)


class TestKLDivergence:
    P, Q = (torch.tensor(row, dtype=torch.float64).log() for row in ([0.7, 0.2, 0.1], [0.5, 0.3, 0.2]))

    def test_by_hand(self) -> None:
        forward = 0.7 * math.log(1.4) + 0.2 * math.log(2 / 3) + 0.1 * math.log(0.5)
        backward = 0.5 * math.log(1 / 1.4) + 0.3 * math.log(1.5) + 0.2 * math.log(2)
        assert_close_to_scale(L.kl_divergence(self.P, self.Q), forward, 1.0)
        assert_close_to_scale(L.kl_divergence(self.Q, self.P), backward, 1.0)

    @each("dtype", DTYPES)
    @each("scale", [0.1, 1.0, 20.0])
    def test_gradients_are_those_of_the_definition(self, dtype: torch.dtype, scale: float) -> None:
        rows = [normal(4, 6, seed=seed, scale=scale).log_softmax(-1).to(dtype).requires_grad_() for seed in (5, 6)]
        loss = L.kl_divergence(*rows, reduction="none")
        by_p, by_q = torch.autograd.grad(loss.sum(), rows)
        wanted = [oracles.kl_divergence_gradients(*row) for row in zip(*map(exact, rows), strict=True)]
        assert_close(by_p, [p for p, _ in wanted])
        assert_close(by_q, [q for _, q in wanted])
        values = [oracles.kl_divergence(*row) for row in zip(*map(exact, rows), strict=True)]
        assert_close_to_scale(loss, values, max(1.0, float(max(values))))

    @each("dtype", DTYPES)
    @each("step", [1e-1, 1e-2, 1e-3, 1e-5])
    def test_nearly_equal(self, dtype: torch.dtype, step: float) -> None:
        """Right to what the given numbers say of the ratios, where the plain sum is lost in rounding."""
        log_p, log_q = near(step, dtype)
        came = L.kl_divergence(log_p, log_q, reduction="none")
        assert bool((came > 0).all())
        wanted = [
            mp.fsum(mp.exp(a) * (mp.expm1(b - a) - (b - a)) for a, b in zip(*row, strict=True))
            for row in zip(exact(log_p), exact(log_q), strict=True)
        ]
        assert_close(came, wanted, size=7)
        # Against the distributions that were meant: off by what rounding did to the logarithms, over their difference.
        meant = L.kl_divergence(*near(step, torch.float64), reduction="none")
        assert_close_to_scale(came, meant, float(meant.max()) / step)

    @each("dtype", [torch.float16, torch.bfloat16, *DTYPES])
    def test_never_below_0_for_equal_rows(self, dtype: torch.dtype) -> None:
        log_p, _ = near(0.0, dtype)
        assert L.kl_divergence(log_p, log_p, reduction="none").tolist() == [0.0] * 3

    @each("dtype", [torch.float16, torch.bfloat16, *DTYPES])
    def test_impossible_outcomes(self, dtype: torch.dtype) -> None:
        log_p = torch.tensor([[math.log(0.5), -math.inf, math.log(0.5), -math.inf]], dtype=dtype, requires_grad=True)
        log_q = torch.tensor(
            [[math.log(0.5), math.log(0.25), math.log(0.25), -math.inf]], dtype=dtype, requires_grad=True
        )
        loss = L.kl_divergence(log_p, log_q)
        assert_close_to_scale(loss, oracles.kl_divergence(exact(log_p)[0], exact(log_q)[0]), 1.0)
        by_p, by_q = torch.autograd.grad(loss, (log_p, log_q))
        assert by_p[0, [1, 3]].tolist() == [0, 0]
        assert by_q[0, [1, 3]].tolist() == [0, 0]
        assert bool(by_p.isfinite().all() & by_q.isfinite().all())

    def test_what_q_rules_out_and_p_does_not_is_infinite(self) -> None:
        log_p, log_q = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[1.0, 0.0]]).log()
        assert L.kl_divergence(log_p, log_q).item() == math.inf
        assert_close(L.kl_divergence(log_q, log_p), math.log(2))

    def test_far_tails_do_not_overflow(self) -> None:
        log_p = torch.tensor([[0.0, -300.0, -1000.0]])
        log_q = torch.tensor([[-300.0, 0.0, -2000.0]])
        assert L.kl_divergence(log_p, log_q).item() == 300

    def test_one_outcome(self) -> None:
        assert L.kl_divergence(torch.zeros(4, 1), torch.zeros(4, 1)).item() == 0

    def test_through_logits_the_gradient_is_q_minus_p(self) -> None:
        logits = normal(3, 5, seed=7).requires_grad_()
        loss = L.kl_divergence(LOG_P[:3], logits.log_softmax(-1), reduction="sum")
        slope = torch.autograd.grad(loss, logits)[0]
        assert_close_to_scale(slope, logits.softmax(-1).detach() - LOG_P[:3].exp(), 1.0)


class TestJSDivergence:
    def test_by_hand(self) -> None:
        """For p = (1, 0), q = (½, ½), m = (¾, ¼)."""
        log_p, log_q = (torch.tensor([p], dtype=torch.float64).log() for p in ([1.0, 0.0], [0.5, 0.5]))
        wanted = 0.5 * math.log(4 / 3) + 0.5 * (0.5 * math.log(2 / 3) + 0.5 * math.log(2))
        assert_close(L.js_divergence(log_p, log_q), wanted)
        assert_close(L.js_divergence(log_q, log_p), wanted)

    @each("dtype", DTYPES)
    @each("step", [10.0, 1.0, 1e-1, 1e-3, 1e-6])
    def test_against_the_definition(self, dtype: torch.dtype, step: float) -> None:
        """Also for nearly equal distributions: the terms of the definition cancel, ours do not."""
        rows = [t.requires_grad_() for t in near(step, dtype)]
        loss = L.js_divergence(*rows, reduction="none")
        exactly = list(zip(*map(exact, rows), strict=True))
        with mp.workdps(60):
            assert_close(loss, [oracles.js_divergence(*row) for row in exactly], size=7)
            for number, slope in enumerate(torch.autograd.grad(loss.sum(), rows)):
                assert_close(slope, [by_entry(*(row if number == 0 else row[::-1])) for row in exactly])

    def test_as_far_apart_as_can_be(self) -> None:
        log_p, log_q = (torch.tensor([p]).log().requires_grad_() for p in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]))
        loss = L.js_divergence(log_p, log_q)
        assert_close(loss, math.log(2))
        for slope in torch.autograd.grad(loss, (log_p, log_q)):
            assert bool(slope.isfinite().all())
            assert slope[0, 2].item() == 0

    def test_equal(self) -> None:
        assert L.js_divergence(LOG_P, LOG_P).item() == 0


def by_entry(log_p: list[object], log_q: list[object]) -> list[object]:
    """Return ½ p log(p / m)."""
    return [mp.exp(a) * (a - mp.log((mp.exp(a) + mp.exp(b)) / 2)) / 2 for a, b in zip(log_p, log_q, strict=True)]


class TestEntropy:
    def test_a_coin_and_a_certainty(self) -> None:
        log_p = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64).log().requires_grad_()
        loss = L.entropy(log_p, reduction="none")
        assert_close(loss, [math.log(2), 0.0])
        slope = torch.autograd.grad(loss.sum(), log_p)[0]
        assert_close(slope, [[-0.5 * (1 - math.log(2))] * 2 + [0.0], [-1.0, 0.0, 0.0]])

    @each("dtype", DTYPES)
    @each("scale", [0.1, 3.0, 30.0])
    def test_against_the_definition(self, dtype: torch.dtype, scale: float) -> None:
        log_p = normal(4, 6, seed=11, scale=scale).log_softmax(-1).to(dtype).requires_grad_()
        loss = L.entropy(log_p, reduction="none")
        assert_close(loss, [oracles.entropy(row) for row in exact(log_p)])
        slope = torch.autograd.grad(loss.sum(), log_p)[0]
        assert_close(slope, [gradient(oracles.entropy, row) for row in exact(log_p)])


class TestGaussianKL:
    def test_by_hand(self) -> None:
        mean, log_variance = (torch.tensor([row], requires_grad=True) for row in ([1.0, 2.0], [0.0, 0.0]))
        loss = L.gaussian_kl(mean, log_variance)
        assert loss.item() == 2.5
        slopes_ = torch.autograd.grad(loss, (mean, log_variance))
        assert [slope.tolist() for slope in slopes_] == [[[1.0, 2.0]], [[0.0, 0.0]]]

    @each("dtype", [torch.float16, torch.bfloat16, *DTYPES])
    @each("log_variance", [-60.0, -2.0, -0.51, -1e-2, -1e-6, 0.0, 1e-4, 0.49, 0.51, 3.0, 40.0])
    def test_against_the_definition(self, dtype: torch.dtype, log_variance: float) -> None:
        mean = torch.tensor([[1e-4, -2.5]], dtype=dtype, requires_grad=True)
        spread = torch.tensor([[log_variance, 1.5 * log_variance]], dtype=dtype, requires_grad=True)
        for m in (mean, torch.zeros_like(mean, requires_grad=True)):
            loss = L.gaussian_kl(m, spread, reduction="none")
            row = exact(m)[0], exact(spread)[0]
            assert_close(loss, [oracles.gaussian_kl(*row)])
            for number, slope in enumerate(torch.autograd.grad(loss, (m, spread))):
                wanted = gradient(oracles.gaussian_kl, *row, argument=number)
                if max(map(abs, wanted)) < torch.finfo(dtype).max:
                    assert_close(slope, [wanted])


class TestBadInput:
    @each("name", ["kl_divergence", "js_divergence"])
    def test_probabilities_where_their_logarithms_belong(self, name: str) -> None:
        function, p = getattr(L, name), LOG_P.exp()
        message = rf"^{name}: a row of exp\(`log_%s`\) sums to .*, expected 1; pass log-probabilities"
        with pytest.raises(slopes.ValuesError, match=message % "p"):
            function(p, LOG_Q)
        with pytest.raises(slopes.ValuesError, match=message % "q"):
            function(LOG_P, p)
        with slopes.checks(values=False):
            assert function(p, LOG_Q).isfinite()

    def test_entropy_of_probabilities_or_logits(self) -> None:
        for wrong in (LOG_P.exp(), LOG_P + 1):
            with pytest.raises(slopes.ValuesError, match=r"^entropy: a row of exp\(`log_p`\) sums to"):
                L.entropy(wrong)

    def test_a_row_that_does_not_count_is_not_checked(self) -> None:
        mask = torch.arange(6) != 2
        spoilt = LOG_P.clone()
        spoilt[2] = 7.0
        assert torch.equal(L.entropy(spoilt, mask=mask), L.entropy(LOG_P, mask=mask))

    def test_shapes(self) -> None:
        with pytest.raises(slopes.ShapeError, match=r"^kl_divergence: `log_p` \[6, 5\] and `log_q` \[1, 5\]"):
            L.kl_divergence(LOG_P, LOG_Q[:1])
        with pytest.raises(slopes.ShapeError, match=r"^entropy: `log_p` has shape \[\], expected \[..., C\]"):
            L.entropy(torch.zeros(()))
        with pytest.raises(slopes.ShapeError, match=r"^gaussian_kl: `mask` has shape \[6, 5\], expected \[6\]"):
            L.gaussian_kl(LOG_P, LOG_Q, mask=torch.ones(6, 5, dtype=torch.bool))
