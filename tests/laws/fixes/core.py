"""What repairs the errors of `_core`: what every function checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from tests.laws.fixes.law import Fix

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

X: Final = torch.tensor([0.5, -1.0, 2.0])
Z: Final = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])
LOG: Final = torch.tensor([-1.0, -2.0, -0.5])
CLASSES: Final = torch.tensor([0, 2])
MSE: Final = "L.mse(predictions, targets)"
WEIGHTED: Final = "L.mse(predictions, targets, weight=weight)"
CROSS: Final = "L.cross_entropy(logits, targets)"
NCE: Final = "L.info_nce(query, keys)"
HUBER: Final = "L.huber(predictions, targets, delta=delta)"
KTO: Final = "L.kto(policy, reference, desirable, kl)"
AT: Final = {"policy": LOG, "reference": LOG, "desirable": LOG > -1}
NAN: Final = float("nan")


def both(x: Any, y: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"predictions": x, "targets": y}


def names() -> Mapping[str, Any]:
    return {}


ELSEWHERE: Final = {
    "_core/check/tensors.py not_traced": "tests/laws of exports: torch.export takes what torch.jit.trace does not",
    "_core/check/tensors.py _no_proxy": "likewise for torch.fx: a function that is wrapped is a leaf",
}
TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "_core/check/tensors.py tensor": [
        Fix(MSE, both([0.5, -1.0, 2.0], X), words={"predictions": "torch.tensor(predictions)"}),
        Fix(
            "L.cross_entropy(slopes.LinearLogits(hidden, weight), targets)",
            {"hidden": Z, "weight": torch.nn.Linear(3, 4), "targets": CLASSES},
            {"weight": "weight.weight"},
        ),
        Fix(MSE, both(slopes.LinearLogits(Z, Z), torch.zeros(2, 2)), {"predictions": "predictions.materialize()"}),
    ],
    "_core/check/tensors.py _fail_layout": [
        Fix(MSE, both(Z.to_sparse(), Z), {"predictions": "predictions.to_dense()"}),
        Fix(
            "L.mae(predictions, targets, mask=mask)",
            lambda *_: (  # made in the test: torch imports its compiler for it
                both(torch.nested.nested_tensor([X, X[:2]], layout=torch.jagged), torch.zeros(2, 3)) | {"mask": None}
            ),
            {"predictions": "predictions.to_padded_tensor(0.0)"},
            {"mask": "torch.tensor([[True, True, True], [True, True, False]])"},
        ),
    ],
    "_core/check/tensors.py floating": [Fix("A.relu(x)", {"x": torch.tensor([1, -2])}, {"x": "x.float()"})],
    "_core/check/agreement.py same_device": [
        Fix(MSE, both(X.to("meta"), X), words={"targets": "targets.to(predictions.device)"}),
    ],
    "_core/check/agreement.py _fail_dtypes": [Fix(MSE, both(X, X.double()), words={"targets": "targets.float()"})],
    "_core/check/agreement.py same_shape": [
        Fix(MSE, both(X.unsqueeze(-1), X), {}, {"predictions": "predictions.squeeze(-1)"}),
        Fix(MSE, both(Z, X), {}, {"targets": "targets.expand_as(predictions)"}),
    ],
    "_core/check/shapes.py has_shape": [
        Fix(WEIGHTED, both(Z, Z) | {"weight": X.abs()}, words={"weight": "weight.expand(2, 3)"}),
    ],
    "_core/check/shapes.py dimensions": [Fix("A.softmax(x)", {"x": torch.tensor(1.0)}, words={"x": "x.unsqueeze(0)"})],
    "_core/check/shapes.py filled": [
        Fix(CROSS, {"logits": torch.zeros(2, 0), "targets": CLASSES}, words={"logits": "torch.zeros(2, 3)"}),
    ],
    "_core/check/options.py option": [
        Fix(HUBER, both(X, X) | {"delta": 10**400}, words={"delta": "1.5"}),
        Fix(HUBER, both(X, X) | {"delta": -1.0}, words={"delta": "1.5"}),
        Fix(HUBER, both(X, X) | {"delta": 1e-60}, {"delta": "1.18e-38"}),
        Fix("L.hinge(x, x.sign(), margin=margin)", {"x": X, "margin": 1e-60}, {"margin": "0"}),
    ],
    "_core/check/options.py _number": [
        Fix(HUBER, both(X, X) | {"delta": "1.5"}, words={"delta": "float(delta)"}),
        Fix(HUBER, both(X, X) | {"delta": torch.tensor(1.5, requires_grad=True)}, {"delta": "delta.item()"}),
        Fix(HUBER, both(X, X) | {"delta": torch.tensor(1.5, device="meta")}, words={"delta": "1.5"}),
    ],
    "_core/check/options.py ordered": [
        Fix("A.hard_tanh(x, low=low, high=high)", {"x": X, "low": 2.0, "high": 1.0}, words={"low": "-1.0"}),
    ],
    "_core/check/options.py choice": [
        Fix("L.mse(x, x, reduction=reduction)", {"x": X, "reduction": "avg"}, {"reduction": "'mean'"}),
    ],
    "_core/check/options.py flag": [
        Fix("L.gaussian_nll(x, x, x, full=full)", {"x": X, "full": 1}, {"full": "True"}),
    ],
    "_core/check/options.py count": [
        Fix("L.smooth_labels(targets, classes)", {"targets": CLASSES, "classes": 0}, words={"classes": "3"}),
    ],
    "_core/check/options.py _fits": [
        Fix("L.cross_entropy(x, y, ignore_index=i)", {"x": Z, "y": CLASSES, "i": 2**70}, words={"i": "-100"}),
    ],
    "_core/check/indices.py boolean": [
        Fix("L.mse(x, x, mask=mask)", {"x": X, "mask": torch.tensor([1, 0, 1])}, {"mask": "mask == 1"}),
    ],
    "_core/check/indices.py integers": [
        Fix(CROSS, {"logits": Z, "targets": CLASSES.int()}, {"targets": "targets.long()"}, check="result > 0"),
        Fix(
            "L.info_nce(query, keys, positives)",
            {"query": Z, "keys": Z, "positives": torch.tensor([[False, True], [True, False]])},
            {"positives": "positives.int().argmax(-1)"},
            check="positives.tolist() == [1, 0]",
        ),
    ],
    "_core/check/indices.py in_range": [
        Fix(CROSS, {"logits": Z, "targets": torch.tensor([1, 3])}, words={"targets": "targets - 1"}),
    ],
    "_core/check/tensors.py constant": [
        Fix(
            "L.focal(x, targets)",
            {"x": X, "targets": torch.ones(3, requires_grad=True)},
            {"targets": "targets.detach()"},
        ),
    ],
    "_core/check/values.py within": [
        Fix("L.binary_cross_entropy(x, y)", {"x": X, "y": X}, words={"y": "torch.tensor([1.0, 0.5, 0.0])"}),
        Fix("L.binary_cross_entropy(x, x.sigmoid(), pos_weight=w)", {"x": Z, "w": -X}, words={"w": "w.abs()"}),
        Fix("L.clip(z, z, scale)", {"z": Z, "scale": torch.tensor(-2.0)}, words={"scale": "scale.exp()"}),
        Fix(KTO, AT | {"kl": torch.tensor(-0.5)}, {"kl": "kl.clamp(min=0)"}),
        Fix(KTO, AT | {"kl": torch.tensor(NAN)}, {"where": "kl.isnan()"}, {"kl": "torch.tensor(0.5)"}, "bool(where)"),
        Fix("L.orpo(c, r, n)", {"c": X, "r": LOG, "n": LOG}, words={"c": "c - 3"}),
        Fix("L.cross_entropy(z, y, class_weight=w)", {"z": Z, "y": CLASSES, "w": -X}, words={"w": "w.abs()"}),
    ],
    "_core/check/tensors.py no_list": [
        Fix(
            "L.cross_entropy(z, y, class_weight=class_weight)",
            {"z": Z, "y": CLASSES, "class_weight": [1.0, 2.0, 3.0]},
            {"class_weight": "torch.tensor(class_weight, dtype=torch.float32)"},
        ),
    ],
    "_core/check/values.py moderate": [Fix(NCE, {"query": Z / 0, "keys": Z}, words={"query": "keys"})],
    "_core/check/values.py hard_labels": [
        Fix("L.focal(x, labels)", {"x": X, "labels": X.sign()}, {"labels": "(labels + 1) / 2"}),
        Fix("loss(x, y)", {"x": X, "y": X.sigmoid(), "loss": L.focal}, words={"loss": "L.binary_cross_entropy"}),
    ],
    "_core/check/values.py distribution": [
        Fix(CROSS, {"logits": Z, "targets": Z.sigmoid() / 4}, words={"targets": "targets / targets.sum(-1, True)"}),
        Fix(CROSS, {"logits": Z, "targets": Z.sigmoid() / 4}, words={"targets": "targets.argmax(-1)"}),
    ],
    "_core/check/values.py log_distribution": [
        Fix("L.entropy(logits)", {"logits": Z}, {"logits": "torch.log_softmax(logits, -1)"}),
    ],
    "_core/check/values.py signs": [
        Fix("L.hinge(x, labels)", {"x": X, "labels": (X > 0).float()}, {"labels": "2 * labels - 1"}),
    ],
    "_core/linear_logits.py LinearLogits.__post_init__": [
        Fix("slopes.LinearLogits(h, w)", {"h": Z, "w": torch.zeros(3, 4)}, words={"w": "w.T"}),
    ],
    "_core/reduce.py _check_weight": [
        Fix(WEIGHTED, both(X, X) | {"weight": X}, {"weight": "weight.clamp(min=0)"}),
        Fix(WEIGHTED, both(X, X) | {"weight": X / 0}, {"weight": "torch.where(weight.isfinite(), weight, 0)"}),
    ],
    "_core/reduce.py _checked_denominator": [
        Fix("L.mse(x, x, denominator=3, reduction=r)", {"x": X, "r": "sum"}, {"r": "'mean'"}),
        Fix("L.mse(x, x, denominator=d)", {"x": X, "d": -1.0}, words={"d": "x.abs().sum()"}),
    ],
    "_core/reduce.py _check_number": [
        Fix("L.mse(x, x, denominator=d)", {"x": X, "d": torch.tensor(True)}, words={"d": "(x > 0).sum()"}),
    ],
}  # fmt: skip
