"""Agreement with torch and scikit-learn, run here and now on the same float64 inputs: values and gradients.

Each test calls theirs so that it means what ours means: the conversion is the test.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody gives it
from tests.accuracy import assert_close
from tests.each import each
from tests.later import Later
from tests.oracles.peers import answer, assert_same, by_position, distributions, normal
from torch import Tensor
from torch.distributions import Categorical, Normal, kl_divergence

from slopes import activations as A  # noqa: N812  the name that users give it
from slopes import losses as L  # noqa: N812  the name that users give it

sklearn_metrics = Later("sklearn.metrics")

REDUCTIONS = ("none", "mean", "sum")
LOGITS = [
    0.0,
    1e-300,
    -1e-9,
    0.3,
    -0.7,
    1.5,
    -2.0,
    5.0,
    -9.0,
    17.0,
    -17.0,
    40.0,
    -40.0,
    120.0,
    -120.0,
    700.0,
    -700.0,
]

RESIDUALS = [0.0, 5e-324, -1e-200, 1e-8, -0.25, 0.5, -0.5, 1.0, -1.0, 2.0, 3.75, -1e3, 1e9, -1e150]
REGRESSION = {
    "prediction": torch.tensor(RESIDUALS, dtype=torch.float64),
    "target": torch.zeros(len(RESIDUALS), dtype=torch.float64),
}
BINARY = {
    "logits": torch.tensor(LOGITS * 3, dtype=torch.float64),
    "targets": torch.cat([torch.zeros(17), torch.ones(17), torch.linspace(0, 1, 17)]).double(),
}
# Torch's is (1 - y) x - log σ(x), and its slope σ(x) - y.
BY_LOGITS = {
    "none": {"scale": BINARY["logits"].abs().clamp(min=1.0), "slope_scale": 1.0},
    "mean": {"scale": 1e3, "slope_scale": 1.0, "size": 51},
    "sum": {"scale": 1e3, "slope_scale": 1.0, "size": 51},
}


class TestActivations:
    """The default precision is torch's own kernel, so its numbers are torch's to the last bit."""

    x = torch.tensor([*LOGITS, 3.0, -3.0, 9.5, -9.5, 20.5, 1e30, -1e30])

    @each("dtype", [torch.float32, torch.float64])
    @each(
        ("ours", "theirs"),
        [
            (A.sigmoid, torch.sigmoid),
            (A.tanh, torch.tanh),
            (A.softplus, F.softplus),
            (A.log_sigmoid, F.logsigmoid),
            (A.relu, F.relu),
            (A.leaky_relu, F.leaky_relu),
            (lambda x: A.leaky_relu(x, slope=0.2), lambda x: F.leaky_relu(x, negative_slope=0.2)),
            (lambda x: A.prelu(x, x.new_tensor(0.3)), lambda x: F.prelu(x, x.new_tensor([0.3]))),
            (A.elu, F.elu),
            (lambda x: A.elu(x, alpha=0.5), lambda x: F.elu(x, alpha=0.5)),
            (A.selu, F.selu),
            (A.gelu, F.gelu),
            (lambda x: A.gelu(x, approximate="tanh"), lambda x: F.gelu(x, approximate="tanh")),
            (A.silu, F.silu),
            (A.mish, F.mish),
            (A.hard_swish, F.hardswish),
            (A.hard_sigmoid, F.hardsigmoid),
            (A.hard_tanh, F.hardtanh),
            (A.relu6, F.relu6),
            (lambda x: A.rrelu(x, lower=0.1, upper=0.3), lambda x: F.rrelu(x, 0.1, 0.3)),
            (lambda x: A.threshold(x, threshold=0.5), lambda x: F.threshold(x, 0.5, 0.0)),
            (lambda x: A.celu(x, alpha=0.5), lambda x: F.celu(x, alpha=0.5)),
            (A.hard_shrink, F.hardshrink),
            (A.soft_shrink, F.softshrink),
            (lambda x: A.softmin(x, dim=0), lambda x: F.softmin(x, dim=0)),
            (lambda x: A.softmax(x, dim=0), lambda x: F.softmax(x, dim=0)),
            (lambda x: A.log_softmax(x, dim=0), lambda x: F.log_softmax(x, dim=0)),
        ],
    )
    def test_default(
        self, ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], dtype: torch.dtype
    ) -> None:
        inputs = {"x": self.x.to(dtype)}
        mine = answer(by_position(ours), inputs, ["x"])
        other = answer(by_position(theirs), inputs, ["x"])
        torch.testing.assert_close(mine.value, other.value, rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(mine.gradients["x"], other.gradients["x"], rtol=0, atol=0, equal_nan=True)

    def test_glu_gates_with_the_second_half_of_torchs_packed_tensor(self) -> None:
        inputs = {"x": normal(3, 6, seed=22, scale=3.0)}
        assert_same(lambda x: A.glu(*x.chunk(2, dim=-1)), lambda x: F.glu(x, dim=-1), inputs, ["x"], slope_scale=4.0)


class TestRegression:
    @each("reduction", REDUCTIONS)
    @each(("ours", "theirs"), [(L.mse, F.mse_loss), (L.mae, F.l1_loss)])
    def test_mse_and_mae(self, ours: Callable[..., Tensor], theirs: Callable[..., Tensor], reduction: str) -> None:
        assert_same(
            lambda prediction, target: ours(prediction, target, reduction=reduction),
            lambda prediction, target: theirs(prediction, target, reduction=reduction),
            REGRESSION,
            ["prediction", "target"],
            size=len(RESIDUALS),
        )

    @each("reduction", REDUCTIONS)
    @each("knee", [0.5, 1.0, 2.0])
    def test_huber_and_smooth_l1(self, knee: float, reduction: str) -> None:
        assert_same(
            lambda prediction, target: L.huber(prediction, target, delta=knee, reduction=reduction),
            lambda prediction, target: F.huber_loss(prediction, target, delta=knee, reduction=reduction),
            REGRESSION,
            ["prediction", "target"],
            size=len(RESIDUALS),
        )
        assert_same(
            lambda prediction, target: L.smooth_l1(prediction, target, beta=knee, reduction=reduction),
            lambda prediction, target: F.smooth_l1_loss(prediction, target, beta=knee, reduction=reduction),
            REGRESSION,
            ["prediction", "target"],
            size=len(RESIDUALS),
        )

    @each("knee", [0.5, 1.0, 2.0])
    def test_smooth_l1_is_torchs_huber_over_its_knee(self, knee: float) -> None:
        assert_same(
            lambda prediction, target: L.smooth_l1(prediction, target, beta=knee),
            lambda prediction, target: F.huber_loss(prediction, target, delta=knee) / knee,
            REGRESSION,
            ["prediction", "target"],
            size=len(RESIDUALS),
        )

    @each("full", [False, True])
    def test_gaussian_nll_takes_the_logarithm_of_torchs_variance(self, full: bool) -> None:  # noqa: FBT001
        """Theirs takes (mean, target, variance), at least eps; ours (mean, log-variance, target)."""
        log_variance = torch.tensor([0.0, 1.0, -1.0, 20.0, -10.0, 3.0], dtype=torch.float64)
        inputs = {
            "mean": torch.tensor([0.0, 1.0, 2.0, 1e5, 0.01, -4.0], dtype=torch.float64),
            "log_variance": log_variance,
            "target": torch.tensor([0.0, -1.0, 2.5, 0.0, 0.0, 9.0], dtype=torch.float64),
        }
        assert_same(
            lambda mean, log_variance, target: L.gaussian_nll(mean, log_variance, target, full=full, reduction="none"),
            lambda mean, log_variance, target: F.gaussian_nll_loss(
                mean, target, log_variance.exp(), full=full, reduction="none"
            ),
            inputs,
            ["mean", "log_variance"],
            size=4,
        )


class TestBinary:
    @each("reduction", REDUCTIONS)
    def test_binary_cross_entropy(self, reduction: str) -> None:
        assert_same(
            lambda logits, targets: L.binary_cross_entropy(logits, targets, reduction=reduction),
            lambda logits, targets: F.binary_cross_entropy_with_logits(logits, targets, reduction=reduction),
            BINARY,
            ["logits"],
            **BY_LOGITS[reduction],
        )

    @each("reduction", REDUCTIONS)
    def test_pos_weight_per_class_does_not_enter_the_divisor(self, reduction: str) -> None:
        pos_weight = torch.tensor([0.5, 1.0, 30.0], dtype=torch.float64)
        inputs = {key: tensor.reshape(17, 3) for key, tensor in BINARY.items()}
        assert_same(
            lambda logits, targets: L.binary_cross_entropy(logits, targets, pos_weight=pos_weight, reduction=reduction),
            lambda logits, targets: F.binary_cross_entropy_with_logits(
                logits, targets, pos_weight=pos_weight, reduction=reduction
            ),
            inputs,
            ["logits"],
            size=51,
            scale=1000.0,
            slope_scale=31.0,
        )

    def test_torchs_weight_does_not_enter_its_divisor_either(self) -> None:
        """Ours divides by the sum of `weight`; `denominator` restores torch's division by the count."""
        weight = normal(51, seed=1).abs()
        assert_same(
            lambda logits, targets: L.binary_cross_entropy(logits, targets, weight=weight, denominator=51),
            lambda logits, targets: F.binary_cross_entropy_with_logits(logits, targets, weight=weight),
            BINARY,
            ["logits"],
            size=51,
            slope_scale=1.0,
        )

    def test_soft_margin_is_binary_cross_entropy_of_signs(self) -> None:
        logits = torch.tensor([0.0, 1e-9, 0.3, -0.7, 5.0, -9.0, 17.0, -30.0] * 2, dtype=torch.float64)
        signs = torch.tensor([-1.0] * 8 + [1.0] * 8, dtype=torch.float64)
        assert_same(
            lambda logits, signs: L.binary_cross_entropy(logits, (signs + 1) / 2, reduction="none"),
            lambda logits, signs: F.soft_margin_loss(logits, signs, reduction="none"),
            {"logits": logits, "signs": signs},
            ["logits"],
            scale=1.0,
            slope_scale=1.0,
            size=4,
        )


