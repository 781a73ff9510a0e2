"""Write rax.json: what Rax answers for lists of scores, in float64.

Install, in an environment of its own, `jax[cpu]==0.10.2 rax==0.4.0 numpy`, then run

    python tests/oracles/golden/make_rax.py
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import rax
from record import write

jax.config.update("jax_enable_x64", True)
jax.util = SimpleNamespace(wraps=lambda function, **_: wraps(function))  # which jax no longer has and rax asks for
RANDOM = np.random.default_rng(20250301)
CASES: list[dict[str, Any]] = []


def lists() -> dict[str, dict[str, np.ndarray]]:
    """Return lists by name: graded with ties, in a strict order, with scores far apart, and with missing items."""
    scores = RANDOM.normal(size=(3, 6)).round(6)
    grades = RANDOM.integers(0, 4, size=(3, 6)).astype(float)
    orders = np.stack([RANDOM.permutation(6) for _ in range(3)]).astype(float)
    there = RANDOM.random((3, 6)) < 0.7
    there[:, :2] = True
    whole = np.ones((3, 6), dtype=bool)
    grades[:, 0], grades[:, 1] = 3.0, 0.0
    return {
        "graded": {"scores": scores, "relevance": grades, "item_mask": whole},
        "in a strict order": {"scores": scores, "relevance": orders, "item_mask": whole},
        "far apart": {"scores": 20 * scores, "relevance": grades, "item_mask": whole},
        "some missing": {"scores": scores, "relevance": grades, "item_mask": there},
    }


def add(function: str, call: str, compute: Callable[..., jax.Array], **options: float) -> None:
    """Record what a function answers to each of the lists, one by one, and its gradient by the scores."""
    for name, given in LISTS.items():

        def each(scores: jax.Array, given: dict[str, np.ndarray] = given) -> jax.Array:
            rows = [scores, jnp.asarray(given["relevance"]), jnp.asarray(given["item_mask"])]
            return jnp.stack([compute(*(row[i] for row in rows)) for i in range(3)])

        scores = jnp.asarray(given["scores"])
        slope = jax.grad(lambda s, each=each: each(s).sum())(scores)
        CASES.append(
            {
                "function": function,
                "name": name,
                "call": call,
                "precision": "float64",
                "options": options,
                "inputs": given,
                "value": np.asarray(each(scores)),
                "gradients": {"scores": np.asarray(slope)},
            }
        )


LISTS = lists()
add(
    "pairwise_logistic_loss",
    "rax.pairwise_logistic_loss(scores, relevance, where=item_mask) of one list",
    lambda s, y, p: rax.pairwise_logistic_loss(s, y, where=p),
)
add(
    "softmax_loss",
    "rax.softmax_loss(scores, jax.nn.softmax(relevance), where=item_mask) of one list",
    lambda s, y, p: rax.softmax_loss(s, jax.nn.softmax(y, where=p), where=p),
)
add(
    "listmle_loss",
    "rax.listmle_loss(scores, relevance, where=item_mask) of one list",
    lambda s, y, p: rax.listmle_loss(s, y, where=p),
)
for temperature in (1.0, 0.1):
    add(
        "approx_ndcg",
        "rax.approx_t12n(rax.ndcg_metric, temperature)(scores, relevance, where=item_mask) of one list",
        lambda s, y, p, t=temperature: rax.approx_t12n(rax.ndcg_metric, t)(s, y, where=p),
        temperature=temperature,
    )
write("rax", {"rax": version("rax"), "jax": version("jax"), "numpy": version("numpy")}, CASES)
