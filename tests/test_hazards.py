"""What must never happen: each class is one hazard, in every dtype that it concerns, beside exact numbers.

16-bit inputs are rounded first and the oracle is asked about the rounded ones, so that nothing but the
library's own error is measured: in float32 for the value, in the input's dtype for the gradient.
"""

from __future__ import annotations

import functools
import math
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import torch
from mpmath import mp, mpf
from tests.accuracy import assert_close, assert_close_to_scale, assert_exact, unit
from tests.each import each
from tests.laws.samples import ONE_EACH, Case
from tests.oracles import losses as oracles
from tests.oracles.precision import exact, gradient, weighted_mean
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812
from slopes._core.settings import STATE
from slopes.kernels.pointwise import fused

DTYPES: Final = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
WIDE: Final = (torch.float32, torch.float64)
STRANGE: Final = (math.nan, math.inf, -math.inf)
NEAR_DUPLICATES_RIGHT_TO: Final = 1e-4  # of the value, at an offset of 1000

every_dtype = each("dtype", DTYPES, ids=lambda dtype: str(dtype).removeprefix("torch."))
wide_dtypes = each("dtype", WIDE, ids=lambda dtype: str(dtype).removeprefix("torch."))

Loss = Callable[..., Tensor]


@pytest.fixture(params=["plain", pytest.param("fused", marks=pytest.mark.long)], autouse=True)
def _in_both_modes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run every hazard through the plain formulas, and through the programs of fusion before they are compiled."""
    if request.param == "plain":
        yield
        return
    monkeypatch.setattr(fused, "LEAST", 1)
    monkeypatch.setattr(fused, "_compiled", lambda program: program)
    with slopes.fused():
        yield


def leaf(values: object, dtype: torch.dtype) -> Tensor:
    return torch.tensor(values, dtype=dtype, requires_grad=True)


def result_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def gradients(loss: Tensor, *inputs: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss.sum(), inputs))


def assert_dtype(loss: Tensor, of_input: torch.dtype) -> None:
    """Assert that 16-bit input came back in float32 and wider input in its own dtype."""
    assert loss.dtype == result_dtype(of_input)


def assert_zero(tensor: Tensor, what: str = "gradient") -> None:
    """Assert that every entry is 0, and none is NaN."""
    assert torch.equal(tensor, torch.zeros_like(tensor)), f"{what} is {tensor.tolist()}, not 0"


def assert_finite(tensor: Tensor, what: str = "gradient") -> None:
    """Assert that no entry is infinite or NaN."""
    assert bool(tensor.isfinite().all()), f"{what} is {tensor.tolist()}"


def assert_zero_on_the_graph(loss: Tensor, *inputs: Tensor) -> None:
    """Assert a loss of exactly 0 that backward goes through and finds nothing."""
    assert_zero(loss, "loss")
    assert loss.requires_grad, "loss is not connected to the graph"
    for slope in torch.autograd.grad(loss, inputs, allow_unused=False):
        assert_zero(slope)


def assert_like_oracle(loss: Tensor, inputs: list[Tensor], value: object, slopes_: list[object]) -> None:
    """Assert value and gradient of every input within the units in the last place that a loss may be off."""
    assert_dtype(loss, inputs[0].dtype)
    assert_close(loss, value, what="value")
    for number, (slope, wanted) in enumerate(zip(gradients(loss, *inputs), slopes_, strict=True)):
        assert_close(slope, wanted, what=f"gradient of input {number}, entry")


def assert_raises(kind: type[Exception], call: Callable[[], object], function: str, argument: str, *came: str) -> None:
    """Assert an error naming function and argument, what came, what was expected, and the fix."""
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert isinstance(caught.value, slopes.SlopesError)
    assert text.startswith(f"{function}: "), text
    assert f"`{argument}`" in text, text
    for fragment in came:
        assert fragment in text, text
    assert "expected" in text, text
    assert re.search(r"[;,] \S.*\.$", text), f"no fix at the end of: {text}"


class Batch:
    """Every loss on `n` rows: what it takes that has a gradient, and the call that takes it."""

    def __init__(self, dtype: torch.dtype, n: int = 5) -> None:
        self._dtype = dtype
        self._n = n
        self._generator = torch.Generator().manual_seed(11)
        self.classes = torch.tensor([0, 3, 1, 2, 3, 0])[:n]
        self.signs = torch.tensor([1.0, -1.0, -1.0, 1.0, 1.0, -1.0], dtype=dtype)[:n]
        self.binary = (self.signs + 1) / 2
        self.flags = self.signs > 0

    def draw(self, *columns: int) -> Tensor:
        """Return normal numbers, with a graph."""
        numbers = torch.randn(self._n, *columns, generator=self._generator, dtype=torch.float64)
        return numbers.to(self._dtype).requires_grad_()

    def log_probabilities(self, classes: int) -> Tensor:
        """Return rows of log-probabilities, with a graph."""
        return self.draw(classes).detach().double().log_softmax(-1).to(self._dtype).requires_grad_()

    def negative(self) -> Tensor:
        """Return log-probabilities of something, with a graph."""
        return (-self.draw().detach().abs() - 0.5).requires_grad_()

    def cases(self) -> dict[str, tuple[list[Tensor], Loss]]:
        """Return the inputs that have a gradient and the call, by name."""
        two = [self.draw(), self.draw()]
        three = [self.draw(), self.draw(), self.draw()]
        points = [self.draw(3), self.draw(3)]
        triple = [self.draw(3), self.draw(3), self.draw(3)]
        logits = [self.draw(4)]
        pair = [self.log_probabilities(4), self.log_probabilities(4)]
        sums = [self.negative() for _ in range(4)]
        quantiles = (0.1, 0.9)
        kl = torch.zeros((), dtype=self._dtype)
        soft = torch.softmax(self.draw(4).detach().double(), -1).to(self._dtype)
        return {
            "mse": (two, L.mse),
            "mae": (two, L.mae),
            "huber": (two, L.huber),
            "smooth_l1": (two, L.smooth_l1),
            "quantile": ([self.draw(2), self.draw()], lambda p, t, **o: L.quantile(p, t, quantiles, **o)),
            "gaussian_nll": (three, L.gaussian_nll),
            "binary_cross_entropy": ([two[0]], lambda z, **o: L.binary_cross_entropy(z, self.binary, **o)),
            "cross_entropy": (logits, lambda z, **o: L.cross_entropy(z, self.classes, **o)),
            "cross_entropy smoothed": (
                logits,
                lambda z, **o: L.cross_entropy(z, self.classes, label_smoothing=0.1, **o),
            ),
            "cross_entropy soft": (logits, lambda z, **o: L.cross_entropy(z, soft, **o)),
            "cross_entropy weighted": (
                logits,
                lambda z, **o: L.cross_entropy(
                    z, self.classes, class_weight=torch.tensor([1.0, 2.0, 0.5, 4.0], dtype=self._dtype), **o
                ),
            ),
            "focal": ([two[0]], lambda z, **o: L.focal(z, self.binary, alpha=0.25, **o)),
            "softmax_focal": (logits, lambda z, **o: L.softmax_focal(z, self.classes, **o)),
            "asymmetric": ([two[0]], lambda z, **o: L.asymmetric(z, self.binary, **o)),
            "hinge": ([two[0]], lambda z, **o: L.hinge(z, self.signs, **o)),
            "multiclass_hinge": (logits, lambda z, **o: L.multiclass_hinge(z, self.classes, **o)),
            "kl_divergence": (pair, L.kl_divergence),
            "js_divergence": (pair, L.js_divergence),
            "entropy": (pair[:1], L.entropy),
            "gaussian_kl": (points, L.gaussian_kl),
            "triplet": (triple, L.triplet),
            "triplet squared": (triple, lambda *x, **o: L.triplet(*x, distance="squared", **o)),
            "triplet cosine": (triple, lambda *x, **o: L.triplet(*x, distance="cosine", **o)),
            "contrastive": (points, lambda a, b, **o: L.contrastive(a, b, self.flags, **o)),
            "cosine_embedding": (points, lambda a, b, **o: L.cosine_embedding(a, b, self.flags, **o)),
            "info_nce": (points, L.info_nce),
            "distillation": (
                [logits[0], self.draw(4)],
                lambda s, t, **o: L.distillation(s, t, self.classes, **o),
            ),
            "bradley_terry": (two, L.bradley_terry),
            "dpo": (sums, L.dpo),
            "ipo": (sums, L.ipo),
            "kto": (sums[:2], lambda p, r, **o: L.kto(p, r, self.flags, kl, **o)),
            "orpo": ([*sums[:2], two[0]], L.orpo),
            "ppo": (three, L.ppo),
            "kl_penalty": (sums[:2], L.kl_penalty),
            "kl_penalty as loss": (sums[:2], lambda a, b, **o: L.kl_penalty(a, b, as_loss=True, **o)),
            "value_clip": (three, L.value_clip),
        }


NAMES: Final = tuple(Batch(torch.float32).cases())
# What counts as data here and has no gradient: the policy that sampled, the frozen reference, the teacher.
CONSTANT: Final = {
    "distillation": (1,),
    "dpo": (2, 3),
    "ipo": (2, 3),
    "kto": (1,),
    "ppo": (1, 2),
    "kl_penalty": (1,),
    "kl_penalty as loss": (1,),
    "value_clip": (1, 2),
}


def learned(name: str, inputs: list[Tensor]) -> list[Tensor]:
    """Return the inputs that training moves."""
    return [tensor for number, tensor in enumerate(inputs) if number not in CONSTANT.get(name, ())]


@every_dtype
class TestInfiniteLogitsOnTheRightSide:
    def test_binary_cross_entropy(self, dtype: torch.dtype) -> None:
        targets = torch.tensor([1.0, 0.0], dtype=dtype)
        for options in ({}, {"pos_weight": torch.tensor(3.0, dtype=dtype)}):
            logits = leaf([math.inf, -math.inf], dtype)
            assert_zero_on_the_graph(L.binary_cross_entropy(logits, targets, **options), logits)

    @each("loss", ["focal", "asymmetric"])
    def test_its_relatives(self, dtype: torch.dtype, loss: str) -> None:
        logits = leaf([math.inf, -math.inf], dtype)
        assert_zero_on_the_graph(getattr(L, loss)(logits, torch.tensor([1.0, 0.0], dtype=dtype)), logits)

    @each("loss", ["cross_entropy", "softmax_focal"])
    def test_one_infinite_logit_at_the_target(self, dtype: torch.dtype, loss: str) -> None:
        logits = leaf([[0.5, math.inf, -1.0]], dtype)
        assert_zero_on_the_graph(getattr(L, loss)(logits, torch.tensor([1])), logits)

    def test_a_distribution_that_is_certain(self, dtype: torch.dtype) -> None:
        logits = leaf([[0.5, math.inf, -1.0]], dtype)
        assert_zero_on_the_graph(L.cross_entropy(logits, torch.tensor([[0.0, 1.0, 0.0]], dtype=dtype)), logits)

    def test_the_other_rows_do_not_notice(self, dtype: torch.dtype) -> None:
        logits = leaf([[0.5, math.inf, -1.0], [1.0, 2.0, 3.0]], dtype)
        loss = L.cross_entropy(logits, torch.tensor([1, 0]), reduction="none")
        value = oracles.cross_entropy([1.0, 2.0, 3.0], 0)
        slope = oracles.cross_entropy_gradient([1.0, 2.0, 3.0], 0)
        assert_like_oracle(loss, [logits], [mpf(0), value], [[[mpf(0)] * 3, slope]])

    def test_hinges_of_infinite_scores(self, dtype: torch.dtype) -> None:
        scores = leaf([math.inf, -math.inf], dtype)
        assert_zero_on_the_graph(L.hinge(scores, torch.tensor([1.0, -1.0], dtype=dtype)), scores)
        rows = leaf([[math.inf, 0.0, 1.0]], dtype)
        assert_zero_on_the_graph(L.multiclass_hinge(rows, torch.tensor([0])), rows)

    def test_rewards_infinitely_far_apart(self, dtype: torch.dtype) -> None:
        chosen, rejected = leaf([math.inf], dtype), leaf([0.0], dtype)
        assert_zero_on_the_graph(L.bradley_terry(chosen, rejected), chosen, rejected)


@every_dtype
@each("gap", [12.0, 16.0, 16.75, 17.0, 20.0, 37.0, 50.0, 80.0])
class TestFarGap:
    def test_cross_entropy(self, dtype: torch.dtype, gap: float) -> None:
        logits = leaf([[gap, 0.0, -1.5, 0.25], [0.0, gap, 0.5, -gap]], dtype)
        loss = L.cross_entropy(logits, torch.tensor([0, 1]), reduction="none")
        rows = exact(logits)
        values = [oracles.cross_entropy(row, target) for target, row in enumerate(rows)]
        wanted = [oracles.cross_entropy_gradient(row, target) for target, row in enumerate(rows)]
        assert_like_oracle(loss, [logits], values, [wanted])

    def test_cross_entropy_of_a_wrong_answer(self, dtype: torch.dtype, gap: float) -> None:
        logits = leaf([[gap, 0.0, -1.5, 0.25]], dtype)
        loss = L.cross_entropy(logits, torch.tensor([2]), reduction="none")
        row = exact(logits)[0]
        assert_like_oracle(loss, [logits], [oracles.cross_entropy(row, 2)], [[oracles.cross_entropy_gradient(row, 2)]])

    def test_cross_entropy_with_class_weights(self, dtype: torch.dtype, gap: float) -> None:
        logits = leaf([[gap, 0.0, -1.5, 0.25]], dtype)
        weights = torch.tensor([3.0, 1.0, 0.5, 2.0], dtype=dtype)
        loss = L.cross_entropy(logits, torch.tensor([0]), class_weight=weights, reduction="sum")
        row = exact(logits)[0]
        value = oracles.cross_entropy(row, 0, weights)
        assert_like_oracle(loss, [logits], value, [[oracles.cross_entropy_gradient(row, 0, weights)]])

    def test_cross_entropy_of_a_certain_distribution(self, dtype: torch.dtype, gap: float) -> None:
        logits = leaf([[gap, 0.0, -1.5, 0.25]], dtype)
        certain = torch.tensor([[1.0, 0.0, 0.0, 0.0]], dtype=dtype)
        loss = L.cross_entropy(logits, certain, reduction="none")
        row = exact(logits)[0]
        value, slope = oracles.cross_entropy(row, 0), oracles.cross_entropy_gradient(row, 0)
        assert_like_oracle(loss, [logits], [value], [[slope]])

    def test_next_token_and_masked_lm(self, dtype: torch.dtype, gap: float) -> None:
        rows = [[gap, 0.0, 0.5], [0.0, gap, -2.0], [9.0, 9.0, 9.0]]
        logits = leaf([rows], dtype)
        loss = L.next_token(logits, torch.tensor([[2, 0, 1]]))
        wanted = [oracles.cross_entropy_gradient(exact(logits)[0][at], at) for at in (0, 1)]
        slope = [[[entry / 2 for entry in row] for row in wanted] + [[mpf(0)] * 3]]
        assert_like_oracle(loss, [logits], oracles.next_token(exact(logits)[0], [2, 0, 1]), [slope])
        masked = L.masked_lm(logits, torch.tensor([[0, 1, -100]]))
        assert_like_oracle(masked, [logits], oracles.masked_lm(exact(logits)[0], [0, 1, -100]), [slope])

    def test_binary_cross_entropy(self, dtype: torch.dtype, gap: float) -> None:
        logits = leaf([gap, -gap, gap, -gap], dtype)
        targets = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=dtype)
        pairs = list(zip(exact(logits), exact(targets), strict=True))
        for weight in (1.0, 6.0):
            loss = L.binary_cross_entropy(
                logits, targets, pos_weight=torch.tensor(weight, dtype=dtype), reduction="none"
            )
            values = [oracles.binary_cross_entropy(z, y, weight) for z, y in pairs]
            wanted = [oracles.binary_cross_entropy_slope(z, y, weight) for z, y in pairs]
            assert_like_oracle(loss, [logits], values, [wanted])

    @each("gamma", [0.5, 1.0, 2.0])
    def test_focal(self, dtype: torch.dtype, gap: float, gamma: float) -> None:
        logits = leaf([gap, -gap, gap, -gap], dtype)
        truth = [1, 0, 0, 1]
        targets = torch.tensor(truth, dtype=dtype)
        loss = L.focal(logits, targets, gamma=gamma, reduction="none")
        pairs = list(zip(exact(logits), truth, strict=True))
        values = [oracles.focal(z, y, gamma) for z, y in pairs]
        assert_like_oracle(loss, [logits], values, [[oracles.focal_slope(z, y, gamma) for z, y in pairs]])

    def test_softmax_focal(self, dtype: torch.dtype, gap: float) -> None:
        logits = leaf([[gap, 0.0, -1.5, 0.25]], dtype)
        loss = L.softmax_focal(logits, torch.tensor([0]), gamma=1.0, reduction="none")
        row = exact(logits)[0]
        slope = gradient(oracles.softmax_focal, row, 0, 1.0)
        assert_like_oracle(loss, [logits], [oracles.softmax_focal(row, 0, 1.0)], [[slope]])

    def test_asymmetric(self, dtype: torch.dtype, gap: float) -> None:
        logits = leaf([gap, gap, -gap], dtype)
        truth = [1, 0, 1]
        loss = L.asymmetric(logits, torch.tensor(truth, dtype=dtype), reduction="none")
        pairs = list(zip(exact(logits), truth, strict=True))
        values = [oracles.asymmetric(z, y) for z, y in pairs]
        wanted = [gradient(oracles.asymmetric, z, y) for z, y in pairs]
        assert_like_oracle(loss, [logits], values, [wanted])

    def test_preferences(self, dtype: torch.dtype, gap: float) -> None:
        for at in (gap, -gap):
            chosen, rejected = leaf([at], dtype), leaf([0.25], dtype)
            slope = oracles.bradley_terry_slope(at, 0.25)
            value = oracles.bradley_terry(exact(chosen)[0], 0.25)
            slope = oracles.bradley_terry_slope(exact(chosen)[0], 0.25)
            loss = L.bradley_terry(chosen, rejected, reduction="none")
            assert_like_oracle(loss, [chosen, rejected], [value], [[slope], [-slope]])
            rest = torch.zeros(2, 1, dtype=dtype)
            loss = L.dpo(chosen, rejected, *rest, beta=1.0, reduction="none")
            assert_like_oracle(loss, [chosen, rejected], [value], [[slope], [-slope]])


@every_dtype
class TestMaskedClass:
    ROW = (0.5, -math.inf, 2.0, -1.0)

    def test_with_class_indices(self, dtype: torch.dtype) -> None:
        logits = leaf([self.ROW, self.ROW], dtype)
        loss = L.cross_entropy(logits, torch.tensor([2, 0]), reduction="none")
        values = [oracles.cross_entropy(list(self.ROW), k) for k in (2, 0)]
        wanted = [oracles.cross_entropy_gradient(list(self.ROW), k) for k in (2, 0)]
        assert_like_oracle(loss, [logits], values, [wanted])

    def test_with_a_distribution(self, dtype: torch.dtype) -> None:
        logits = leaf([self.ROW], dtype)
        goal = torch.tensor([[0.25, 0.0, 0.5, 0.25]], dtype=dtype)
        loss = L.cross_entropy(logits, goal, reduction="none")
        value = oracles.cross_entropy(list(self.ROW), exact(goal)[0])
        slope = oracles.cross_entropy_gradient(list(self.ROW), exact(goal)[0])
        assert_like_oracle(loss, [logits], [value], [[slope]])

    def test_by_a_bias_of_logits_that_are_not_made(self, dtype: torch.dtype) -> None:
        """Assert that -∞ takes the class out, and that a soft cap, applied to it, brings it back at -soft_cap."""
        hidden, weight = leaf([[1.0, 0.5]], dtype), leaf([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]], dtype)
        bias = leaf([0.0, 0.0, -math.inf], dtype)
        targets = torch.tensor([0])
        for cap, last in ((None, mpf("-inf")), (5.0, mpf(-5))):
            head = slopes.LinearLogits(hidden, weight, bias, soft_cap=cap)
            loss = L.cross_entropy(head, targets, reduction="none")
            row = [mpf(1), mpf(0.5)] if cap is None else [5 * mp.tanh(mpf(z) / 5) for z in (1, 0.5)]
            assert_close(loss, [oracles.cross_entropy([*row, last], 0)], what="value")
            slopes_ = gradients(loss, hidden, weight, bias)
            for slope in slopes_:
                assert_finite(slope)
            assert slopes_[2][2] == 0

    def test_in_softmax_focal_and_multiclass_hinge(self, dtype: torch.dtype) -> None:
        logits = leaf([self.ROW], dtype)
        loss = L.softmax_focal(logits, torch.tensor([2]), reduction="none")
        slope = gradient(oracles.softmax_focal, list(self.ROW), 2)
        assert_like_oracle(loss, [logits], [oracles.softmax_focal(list(self.ROW), 2)], [[slope]])
        loss = L.multiclass_hinge(logits, torch.tensor([0]), reduction="none")
        assert_exact(loss, [mpf(2.5)])
        assert_finite(gradients(loss, logits)[0])

    def test_in_divergences(self, dtype: torch.dtype) -> None:
        log_p, log_q = (
            leaf([[math.log(0.25), -math.inf, math.log(0.75)]], dtype),
            leaf([[math.log(0.5), -math.inf, math.log(0.5)]], dtype),
        )
        loss = L.kl_divergence(log_p, log_q, reduction="none")
        rows = exact(log_p)[0], exact(log_q)[0]
        by_p, by_q = oracles.kl_divergence_gradients(*rows)
        # The terms have both signs: their size is 1.
        assert_close_to_scale(loss, [oracles.kl_divergence(*rows)], 1.0)
        for slope, wanted in zip(gradients(loss, log_p, log_q), (by_p, by_q), strict=True):
            assert_close_to_scale(slope, [wanted], 1.0)
        for loss in (L.js_divergence(log_p, log_q), L.entropy(log_p)):
            assert_finite(loss, "loss")
            assert_finite(gradients(loss, log_p)[0])

    def test_in_distillation(self, dtype: torch.dtype) -> None:
        student = leaf([self.ROW], dtype)
        teacher = torch.tensor([[1.0, -math.inf, 0.0, 0.0]], dtype=dtype)
        for direction in ("forward", "reverse"):
            loss = L.distillation(student, teacher, torch.tensor([2]), direction=direction, reduction="none")
            arguments = (exact(teacher)[0], 2, 0.5, 2.0, direction)
            assert_close(loss, [oracles.distillation(list(self.ROW), *arguments)])
            slope = gradient(oracles.distillation, list(self.ROW), *arguments)
            assert_close_to_scale(gradients(loss, student)[0], [slope], 1.0)

    def test_in_language_losses(self, dtype: torch.dtype) -> None:
        logits = leaf([[self.ROW, self.ROW, self.ROW]], dtype)
        ids = torch.tensor([[0, 2, 3]])
        assert_close(L.next_token(logits, ids), oracles.next_token([list(self.ROW)] * 3, [0, 2, 3]))
        for loss in (L.next_token(logits, ids), L.token_log_probs(logits, ids)):
            assert_finite(loss, "loss")
            assert_finite(gradients(loss, logits)[0])


@every_dtype
@each("smooth_over", ["all", "others"])
class TestSmoothingOverWhatIsLeft:
    ROW = (0.5, -math.inf, 2.0, -1.0)

    @each("target", [0, 2])
    def test_class_indices(self, dtype: torch.dtype, smooth_over: str, target: int) -> None:
        logits = leaf([self.ROW], dtype)
        options = {"label_smoothing": 0.125, "smooth_over": smooth_over}
        loss = L.cross_entropy(logits, torch.tensor([target]), reduction="none", **options)
        value = oracles.cross_entropy(list(self.ROW), target, **options)
        slope = oracles.cross_entropy_gradient(list(self.ROW), target, **options)
        assert_like_oracle(loss, [logits], [value], [[slope]])

    def test_only_the_target_is_left(self, dtype: torch.dtype, smooth_over: str) -> None:
        logits = leaf([[-math.inf, 1.0, -math.inf]], dtype)
        loss = L.cross_entropy(logits, torch.tensor([1]), label_smoothing=0.125, smooth_over=smooth_over)
        assert_zero_on_the_graph(loss, logits)

    def test_distributions(self, dtype: torch.dtype, smooth_over: str) -> None:
        logits = leaf([self.ROW], dtype)
        goal = torch.tensor([[0.25, 0.0, 0.5, 0.25]], dtype=dtype)
        options = {"label_smoothing": 0.125, "smooth_over": smooth_over}
        loss = L.cross_entropy(logits, goal, reduction="none", **options)
        value = oracles.cross_entropy(list(self.ROW), exact(goal)[0], **options)
        slope = oracles.cross_entropy_gradient(list(self.ROW), exact(goal)[0], **options)
        assert_close(loss, [value])
        assert_close_to_scale(gradients(loss, logits)[0], [slope], 1.0)


@every_dtype
class TestNothingCounts:
    @each("reduction", ["mean", "sum"])
    @each("name", NAMES)
    def test_everything_masked(self, dtype: torch.dtype, name: str, reduction: str) -> None:
        inputs, loss = Batch(dtype).cases()[name]
        shape = loss(*inputs, reduction="none").shape
        result = loss(*inputs, mask=torch.zeros(shape, dtype=torch.bool), reduction=reduction)
        assert_zero_on_the_graph(result, *learned(name, inputs))

    @each("name", NAMES)
    def test_no_weight(self, dtype: torch.dtype, name: str) -> None:
        inputs, loss = Batch(dtype).cases()[name]
        shape = loss(*inputs, reduction="none").shape
        weight = torch.zeros(shape, dtype=dtype)
        assert_zero_on_the_graph(loss(*inputs, weight=weight), *learned(name, inputs))

    @each("reduction", ["mean", "sum"])
    @each("name", NAMES)
    def test_empty_batch(self, dtype: torch.dtype, name: str, reduction: str) -> None:
        inputs, loss = Batch(dtype, n=0).cases()[name]
        assert_zero_on_the_graph(loss(*inputs, reduction=reduction), *learned(name, inputs))

    @each("name", NAMES)
    def test_denominator_zero(self, dtype: torch.dtype, name: str) -> None:
        inputs, loss = Batch(dtype, n=0).cases()[name]
        assert_zero_on_the_graph(loss(*inputs, denominator=0.0), *learned(name, inputs))

    def test_every_target_ignored(self, dtype: torch.dtype) -> None:
        logits = leaf([[0.5, -1.0, 2.0]] * 2, dtype)
        assert_zero_on_the_graph(L.cross_entropy(logits, torch.tensor([-100, -100])), logits)
        assert_zero_on_the_graph(L.cross_entropy(logits, torch.tensor([7, 7]), ignore_index=7), logits)
        assert_zero_on_the_graph(L.masked_lm(logits, torch.tensor([-100, -100])), logits)
        assert_zero_on_the_graph(L.softmax_focal(logits, torch.tensor([-100, -100])), logits)

    def test_no_weight_on_any_class_that_occurs(self, dtype: torch.dtype) -> None:
        logits = leaf([[0.5, -1.0, 2.0]] * 2, dtype)
        weight = torch.tensor([1.0, 0.0, 1.0], dtype=dtype)
        assert_zero_on_the_graph(L.cross_entropy(logits, torch.tensor([1, 1]), class_weight=weight), logits)

    def test_no_token_to_predict(self, dtype: torch.dtype) -> None:
        logits = leaf([[[0.5, -1.0]] * 3] * 2, dtype)
        ids = torch.zeros(2, 3, dtype=torch.int64)
        nothing = torch.zeros(2, 3, dtype=torch.bool)
        first_only = torch.tensor([[True, False, False]] * 2)
        for mask in (nothing, first_only):
            assert_zero_on_the_graph(L.next_token(logits, ids, mask=mask), logits)
            assert_zero_on_the_graph(L.sft(logits, ids, mask), logits)
            assert_zero_on_the_graph(L.sequence_log_prob(logits, ids, mask=mask).sum(), logits)
            average = L.sequence_log_prob(logits, ids, mask=mask, average=True)
            assert average.isnan().all(), "a mean of 0 is that of an answer that is certain"
            assert_zero(gradients(average, logits)[0])
        for one_token in (logits[:, :1], logits[:0]):
            assert_zero_on_the_graph(L.next_token(one_token, ids[: len(one_token), : one_token.shape[1]]), logits)

    def test_losses_of_whole_batches(self, dtype: torch.dtype) -> None:
        nothing = [torch.zeros(0, 3, dtype=dtype, requires_grad=True) for _ in range(2)]
        assert_zero_on_the_graph(L.clip(*nothing, 10.0), *nothing)
        assert_zero_on_the_graph(L.nt_xent(*nothing), *nothing)
        for mining in ("hard", "semihard", "all"):
            labels = torch.zeros(0, dtype=torch.int64)
            assert_zero_on_the_graph(L.batch_triplet(nothing[0], labels, mining=mining), nothing[0])
            strangers = leaf([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], dtype)
            assert_zero_on_the_graph(L.batch_triplet(strangers, torch.arange(3), mining=mining), strangers)
            same = torch.zeros(3, dtype=torch.int64)
            assert_zero_on_the_graph(L.batch_triplet(strangers, same, mining=mining), strangers)


@functools.cache
def without_the_first_row(dtype: torch.dtype, name: str, how: str, *, fused: bool) -> tuple[Any, ...]:  # noqa: ARG001  one each
    """Return inputs, the call, what leaves the first row out, and by reduction the value and gradients without it.

    It is the same whatever stands in that row, so it is worked out once.
    """
    inputs, loss = Batch(dtype).cases()[name]
    mask = torch.ones(loss(*inputs, reduction="none").shape, dtype=torch.bool)
    mask[0] = False
    options = {how: mask if how == "mask" else mask.to(dtype)}
    expected = {}
    for reduction in ("mean", "none"):
        clean = loss(*inputs, reduction=reduction, **options)
        expected[reduction] = clean.detach(), gradients(clean, *learned(name, inputs))
    return inputs, loss, options, expected


@every_dtype
@each("strange", STRANGE)
class TestNoTraceOfWhatDoesNotCount:
    @each("how", ["mask", "weight"])
    @each("name", NAMES)
    def test_masked_row(self, dtype: torch.dtype, name: str, how: str, strange: float) -> None:
        inputs, loss, options, expected = without_the_first_row(dtype, name, how, fused=STATE.fused)
        spoilt = [tensor.detach().clone() for tensor in inputs]
        for tensor in spoilt[:1] if name == "info_nce" else spoilt:  # a key is every query's, and stays
            tensor[0] = strange
        spoilt = [tensor.requires_grad_() for tensor in spoilt]
        for reduction, (clean, wanted) in expected.items():
            came = loss(*spoilt, reduction=reduction, **options)
            assert torch.equal(came, clean), f"{reduction}: {came} is not {clean}"
            found = gradients(came, *learned(name, spoilt))
            for slope, without in zip(found, wanted, strict=True):
                assert torch.equal(slope, without), f"{reduction}: {slope} is not {without}"
            assert_zero(found[0][0])

    def test_ignored_row(self, dtype: torch.dtype, strange: float) -> None:
        rows = [[0.5, -1.0, 2.0], [1.0, 0.0, -1.0]]
        for options in (
            {},
            {"label_smoothing": 0.1},
            {"class_weight": torch.tensor([1.0, 2.0, 3.0], dtype=dtype)},
        ):
            clean, spoilt = leaf(rows, dtype), leaf([rows[0], [strange] * 3], dtype)
            wanted, came = (L.cross_entropy(z, torch.tensor([2, -100]), **options) for z in (clean, spoilt))
            assert torch.equal(came, wanted)
            slope = gradients(came, spoilt)[0]
            assert torch.equal(slope, gradients(wanted, clean)[0])
            assert_zero(slope[1])

    def test_row_of_a_class_without_weight(self, dtype: torch.dtype, strange: float) -> None:
        weight = torch.tensor([1.0, 0.0, 3.0], dtype=dtype)
        logits = leaf([[0.5, -1.0, 2.0], [strange] * 3], dtype)
        loss = L.cross_entropy(logits, torch.tensor([2, 1]), class_weight=weight)
        row = exact(logits)[0]
        slope = oracles.cross_entropy_gradient(row, 2)
        assert_like_oracle(loss, [logits], oracles.cross_entropy(row, 2), [[slope, [mpf(0)] * 3]])

    def test_position_outside_the_mask(self, dtype: torch.dtype, strange: float) -> None:
        generator = torch.Generator().manual_seed(5)
        clean = torch.randn(2, 4, 6, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
        spoilt = clean.detach().clone()
        spoilt[0, 1] = strange  # predicts the token at position 2
        spoilt[:, -1] = strange  # predicts nothing
        spoilt.requires_grad_()
        ids = torch.tensor([[0, 1, 2, 3], [3, 4, 5, 0]])
        mask = torch.tensor([[True, True, False, True], [False, True, True, True]])
        for loss in (
            lambda z: L.next_token(z, ids, mask=mask),
            lambda z: L.sft(z, ids, mask),
            lambda z: L.sequence_log_prob(z, ids, mask=mask),
            lambda z: L.sequence_log_prob(z, ids, mask=mask, average=True),
            lambda z: L.perplexity(z, ids, mask=mask),
        ):
            wanted, came = loss(clean), loss(spoilt)
            assert torch.equal(came, wanted)
            assert torch.equal(gradients(came, spoilt)[0], gradients(wanted, clean)[0])
        masked_labels = torch.tensor([[0, -100, 2, -100], [3, 4, 5, -100]])
        wanted, came = (L.masked_lm(z, masked_labels) for z in (clean, spoilt))
        assert torch.equal(came, wanted)
        assert torch.equal(gradients(came, spoilt)[0], gradients(wanted, clean)[0])

    def test_masked_logit_of_a_softmax(self, dtype: torch.dtype, strange: float) -> None:
        mask = torch.tensor([True, False, True])
        for function in (A.softmax, A.log_softmax):
            clean, spoilt = leaf([0.5, 7.0, -1.0], dtype), leaf([0.5, strange, -1.0], dtype)
            wanted, came = (function(z, dim=-1, mask=mask)[mask] for z in (clean, spoilt))
            assert torch.equal(came, wanted)
            weights = torch.tensor([1.0, 2.0], dtype=came.dtype)
            assert torch.equal(gradients(came * weights, spoilt)[0], gradients(wanted * weights, clean)[0])


@every_dtype
class TestIdenticalPoints:
    POINT = (0.5, -1.0, 2.0)

    def test_triplet(self, dtype: torch.dtype) -> None:
        anchor, other = leaf([self.POINT], dtype), (1.0, 1.0, 1.0)
        for positive, negative in ((self.POINT, self.POINT), (self.POINT, other), (other, self.POINT)):
            for distance in ("euclidean", "squared", "cosine"):
                points = [anchor, leaf([positive], dtype), leaf([negative], dtype)]
                loss = L.triplet(*points, margin=9.0, distance=distance)
                for slope in gradients(loss, *points):
                    assert_finite(slope)
        same = [leaf([self.POINT], dtype) for _ in range(3)]
        loss = L.triplet(*same)
        assert_close(loss, mpf(0.2))
        for slope in gradients(loss, *same):
            assert_zero(slope)

    @each("similar", [True, False])
    def test_contrastive(self, dtype: torch.dtype, similar: bool) -> None:  # noqa: FBT001
        a, b = leaf([self.POINT], dtype), leaf([self.POINT], dtype)
        loss = L.contrastive(a, b, torch.tensor([similar]), margin=0.5)
        assert_exact(loss, mpf(0) if similar else mpf(0.25))
        for slope in gradients(loss, a, b):
            assert_zero(slope)

    @each("mining", ["hard", "semihard", "all"])
    @each("distance", ["euclidean", "squared", "cosine"])
    def test_batch_triplet(self, dtype: torch.dtype, mining: str, distance: str) -> None:
        points = leaf([self.POINT] * 4, dtype)
        loss = L.batch_triplet(points, torch.tensor([0, 0, 1, 1]), margin=0.5, mining=mining, distance=distance)
        assert_finite(loss, "loss")
        assert_zero(gradients(loss, points)[0])

    @each("similar", [True, False])
    def test_near_duplicates_far_from_the_origin(self, dtype: torch.dtype, similar: bool) -> None:  # noqa: FBT001
        a, b = near_duplicates(dtype)
        margin = 64.0
        loss = L.contrastive(a, b, torch.full((len(a),), similar), margin=margin, reduction="none")
        values = [oracles.contrastive(x, y, similar, margin) for x, y in zip(exact(a), exact(b), strict=True)]
        assert_near(loss, values)
        by_a = [gradient(oracles.contrastive, x, y, similar, margin) for x, y in zip(exact(a), exact(b), strict=True)]
        assert_near(gradients(loss, a)[0], by_a)

    @each("distance", ["euclidean", "squared"])
    def test_near_triplets_far_from_the_origin(self, dtype: torch.dtype, distance: str) -> None:
        a, b = near_duplicates(dtype)
        c = a.detach().roll(1, -1).requires_grad_()
        loss = L.triplet(a, b, c, margin=500.0, distance=distance, reduction="none")
        rows = list(zip(exact(a), exact(b), exact(c), strict=True))
        assert_near(loss, [oracles.triplet(*row, 500.0, distance) for row in rows])
        by_b = [gradient(oracles.triplet, *row, 500.0, distance, argument=1) for row in rows]
        assert_near(gradients(loss, b)[0], by_b)

    @each("distance", ["euclidean", "squared"])
    def test_near_duplicates_in_a_batch(self, dtype: torch.dtype, distance: str) -> None:
        a, b = near_duplicates(dtype)
        points = torch.cat([a.detach(), b.detach()]).requires_grad_()
        labels = torch.tensor([0, 0, 1, 0, 1, 1])
        loss = L.batch_triplet(points, labels, margin=500.0, mining="all", distance=distance)

        def mean(rows: object) -> mpf:
            return weighted_mean(oracles.batch_triplet(rows, labels.tolist(), 500.0, distance))

        assert_near(loss, mean(exact(points)))
        assert_near_scale(gradients(loss, points)[0], gradient(mean, exact(points)))


def near_duplicates(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return pairs of points at 1000, a few of the dtype's own steps from each other."""
    step = 1024 * unit(dtype)
    steps = torch.tensor([[0, 1, 2, 0], [1, -1, 3, 0], [2, 0, 0, 1]], dtype=torch.float64)
    first = 1024 + steps * step
    second = first + step * torch.tensor([[1, 0, 0, 2], [-1, 2, 0, 0], [1, 1, 1, 1]], dtype=torch.float64)
    return first.to(dtype).requires_grad_(), second.to(dtype).requires_grad_()