class TestHinges:
    def test_multi_margin_of_two_classes_is_half_of_multiclass_hinge(self) -> None:
        """Theirs sums over the other classes and divides by the number of all; ours takes the worst."""
        scores = normal(9, 2, seed=5, scale=2.0)
        targets = torch.arange(9) % 2
        assert_same(
            lambda scores: L.multiclass_hinge(scores, targets, margin=0.7, reduction="none"),
            lambda scores: 2 * F.multi_margin_loss(scores, targets, margin=0.7, reduction="none"),
            {"scores": scores},
            ["scores"],
            scale=4.0,
            slope_scale=1.0,
        )

    def test_multi_margin_of_more_classes_is_another_loss(self) -> None:
        scores = torch.tensor([[0.0, 0.5, 0.75, -3.0]], dtype=torch.float64)
        targets = torch.tensor([0])
        assert L.multiclass_hinge(scores, targets).item() == 1.75
        assert F.multi_margin_loss(scores, targets).item() == (1.5 + 1.75) / 4

    def test_hinge_embedding_of_distances_squared_is_contrastive(self) -> None:
        """Theirs takes distances and signs; ours embeddings and `similar`, and squares."""
        a, b = normal(8, 4, seed=6), normal(8, 4, seed=7)
        b[0], b[1] = a[0] + 0.1, a[1] + 0.3
        signs = torch.tensor([1.0, -1.0] * 4, dtype=torch.float64)
        assert_same(
            lambda a, b: L.contrastive(a, b, signs > 0, margin=2.5, reduction="none"),
            lambda a, b: F.hinge_embedding_loss((a - b).norm(dim=-1), signs, margin=2.5, reduction="none") ** 2,
            {"a": a, "b": b},
            ["a", "b"],
            scale=16.0,
            slope_scale=8.0,
        )


