"""Write optax.json: what optax and jax.nn answer, in float64.

Install, in an environment of its own, `jax[cpu]==0.10.2 optax==0.2.8 numpy`, then run

    python tests/oracles/golden/make_optax.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from record import write

jax.config.update("jax_enable_x64", True)
RANDOM = np.random.default_rng(20240607)

Case = dict[str, Any]
CASES: list[Case] = []

# Residuals: none, subnormal, tiny, on a kink (0.5, 1, 2), ordinary, and one whose square almost overflows.
RESIDUALS = [0.0, 5e-324, -1e-200, 1e-8, -0.25, 0.5, -0.5, 1.0, -1.0, 2.0, 3.75, -1e3, 1e9, -1e150]
# Logits: the origin, tiny, ordinary, saturated in float32 (17), in float64 (40), and near the end of exp's
# range (700; XLA has no subnormal numbers on a CPU).
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
    110.0,
    -110.0,
    700.0,
    -700.0,
]


def add(
    function: str,
    name: str,
    call: str,
    compute: Callable[..., Any],
    inputs: dict[str, Any],
    *,
    by: Sequence[str],
    options: dict[str, Any] | None = None,
) -> None:
    """Record one case: the value and the gradient of its sum by the inputs named in `by`."""
    given = {key: jnp.asarray(array) for key, array in inputs.items()}
    names = list(given)

    def total(*arrays: jax.Array) -> jax.Array:
        return compute(*arrays).sum()

    slopes = jax.grad(total, argnums=[names.index(key) for key in by])(*given.values()) if by else []
    CASES.append(
        {
            "function": function,
            "name": name,
            "call": call,
            "precision": "float64",
            "options": options or {},
            "inputs": {key: np.asarray(array) for key, array in given.items()},
            "value": np.asarray(compute(*given.values())),
            "gradients": {key: np.asarray(slope) for key, slope in zip(by, slopes, strict=True)},
        },
    )


def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
    """Return numbers of a normal distribution."""
    return scale * RANDOM.standard_normal(shape)


def distributions(*shape: int) -> np.ndarray:
    """Return distributions over the last dimension."""
    raw = RANDOM.random(shape) + 0.01
    return raw / raw.sum(-1, keepdims=True)


def regression() -> None:
    """Record the losses of a residual."""
    target = normal(len(RESIDUALS))
    target[np.abs(RESIDUALS) < 1e-4] = 0.0
    target[4:10] = np.round(target[4:10] * 8) / 8
    inputs = {"predictions": target + np.array(RESIDUALS), "targets": target}
    both = ["predictions", "targets"]
    add(
        "squared_error",
        "residuals",
        "optax.losses.squared_error(predictions, targets)",
        optax.losses.squared_error,
        inputs,
        by=both,
    )
    add(
        "l2_loss",
        "residuals",
        "optax.losses.l2_loss(predictions, targets)",
        optax.losses.l2_loss,
        inputs,
        by=both,
    )
    for delta in (0.5, 1.0, 2.0):
        add(
            "huber_loss",
            f"residuals, delta {delta}",
            f"optax.losses.huber_loss(predictions, targets, delta={delta})",
            lambda predictions, targets, delta=delta: optax.losses.huber_loss(predictions, targets, delta=delta),
            inputs,
            by=both,
            options={"delta": delta},
        )


def binary() -> None:
    """Record the losses of one logit or score."""
    logits = np.array(LOGITS * 3)
    targets = np.concatenate([np.zeros(len(LOGITS)), np.ones(len(LOGITS)), np.linspace(0, 1, len(LOGITS))])
    inputs = {"logits": logits, "targets": targets}
    add(
        "sigmoid_binary_cross_entropy",
        "hard and soft targets",
        "optax.losses.sigmoid_binary_cross_entropy(logits, targets)",
        optax.losses.sigmoid_binary_cross_entropy,
        inputs,
        by=["logits"],
    )
    add(
        "sigmoid_binary_cross_entropy",
        "infinite logits on the right side",
        "optax.losses.sigmoid_binary_cross_entropy(logits, targets)",
        optax.losses.sigmoid_binary_cross_entropy,
        {"logits": np.array([np.inf, -np.inf]), "targets": np.array([1.0, 0.0])},
        by=["logits"],
    )
    hard = {"logits": np.array(LOGITS * 2), "targets": targets[: 2 * len(LOGITS)]}
    for gamma, alpha in ((2.0, None), (2.0, 0.25), (0.5, None), (5.0, 0.75), (0.0, None)):
        add(
            "sigmoid_focal_loss",
            f"hard targets, gamma {gamma}, alpha {alpha}",
            f"optax.losses.sigmoid_focal_loss(logits, targets, alpha={alpha}, gamma={gamma})",
            lambda logits, targets, gamma=gamma, alpha=alpha: optax.losses.sigmoid_focal_loss(
                logits,
                targets,
                alpha=alpha,
                gamma=gamma,
            ),
            hard,
            by=["logits"],
            options={"gamma": gamma, "alpha": alpha},
        )
    signs = np.array([-1.0, 1.0])
    add(
        "hinge_loss",
        "both signs",
        "optax.losses.hinge_loss(scores, targets)",
        optax.losses.hinge_loss,
        {"scores": np.array(LOGITS * 2), "targets": np.repeat(signs, len(LOGITS))},
        by=["scores"],
    )
    add(
        "hinge_loss",
        "on the kink",
        "optax.losses.hinge_loss(scores, targets)",
        optax.losses.hinge_loss,
        {"scores": np.array([1.0, -1.0]), "targets": np.array([1.0, -1.0])},
        by=["scores"],
    )


def categorical() -> None:
    """Record the losses of a row of logits."""
    logits = normal(10, 5, scale=3.0)
    logits[6] = [0.0, 0.0, 0.0, 0.0, 0.0]
    logits[7] = [0.0, 12.0, 0.0, -3.0, 1.0]
    logits[8] = [1e4, -1e4, 0.0, 5.0, -5.0]
    logits[9] = [-700.0, 700.0, 3.0, 2.0, 1.0]
    index = np.array([0, 1, 2, 3, 4, 0, 1, 0, 2, 0])
    soft = distributions(10, 5)
    soft[0] = [0.0, 1.0, 0.0, 0.0, 0.0]
    add(
        "softmax_cross_entropy_with_integer_labels",
        "class indices",
        "optax.losses.softmax_cross_entropy_with_integer_labels(logits, targets)",
        optax.losses.softmax_cross_entropy_with_integer_labels,
        {"logits": logits, "targets": index},
        by=["logits"],
    )
    add(
        "softmax_cross_entropy",
        "distributions",
        "optax.losses.softmax_cross_entropy(logits, targets)",
        optax.losses.softmax_cross_entropy,
        {"logits": logits, "targets": soft},
        by=["logits"],
    )
    one_hot = np.eye(5)[index]
    for smoothing in (0.1, 0.5):
        add(
            "smooth_labels",
            f"smoothing {smoothing}",
            f"optax.losses.softmax_cross_entropy(logits, optax.losses.smooth_labels(one_hot(targets), {smoothing}))",
            lambda logits, targets, smoothing=smoothing: optax.losses.softmax_cross_entropy(
                logits,
                optax.losses.smooth_labels(jax.nn.one_hot(targets, 5, dtype=logits.dtype), smoothing),
            ),
            {"logits": logits, "targets": index},
            by=["logits"],
            options={"label_smoothing": smoothing},
        )
    add(
        "smooth_labels",
        "the labels themselves",
        "optax.losses.smooth_labels(one_hot, 0.1)",
        lambda one_hot: optax.losses.smooth_labels(one_hot, 0.1),
        {"one_hot": one_hot},
        by=[],
        options={"label_smoothing": 0.1},
    )
    masked = logits.copy()
    masked[np.arange(10), (index + 1) % 5] = -np.inf
    for name, function in (
        ("safe_softmax_cross_entropy", optax.losses.safe_softmax_cross_entropy),
        ("softmax_cross_entropy", optax.losses.softmax_cross_entropy),
    ):
        add(
            name,
            "a class masked with -inf",
            f"optax.losses.{name}(logits, targets)",
            lambda logits, targets, function=function: function(logits, targets),
            {"logits": masked, "targets": one_hot},
            by=["logits"],
        )
    scores = normal(8, 5, scale=2.0)
    scores[6] = [10.0, 0.0, 1.0, 2.0, 3.0]
    add(
        "multiclass_hinge_loss",
        "class indices",
        "optax.losses.multiclass_hinge_loss(scores, targets)",
        optax.losses.multiclass_hinge_loss,
        {"scores": scores, "targets": index[:8]},
        by=["scores"],
    )


def divergence() -> None:
    """Record the divergences of two distributions."""
    p = distributions(6, 4)
    q = distributions(6, 4)
    q[1] = p[1]
    p[2] = [1 - 3e-12, 1e-12, 1e-12, 1e-12]
    q[3] = [1 - 3e-12, 1e-12, 1e-12, 1e-12]
    add(
        "kl_divergence_with_log_targets",
        "distributions",
        "optax.losses.kl_divergence_with_log_targets(log_predictions, log_targets)",
        optax.losses.kl_divergence_with_log_targets,
        {"log_predictions": np.log(q), "log_targets": np.log(p)},
        by=["log_predictions"],
    )
    p[4] = [0.5, 0.5, 0.0, 0.0]
    add(
        "kl_divergence",
        "targets with zeros",
        "optax.losses.kl_divergence(log_predictions, targets)",
        optax.losses.kl_divergence,
        {"log_predictions": np.log(q), "targets": p},
        by=["log_predictions"],
    )


def embedding() -> None:
    """Record the losses of embeddings."""
    a, b = normal(7, 4), normal(7, 4)
    b[1] = 2 * a[1]
    b[2] = -a[2]
    a[3], b[3] = 1e20 * a[3], 1e-20 * b[3]
    a[4] = 1e150 * a[4]
    both = ["predictions", "targets"]
    for name in ("cosine_similarity", "cosine_distance"):
        add(
            name,
            "vectors of all lengths",
            f"optax.losses.{name}(predictions, targets)",
            getattr(optax.losses, name),
            {"predictions": a, "targets": b},
            by=both,
        )
    add(
        "cosine_distance",
        "a vector of zeros",
        "optax.losses.cosine_distance(predictions, targets)",
        optax.losses.cosine_distance,
        {"predictions": np.zeros((1, 4)), "targets": b[:1]},
        by=both,
    )
    embeddings = normal(8, 6)
    embeddings[7] *= 50.0
    labels = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    for temperature in (0.5, 0.07):
        add(
            "ntxent",
            f"four pairs, temperature {temperature}",
            f"optax.losses.ntxent(embeddings, labels, temperature={temperature})",
            lambda embeddings, labels, temperature=temperature: optax.losses.ntxent(
                embeddings,
                labels,
                temperature=temperature,
            ),
            {"embeddings": embeddings, "labels": labels},
            by=["embeddings"],
            options={"temperature": temperature},
        )
    anchor, positive, negative = normal(6, 3), normal(6, 3), normal(6, 3)
    triplets = {"anchors": anchor, "positives": positive, "negatives": negative}
    for margin in (0.2, 1.0):
        add(
            "triplet_margin_loss",
            f"eps 0, margin {margin}",
            f"optax.losses.triplet_margin_loss(anchors, positives, negatives, margin={margin}, eps=0.0)",
            lambda anchors, positives, negatives, margin=margin: optax.losses.triplet_margin_loss(
                anchors,
                positives,
                negatives,
                margin=margin,
                eps=0.0,
            ),
            triplets,
            by=list(triplets),
            options={"margin": margin},
        )
    add(
        "triplet_margin_loss",
        "the default eps, margin 1.0",
        "optax.losses.triplet_margin_loss(anchors, positives, negatives, margin=1.0)",
        optax.losses.triplet_margin_loss,
        triplets,
        by=list(triplets),
        options={"margin": 1.0},
    )
    add(
        "triplet_margin_loss",
        "identical points, eps 0",
        "optax.losses.triplet_margin_loss(anchors, positives, negatives, margin=1.0, eps=0.0)",
        lambda anchors, positives, negatives: optax.losses.triplet_margin_loss(anchors, positives, negatives, eps=0.0),
        {"anchors": anchor[:1], "positives": anchor[:1], "negatives": negative[:1]},
        by=list(triplets),
        options={"margin": 1.0},
    )


def activations() -> None:
    """Record jax.nn on points that stay clear of the kinks, tails included."""
    points = [-700.0, -110.0, -40.0, -17.0, -9.0, -5.0, -2.9, -2.0, -1.0, -0.7, -0.3, -1e-9, -1e-300]
    x = np.array(points + [-value for value in reversed(points)])
    plain: dict[str, Callable[..., Any]] = {
        name: getattr(jax.nn, name)
        for name in (
            "sigmoid",
            "softplus",
            "log_sigmoid",
            "relu",
            "elu",
            "selu",
            "silu",
            "mish",
            "hard_swish",
            "hard_sigmoid",
        )
    }
    plain["tanh"] = jnp.tanh
    for name, function in plain.items():
        module = "jnp" if name == "tanh" else "jax.nn"
        add(
            name,
            "points",
            f"{module}.{name}(x)",
            lambda x, function=function: function(x),
            {"x": x},
            by=["x"],
        )
    for slope in (0.01, 0.3):
        add(
            "leaky_relu",
            f"slope {slope}",
            f"jax.nn.leaky_relu(x, negative_slope={slope})",
            lambda x, slope=slope: jax.nn.leaky_relu(x, negative_slope=slope),
            {"x": x},
            by=["x"],
            options={"slope": slope},
        )
    add(
        "elu",
        "alpha 0.5",
        "jax.nn.elu(x, alpha=0.5)",
        lambda x: jax.nn.elu(x, alpha=0.5),
        {"x": x},
        by=["x"],
        options={"alpha": 0.5},
    )
    for approximate, form in ((False, "none"), (True, "tanh")):
        add(
            "gelu",
            form,
            f"jax.nn.gelu(x, approximate={approximate})",
            lambda x, approximate=approximate: jax.nn.gelu(x, approximate=approximate),
            {"x": x},
            by=["x"],
            options={"approximate": form},
        )
    rows = normal(5, 4, scale=4.0)
    rows[4] = [700.0, -700.0, 0.0, 1.0]
    weight = normal(5, 4)
    for name in ("softmax", "log_softmax"):
        function = getattr(jax.nn, name)
        add(
            name,
            "rows, each entry times its weight",
            f"weight * jax.nn.{name}(x, axis=-1)",
            lambda x, weight, function=function: weight * function(x, axis=-1),
            {"x": rows, "weight": weight},
            by=["x"],
        )
    add(
        "glu",
        "packed",
        "jax.nn.glu(x, axis=-1)",
        lambda x: jax.nn.glu(x, axis=-1),
        {"x": normal(3, 6, scale=3.0)},
        by=["x"],
    )


if __name__ == "__main__":
    for family in (regression, binary, categorical, divergence, embedding, activations):
        family()
    write("optax", {"jax": jax.__version__, "optax": optax.__version__, "numpy": np.__version__}, CASES)
