from __future__ import annotations

import math

import pytest
import torch
from mpmath import mpf
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


def sums(n: int = 6) -> tuple[Tensor, ...]:
    """Return log-probabilities of answers: a policy near its reference."""
    reference = [-normal(n, seed=seed, scale=20.0).abs() - 5 for seed in (1, 2)]
    policy = [r + normal(n, seed=seed) for seed, r in enumerate(reference, 3)]
    return (*policy, *reference)


PAIR = (normal(6, seed=5, scale=3.0), normal(6, seed=6, scale=3.0))
CASES = (
    Case(L.bradley_terry, L.BradleyTerry, PAIR, 2, scale=8.0),
    Case(L.bradley_terry, L.BradleyTerry, PAIR, 2, {"margin": 0.5}, scale=8.0),
    Case(L.dpo, L.DPO, sums(), 2, scale=8.0),
    Case(L.dpo, L.DPO, sums(), 2, {"beta": 0.7, "label_smoothing": 0.2}, scale=8.0),
    Case(L.ipo, L.IPO, sums(), 2, scale=512.0),
    Case(L.ipo, L.IPO, sums(), 2, {"beta": 0.5}, scale=512.0),
)


@each("case", CASES, ids=str)
def test_contract(case: Case) -> None:
    assert_contract(case)


@every_backend
@each("case", CASES, ids=str)
def test_compiled(case: Case, backend: str) -> None:
    assert_compiles(case, backend)


class TestBradleyTerry:
    def test_the_worked_example(self) -> None:
        loss = L.bradley_terry(torch.tensor([0.82], dtype=torch.float64), torch.tensor([0.31], dtype=torch.float64))
        assert f"{loss.item():.12f}" == "0.470313318045"

    def test_equal_rewards_are_a_coin(self) -> None:
        chosen = torch.zeros(1, requires_grad=True)
        loss = L.bradley_terry(chosen, torch.zeros(1))
        assert_close(loss, math.log(2))
        assert torch.autograd.grad(loss, chosen)[0].item() == -0.5

    def test_a_margin_for_each_pair_is_a_reward_taken_off(self) -> None:
        chosen, rejected = PAIR
        margin = normal(6, seed=7).abs()
        came = L.bradley_terry(chosen, rejected, margin=margin, reduction="none")
        assert_close(came, [oracles.bradley_terry(*row) for row in zip(*map(exact, (*PAIR, margin)), strict=True)])

    def test_a_large_lead_that_is_no_round_number(self) -> None:
        """The rounding error of the difference, magnified by the exponential, is 64 units of the slope."""
        chosen = torch.tensor([71.123456, 83.7], requires_grad=True)
        rejected = torch.tensor([-0.1234567, 0.333333])
        loss = L.bradley_terry(chosen, rejected, reduction="none")
        rows = list(zip(exact(chosen), exact(rejected), strict=True))
        assert_close(loss, [oracles.bradley_terry(*row) for row in rows])
        slope = torch.autograd.grad(loss.sum(), chosen)[0]
        assert_close(slope, [oracles.bradley_terry_slope(*row) for row in rows])

    def test_a_margin_of_another_shape(self) -> None:
        with pytest.raises(slopes.ShapeError, match=r"^bradley_terry: .*`margin` \[1\].*broadcasts"):
            L.bradley_terry(torch.zeros(3), torch.zeros(3), margin=torch.zeros(1))

    @each("wrong", [math.nan, math.inf, "1", True])
    def test_a_margin_that_is_no_number(self, wrong: object) -> None:
        with pytest.raises(slopes.OptionError, match=r"^bradley_terry: `margin` is .*expected a .*number in"):
            L.bradley_terry(torch.zeros(3), torch.zeros(3), margin=wrong)