class TestDivergence:
    def test_kl_div_has_the_logarithms_of_q_first(self) -> None:
        """F.kl_div(log_q, p) is KL(p‖q) by entries, its mean over these; batchmean over rows, as ours."""
        inputs = {"log_p": distributions(6, 4, seed=8).log(), "log_q": distributions(6, 4, seed=9).log()}
        assert_same(
            by_position(L.kl_divergence),
            lambda log_p, log_q: F.kl_div(log_q, log_p, log_target=True, reduction="batchmean"),
            inputs,
            ["log_p", "log_q"],
            scale=1.0,
            slope_scale=1.0,
            size=24,
        )
        assert_same(
            by_position(L.kl_divergence),
            lambda log_p, log_q: 4 * F.kl_div(log_q, log_p.exp(), reduction="none").mean(),
            inputs,
            ["log_q"],
            scale=1.0,
            slope_scale=1.0,
            size=24,
        )


class TestDistributions:
    """torch.distributions."""

    def test_entropy(self) -> None:
        log_p = distributions(6, 4, seed=23).log()
        assert_same(
            lambda log_p: L.entropy(log_p, reduction="none"),
            lambda log_p: Categorical(logits=log_p, validate_args=False).entropy(),
            {"log_p": log_p},
            [],
            size=4,
        )

    def test_gaussian_kl_is_the_divergence_from_the_standard_normal_summed(self) -> None:
        inputs = {"mean": normal(6, 3, seed=24), "log_variance": normal(6, 3, seed=25, scale=2.0)}
        assert_same(
            lambda mean, log_variance: L.gaussian_kl(mean, log_variance, reduction="none"),
            lambda mean, log_variance: kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(
                -1
            ),
            inputs,
            ["mean", "log_variance"],
            scale=64.0,
            slope_scale=64.0,
            size=3,
        )

    def test_gaussian_nll_in_full_is_minus_the_log_density(self) -> None:
        names = ("mean", "log_variance", "target")
        inputs = {name: normal(8, seed=seed, scale=2.0) for seed, name in enumerate(names, 26)}
        assert_same(
            lambda **given: L.gaussian_nll(*given.values(), full=True, reduction="none"),
            lambda mean, log_variance, target: -Normal(mean, (0.5 * log_variance).exp()).log_prob(target),
            inputs,
            ["mean", "log_variance"],
            scale=16.0,
            slope_scale=64.0,
        )