def assert_near(actual: Tensor, expected: object) -> None:
    """Assert each entry right to 1e-4, or to the dtype's own rounding where that is coarser."""
    wanted = torch.tensor([float(entry) for entry in flat(expected)], dtype=torch.float64).reshape(actual.shape)
    slack = max(NEAR_DUPLICATES_RIGHT_TO, unit(actual.dtype))
    off = (actual.detach().double() - wanted).abs()
    assert bool((off <= slack * wanted.abs()).all()), f"{actual.tolist()} is not {wanted.tolist()}"


def assert_near_scale(actual: Tensor, expected: object) -> None:
    """Assert each entry right to 1e-4 of the largest, or to the dtype's own rounding."""
    wanted = torch.tensor([float(entry) for entry in flat(expected)], dtype=torch.float64).reshape(actual.shape)
    slack = max(NEAR_DUPLICATES_RIGHT_TO, unit(actual.dtype))
    off = (actual.detach().double() - wanted).abs()
    assert bool((off <= slack * wanted.abs().max()).all()), f"{actual.tolist()} is not {wanted.tolist()}"


def flat(nested: object) -> list[mpf]:
    return [entry for part in nested for entry in flat(part)] if isinstance(nested, list) else [nested]


LARGE: Final = {torch.float16: 6e4, torch.bfloat16: 1e20, torch.float32: 1e20, torch.float64: 1e20}
SMALL: Final = {torch.float16: 6e-5, torch.bfloat16: 1e-20, torch.float32: 1e-20, torch.float64: 1e-20}
SIZES: Final = [("large", LARGE), ("small", SMALL)]


