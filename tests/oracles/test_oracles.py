"""The oracles themselves: closed forms, identities, values by hand, and slopes held against mp.diff."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from mpmath import mp, mpf
from tests.each import each
from tests.oracles import activations, losses
from tests.oracles.precision import DIGITS, digits_for, exact, gradient, weighted_mean

CLOSE = mpf(10) ** (5 - DIGITS)
PROMISED = 1e-9  # relative error of the fast forms
BESIDE_A_ZERO = 1e-15  # of the slope, where terms of about 1 cancel
UNDERFLOWS = 1e-300
HALF_PRECISION = (torch.float16, torch.bfloat16)
FORMS = [
    *((name, {}) for name in activations.ACTIVATIONS),
    ("softplus", {"beta": 1.7}),
    ("leaky_relu", {"slope": 0.3}),
    ("prelu", {"slope": -0.25}),
    ("elu", {"alpha": 1.5}),
    ("gelu", {"approximate": "tanh"}),
    ("swish", {"beta": 1.7}),
    ("swish", {"beta": -0.5}),
]
POINTS = (-30.5, -8.0, -2.9375, -1.0, -0.01, 0.001, 0.75, 2.5, 3.5, 11.0, 25.0)


def assert_equal(actual: object, expected: object) -> None:
    """Assert agreement to 45 digits, entry by entry."""
    if isinstance(expected, list | tuple):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_equal(one, other)
        return
    assert mp.almosteq(actual, expected, rel_eps=CLOSE, abs_eps=CLOSE * CLOSE), f"{actual} is not {expected}"


def every(dtype: torch.dtype) -> np.ndarray:
    return torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16).view(dtype).double().numpy()


class TestPrecision:
    def test_nothing_is_rounded_on_the_way_in(self) -> None:
        assert exact(0.1) == mpf(0.1)
        assert exact(torch.tensor([[0.5, 2.0**-149]])) == [[mpf(0.5), mpf(2) ** -149]]
        assert exact(torch.tensor(3)) == 3
        assert exact(("mean", None, True)) == ["mean", None, True]

    def test_digits_cover_what_cancels(self) -> None:
        assert digits_for(mpf(1)) < 2 * DIGITS
        assert digits_for([mpf(-80)], mp.inf) > DIGITS + 399
        assert digits_for(mpf(1), mpf(10) ** -300) >= DIGITS + 300
        assert digits_for(mpf(0), mp.nan) == DIGITS
        assert_equal(activations.value("elu", 2.0**-900), mpf(2) ** -900)
        assert abs(activations.value("elu", -(2.0**-900)) / mpf(2) ** -900 + 1) < CLOSE
        one_minus_p = -losses.binary_cross_entropy_slope(700.0, 1.0)
        assert_equal(one_minus_p, mp.exp(-700) / (1 + mp.exp(-700)))

    def test_gradient_of_nested_lists_leaves_infinite_entries_alone(self) -> None:
        point = [[1.0, 2.0], [3.0, -mp.inf]]
        result = gradient(lambda rows, scale: scale * rows[0][0] ** 2 * rows[0][1] * rows[1][0], point, 2.0)
        assert_equal(result, [[mpf(24), mpf(6)], [mpf(4), mpf(0)]])
        assert_equal(gradient(lambda a, b: a / b, 3.0, 2.0, argument=1), mpf(-3) / 4)

    def test_weighted_mean_leaves_out_weight_zero_unread(self) -> None:
        assert weighted_mean([mpf(1), mpf(2), mpf(6)]) == 3
        assert weighted_mean([mpf(1), mpf(4), mp.nan], [1.0, 3.0, 0.0]) == mpf(13) / 4
        assert weighted_mean([mp.inf], [0.0]) == 0
        assert weighted_mean([]) == 0


# They go to their ends as a power of x does.
ALGEBRAIC = ("softsign", "squareplus")
# Kinks whose slope is that of the side above; of the others it is that below.
FROM_ABOVE = {
    *(("hard_sigmoid", 3.0), ("hard_swish", 3.0), ("relu6", 6.0), ("hard_tanh", 1.0)),
    *(("hard_shrink", -0.5), ("soft_shrink", -0.5)),
}


class TestActivations:
    @each(("name", "options"), FORMS)
    @each("x", POINTS)
    def test_slope_is_the_derivative(self, name: str, options: dict[str, float], x: float) -> None:
        if x in activations.ACTIVATIONS[name].kinks:
            pytest.skip("there it has one for each side")
        numeric = gradient(lambda at: activations.value(name, at, **options), x)
        assert_equal(activations.slope(name, x, **options), numeric)

    @each(("name", "options"), FORMS)
    def test_ends_are_limits_and_nan_stays(self, name: str, options: dict[str, float]) -> None:
        far = 1e60 if name in ALGEBRAIC else 3e4
        for sign in (-1.0, 1.0):
            for function in (activations.value, activations.slope):
                near, limit = (function(name, sign * at, **options) for at in (far, mp.inf))
                if mp.isinf(limit):
                    assert mp.sign(near) == mp.sign(limit)
                    assert abs(near) > 1
                else:
                    assert abs(near - limit) < mpf(10) ** -DIGITS
                assert mp.isnan(function(name, mp.nan, **options))

    @each("name", [name for name, entry in activations.ACTIVATIONS.items() if entry.kinks])
    def test_at_a_kink_the_slope_is_the_one_from_its_side(self, name: str) -> None:
        for kink in activations.ACTIVATIONS[name].kinks:
            beside = kink + (2.0**-30 if (name, kink) in FROM_ABOVE else -(2.0**-30))
            near = gradient(lambda at: activations.value(name, at), beside)
            assert abs(activations.slope(name, kink) - near) < mpf(2) ** -28

    def test_closed_forms(self) -> None:
        three = mp.log(3)
        assert_equal(activations.value("sigmoid", three), mpf(3) / 4)
        assert_equal(activations.slope("sigmoid", three), mpf(3) / 16)
        assert_equal(activations.value("tanh", three), mpf(4) / 5)
        assert_equal(activations.slope("tanh", three), mpf(9) / 25)
        assert_equal(activations.value("softplus", three), 2 * mp.log(2))
        assert_equal(activations.value("softplus", 0.0, beta=0.25), 4 * mp.log(2))
        assert_equal(activations.value("log_sigmoid", -three), -2 * mp.log(2))
        assert_equal(activations.value("elu", -three, alpha=3.0), mpf(-2))
        assert_equal(activations.value("swish", three, beta=2.0), three * mpf(9) / 10)
        assert_equal(activations.value("mish", three), three * mpf(15) / 17)
        assert_equal(activations.value("gelu", 1.0), 1 - mp.erfc(1 / mp.sqrt(2)) / 2)
        assert_equal(activations.slope("gelu", 0.0), mpf(1) / 2)
        assert_equal(activations.value("hard_sigmoid", 1.5), mpf(3) / 4)
        assert_equal(activations.value("hard_swish", 1.5), mpf(9) / 8)
        assert_equal(activations.slope("hard_swish", -1.5), mpf(0))

    @each("x", POINTS)
    def test_identities(self, x: float) -> None:
        value = activations.value
        assert_equal(value("sigmoid", x) + value("sigmoid", -x), mpf(1))
        assert_equal(value("tanh", x), 2 * value("sigmoid", 2 * x) - 1)
        assert_equal(value("log_sigmoid", x), -value("softplus", -x))
        assert_equal(value("leaky_relu", x), value("relu", x) - value("relu", -x) * mpf(0.01))
        for odd_part in ("gelu", "swish"):
            assert_equal(value(odd_part, x) - value(odd_part, -x), mpf(x))

    def test_selu_keeps_mean_zero_and_variance_one(self) -> None:
        def moment(power: int) -> mpf:
            return mp.quad(
                lambda x: activations._selu(x) ** power * mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi),
                [-20, -5, 0, 5, 20],
            )

        assert abs(moment(1)) < mpf(10) ** -30
        assert abs(moment(2) - 1) < mpf(10) ** -30

    @each("dtype", HALF_PRECISION)
    @each(("name", "options"), FORMS)
    def test_fast_form_answers_every_16_bit_input(
        self, name: str, options: dict[str, float], dtype: torch.dtype
    ) -> None:
        x = every(dtype)
        started = time.perf_counter()
        answers = (
            (activations.fast_value(name, x, **options), activations.value),
            (activations.fast_slope(name, x, **options), activations.slope),
        )
        assert time.perf_counter() - started < 1
        assert all((np.isnan(fast) == np.isnan(x)).all() for fast, _ in answers)
        generator = np.random.default_rng(3)
        near = np.flatnonzero(np.abs(x) < 64)
        chosen = [*generator.choice(near, 60, replace=False), *generator.choice(x.size, 10, replace=False)]
        ends = [*np.flatnonzero(np.isinf(x)), *np.flatnonzero(x == 0)]
        for at in [*chosen, *ends]:
            for fast, slow in answers:
                wanted = slow(name, float(x[at]), **options)
                if mp.isnan(wanted) or mp.isinf(wanted):
                    assert str(mpf(fast[at])) == str(wanted)
                    continue
                cancels = slow is activations.slope and abs(wanted) < 0.1 and abs(x[at]) < 3
                allowed = PROMISED * abs(wanted) + (BESIDE_A_ZERO if cancels else UNDERFLOWS)
                assert abs(fast[at] - wanted) <= allowed, f"{fast[at]} at {x[at]} is not {wanted}"

    def test_softmax_by_hand(self) -> None:
        logits = [mp.log(1), mp.log(2), mp.log(5)]
        assert_equal(activations.softmax(logits), [mpf(1) / 8, mpf(2) / 8, mpf(5) / 8])
        assert_equal(activations.softmax(logits, 0.5), [mpf(1) / 30, mpf(4) / 30, mpf(25) / 30])
        assert_equal(activations.log_softmax(logits)[0], -mp.log(8))
        assert activations.softmax([-mp.inf, 0.0]) == [0, 1]
        assert activations.softmax([mp.inf, 0.0, mp.inf]) == [mpf(0.5), 0, mpf(0.5)]
        assert activations.log_softmax([-mp.inf, 0.0]) == [-mp.inf, 0]

    @each("temperature", [1.0, 0.5, 4.0])
    def test_softmax_jacobians_are_the_derivatives(self, temperature: float) -> None:
        logits = [0.3, -1.2, 2.5]
        for function, jacobian in (
            (activations.softmax, activations.softmax_jacobian),
            (activations.log_softmax, activations.log_softmax_jacobian),
        ):
            for row, wanted in enumerate(jacobian(logits, temperature)):
                numeric = gradient(lambda at, row=row, f=function: f(at, temperature)[row], logits)
                assert_equal(wanted, numeric)

    def test_gated_units_are_products(self) -> None:
        gate = mp.log(3)
        assert_equal(activations.glu(8.0, gate), (mpf(6), mpf(3) / 4, 8 * mpf(3) / 16))
        assert_equal(activations.swiglu(4.0, gate)[0], 3 * gate)
        assert_equal(activations.geglu(2.0, 0.0), (mpf(0), mpf(0), mpf(1)))
        assert_equal(
            activations.geglu(2.0, 1.0, approximate="tanh")[0],
            2 * activations.value("gelu", 1.0, approximate="tanh"),
        )
        assert_equal(activations.swiglu(2.0, 0.5, beta=3.0)[2], 2 * activations.slope("swish", 0.5, beta=3.0))


class TestRegression:
    def test_by_hand(self) -> None:
        assert losses.mse(3.0, 5.0) == 4
        assert losses.mae(3.0, 5.0) == 2
        assert losses.huber(220.0, 0.0, delta=15.0) == 3187.5
        assert losses.huber(10.0, 0.0, delta=15.0) == 50
        assert losses.smooth_l1(3.0, 0.0, beta=2.0) == 2
        assert losses.smooth_l1(1.0, 0.0, beta=2.0) == 0.25
        assert_equal(losses.quantile(0.0, 10.0, mpf("0.9")), mpf(9))
        assert_equal(losses.quantile(10.0, 0.0, mpf("0.9")), mpf(1))
        assert_equal(losses.gaussian_nll(1.0, mp.log(4), 3.0), (mp.log(4) + 1) / 2)
        assert_equal(losses.gaussian_nll(0.0, 0.0, 0.0, full=True), mp.log(2 * mp.pi) / 2)

    @each("residual", [-7.0, -0.5, 0.25, 2.0])
    @each("delta", [0.5, 1.0, 3.0])
    def test_huber_and_smooth_l1_differ_by_delta(self, residual: float, delta: float) -> None:
        at = residual + 1.25, 1.25
        assert_equal(losses.huber(*at, delta), mpf(delta) * losses.smooth_l1(*at, delta))
        assert_equal(losses.huber(*at, delta), losses.huber(residual, 0.0, delta))

    @each("residual", [-7.0, -0.5, 0.25, 2.0])
    def test_slopes(self, residual: float) -> None:
        at = residual + 1.25, 1.25
        assert_equal(gradient(losses.mse, *at), losses.mse_slope(*at))
        assert_equal(gradient(losses.mae, *at), losses.mae_slope(*at))
        assert_equal(gradient(losses.huber, *at), losses.huber_slope(*at))
        by_mean, by_variance = losses.gaussian_nll_slopes(residual, 0.7, 1.5)
        assert_equal(gradient(losses.gaussian_nll, residual, 0.7, 1.5), by_mean)
        assert_equal(gradient(losses.gaussian_nll, residual, 0.7, 1.5, argument=1), by_variance)

    def test_quantile_is_least_at_the_quantile(self) -> None:
        sample = [float(k) for k in range(11)]
        cost = [mp.fsum(losses.quantile(guess, y, 0.75) for y in sample) for guess in sample]
        assert cost.index(min(cost)) == 8


class TestClassification:
    ROW = (0.5, -1.0, 2.0, 0.25)

    def test_binary_cross_entropy_by_hand(self) -> None:
        assert_equal(losses.binary_cross_entropy(mp.log(3), 1.0), mp.log(mpf(4) / 3))
        assert_equal(losses.binary_cross_entropy(mp.log(3), 0.0), mp.log(4))
        assert_equal(losses.binary_cross_entropy(mp.log(3), 1.0, 5.0), 5 * mp.log(mpf(4) / 3))
        assert_equal(losses.binary_cross_entropy(0.0, 0.3), mp.log(2))
        assert losses.binary_cross_entropy(mp.inf, 1.0) == 0
        assert losses.binary_cross_entropy(-mp.inf, 0.0) == 0

    @each("logit", [-45.0, -2.0, 0.0, 0.3, 60.0])
    @each("target", [0.0, 0.25, 1.0])
    def test_binary_cross_entropy_slope(self, logit: float, target: float) -> None:
        for pos_weight in (1.0, 7.0):
            numeric = gradient(losses.binary_cross_entropy, logit, target, pos_weight)
            assert_equal(losses.binary_cross_entropy_slope(logit, target, pos_weight), numeric)

    def test_cross_entropy_by_hand(self) -> None:
        logits = [mp.log(1), mp.log(2), mp.log(5)]
        assert_equal(losses.cross_entropy(logits, 1), mp.log(4))
        assert_equal(losses.cross_entropy(logits, [0.5, 0.0, 0.5]), (mp.log(8) + mp.log(8) - mp.log(5)) / 2)
        assert_equal(losses.cross_entropy(logits, 1, class_weight=[1.0, 3.0, 1.0]), 3 * mp.log(4))
        assert_equal(losses.cross_entropy([0.0] * 7, 3, label_smoothing=0.3), mp.log(7))

    def test_smoothed_targets_of_both_conventions(self) -> None:
        tenth = mpf(1) / 10
        there = [True] * 4
        assert_equal(losses.smoothed(1, there, tenth), [tenth / 4, 1 - 3 * tenth / 4, tenth / 4, tenth / 4])
        assert_equal(losses.smoothed(1, there, tenth, "others"), [tenth / 3, 1 - tenth, tenth / 3, tenth / 3])
        mixture = losses.smoothed([0.5, 0.5, 0.0], [True] * 3, 0.3, "others")
        one, other = (losses.smoothed(k, [True] * 3, 0.3, "others") for k in (0, 1))
        assert_equal(mixture, [(a + b) / 2 for a, b in zip(one, other, strict=True)])
        assert losses.smoothed(0, [True], 0.3, "others") == [1]
        for how in ("all", "others"):
            assert losses.smoothed(0, [True, False, True], 0.3, how)[1] == 0
            assert_equal(mp.fsum(losses.smoothed(2, [True, False, True], 0.3, how)), mpf(1))

    @each("target", [2, [0.125, 0.5, 0.375, 0.0]])
    @each("smooth_over", ["all", "others"])
    def test_cross_entropy_gradient(self, target: int | list[float], smooth_over: str) -> None:
        for row in (self.ROW, (60.0, 0.0, -20.0, 1.0), (0.5, 1.0, 2.0, -mp.inf)):
            for smoothing, weights in ((0.0, None), (0.2, [1.0, 2.0, 0.5, 3.0])):
                options = (weights, smoothing, smooth_over)
                numeric = gradient(losses.cross_entropy, list(row), target, *options)
                assert_equal(losses.cross_entropy_gradient(list(row), target, *options), numeric)

    def test_two_classes_are_the_binary_case(self) -> None:
        for logit in (-40.0, -1.0, 0.0, 3.0):
            assert_equal(losses.cross_entropy([0.0, logit], 1), losses.binary_cross_entropy(logit, 1.0))
            assert_equal(losses.softmax_focal([0.0, logit], 1, 1.5), losses.focal(logit, 1, 1.5))

    @each("logit", [-45.0, -2.0, 0.0, 0.3, 60.0])
    @each("target", [0, 1])
    @each("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
    def test_focal(self, logit: float, target: int, gamma: float) -> None:
        assert_equal(gradient(losses.focal, logit, target, gamma), losses.focal_slope(logit, target, gamma))
        weighted = losses.focal(logit, target, gamma, alpha=0.25)
        slope = losses.focal_slope(logit, target, gamma, alpha=0.25)
        assert_equal(gradient(losses.focal, logit, target, gamma, 0.25), slope)
        assert_equal(weighted, losses.focal(logit, target, gamma) * (0.25 if target else 0.75))
        easier = losses.focal(logit, target, gamma) / losses.focal(logit, target, 0.0)
        assert_equal(losses.focal(logit, target, 0.0), losses.binary_cross_entropy(logit, float(target)))
        assert_equal(easier, activations.value("sigmoid", -logit if target else logit) ** gamma)

    def test_softmax_focal_without_gamma_is_cross_entropy(self) -> None:
        assert_equal(losses.softmax_focal(self.ROW, 2, 0.0), losses.cross_entropy(self.ROW, 2))
        assert_equal(
            losses.softmax_focal(self.ROW, 2, 0.0, [1.0, 1.0, 3.0, 1.0]),
            3 * losses.cross_entropy(self.ROW, 2),
        )

    def test_asymmetric(self) -> None:
        assert_equal(losses.asymmetric(0.7, 1, gamma_positive=0.0), losses.binary_cross_entropy(0.7, 1.0))
        assert_equal(losses.asymmetric(0.7, 0, gamma_negative=0.0, clip=0.0), losses.binary_cross_entropy(0.7, 0.0))
        assert_equal(losses.asymmetric(0.7, 0, gamma_negative=2.0, clip=0.0), losses.focal(0.7, 0, 2.0))
        focused = losses.asymmetric(0.7, 1, gamma_positive=2.0)
        assert_equal(focused, losses.focal(0.7, 1, 2.0))
        assert losses.asymmetric(-3.0, 0) == 0  # p = 0.047, below the clip
        half = mpf("0.45")
        assert_equal(losses.asymmetric(0.0, 0, clip=mpf("0.05")), -(half**4) * mp.log(1 - half))

    def test_hinges(self) -> None:
        assert losses.hinge(0.25, 1.0) == 0.75
        assert losses.hinge(0.25, -1.0) == 1.25
        assert losses.hinge(2.0, 1.0) == 0
        assert losses.multiclass_hinge([1.0, 2.5, 2.0], 1) == 0.5
        assert losses.multiclass_hinge([1.0, 2.5, 2.0], 0, margin=2.0) == 3.5
        assert losses.multiclass_hinge([1.0], 0) == 0


class TestDivergences:
    P, Q = [mp.log(mpf(k) / 10) for k in (7, 2, 1)], [mp.log(mpf(k) / 10) for k in (5, 3, 2)]

    def test_by_hand(self) -> None:
        wanted = mpf(7) / 10 * mp.log(mpf(7) / 5) + mpf(2) / 10 * mp.log(mpf(2) / 3) - mp.log(2) / 10
        assert_equal(losses.kl_divergence(self.P, self.Q), wanted)
        assert losses.kl_divergence(self.P, self.P) == 0
        assert_equal(losses.entropy([-mp.log(8)] * 8), mp.log(8))
        assert_equal(losses.js_divergence([0.0, -mp.inf], [-mp.inf, 0.0]), mp.log(2))
        assert_equal(losses.js_divergence(self.P, self.Q), losses.js_divergence(self.Q, self.P))
        assert losses.kl_divergence([0.0, -mp.inf], [-1.0, -mp.inf]) == 1
        assert losses.kl_divergence(self.P, [0.0, 0.0, -mp.inf]) == mp.inf

    def test_cross_entropy_is_entropy_plus_divergence(self) -> None:
        target = [mp.exp(a) for a in self.P]
        assert_equal(
            losses.cross_entropy(self.Q, target),
            losses.entropy(self.P) + losses.kl_divergence(self.P, self.Q),
        )

    def test_gradients(self) -> None:
        by_p, by_q = losses.kl_divergence_gradients(self.P, self.Q)
        assert_equal(gradient(losses.kl_divergence, self.P, self.Q), by_p)
        assert_equal(gradient(losses.kl_divergence, self.P, self.Q, argument=1), by_q)

    def test_gaussian_kl_is_the_integral(self) -> None:
        mean, variance = mpf("0.7"), mpf("0.3")

        def integrand(x: mpf) -> mpf:
            q = mp.exp(-((x - mean) ** 2) / (2 * variance)) / mp.sqrt(2 * mp.pi * variance)
            return q * (mp.log(q) - mp.log(mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi)))

        integral = mp.quad(integrand, [-9, -3, 0, 1, 3, 9])
        assert abs(losses.gaussian_kl([mean], [mp.log(variance)]) - integral) < mpf(10) ** -25
        assert losses.gaussian_kl([0.0, 0.0], [0.0, 0.0]) == 0


class TestEmbeddings:
    A, B, C = (1.0, 0.0), (0.6, 0.8), (-1.0, 0.0)

    def test_distances(self) -> None:
        assert losses.distance([1.0, -2.0], [4.0, 2.0]) == 5
        assert losses.distance([0.0, 0.0], [3.0, 4.0], "squared") == 25
        assert losses.distance(self.A, self.C, "cosine") == 2
        assert losses.cosine([0.0, 0.0], self.A) == 0
        assert_equal(losses.cosine([3e200, 3e200], [1e-200, 0.0]), 1 / mp.sqrt(2))

    def test_pairs_and_triplets(self) -> None:
        assert losses.triplet([0.0], [3.0], [1.0], margin=0.5) == 2.5
        assert losses.triplet([0.0], [3.0], [1.0], margin=0.5, kind="squared") == 8.5
        assert losses.triplet(self.A, self.A, self.C, margin=0.5, kind="cosine") == 0
        assert losses.contrastive([0.0, 0.0], [3.0, 4.0], similar=True) == 25
        assert losses.contrastive([0.0], [0.75], similar=False, margin=2.0) == mpf(25) / 16
        assert losses.contrastive([0.0], [2.5], similar=False, margin=2.0) == 0
        assert losses.cosine_embedding(self.A, self.C, similar=True) == 2
        assert losses.cosine_embedding(self.A, self.C, similar=False) == 0
        assert losses.cosine_embedding(self.A, self.A, similar=False, margin=0.25) == 0.75

    def test_batch_triplets_are_counted(self) -> None:
        found = losses.batch_triplet([[0.0], [1.0], [5.0], [7.0]], [0, 0, 1, 1], margin=0.5)
        assert len(found) == 8
        assert found[0] == losses.triplet([0.0], [1.0], [5.0], margin=0.5)
        assert losses.batch_triplet([[0.0], [1.0]], [0, 1]) == []

    def test_info_nce(self) -> None:
        alike = [[1.0, 0.0]] * 5
        assert_equal(losses.info_nce(alike, alike), [mp.log(5)] * 5)
        one = losses.info_nce([[2.0, 0.0]], [[5.0, 0.0], [0.0, 1.0]], [0], temperature=0.5)
        assert_equal(one, [mp.log(1 + mp.exp(-2))])
        raw = losses.info_nce([[2.0, 0.0]], [[5.0, 0.0], [0.0, 1.0]], [1], temperature=0.5, normalize=False)
        assert_equal(raw, [20 + mp.log(1 + mp.exp(-20))])

    def test_clip_and_nt_xent(self) -> None:
        axes = [[1.0, 0.0], [0.0, 1.0]]
        assert_equal(losses.clip(axes, axes, 3.0), [mp.log(1 + mp.exp(-3))] * 2)
        # Of three others one is the same point, two stand at right angles.
        assert_equal(losses.nt_xent(axes, axes, 0.5), [mp.log(1 + 2 * mp.exp(-2))] * 4)


class TestLanguage:
    LOGITS = ((0.0, mp.log(3)), (mp.log(4), 0.0), (9.0, 9.0))

    def test_shifts_once(self) -> None:
        wanted = [mp.log(mpf(3) / 4), mp.log(mpf(4) / 5)]
        assert_equal(losses.token_log_probs(self.LOGITS, [0, 1, 0]), wanted)
        assert_equal(losses.sequence_log_prob(self.LOGITS, [0, 1, 0]), mp.log(mpf(3) / 5))
        assert_equal(losses.sequence_log_prob(self.LOGITS, [0, 1, 0], average=True), mp.log(mpf(3) / 5) / 2)
        assert_equal(losses.next_token(self.LOGITS, [0, 1, 0], [True, False, True]), -wanted[1])
        assert_equal(losses.perplexity(self.LOGITS, [0, 1, 0]), mp.sqrt(mpf(5) / 3))
        nothing = [True, False, False]
        assert losses.sequence_log_prob(self.LOGITS, [0, 1, 0], nothing) == 0
        assert mp.isnan(losses.sequence_log_prob(self.LOGITS, [0, 1, 0], nothing, average=True))
        assert losses.next_token(self.LOGITS, [0, 1, 0], nothing) == 0

    def test_uniform_perplexity_is_the_vocabulary(self) -> None:
        assert_equal(losses.perplexity([[0.0] * 11] * 4, [3, 1, 4, 1]), mpf(11))

    def test_masked_lm_ignores(self) -> None:
        assert_equal(losses.masked_lm(self.LOGITS, [-100, 0, 1]), (mp.log(mpf(5) / 4) + mp.log(2)) / 2)
        assert losses.masked_lm(self.LOGITS, [-100] * 3) == 0


class TestDistillationAndPreference:
    def test_distillation_ends(self) -> None:
        student, teacher = [0.5, -1.0, 2.0], [1.0, 0.0, -1.0]
        assert_equal(losses.distillation(student, teacher, 1, alpha=1.0), losses.cross_entropy(student, 1))
        assert_equal(losses.distillation(student, student, 1, alpha=0.0), mpf(0))
        softened = losses.kl_divergence(activations.log_softmax(teacher, 3.0), activations.log_softmax(student, 3.0))
        assert_equal(losses.distillation(student, teacher, 1, alpha=0.0, temperature=3.0), 9 * softened)
        assert_equal(
            losses.distillation(student, teacher, 1, alpha=0.0, direction="reverse"),
            losses.distillation(teacher, student, 1, alpha=0.0),
        )

    def test_at_no_preference(self) -> None:
        assert_equal(losses.bradley_terry(1.5, 1.5), mp.log(2))
        assert_equal(losses.dpo(-5.0, -7.0, -4.0, -6.0, label_smoothing=0.2), mp.log(2))
        assert_equal(losses.ipo(-5.0, -7.0, -4.0, -6.0, beta=0.5), mpf(1))
        assert_equal(losses.kto(-5.0, -6.0, desirable=True, kl=1.0), mpf(1) / 2)
        assert_equal(losses.orpo(-0.7, -0.7, 2.0, lam=0.5), 2 + mp.log(2) / 2)

    def test_by_hand(self) -> None:
        assert_equal(losses.bradley_terry(mp.log(6), 0.0, margin=mp.log(2)), mp.log(mpf(4) / 3))
        assert_equal(losses.dpo(mp.log(9), 0.0, 0.0, 0.0, beta=0.5), mp.log(mpf(4) / 3))
        assert losses.ipo(-1.0, -4.0, -1.0, -2.0, beta=0.25) == 0
        assert_equal(losses.kto(mp.log(3), 0.0, desirable=True, kl=0.0, beta=1.0), mpf(1) / 4)
        undesirable = losses.kto(mp.log(3), 0.0, desirable=False, kl=0.0, beta=1.0, undesirable_weight=2.0)
        assert_equal(undesirable, mpf(3) / 2)
        # Odds of 3 against odds of 1: the ratio's logistic is 3/4.
        assert_equal(losses.orpo(mp.log(mpf(3) / 4), mp.log(mpf(1) / 2), 1.0, lam=2.0), 1 + 2 * mp.log(mpf(4) / 3))

    @each("gap", [-80.0, -3.0, 0.5, 120.0])
    def test_slopes(self, gap: float) -> None:
        for argument, sign in ((0, 1), (1, -1)):
            numeric = gradient(losses.bradley_terry, gap, 0.25, 0.5, argument=argument)
            assert_equal(numeric, sign * losses.bradley_terry_slope(gap, 0.25, 0.5))
            numeric = gradient(losses.dpo, gap, -2.0, 1.0, 0.25, 0.3, 0.125, argument=argument)
            assert_equal(numeric, sign * losses.dpo_slope(gap, -2.0, 1.0, 0.25, 0.3, 0.125))


class TestPolicy:
    @each(
        ("ratio", "advantage", "wanted"),
        [(1.0, 2.0, -2.0), (1.5, 2.0, -2.5), (0.5, 2.0, -1.0), (1.125, -2.0, 2.25), (1.5, -2.0, 3.0), (0.5, -2.0, 1.5)],
    )
    def test_ppo_takes_the_smaller_term(self, ratio: float, advantage: float, wanted: float) -> None:
        at = mp.log(ratio) - 1.5, -1.5
        assert_equal(losses.ppo(*at, advantage, clip=0.25), mpf(wanted))
        slope = losses.ppo_slope(*at, advantage, 0.25)
        assert_equal(gradient(losses.ppo, *at, advantage, 0.25), slope)

    def test_kl_estimators(self) -> None:
        policy, reference = -1.0, -3.0
        assert losses.kl_penalty(policy, reference) == 2
        assert losses.kl_penalty(policy, reference, "k2") == 2
        assert_equal(losses.kl_penalty(policy, reference, "k3"), mp.exp(-2) + 1)
        # k1 and k3 are both unbiased: over the policy's own tokens their mean is the divergence.
        p, q = TestDivergences.P, TestDivergences.Q
        for estimator in ("k1", "k3"):
            mean = mp.fsum(mp.exp(a) * losses.kl_penalty(a, b, estimator) for a, b in zip(p, q, strict=True))
            assert_equal(mean, losses.kl_divergence(p, q))

    def test_value_clip(self) -> None:
        assert losses.value_clip(2.0, 1.0, 3.0, clip=0.5) == 1.125
        assert losses.value_clip(2.0, 1.0, 0.0, clip=0.5) == 2
        assert losses.value_clip(-2.0, 1.0, 0.0, clip=0.5) == 2
        assert losses.value_clip(0.25, 1.0, 0.0, clip=0.5) == mpf(1) / 8
        assert losses.value_clip(1.25, 1.0, 3.0, clip=0.5) == mpf(1.75) ** 2 / 2

    def test_generalized_advantages_obey_the_recursion(self) -> None:
        rewards, values, done = [1.0, 2.0, -1.0, 0.5], [0.5, 1.0, -0.5, 2.0, 3.0], [False, True, False, False]
        found = losses.generalized_advantages(rewards, values, 0.5, 0.25, done)
        assert_equal(found[1], mpf(1))
        assert_equal(found[0], 1 + mpf(0.5) * 1 - mpf(0.5) + mpf(0.125) * found[1])
        assert_equal(found[3], mpf(0.5) + mpf(1.5) - 2)
        monte_carlo = losses.generalized_advantages(rewards, values, 1.0, 1.0)
        assert_equal(monte_carlo, [mp.fsum(rewards[t:]) + 3 - mpf(values[t]) for t in range(4)])
        one_step = losses.generalized_advantages(rewards, values, 1.0, 0.0)
        assert_equal(one_step, [r + b - a for r, (a, b) in zip(rewards, pairwise(values), strict=True)])