class TestScikitLearn:
    """sklearn.metrics has values only."""

    @each("level", [0.1, 0.5, 0.95])
    def test_quantile_is_its_pinball_loss(self, level: float) -> None:
        prediction, target = normal(20, 1, seed=29), normal(20, seed=30)
        theirs = sklearn_metrics.mean_pinball_loss(target.numpy(), prediction[:, 0].numpy(), alpha=level)
        ours = L.quantile(prediction, target, torch.tensor([level], dtype=torch.float64))
        assert_close(ours, torch.tensor(theirs, dtype=torch.float64), size=20)

    def test_multiclass_hinge_is_its_hinge_loss_of_three_classes(self) -> None:
        scores, targets = normal(12, 3, seed=31), torch.arange(12) % 3
        theirs = sklearn_metrics.hinge_loss(targets.numpy(), scores.numpy())
        assert_close(L.multiclass_hinge(scores, targets), torch.tensor(theirs, dtype=torch.float64), size=12)


class TestEmbeddings:
    @each("margin", [0.0, 0.3])
    def test_cosine_embedding(self, margin: float) -> None:
        """Theirs adds 1e-12 to its squared norms, so vectors are long here."""
        a, b = normal(8, 4, seed=10, scale=1e6), normal(8, 4, seed=11, scale=1e6)
        signs = torch.tensor([1, -1] * 4)
        assert_same(
            lambda a, b: L.cosine_embedding(a, b, signs > 0, margin=margin, reduction="none"),
            lambda a, b: F.cosine_embedding_loss(a, b, signs, margin=margin, reduction="none"),
            {"a": a, "b": b},
            ["a", "b"],
            scale=1.0,
            slope_scale=2e-6,
            size=4,
        )

    @each("margin", [0.2, 1.0])
    def test_triplet_is_theirs_without_eps(self, margin: float) -> None:
        """Theirs adds eps to every difference before the norm, and has a margin of 1 by default, ours 0.2."""
        inputs = {name: normal(6, 3, seed=seed) for seed, name in enumerate(("anchor", "positive", "negative"), 12)}
        assert_same(
            lambda **given: L.triplet(*given.values(), margin=margin, reduction="none"),
            lambda **given: F.triplet_margin_loss(*given.values(), margin=margin, eps=0.0, reduction="none"),
            inputs,
            list(inputs),
            scale=4.0,
            slope_scale=1.0,
        )

    def test_cosine_triplet_is_theirs_with_a_distance(self) -> None:
        inputs = {name: normal(6, 3, seed=seed) for seed, name in enumerate(("anchor", "positive", "negative"), 15)}
        assert_same(
            lambda **given: L.triplet(*given.values(), distance="cosine", reduction="none"),
            lambda **given: F.triplet_margin_with_distance_loss(
                *given.values(),
                distance_function=lambda a, b: 1 - F.cosine_similarity(a, b),
                margin=0.2,
                reduction="none",
            ),
            inputs,
            list(inputs),
            scale=2.0,
            slope_scale=4.0,
            size=3,
        )

    def test_info_nce_is_cross_entropy_of_cosines_over_temperature(self) -> None:
        inputs = {"query": normal(5, 4, seed=18), "keys": normal(9, 4, seed=19)}
        positives = torch.tensor([3, 0, 8, 8, 1])
        assert_same(
            lambda query, keys: L.info_nce(query, keys, positives, temperature=0.2),
            lambda query, keys: F.cross_entropy(F.normalize(query) @ F.normalize(keys).T / 0.2, positives),
            inputs,
            ["query", "keys"],
            scale=5.0,
            slope_scale=5.0,
            size=9,
        )