@every_dtype
class TestCosine:
    @each(("size", "scales"), SIZES, ids=["large", "small"])
    def test_parallel_vectors(self, dtype: torch.dtype, size: str, scales: dict[torch.dtype, float]) -> None:
        del size
        a, b = leaf([[scales[dtype], scales[dtype]]], dtype), leaf([[scales[dtype] / 2] * 2], dtype)
        loss = L.cosine_embedding(a, b, torch.tensor([False]))
        assert_close(loss, mpf(1))
        for slope in gradients(loss, a, b):
            assert_finite(slope)

    @each(("size", "scales"), SIZES, ids=["large", "small"])
    @each("other", ["large", "small", "unit"])
    def test_value_and_gradient(
        self, dtype: torch.dtype, size: str, other: str, scales: dict[torch.dtype, float]
    ) -> None:
        del size
        reach = {"large": LARGE[dtype], "small": SMALL[dtype], "unit": 1.0}[other]
        a = leaf([[scales[dtype], -scales[dtype] / 2, scales[dtype] / 8]], dtype)
        b = leaf([[reach, reach / 4, -reach / 2]], dtype)
        loss = L.cosine_embedding(a, b, torch.tensor([True]), reduction="none")
        rows = exact(a)[0], exact(b)[0]
        assert_close(loss, [oracles.cosine_embedding(*rows, similar=True)])
        for number, (slope, vector) in enumerate(zip(gradients(loss, a, b), rows, strict=True)):
            wanted = gradient(oracles.cosine_embedding, *rows, similar=True, argument=number)
            scale = float(1 / mp.sqrt(oracles.dot(vector, vector)))
            if scale < torch.finfo(dtype).max:
                assert_close_to_scale(slope, [wanted], max(scale, torch.finfo(dtype).smallest_normal))

    def test_zero_vector(self, dtype: torch.dtype) -> None:
        for first, second in (((0.0, 0.0), (3.0, 4.0)), ((3.0, 4.0), (0.0, 0.0)), ((0.0, 0.0), (0.0, 0.0))):
            a, b = leaf([first], dtype), leaf([second], dtype)
            loss = L.cosine_embedding(a, b, torch.tensor([True]))
            assert_exact(loss, mpf(1))
            for slope in gradients(loss, a, b):
                assert_zero(slope)
            loss = L.triplet(a, b, b, distance="cosine")
            assert_close(loss, mpf(0.2))
            for slope in gradients(loss, a, b):
                assert_zero(slope)

    @each(("size", "scales"), SIZES, ids=["large", "small"])
    def test_in_the_losses_that_normalise(
        self, dtype: torch.dtype, size: str, scales: dict[torch.dtype, float]
    ) -> None:
        del size
        scale = scales[dtype]
        first = leaf([[scale, 0.0, scale / 2], [0.0, scale, -scale / 2]], dtype)
        second = leaf([[scale, scale / 4, 0.0], [-scale / 4, scale / 2, scale]], dtype)
        rows = exact(first), exact(second)
        results = [
            (L.info_nce(first, second, temperature=0.5), oracles.info_nce(*rows, temperature=0.5)),
            (L.clip(first, second, 2.0), oracles.clip(*rows, 2.0)),
            (L.nt_xent(first, second, temperature=0.5), oracles.nt_xent(*rows, temperature=0.5)),
            (
                L.triplet(first, second, second.roll(1, 0), margin=2.0, distance="cosine"),
                [oracles.triplet(rows[0][i], rows[1][i], rows[1][1 - i], 2.0, "cosine") for i in (0, 1)],
            ),
        ]
        for loss, wanted in results:
            assert_close(loss, weighted_mean(wanted))
            for slope in gradients(loss, first, second):
                assert_finite(slope)
                assert bool((slope != 0).any()) or size_of_slope_underflows(scale, dtype)

    def test_zero_vectors_in_the_losses_that_normalise(self, dtype: torch.dtype) -> None:
        first = leaf([[0.0, 0.0], [1.0, 0.5]], dtype)
        second = leaf([[0.0, 0.0], [0.5, 1.0]], dtype)
        rows = exact(first), exact(second)
        for loss, wanted in (
            (L.info_nce(first, second, temperature=0.5), oracles.info_nce(*rows, temperature=0.5)),
            (L.clip(first, second, 2.0), oracles.clip(*rows, 2.0)),
            (L.nt_xent(first, second, temperature=0.5), oracles.nt_xent(*rows, temperature=0.5)),
        ):
            assert_close(loss, weighted_mean(wanted))
            for slope in gradients(loss, first, second):
                assert_finite(slope)
                assert_zero(slope[0])