@each("dtype", DTYPES)
class TestDPO:
    def test_by_hand(self, dtype: torch.dtype) -> None:
        """Log-ratios +1 and -1: h = 0.5 · 2."""
        pair = [torch.tensor([value], dtype=dtype) for value in (-12.0, -15.0, -13.0, -14.0)]
        loss = L.dpo(*pair, beta=0.5)
        assert_close(loss, math.log1p(math.exp(-1)))
        smoothed = L.dpo(*pair, beta=0.5, label_smoothing=0.25)
        assert_close(smoothed, 0.75 * math.log1p(math.exp(-1)) + 0.25 * math.log1p(math.exp(1)))

    def test_large_common_log_probabilities_cost_no_digits(self, dtype: torch.dtype) -> None:
        given = [torch.tensor([v], dtype=dtype) for v in (-1234.5678, -2345.6789, -1234.4321, -2345.1234)]
        given = [t.requires_grad_(i < 2) for i, t in enumerate(given)]
        loss = L.dpo(*given, beta=0.3, reduction="none")
        rows = list(zip(*map(exact, given), strict=True))
        assert_close(loss, [oracles.dpo(*row, 0.3) for row in rows])
        assert_close(torch.autograd.grad(loss, given[0])[0], [oracles.dpo_slope(*row, 0.3) for row in rows])

    @each("far", [-600.7, -91.3, 55.1, 83.3])
    def test_policies_far_from_the_reference(self, dtype: torch.dtype, far: float) -> None:
        given = [torch.tensor([v], dtype=dtype) for v in (-1000.123 + far, -300.456, -1000.789, -300.111)]
        given[0].requires_grad_()
        loss = L.dpo(*given, beta=0.9, reduction="none")
        rows = list(zip(*map(exact, given), strict=True))
        assert_close(loss, [oracles.dpo(*row, 0.9) for row in rows])
        assert_close(torch.autograd.grad(loss, given[0])[0], [oracles.dpo_slope(*row, 0.9) for row in rows])

    def test_the_smoothed_gradient_about_its_root(self, dtype: torch.dtype) -> None:
        """It vanishes at h = log((1 - ε) / ε), and beside it nothing cancels."""
        root = math.log(0.9 / 0.1)
        h = torch.tensor([root + step for step in (-1e-2, -1e-4, 1e-5, 1e-3)], dtype=dtype).requires_grad_()
        loss = L.dpo(
            h, *(torch.zeros(4, dtype=dtype) for _ in range(3)), beta=1.0, label_smoothing=0.1, reduction="none"
        )
        slope = torch.autograd.grad(loss.sum(), h)[0]
        wanted = [oracles.dpo_slope(value, 0.0, 0.0, 0.0, 1.0, 0.1) for value in exact(h)]
        if dtype == torch.float32:
            assert_close(slope, wanted)
        else:
            assert_close_to_scale(slope, wanted, 0.1)

    def test_infinitely_sure(self, dtype: torch.dtype) -> None:
        chosen = torch.tensor([0.0], dtype=dtype, requires_grad=True)
        rest = [torch.tensor([value], dtype=dtype) for value in (-math.inf, -1.0, -1.0)]
        loss = L.dpo(chosen, *rest)
        assert loss.item() == 0
        assert torch.autograd.grad(loss, chosen)[0].item() == 0

    def test_no_gradient_to_the_reference(self, dtype: torch.dtype) -> None:
        given = [torch.full((2,), -1.0, dtype=dtype, requires_grad=True) for _ in range(4)]
        for loss in (L.dpo(*given), L.ipo(*given)):
            slopes_ = torch.autograd.grad(loss, given, allow_unused=True)
            assert [slope is None for slope in slopes_] == [False, False, True, True]


class TestIPO:
    def test_by_hand(self) -> None:
        """Margin 2, goal 1 / (2 · 0.1) = 5."""
        pair = [torch.tensor([value], requires_grad=True) for value in (-12.0, -15.0, -13.0, -14.0)]
        loss = L.ipo(*pair, beta=0.1)
        assert loss.item() == 9.0
        assert [slope.item() for slope in torch.autograd.grad(loss, pair[:2])] == [-6.0, 6.0]

    @each("dtype", DTYPES)
    def test_large_common_log_probabilities(self, dtype: torch.dtype) -> None:
        given = [torch.tensor([v], dtype=dtype) for v in (-1234.5678, -2345.6789, -1234.4321, -2345.1234)]
        given[0].requires_grad_()
        loss = L.ipo(*given, beta=0.3, reduction="none")
        row = [exact(t)[0] for t in given]
        assert_close(loss, [oracles.ipo(*row, 0.3)])
        assert_close(torch.autograd.grad(loss, given[0])[0], [gradient(oracles.ipo, *row, 0.3)])

    def test_the_goal_itself_in_float32(self) -> None:
        """1 / (2 · 0.3) is no float32; about it the residual is what the given numbers make it."""
        given = [torch.tensor([v]) for v in (1 / 0.6, 0.0, 0.0, 0.0)]
        loss = L.ipo(*given, beta=0.3, reduction="none")
        assert_close(loss, [(exact(given[0])[0] - mpf(1) / (2 * mpf(0.3))) ** 2])


class TestBadInput:
    @each("name", ["dpo", "ipo"])
    def test_shapes(self, name: str) -> None:
        rest = [torch.zeros(3)] * 2
        with pytest.raises(slopes.ShapeError, match=rf"^{name}: .*`reference_rejected` \[3, 1\].*expected equal"):
            getattr(L, name)(torch.zeros(3), *rest, torch.zeros(3, 1))

    @each("name", ["dpo", "ipo"])
    @each("wrong", [0.0, -1.0, math.inf, math.nan])
    def test_beta(self, name: str, wrong: float) -> None:
        with pytest.raises(slopes.OptionError, match=rf"^{name}: `beta` is .*expected a number in \(0, ∞\)"):
            getattr(L, name)(*[torch.zeros(3)] * 4, beta=wrong)

    @each("wrong", [-0.1, 0.5, 1.0])
    def test_label_smoothing(self, wrong: float) -> None:
        with pytest.raises(slopes.OptionError, match=r"^dpo: `label_smoothing` is .*expected a number in \[0, 0.5\)"):
            L.dpo(*[torch.zeros(3)] * 4, label_smoothing=wrong)

    def test_dtypes(self) -> None:
        with pytest.raises(slopes.DtypeError, match=r"^dpo: .*`reference_chosen` is torch.float64.*one precision"):
            L.dpo(torch.zeros(3), torch.zeros(3), torch.zeros(3).double(), torch.zeros(3))
        with pytest.raises(slopes.DtypeError, match=r"^bradley_terry: `rejected` has dtype torch.int64"):
            L.bradley_terry(torch.zeros(3), torch.zeros(3).long())


def test_margins_move_with_the_module() -> None:
    """Assert that margins given as a tensor are a buffer, as the weights of the other modules are."""
    module = L.BradleyTerry(margin=torch.tensor([0.5, 1.0]))
    assert module.to("meta").margin.device.type == "meta"  # type: ignore[union-attr]
    assert list(module.state_dict()) == ["margin"]
    assert not L.BradleyTerry(margin=0.5).state_dict()
