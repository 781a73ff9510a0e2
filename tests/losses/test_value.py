from __future__ import annotations

import math

import pytest
import torch
from tests.accuracy import assert_close_to_scale
from tests.each import each
from tests.losses.contract import Case, assert_compiles, assert_contract, every_backend
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812


def normal(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


THREE = tuple(normal(8, seed=seed) for seed in (1, 2, 3))
CASES = (
    Case(L.value_clip, L.ValueClip, THREE, 1, scale=16.0),
    Case(L.value_clip, L.ValueClip, THREE, 1, {"clip": 1.0}, scale=16.0),
)


@each("case", CASES, ids=str)
def test_contract(case: Case) -> None:
    assert_contract(case)


@every_backend
@each("case", CASES, ids=str)
def test_compiled(case: Case, backend: str) -> None:
    assert_compiles(case, backend)


class TestValueClip:
    @each(
        ("value", "target", "loss", "slope"),
        [
            (0.25, 1.0, 0.28125, -0.75),  # within the clip: ½ (0.75)²
            (0.75, 1.0, 0.125, 0.0),  # beyond it towards the return: the clipped error, ½ (0.5)², and no pull
            (-0.75, 1.0, 1.53125, -1.75),  # beyond it the wrong way: ½ (1.75)²
            (4.0, 1.0, 4.5, 3.0),  # overshot by more than what was clipped
        ],
    )
    def test_by_hand(self, value: float, target: float, loss: float, slope: float) -> None:
        values = torch.tensor([value], requires_grad=True)
        came = L.value_clip(values, torch.zeros(1), torch.tensor([target]), clip=0.5)
        assert came.item() == loss
        assert torch.autograd.grad(came, values)[0].item() == slope

    def test_no_gradient_to_what_is_given(self) -> None:
        given = [t.clone().requires_grad_() for t in THREE]
        slopes_ = torch.autograd.grad(L.value_clip(*given), given, allow_unused=True)
        assert [slope is None for slope in slopes_] == [False, True, True]

    def test_options(self) -> None:
        with pytest.raises(slopes.OptionError, match=r"^value_clip: `clip` is -1.0, expected a number in \[0, ∞\)"):
            L.value_clip(*THREE, clip=-1.0)


class TestGeneralizedAdvantages:
    REWARDS = torch.tensor([[0.0, 1.0]])
    VALUES = torch.tensor([[0.5, 0.5, 2.0]])

    def test_by_hand(self) -> None:
        """δ = (-0.25, 1.5), and the first adds a quarter of the second."""
        came = L.generalized_advantages(self.REWARDS, self.VALUES, gamma=0.5, lam=0.5)
        assert came.tolist() == [[0.125, 1.5]]

    def test_an_end_stops_the_bootstrap(self) -> None:
        done = torch.tensor([[True, False]])
        came = L.generalized_advantages(self.REWARDS, self.VALUES, gamma=0.5, lam=0.5, done=done)
        assert came.tolist() == [[-0.5, 1.5]]

    def test_nothing_after_the_end_leaves_a_trace(self) -> None:
        values = torch.tensor([[0.5, 0.5, math.nan]])
        done = torch.tensor([[False, True]])
        came = L.generalized_advantages(self.REWARDS, values, gamma=0.5, lam=0.5, done=done)
        assert came.tolist() == [[-0.25 + 0.25 * 0.5, 0.5]]

    def test_lam_0_is_one_step_and_lam_1_the_whole_return(self) -> None:
        rewards, values = normal(3, 5, seed=4), normal(3, 6, seed=5)
        one_step = L.generalized_advantages(rewards, values, gamma=0.9, lam=0.0)
        assert torch.equal(one_step, rewards + 0.9 * values[:, 1:] - values[:, :-1])
        whole = L.generalized_advantages(rewards, values, gamma=1.0, lam=1.0)
        returns = rewards.flip(-1).cumsum(-1).flip(-1) + values[:, -1:]
        assert_close_to_scale(whole, returns - values[:, :-1], 8.0, size=5)

    @each("dtype", [torch.float16, torch.bfloat16])
    def test_16_bit_comes_back_in_float32(self, dtype: torch.dtype) -> None:
        came = L.generalized_advantages(self.REWARDS.to(dtype), self.VALUES.to(dtype), gamma=0.5, lam=0.5)
        assert came.dtype == torch.float32
        assert came.tolist() == [[0.125, 1.5]]

    def test_without_a_graph(self) -> None:
        values = self.VALUES.clone().requires_grad_()
        assert not L.generalized_advantages(self.REWARDS, values).requires_grad

    def test_other_shapes(self) -> None:
        assert L.generalized_advantages(torch.zeros(3), torch.zeros(4)).shape == (3,)
        assert L.generalized_advantages(torch.zeros(2, 0), torch.zeros(2, 1)).shape == (2, 0)
        assert L.generalized_advantages(torch.zeros(0, 3), torch.zeros(0, 4)).shape == (0, 3)
        stacked = L.generalized_advantages(normal(2, 3, 4, seed=6), normal(2, 3, 5, seed=7))
        assert torch.equal(stacked[1], L.generalized_advantages(normal(2, 3, 4, seed=6)[1], normal(2, 3, 5, seed=7)[1]))

    def test_bad_input(self) -> None:
        name = "generalized_advantages"
        with pytest.raises(slopes.ShapeError, match=rf"^{name}: `values` has shape \[1, 2\], expected \[1, 3\]"):
            L.generalized_advantages(self.REWARDS, self.VALUES[:, :2])
        with pytest.raises(slopes.DtypeError, match=rf"^{name}: `done` has dtype torch.float32, expected torch.bool"):
            L.generalized_advantages(self.REWARDS, self.VALUES, done=self.REWARDS)
        with pytest.raises(slopes.OptionError, match=rf"^{name}: `lam` is 1.5, expected a number in \[0, 1\]"):
            L.generalized_advantages(self.REWARDS, self.VALUES, lam=1.5)