def size_of_slope_underflows(scale: float, dtype: torch.dtype) -> bool:
    """Return whether 1/scale is no normal number of the dtype."""
    return 1 / scale < torch.finfo(dtype).smallest_normal


@every_dtype
class TestLogOfOneMinusP:
    CLOSE_TO_CERTAIN = (-0.5, -1e-2, -1e-4, -1e-7, -1e-20, -1e-38)

    @each("near", CLOSE_TO_CERTAIN)
    @each("which", ["chosen", "rejected", "both"])
    def test_orpo(self, dtype: torch.dtype, near: float, which: str) -> None:
        if torch.tensor(near, dtype=dtype) == 0:
            pytest.skip("no such number in this dtype")
        chosen = leaf([near if which != "rejected" else -1.5], dtype)
        rejected = leaf([near if which == "rejected" else near * 2 if which == "both" else -1.5], dtype)
        nll = leaf([0.75], dtype)
        loss = L.orpo(chosen, rejected, nll, lam=0.5, reduction="none")
        numbers = exact(chosen)[0], exact(rejected)[0], mpf(0.75), mpf(0.5)
        assert_close(loss, [oracles.orpo(*numbers)])
        for number, slope in enumerate(gradients(loss, chosen, rejected, nll)):
            wanted = gradient(oracles.orpo, *numbers, argument=number)
            if abs(wanted) < torch.finfo(dtype).max:
                assert_close(slope, [wanted])

    def test_certainty_itself(self, dtype: torch.dtype) -> None:
        chosen, rejected, nll = leaf([0.0], dtype), leaf([-1.0], dtype), leaf([0.5], dtype)
        loss = L.orpo(chosen, rejected, nll)
        assert_close(loss, mpf(0.5))
        for slope in gradients(loss, chosen, rejected, nll):
            assert_finite(slope)


