"""Agreement with optax and jax.nn in float64, whose answers stand in `golden/optax.json`.

Each test calls ours so that it means what the peer's call in `case.call` means: the conversion is the test.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from tests.each import each
from tests.oracles.peers import Answer, Case, answer, assert_agrees, of, one
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that users give it
from slopes import losses as L  # noqa: N812  likewise

SIZE = 8  # terms in the sums of these small cases
TINY = torch.finfo(torch.float64).tiny


class TestOptax:
    """optax.losses and jax.nn, in float64."""

    @each("case", of("optax", "squared_error"))
    def test_mse_is_its_squared_error(self, case: Case) -> None:
        ours = answer(
            lambda predictions, targets: L.mse(predictions, targets, reduction="none"),
            case.inputs,
            ["predictions", "targets"],
        )
        assert_agrees(case, ours)

    @each("case", of("optax", "l2_loss"))
    def test_its_l2_loss_is_half_of_mse(self, case: Case) -> None:
        ours = answer(
            lambda predictions, targets: 0.5 * L.mse(predictions, targets, reduction="none"),
            case.inputs,
            ["predictions", "targets"],
        )
        assert_agrees(case, ours)

    @each("case", of("optax", "huber_loss"))
    def test_huber(self, case: Case) -> None:
        ours = answer(
            lambda predictions, targets: L.huber(predictions, targets, delta=case.options["delta"], reduction="none"),
            case.inputs,
            ["predictions", "targets"],
        )
        # Its slope is (residual + delta) - delta.
        assert_agrees(case, ours, slope_scale=case.options["delta"])

    @each("case", of("optax", "huber_loss"))
    def test_smooth_l1_is_its_huber_over_delta(self, case: Case) -> None:
        delta = case.options["delta"]
        ours = answer(
            lambda predictions, targets: delta * L.smooth_l1(predictions, targets, beta=delta, reduction="none"),
            case.inputs,
            ["predictions", "targets"],
        )
        assert_agrees(case, ours, slope_scale=delta)

    @each("case", of("optax", "sigmoid_binary_cross_entropy", named="hard and soft"))
    def test_binary_cross_entropy(self, case: Case) -> None:
        ours = answer(
            lambda logits, targets: L.binary_cross_entropy(logits, targets, reduction="none"),
            case.inputs,
            ["logits"],
        )
        assert_agrees(case, ours, slope_scale=1.0)

    def test_binary_cross_entropy_at_infinity_is_nan_there_and_0_here(self) -> None:
        case = one("optax", "sigmoid_binary_cross_entropy", "infinite")
        ours = answer(
            lambda logits, targets: L.binary_cross_entropy(logits, targets, reduction="none"),
            case.inputs,
            ["logits"],
        )
        assert case.value.isnan().all()
        assert ours.value.tolist() == [0.0, 0.0]
        assert ours.gradients["logits"].tolist() == [0.0, 0.0]

    @each("case", of("optax", "sigmoid_focal_loss"))
    def test_focal(self, case: Case) -> None:
        ours = answer(
            lambda logits, targets: L.focal(logits, targets, **case.options, reduction="none"),
            case.inputs,
            ["logits"],
        )
        # Theirs is exp(gamma · log(1 - p)): the rounding of the exponent becomes relative.
        factor = 1 + (1 + case.options["gamma"]) * case.inputs["logits"].abs()
        scale, slope_scale = ((size.abs() * factor).clamp(min=TINY) for size in (case.value, case.gradients["logits"]))
        assert_agrees(case, ours, scale=scale, slope_scale=slope_scale)

    @each("case", of("optax", "hinge_loss", named="both signs"))
    def test_hinge(self, case: Case) -> None:
        ours = answer(
            lambda scores, targets: L.hinge(scores, targets, reduction="none"),
            case.inputs,
            ["scores"],
        )
        assert_agrees(case, ours)

    def test_hinge_on_its_kink_is_half_a_slope_there_and_none_here(self) -> None:
        case = one("optax", "hinge_loss", "on the kink")
        ours = answer(lambda scores, targets: L.hinge(scores, targets, reduction="none"), case.inputs, ["scores"])
        assert case.gradients["scores"].tolist() == [-0.5, 0.5]
        assert ours.value.tolist() == case.value.tolist() == [0.0, 0.0]
        assert ours.gradients["scores"].abs().tolist() == [0.0, 0.0]

    @each("case", of("optax", "multiclass_hinge_loss"))
    def test_multiclass_hinge(self, case: Case) -> None:
        ours = answer(
            lambda scores, targets: L.multiclass_hinge(scores, targets, reduction="none"),
            case.inputs,
            ["scores"],
        )
        assert_agrees(case, ours, scale=_largest(case.inputs["scores"]))

    @each(
        "case",
        [
            *of("optax", "softmax_cross_entropy_with_integer_labels"),
            *of("optax", "softmax_cross_entropy", named="distributions"),
        ],
    )
    def test_cross_entropy(self, case: Case) -> None:
        ours = answer(
            lambda logits, targets: L.cross_entropy(logits, targets, reduction="none"),
            case.inputs,
            ["logits"],
        )
        assert_agrees(case, ours, scale=_largest(case.inputs["logits"]), slope_scale=1.0, size=SIZE)

    @each("case", of("optax", "smooth_labels", named="smoothing"))
    def test_label_smoothing_over_all_classes(self, case: Case) -> None:
        ours = answer(
            lambda logits, targets: L.cross_entropy(logits, targets, **case.options, reduction="none"),
            case.inputs,
            ["logits"],
        )
        assert_agrees(case, ours, scale=_largest(case.inputs["logits"]), slope_scale=1.0, size=SIZE)

    def test_smooth_labels_starts_from_indices(self) -> None:
        """Theirs smooths one-hot rows; ours makes the rows too."""
        case = one("optax", "smooth_labels", "the labels themselves")
        targets = case.inputs["one_hot"].argmax(-1)
        assert_agrees(case, Answer(L.smooth_labels(targets, 5, dtype=torch.float64, **case.options)))

    def test_a_class_masked_with_minus_infinity(self) -> None:
        """Its plain form gives NaN; its safe form, and ours, leave the class out."""
        case = one("optax", "safe_softmax_cross_entropy", "a class masked")
        ours = answer(
            lambda logits, targets: L.cross_entropy(logits, targets, reduction="none"),
            case.inputs,
            ["logits"],
        )
        assert one("optax", "softmax_cross_entropy", "a class masked").value.isnan().all()
        finite = case.inputs["logits"].masked_fill(case.inputs["logits"].isinf(), 0.0)
        assert_agrees(case, ours, scale=_largest(finite), slope_scale=1.0, size=SIZE)

    @each("case", of("optax", "kl_divergence_with_log_targets"))
    def test_kl_divergence_has_its_arguments_the_other_way_round(self, case: Case) -> None:
        """Theirs is KL(targets‖predictions) with predictions first; ours is KL(p‖q) with p first."""
        ours = answer(
            lambda log_predictions, log_targets: L.kl_divergence(log_targets, log_predictions, reduction="none"),
            case.inputs,
            ["log_predictions"],
        )
        assert_agrees(case, ours, scale=1.0, size=SIZE)

    def test_kl_divergence_of_probabilities_with_zeros(self) -> None:
        """Theirs takes targets as probabilities, 0 · log 0 being 0; ours their logarithms, -inf included."""
        case = one("optax", "kl_divergence", "zeros")
        ours = answer(
            lambda log_predictions, targets: L.kl_divergence(targets.log(), log_predictions, reduction="none"),
            case.inputs,
            ["log_predictions"],
        )
        assert_agrees(case, ours, scale=1.0, size=SIZE)

    @each("case", of("optax", "cosine_distance", named="all lengths"))
    def test_cosine_embedding_of_similar_pairs_is_its_cosine_distance(self, case: Case) -> None:
        ours = answer(
            lambda predictions, targets: L.cosine_embedding(predictions, targets, _all(predictions), reduction="none"),
            case.inputs,
            ["predictions", "targets"],
        )
        _assert_rows_agree(case, ours, case.inputs)

    @each("case", of("optax", "cosine_similarity", named="all lengths"))
    def test_cosine_embedding_of_dissimilar_pairs_is_its_cosine_similarity_above_0(self, case: Case) -> None:
        similarity = case.value
        above = similarity > 0
        ours = answer(
            lambda predictions, targets: L.cosine_embedding(
                predictions, targets, ~_all(predictions), margin=0.0, reduction="none"
            ),
            case.inputs,
            ["predictions", "targets"],
        )
        theirs = Answer(
            similarity.clamp(min=0),
            {key: slope * above.unsqueeze(1) for key, slope in case.gradients.items()},
        )
        _assert_rows_agree(theirs, ours, case.inputs)

    def test_the_cosine_of_zeros_is_nan_there_and_0_here(self) -> None:
        case = one("optax", "cosine_distance", "zeros")
        ours = answer(
            lambda predictions, targets: L.cosine_embedding(predictions, targets, _all(predictions), reduction="none"),
            case.inputs,
            ["predictions", "targets"],
        )
        assert case.value.isnan().all()
        assert ours.value.tolist() == [1.0]
        assert all(slope.abs().max() == 0.0 for slope in ours.gradients.values())

    @each("case", of("optax", "ntxent"))
    def test_nt_xent_takes_its_rows_as_two_tensors(self, case: Case) -> None:
        """Theirs takes one tensor and labels (and a default temperature of 0.07); ours the two views."""
        ours = answer(
            lambda embeddings, labels: L.nt_xent(  # noqa: ARG005  the labels pair row i with row i + 4
                embeddings[:4], embeddings[4:], temperature=case.options["temperature"]
            ),
            case.inputs,
            ["embeddings"],
        )
        assert_agrees(
            case,
            ours,
            scale=1 / case.options["temperature"],
            slope_scale=1 / case.options["temperature"],
            size=SIZE,
        )

    @each("case", of("optax", "triplet_margin_loss", named="eps 0, margin"))
    def test_triplet_is_its_triplet_margin_loss_without_eps(self, case: Case) -> None:
        ours = answer(
            lambda anchors, positives, negatives: L.triplet(
                anchors, positives, negatives, margin=case.options["margin"], reduction="none"
            ),
            case.inputs,
            list(case.inputs),
        )
        assert_agrees(case, ours, scale=4.0, slope_scale=1.0)

    def test_its_default_eps_adds_a_millionth_to_the_squared_distances(self) -> None:
        case = one("optax", "triplet_margin_loss", "default eps")
        anchors, positives, negatives = case.inputs.values()
        near, far = (((anchors - other) ** 2).sum(-1) for other in (positives, negatives))
        expected = ((near + 1e-6).sqrt() - (far + 1e-6).sqrt() + 1.0).clamp(min=0)
        assert_agrees(Answer(expected), Answer(case.value), scale=4.0)
        ours = L.triplet(anchors, positives, negatives, margin=1.0, reduction="none")
        difference = (ours - case.value).abs()
        assert 1e-9 < difference.max() < 1e-6

    def test_identical_points_have_nan_gradients_there_and_0_here(self) -> None:
        case = one("optax", "triplet_margin_loss", "identical")
        ours = answer(
            lambda anchors, positives, negatives: L.triplet(
                anchors, positives, negatives, margin=10.0, reduction="none"
            ),
            case.inputs,
            list(case.inputs),
        )
        assert case.gradients["positives"].isnan().all()
        assert ours.gradients["positives"].abs().max() == 0.0
        assert ours.gradients["negatives"].isfinite().all()


ACTIVATIONS: dict[str, Callable[..., Tensor]] = {
    "sigmoid": A.sigmoid,
    "tanh": A.tanh,
    "softplus": A.softplus,
    "log_sigmoid": A.log_sigmoid,
    "relu": A.relu,
    "leaky_relu": A.leaky_relu,
    "elu": A.elu,
    "selu": A.selu,
    "gelu": A.gelu,
    "silu": A.silu,
    "mish": A.mish,
    "hard_swish": A.hard_swish,
    "hard_sigmoid": A.hard_sigmoid,
}


class TestJaxActivations:
    """jax.nn, in float64, against the audited formulas."""

    @each("case", of("optax", *ACTIVATIONS))
    def test_elementwise(self, case: Case) -> None:
        with slopes.exact():
            ours = answer(lambda x: ACTIVATIONS[case.function](x, **case.options), case.inputs, ["x"])
        x = case.inputs["x"].abs()
        scale = None
        if case.name == "tanh":  # its x/2 · (1 + tanh) cancels in the negative tail
            scale = x
        elif case.name == "none":  # the rounding of x² goes into its exp(-x²/2)
            scale = (case.value.abs() * (1 + x**2)).clamp(min=TINY)
        # Its slopes are sums of terms of the size of 1, of x where the function is x times another.
        of_products = case.function in {"gelu", "mish", "silu", "hard_swish"}
        assert_agrees(case, ours, scale=scale, slope_scale=x.clamp(min=1.0) if of_products else 1.0)

    @each("case", of("optax", "softmax", "log_softmax"))
    def test_rows(self, case: Case) -> None:
        function = getattr(A, case.function)
        with slopes.exact():
            ours = answer(lambda x, weight: weight * function(x, dim=-1), case.inputs, ["x"])
        scale = _largest(case.inputs["x"]) * case.inputs["weight"].abs().amax(-1)
        assert_agrees(case, ours, scale=scale, slope_scale=scale, size=SIZE)

    def test_glu_gates_with_the_second_half_of_a_packed_tensor(self) -> None:
        case = one("optax", "glu", "packed")
        with slopes.exact():
            ours = answer(lambda x: A.glu(*x.chunk(2, dim=-1)), case.inputs, ["x"])
        assert_agrees(case, ours, slope_scale=4.0)


def _all(rows: Tensor) -> Tensor:
    return torch.ones(rows.shape[0], dtype=torch.bool)


def _largest(rows: Tensor) -> Tensor:
    return rows.abs().amax(-1).clamp(min=1.0)


def _assert_rows_agree(theirs: Case | Answer, ours: Answer, inputs: dict[str, Tensor]) -> None:
    # The slope by a vector is of the size of 1 over its length.
    lengths = {key: 1 / vectors.norm(dim=-1) for key, vectors in inputs.items()}
    assert_agrees(theirs, ours, scale=1.0, slope_scale=lengths, size=4)