@every_dtype
@each("gamma", [0.0, 0.125, 0.5, 0.875])
class TestFocalBelowGammaOne:
    LOGITS = (20.0, -20.0, 100.0, -100.0, 1000.0, -1000.0)

    @each("truth", [0, 1])
    def test_saturated_logits(self, dtype: torch.dtype, gamma: float, truth: int) -> None:
        logits = leaf(self.LOGITS, dtype)
        targets = torch.full((len(self.LOGITS),), float(truth), dtype=dtype)
        loss = L.focal(logits, targets, gamma=gamma, reduction="none")
        assert_finite(loss, "loss")
        values = [oracles.focal(z, truth, gamma) for z in exact(logits)]
        wanted = [oracles.focal_slope(z, truth, gamma) for z in exact(logits)]
        assert_like_oracle(loss, [logits], values, [wanted])

    def test_infinite_logits(self, dtype: torch.dtype, gamma: float) -> None:
        logits = leaf([math.inf, -math.inf], dtype)
        targets = torch.tensor([1.0, 0.0], dtype=dtype)
        assert_zero_on_the_graph(L.focal(logits, targets, gamma=gamma), logits)

    def test_softmax_focal(self, dtype: torch.dtype, gamma: float) -> None:
        for gap in (20.0, 100.0, 1000.0):
            logits = leaf([[gap, 0.0], [0.0, gap]], dtype)
            loss = L.softmax_focal(logits, torch.tensor([0, 0]), gamma=gamma, reduction="none")
            values = [oracles.focal(z, 1, gamma) for z in (gap, -gap)]
            slopes_ = [oracles.focal_slope(z, 1, gamma) for z in (gap, -gap)]
            assert_like_oracle(loss, [logits], values, [[[s, -s] for s in slopes_]])

    def test_asymmetric(self, dtype: torch.dtype, gamma: float) -> None:
        logits = leaf(self.LOGITS, dtype)
        for truth in (0.0, 1.0):
            loss = L.asymmetric(
                logits,
                torch.full((len(self.LOGITS),), truth, dtype=dtype),
                gamma_negative=gamma,
                gamma_positive=gamma,
                clip=0.0,
                reduction="none",
            )
            assert_finite(loss, "loss")
            pairs = [(z, int(truth)) for z in exact(logits)]
            values = [oracles.focal(z, y, gamma) for z, y in pairs]
            assert_like_oracle(loss, [logits], values, [[oracles.focal_slope(z, y, gamma) for z, y in pairs]])


@every_dtype
class TestVarianceBeyondTheDtype:
    """A log-variance runs to -∞ where the mean fits exactly, as on targets that repeat."""

    @each("log_variance", [-100.0, -178.0, -200.0, -800.0, -1e4])
    @each("residual", [0.0, 2.0**-100])
    def test_a_mean_that_fits(self, dtype: torch.dtype, log_variance: float, residual: float) -> None:
        mean, spread = leaf([residual], dtype), leaf([log_variance], dtype)
        target = torch.zeros(1, dtype=dtype)
        loss = L.gaussian_nll(mean, spread, target, reduction="none")
        (r,), (s,) = exact(mean), exact(spread)
        square = r * r * mp.exp(-s)
        if square > torch.finfo(result_dtype(dtype)).max:
            assert loss.item() == math.inf
            return
        wanted = [[r * mp.exp(-s)], [(1 - square) / 2]]
        assert_like_oracle(loss, [mean, spread], [(s + square) / 2], wanted)


@each("dtype", DTYPES[:2], ids=["float16", "bfloat16"])
class TestSumsBeyondFloat16:
    def test_squares(self, dtype: torch.dtype) -> None:
        prediction, target = leaf([300.0, -512.0], dtype), torch.zeros(2, dtype=dtype)
        loss = L.mse(prediction, target, reduction="none")
        residuals = exact(prediction)
        slope = [oracles.mse_slope(r, 0.0) for r in residuals]
        assert_like_oracle(loss, [prediction], [oracles.mse(r, 0.0) for r in residuals], [slope])

    def test_sums(self, dtype: torch.dtype) -> None:
        many = torch.full((4096,), 100.0, dtype=dtype, requires_grad=True)
        zeros = torch.zeros_like(many)
        for loss, wanted in (
            (L.mse(many, zeros, reduction="sum"), 4096 * 10_000),
            (L.mae(many, zeros, reduction="sum"), 4096 * 100),
            (L.huber(many, zeros, reduction="sum"), 4096 * 99.5),
            (L.hinge(many, -torch.ones_like(many), reduction="sum"), 4096 * 101),
            (L.binary_cross_entropy(many, zeros, reduction="sum"), 4096 * 100),
            (L.mse(many, zeros), 10_000),
            (L.mse(many, zeros, weight=many.detach(), reduction="sum"), 4096 * 1_000_000),
            (L.mse(many, zeros, weight=many.detach()), 10_000),
        ):
            assert loss.dtype == torch.float32
            assert_close(loss, mpf(wanted))
            assert_finite(gradients(loss, many)[0])

    def test_counts_beyond_what_the_dtype_can_count_to(self, dtype: torch.dtype) -> None:
        n = 100_003
        prediction = torch.ones(n, dtype=dtype, requires_grad=True)
        zeros = torch.zeros(n, dtype=dtype)
        mask = torch.ones(n, dtype=torch.bool)
        for options in ({}, {"mask": mask}, {"weight": torch.ones(n, dtype=dtype)}):
            assert_close(L.mae(prediction, zeros, **options), mpf(1))

    def test_distances_and_norms(self, dtype: torch.dtype) -> None:
        a, b = leaf([[300.0, 400.0]], dtype), leaf([[0.0, 0.0]], dtype)
        similar = torch.tensor([True])
        assert_close(L.contrastive(a, b, similar), mpf(250_000))
        assert_close(L.triplet(a, b, a.detach(), margin=1.0), mpf(501))
        assert_close(L.gaussian_kl(a, b), mpf(125_000))
        log_sum = L.ipo(*(leaf([value], dtype) for value in (-100.0, -500.0, -200.0, -200.0)), beta=0.5)
        assert_close(log_sum, mpf(399) ** 2)

    def test_sequence_log_probs(self, dtype: torch.dtype) -> None:
        logits = torch.zeros(1, 4097, 2, dtype=dtype)
        logits[..., 0] = 64.0
        ids = torch.ones(1, 4097, dtype=torch.int64)
        total = L.sequence_log_prob(logits, ids)
        assert total.dtype == torch.float32
        assert_close(total, [mpf(-64 * 4096)])


def labels_of(name: str) -> str:
    """Return the second argument's name, as the message must say it."""
    return {"hinge": "scores"}.get(name, name)


column, flat_row = torch.rand(4, 1), torch.rand(4)
points, wrong_points = torch.rand(4, 3), torch.rand(1, 3)
probabilities = torch.tensor([0.0, 1.0, 0.0, 1.0])
negatives = -torch.rand(4)
WRONG_SHAPES: Final = {
    "mse": lambda: L.mse(column, flat_row),
    "mae": lambda: L.mae(column, flat_row),
    "huber": lambda: L.huber(column, flat_row),
    "smooth_l1": lambda: L.smooth_l1(column, flat_row),
    "gaussian_nll": lambda: L.gaussian_nll(column, column, flat_row),
    "binary_cross_entropy": lambda: L.binary_cross_entropy(column, probabilities),
    "focal": lambda: L.focal(column, probabilities),
    "asymmetric": lambda: L.asymmetric(column, probabilities),
    "hinge": lambda: L.hinge(column, 2 * probabilities - 1),
    "bradley_terry": lambda: L.bradley_terry(column, flat_row),
    "dpo": lambda: L.dpo(-column, negatives, negatives, negatives),
    "ipo": lambda: L.ipo(-column, negatives, negatives, negatives),
    "kto": lambda: L.kto(-column, negatives, probabilities > 0, torch.zeros(())),
    "orpo": lambda: L.orpo(-column, negatives, flat_row),
    "ppo": lambda: L.ppo(-column, negatives, flat_row),
    "kl_penalty": lambda: L.kl_penalty(-column, negatives),
    "value_clip": lambda: L.value_clip(column, flat_row, flat_row),
}


class TestNothingBroadcasts:
    @each("name", WRONG_SHAPES)
    def test_column_against_row(self, name: str) -> None:
        with pytest.raises(slopes.ShapeError) as caught:
            WRONG_SHAPES[name]()
        text = str(caught.value)
        assert text.startswith(f"{name}: "), text
        assert "[4, 1]" in text, text
        assert "[4]" in text, text
        assert "expected" in text, text
        assert "broadcast" in text, text

    @each(
        ("name", "call"),
        [
            ("triplet", lambda: L.triplet(points, points, wrong_points)),
            ("contrastive", lambda: L.contrastive(points, wrong_points, probabilities > 0)),
            ("cosine_embedding", lambda: L.cosine_embedding(points, wrong_points, probabilities > 0)),
            ("kl_divergence", lambda: L.kl_divergence(points.log_softmax(-1), wrong_points.log_softmax(-1))),
            ("js_divergence", lambda: L.js_divergence(points.log_softmax(-1), wrong_points.log_softmax(-1))),
            ("gaussian_kl", lambda: L.gaussian_kl(points, wrong_points)),
            ("clip", lambda: L.clip(points, wrong_points, 1.0)),
            ("nt_xent", lambda: L.nt_xent(points, wrong_points)),
            ("distillation", lambda: L.distillation(points, wrong_points, torch.zeros(4, dtype=torch.int64))),
        ],
    )
    def test_one_row_against_many(self, name: str, call: Callable[[], object]) -> None:
        with pytest.raises(slopes.ShapeError) as caught:
            call()
        text = str(caught.value)
        assert text.startswith(f"{name}: "), text
        assert "[4, 3]" in text, text
        assert "[1, 3]" in text, text

    def test_labels_masks_and_weights(self) -> None:
        classes = torch.zeros(4, 1, dtype=torch.int64)
        assert_raises(slopes.ShapeError, lambda: L.cross_entropy(points, classes), "cross_entropy", "targets", "[4, 1]")
        mask = torch.ones(4, 1, dtype=torch.bool)
        assert_raises(slopes.ShapeError, lambda: L.mse(flat_row, flat_row, mask=mask), "mse", "mask", "[4, 1]", "[4]")
        call = lambda: L.mse(flat_row, flat_row, weight=column)  # noqa: E731
        assert_raises(slopes.ShapeError, call, "mse", "weight", "[4, 1]", "[4]")
        similar = torch.ones(4, 1, dtype=torch.bool)
        call = lambda: L.contrastive(points, points, similar)  # noqa: E731
        assert_raises(slopes.ShapeError, call, "contrastive", "similar", "[4, 1]", "[4]")


class TestWrongValues:
    def test_labels_zero_and_one_in_a_hinge(self) -> None:
        call = lambda: L.hinge(flat_row, probabilities)  # noqa: E731
        assert_raises(slopes.ValuesError, call, "hinge", "targets", "holds 0", "-1 or +1", "2 * ")

    @each("name", ["binary_cross_entropy", "focal", "asymmetric"])
    def test_targets_that_are_no_probabilities(self, name: str) -> None:
        for wrong in (-1.0, 2.0, math.nan):
            targets = torch.tensor([1.0, wrong])
            call = lambda: getattr(L, name)(torch.tensor([-3.0, 4.0]), targets)  # noqa: B023, E731
            assert_raises(slopes.ValuesError, call, name, "targets", f"{wrong:.6g}")

    @each("name", ["cross_entropy", "softmax_focal", "multiclass_hinge"])
    @each("wrong", [-1, 3, 255])
    def test_class_out_of_range(self, name: str, wrong: int) -> None:
        call = lambda: getattr(L, name)(10 * points[:2], torch.tensor([0, wrong]))  # noqa: E731
        assert_raises(slopes.ValuesError, call, name, "targets", str(wrong), "[0, 3)")

    def test_token_out_of_range(self) -> None:
        logits, ids = torch.zeros(1, 3, 5), torch.tensor([[0, 5, 1]])
        for name in ("next_token", "token_log_probs", "sequence_log_prob", "perplexity"):
            with pytest.raises(slopes.ValuesError, match=r"`token_ids` holds 5, expected .*\[0, 5\)"):
                getattr(L, name)(logits, ids)
        call = lambda: L.masked_lm(logits, torch.tensor([[0, 5, -100]]))  # noqa: E731
        assert_raises(slopes.ValuesError, call, "masked_lm", "labels", "holds 5", "[0, 5)", "-100")

    def test_distributions_that_do_not_sum_to_one(self) -> None:
        goal = torch.tensor([[0.5, 0.5, 0.5]])
        call = lambda: L.cross_entropy(10 * points[:1], goal)  # noqa: E731
        assert_raises(slopes.ValuesError, call, "cross_entropy", "targets", "1.5")
        below = torch.tensor([[-0.5, 1.0, 0.5]])
        call = lambda: L.cross_entropy(10 * points[:1], below)  # noqa: E731
        assert_raises(slopes.ValuesError, call, "cross_entropy", "targets", "-0.5")
        for name in ("kl_divergence", "js_divergence"):
            call = lambda: getattr(L, name)(points.log_softmax(-1), points)  # noqa: B023, E731
            assert_raises(slopes.ValuesError, call, name, "log_q", "expected 1")
            call = lambda: getattr(L, name)(points, points.log_softmax(-1))  # noqa: B023, E731
            assert_raises(slopes.ValuesError, call, name, "log_p", "expected 1")

    def test_probabilities_where_logits_belong(self) -> None:
        generator = torch.Generator().manual_seed(2)
        scores = torch.rand(64, 5, generator=generator)
        rows = torch.softmax(4 * scores, -1)
        classes = torch.zeros(64, dtype=torch.int64)
        truth = (scores > 0.5).float()
        for name, call in {
            "binary_cross_entropy": lambda: L.binary_cross_entropy(scores, truth),
            "focal": lambda: L.focal(scores, truth),
            "asymmetric": lambda: L.asymmetric(scores, truth),
            "cross_entropy": lambda: L.cross_entropy(rows, classes),
            "softmax_focal": lambda: L.softmax_focal(rows, classes),
        }.items():
            with pytest.warns(slopes.SuspiciousInputWarning, match=f"{name}: `logits`.*probabilit.*logits"):
                call()

    def test_real_logits_and_a_fresh_head_do_not_alarm(self) -> None:
        generator = torch.Generator().manual_seed(2)
        classes = torch.zeros(64, dtype=torch.int64)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for logits in (torch.randn(64, 5, generator=generator), torch.zeros(64, 5)):
                L.binary_cross_entropy(logits, torch.ones(64, 5))
                L.focal(logits, torch.ones(64, 5))
                L.asymmetric(logits, torch.ones(64, 5))
                L.cross_entropy(logits, classes)
                L.softmax_focal(logits, classes)

    def test_log_probabilities_above_zero(self) -> None:
        call = lambda: L.orpo(flat_row + 1, negatives, flat_row)  # noqa: E731
        assert_raises(slopes.ValuesError, call, "orpo", "chosen_log_probs")

    def test_checks_of_values_can_be_put_off(self) -> None:
        with slopes.checks(values=False):
            assert L.hinge(flat_row, probabilities).isfinite()

    def test_checks_hold_for_every_element_that_counts_and_no_other(self) -> None:
        scores = torch.tensor([0.5, 0.5])
        mask = torch.tensor([True, False])
        L.hinge(scores, torch.tensor([1.0, 0.0]), mask=mask)
        call = lambda: L.hinge(scores, torch.tensor([0.0, 1.0]), mask=mask)  # noqa: E731
        assert_raises(slopes.ValuesError, call, "hinge", "targets", "holds 0")


class_logits, classes = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
flags = torch.tensor([True, False, True, False])
sums = [negatives] * 4
zero = torch.zeros(())
NUMBERS: Final[list[tuple[str, str, tuple[float, ...], Callable[[Any], object]]]] = [
    ("huber", "delta", (0.0, -1.0), lambda v: L.huber(flat_row, flat_row, delta=v)),
    ("smooth_l1", "beta", (-1.0,), lambda v: L.smooth_l1(flat_row, flat_row, beta=v)),
    ("focal", "gamma", (-1.0,), lambda v: L.focal(negatives, probabilities, gamma=v)),
    ("focal", "alpha", (-0.1, 1.5), lambda v: L.focal(negatives, probabilities, alpha=v)),
    ("softmax_focal", "gamma", (-1.0,), lambda v: L.softmax_focal(class_logits, classes, gamma=v)),
    (
        "asymmetric",
        "gamma_negative",
        (-1.0,),
        lambda v: L.asymmetric(negatives, probabilities, gamma_negative=v),
    ),
    (
        "asymmetric",
        "gamma_positive",
        (-1.0,),
        lambda v: L.asymmetric(negatives, probabilities, gamma_positive=v),
    ),
    ("asymmetric", "clip", (-0.1, 1.0), lambda v: L.asymmetric(negatives, probabilities, clip=v)),
    (
        "cross_entropy",
        "label_smoothing",
        (-0.1, 1.5),
        lambda v: L.cross_entropy(class_logits, classes, label_smoothing=v),
    ),
    (
        "smooth_labels",
        "label_smoothing",
        (-0.1, 1.5),
        lambda v: L.smooth_labels(classes, 3, label_smoothing=v),
    ),
    ("hinge", "margin", (-1.0,), lambda v: L.hinge(flat_row, 2 * probabilities - 1, margin=v)),
    ("multiclass_hinge", "margin", (-1.0,), lambda v: L.multiclass_hinge(class_logits, classes, margin=v)),
    ("triplet", "margin", (-1.0,), lambda v: L.triplet(points, points, points, margin=v)),
    ("batch_triplet", "margin", (-1.0,), lambda v: L.batch_triplet(points, classes, margin=v)),
    ("contrastive", "margin", (-1.0,), lambda v: L.contrastive(points, points, flags, margin=v)),
    (
        "cosine_embedding",
        "margin",
        (-1.5, 1.5),
        lambda v: L.cosine_embedding(points, points, flags, margin=v),
    ),
    ("info_nce", "temperature", (0.0, -1.0), lambda v: L.info_nce(points, points, temperature=v)),
    ("nt_xent", "temperature", (0.0, -1.0), lambda v: L.nt_xent(points, points, temperature=v)),
    ("clip", "logit_scale", (0.0, -1.0), lambda v: L.clip(points, points, v)),
    (
        "distillation",
        "temperature",
        (0.0, -1.0),
        lambda v: L.distillation(class_logits, class_logits, classes, temperature=v),
    ),
    (
        "distillation",
        "alpha",
        (-0.5, 1.5),
        lambda v: L.distillation(class_logits, class_logits, classes, alpha=v),
    ),
    ("bradley_terry", "margin", (), lambda v: L.bradley_terry(flat_row, flat_row, margin=v)),
    ("dpo", "beta", (0.0, -1.0), lambda v: L.dpo(*sums, beta=v)),
    ("dpo", "label_smoothing", (-0.1, 1.5), lambda v: L.dpo(*sums, label_smoothing=v)),
    ("ipo", "beta", (0.0, -1.0), lambda v: L.ipo(*sums, beta=v)),
    ("kto", "beta", (0.0, -1.0), lambda v: L.kto(negatives, negatives, flags, zero, beta=v)),
    (
        "kto",
        "desirable_weight",
        (-1.0,),
        lambda v: L.kto(negatives, negatives, flags, zero, desirable_weight=v),
    ),
    ("orpo", "lam", (-1.0,), lambda v: L.orpo(negatives, negatives, flat_row, lam=v)),
    ("ppo", "clip", (-0.1,), lambda v: L.ppo(negatives, negatives, flat_row, clip=v)),
    ("value_clip", "clip", (-0.1,), lambda v: L.value_clip(flat_row, flat_row, flat_row, clip=v)),
    (
        "generalized_advantages",
        "gamma",
        (-0.1, 1.5),
        lambda v: L.generalized_advantages(points, torch.rand(4, 4), gamma=v),
    ),
    (
        "generalized_advantages",
        "lam",
        (-0.1, 1.5),
        lambda v: L.generalized_advantages(points, torch.rand(4, 4), lam=v),
    ),
    ("softmax", "temperature", (-1.0,), lambda v: A.softmax(points, dim=-1, temperature=v)),
    ("log_softmax", "temperature", (-1.0,), lambda v: A.log_softmax(points, dim=-1, temperature=v)),
    ("softplus", "beta", (0.0, -1.0), lambda v: A.softplus(flat_row, beta=v)),
    ("leaky_relu", "slope", (), lambda v: A.leaky_relu(flat_row, slope=v)),
    ("elu", "alpha", (), lambda v: A.elu(flat_row, alpha=v)),
    ("swish", "beta", (), lambda v: A.swish(flat_row, beta=v)),
]
CHOICES: Final[list[tuple[str, str, Callable[[Any], object]]]] = [
    ("mse", "reduction", lambda v: L.mse(flat_row, flat_row, reduction=v)),
    ("cross_entropy", "smooth_over", lambda v: L.cross_entropy(class_logits, classes, smooth_over=v)),
    ("triplet", "distance", lambda v: L.triplet(points, points, points, distance=v)),
    ("batch_triplet", "mining", lambda v: L.batch_triplet(points, classes, mining=v)),
    ("distillation", "direction", lambda v: L.distillation(class_logits, class_logits, classes, direction=v)),
    ("kl_penalty", "estimator", lambda v: L.kl_penalty(negatives, negatives, estimator=v)),
    ("gelu", "approximate", lambda v: A.gelu(flat_row, approximate=v)),
]


class TestOptions:
    @each(("name", "option", "wrong", "call"), NUMBERS, ids=lambda part: str(part)[:24])
    def test_out_of_the_domain(
        self, name: str, option: str, wrong: tuple[float, ...], call: Callable[[float], object]
    ) -> None:
        for value in (*wrong, math.nan):
            assert_raises(slopes.OptionError, lambda: call(value), name, option, repr(value))  # noqa: B023

    @each(("name", "option", "call"), CHOICES, ids=lambda part: str(part)[:24])
    def test_no_such_choice(self, name: str, option: str, call: Callable[[str], object]) -> None:
        assert_raises(slopes.OptionError, lambda: call("nonsense"), name, option, "'nonsense'")

    @each("wrong", [(0.0, 0.5), (0.5, 1.0), (0.5, 1.5), (math.nan, 0.5)])
    def test_quantiles_outside_of_zero_to_one(self, wrong: tuple[float, float]) -> None:
        bad = next(level for level in wrong if not 0 < level < 1)
        call = lambda: L.quantile(torch.rand(4, 2), flat_row, wrong)  # noqa: E731
        with pytest.raises(
            slopes.SlopesError, match=rf"^quantile: `quantiles`.*{re.escape(f'{bad:.6g}')}.*expected.*0.*1"
        ):
            call()

    def test_a_number_that_is_no_number(self) -> None:
        for wrong in ("2", None, True):
            call = lambda: L.huber(flat_row, flat_row, delta=wrong)  # noqa: B023, E731
            assert_raises(slopes.OptionError, call, "huber", "delta", repr(wrong))


class TestDtypesAndDevices:
    def test_integers_where_floats_belong(self) -> None:
        whole = torch.arange(4)
        assert_raises(slopes.DtypeError, lambda: L.mse(whole, flat_row), "mse", "predictions", "torch.int64")
        assert_raises(slopes.DtypeError, lambda: L.mse(flat_row, whole), "mse", "targets", "torch.int64")
        call = lambda: L.binary_cross_entropy(flat_row, whole)  # noqa: E731
        assert_raises(slopes.DtypeError, call, "binary_cross_entropy", "targets", "torch.int64")
        call = lambda: L.hinge(flat_row, 2 * (whole % 2) - 1)  # noqa: E731
        assert_raises(slopes.DtypeError, call, "hinge", "targets", "torch.int64")

    def test_complex_numbers_and_lists(self) -> None:
        wave = torch.ones(4, dtype=torch.complex64)
        assert_raises(slopes.DtypeError, lambda: L.mse(wave, flat_row), "mse", "predictions", "complex64")
        assert_raises(slopes.DtypeError, lambda: L.mse(flat_row, [0.0] * 4), "mse", "targets", "list")

    @each("wrong", [torch.int32, torch.uint8])
    @each("name", ["cross_entropy", "softmax_focal", "multiclass_hinge"])
    def test_narrow_class_indices(self, name: str, wrong: torch.dtype) -> None:
        call = lambda: getattr(L, name)(class_logits, classes.to(wrong))  # noqa: E731
        assert_raises(slopes.DtypeError, call, name, "targets", str(wrong), "int64")

    def test_numbers_where_a_condition_belongs(self) -> None:
        call = lambda: L.contrastive(points, points, flags.float())  # noqa: E731
        assert_raises(slopes.DtypeError, call, "contrastive", "similar", "float32", "bool")
        call = lambda: L.kto(negatives, negatives, flags.long(), zero)  # noqa: E731
        assert_raises(slopes.DtypeError, call, "kto", "desirable", "int64", "bool")
        call = lambda: L.mse(flat_row, flat_row, mask=flags.float())  # noqa: E731
        assert_raises(slopes.DtypeError, call, "mse", "mask", "float32", "bool")

    def test_double_beside_single(self) -> None:
        call = lambda: L.mse(flat_row, flat_row.double())  # noqa: E731
        assert_raises(slopes.DtypeError, call, "mse", "targets", "float32", "float64")

    @each(
        ("name", "call"),
        [
            ("mse", lambda: L.mse(flat_row, flat_row.to("meta"))),
            ("binary_cross_entropy", lambda: L.binary_cross_entropy(flat_row.to("meta"), flat_row)),
            ("cross_entropy", lambda: L.cross_entropy(class_logits.to("meta"), classes)),
            ("triplet", lambda: L.triplet(points, points.to("meta"), points)),
            ("info_nce", lambda: L.info_nce(points, points.to("meta"))),
            (
                "next_token",
                lambda: L.next_token(torch.rand(1, 3, 5).to("meta"), torch.zeros(1, 3, dtype=torch.int64)),
            ),
            ("dpo", lambda: L.dpo(negatives, negatives, negatives, negatives.to("meta"))),
            ("ppo", lambda: L.ppo(negatives, negatives.to("meta"), flat_row)),
        ],
    )
    def test_two_devices(self, name: str, call: Callable[[], object]) -> None:
        with pytest.raises(slopes.DeviceError, match=f"^{name}: .*(on|device) .*meta.*expected .*; .*to\\(") as caught:
            call()
        assert "cpu" in str(caught.value)

    @each(
        ("change", "came"),
        [
            (lambda t: t.to(torch.float8_e4m3fn), "float8_e4m3fn"),
            (lambda t: t.to(torch.float8_e5m2), "float8_e5m2"),
            (lambda t: t.to_sparse(), "sparse_coo"),
            (lambda t: torch.nested.nested_tensor([t[:1], t], layout=torch.jagged), "nested"),
            (lambda _: None, "None"),
        ],
        ids=["float8_e4m3fn", "float8_e5m2", "sparse", "nested", "None"],
    )
    @each("case", ONE_EACH, ids=str)
    def test_what_the_formulas_do_not_take(self, case: Case, change: Callable[[Tensor], Any], came: str) -> None:
        """Assert the library's own error for each tensor, never torch's from somewhere inside."""
        inputs = case.inputs(torch.float32)
        optional = {i.name for i in case.spec.inputs if i.optional} | {"gate", "slope"}  # a number will do
        for name in case.learned():
            if inputs[name].dim() == 0 or (came == "None" and name in optional):
                continue
            wrong = inputs | {name: change(inputs[name])}
            assert_raises(slopes.DtypeError, lambda given=wrong: case(given), case.spec.name, name, came)  # type: ignore[misc]

    @each("name", ["cross_entropy", "softmax_focal", "multiclass_hinge", "masked_lm"])
    @each(
        ("mask", "kind", "came"),
        [
            (torch.ones(4), slopes.DtypeError, "float32"),
            ([True] * 4, slopes.DtypeError, "list"),
            (torch.ones(4, 1) > 0, slopes.ShapeError, "[4, 1]"),
            (torch.ones(4, dtype=torch.bool, device="meta"), slopes.DeviceError, "meta"),
        ],
        ids=["numbers", "list", "shape", "device"],
    )
    def test_masks_of_class_losses(self, name: str, mask: Any, kind: type[Exception], came: str) -> None:  # noqa: ANN401
        assert_raises(kind, lambda: getattr(L, name)(class_logits, classes, mask=mask), name, "mask", came)

    def test_masks_over_tokens_on_another_device(self) -> None:
        logits, ids = torch.randn(1, 3, 5), torch.zeros(1, 3, dtype=torch.int64)
        here = torch.ones(1, 3, dtype=torch.bool)
        away = here.to("meta")
        for name in ("next_token", "perplexity", "sequence_log_prob", "token_scores"):
            call = lambda name=name: getattr(L, name)(logits, ids, mask=away)  # noqa: E731
            assert_raises(slopes.DeviceError, call, name, "mask", "meta", "cpu")
        assert_raises(slopes.DeviceError, lambda: L.sft(logits, ids, away), "sft", "response_mask", "meta", "cpu")
        assert_raises(slopes.DeviceError, lambda: L.sft(logits, ids, here, mask=away), "sft", "mask", "meta", "cpu")

    def test_tools(self) -> None:
        rewards, values = torch.zeros(2, 3), torch.zeros(2, 4)
        done = torch.zeros(2, 3, dtype=torch.bool)
        call = lambda: L.generalized_advantages(rewards, values, done=[True])  # type: ignore[arg-type]  # noqa: E731
        assert_raises(slopes.DtypeError, call, "generalized_advantages", "done", "list")
        call = lambda: L.generalized_advantages(rewards, values, done=done.to("meta"))  # noqa: E731
        assert_raises(slopes.DeviceError, call, "generalized_advantages", "done", "meta")
        ids = torch.zeros(3, dtype=torch.int64)
        call = lambda: L.mask_tokens(ids, mask_id=1, vocabulary=2, generator=7)  # type: ignore[arg-type]  # noqa: E731
        assert_raises(slopes.OptionError, call, "mask_tokens", "generator", "7")
        call = lambda: L.mask_tokens(ids, mask_id=1, vocabulary=2, special=(ids > 0).to("meta"))  # noqa: E731
        assert_raises(slopes.DeviceError, call, "mask_tokens", "special", "meta")
        for wrong in (torch.int64, None, "float32"):
            call = lambda dtype=wrong: L.smooth_labels(ids, 3, dtype=dtype)  # type: ignore[arg-type]  # noqa: E731
            assert_raises(slopes.OptionError, call, "smooth_labels", "dtype", repr(wrong))
        for levels in (None, 0.5, "ab", [], ["0.5"], [True], torch.tensor(0.5)):
            call = lambda levels=levels: L.quantile(points, points[:, 0], levels)  # type: ignore[arg-type]  # noqa: E731
            assert_raises(slopes.OptionError, call, "quantile", "quantiles")
            call = lambda levels=levels: L.Quantile(levels)  # type: ignore[arg-type]  # noqa: E731
            assert_raises(slopes.OptionError, call, "quantile", "quantiles")
