"""What repairs the errors of the recipes for labels and classes, and for counts of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from tests.laws.fixes.law import Fix

ELSEWHERE: Final[Mapping[str, str]] = {}


def names() -> Mapping[str, Any]:
    from slopes.recipes.classification import calibration, mixing  # noqa: PLC0415  packages of an extra

    return {
        **{name: getattr(calibration, name) for name in ("Cost", "fit_temperature", "tune_threshold")},
        "mixing": mixing,
    }


BINARY: Final = "R.Binary.from_targets(targets)"
CLASSES: Final = "R.MultiClass.from_targets(targets, classes=classes)"
LABELS: Final = "R.MultiLabel.from_targets(targets, labels=labels)"
TEMPERATURE: Final = "fit_temperature(logits, targets)"
THRESHOLD: Final = "tune_threshold(probability, targets)"
MIX: Final = "mixing.mixup(inputs, targets, classes=classes)"
ZERO_ONE: Final = torch.tensor([0.0, 1.0, 1.0, 0.0])
THREE: Final = torch.tensor([0, 2, 1, 2, 0, 1])
SOFT: Final = torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5]])
MANY: Final = torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
RAW: Final = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0], [1.0, 0.0, 0.5]])
LOGITS: Final = "torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0], [1.0, 0.0, 0.5]])"
OF: Final = "getattr(R, name).from_targets(targets)"
PRIOR: Final = (0.25, 0.25, 0.5)


def given(targets: Any = THREE, **others: Any) -> Mapping[str, Any]:  # noqa: ANN401  whatever is given
    return {"targets": targets, "classes": None, "labels": None, **others}


TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "recipes/classification/binary.py Binary.from_targets": [
        Fix(BINARY, given(torch.ones(4)), words={"targets": "torch.tensor([1, 0, 1, 1])"}),
    ],
    "recipes/classification/binary.py Binary.__post_init__": [
        Fix(
            "R.Binary(prior=0.1, pos_weight=9.0, criterion=criterion)",
            {"criterion": "focal"},
            {"criterion": "'binary_cross_entropy'"},
        ),
        Fix("R.Binary(prior=0.1, pos_weight=weight, criterion='focal')", {"weight": 9.0}, {"weight": "1"}),
    ],
    "recipes/classification/labels.py one_dimension": [
        Fix(BINARY, given(ZERO_ONE.reshape(2, 2)), {"targets": "targets.flatten()"}),
        Fix(BINARY, given(ZERO_ONE.unsqueeze(-1)), {"targets": "targets.squeeze(-1)"}),
        Fix(OF, {"targets": MANY, "name": "Binary"}, typed={"name": "MultiLabel"}),
    ],
    "recipes/classification/labels.py zero_one": [
        Fix(
            BINARY,
            given(torch.randn(4, dtype=torch.complex64)),
            words={"targets": "(targets.real > targets.real.mean()).long()"},
        ),
        Fix(BINARY, given(torch.zeros(0)), words={"targets": "torch.tensor([0, 1])"}),
        Fix(BINARY, given(torch.tensor([-1, 1, 1])), {"targets": "(targets + 1) / 2"}),
        Fix(OF, {"targets": THREE, "name": "Binary"}, typed={"name": "MultiClass"}),
    ],
    "recipes/classification/labels.py no_nan": [
        Fix(BINARY, given(ZERO_ONE / ZERO_ONE), words={"targets": "torch.tensor([1, 0])"}),
    ],
    "recipes/classification/calibration.py fit_temperature": [
        Fix(TEMPERATURE, given(torch.tensor([0, 2, 0]), logits=RAW), words={"targets": "torch.tensor([0, 1, 0])"}),
        Fix(
            TEMPERATURE,
            given(torch.tensor([0, 2, 0]), logits=torch.zeros(3, 3)),
            words={"logits": LOGITS, "targets": "torch.tensor([0, 1, 0])"},
        ),
        Fix(TEMPERATURE, given(torch.tensor([2, 0, 1]), logits=RAW), words={"targets": "torch.tensor([0, 1, 0])"}),
    ],
    "recipes/classification/calibration.py _gaps": [
        Fix(
            TEMPERATURE,
            given(torch.tensor([0, 1, 0]), logits=RAW.unsqueeze(0)),
            words={"logits": "logits.flatten(0, -2)"},
        ),
        Fix(TEMPERATURE, given(torch.tensor([0, 1, 0]), logits=RAW / 0), words={"logits": LOGITS}),
        Fix(
            TEMPERATURE,
            given(torch.zeros(0, dtype=torch.int64), logits=RAW[:0]),
            words={"logits": LOGITS, "targets": "torch.tensor([0, 1, 0])"},
        ),
    ],
    "recipes/classification/calibration.py _fit": [
        Fix(
            TEMPERATURE,
            given(
                torch.tensor([0, 1, 0, 0, 1]),
                logits=torch.tensor(
                    [[7.8e9, -5.6e-301], [-7.2e-11, -7.2e99], [-8.1e29, 6e9], [9.7e-11, 6.5e28], [0.4, 2e199]],
                    dtype=torch.float64,
                ),
            ),
            words={"logits": "logits.clamp(-10, 10)", "targets": "torch.tensor([0, 0, 1, 0, 1])"},
        ),
    ],
    "recipes/classification/calibration.py _checked_probabilities": [
        Fix(
            THRESHOLD,
            {"probability": torch.rand(4, 2), "targets": ZERO_ONE.reshape(4, 1).expand(4, 2)},
            words={"probability": "probability[:, 0]", "targets": "targets[:, 0]"},
        ),
        Fix(
            THRESHOLD,
            {"probability": torch.rand(4), "targets": torch.ones(4)},
            words={"targets": "torch.tensor([1.0, 0.0, 1.0, 1.0])"},
        ),
        Fix(
            THRESHOLD,
            {"probability": torch.rand(0), "targets": torch.ones(0)},
            words={"probability": "torch.tensor([0.25, 0.75])", "targets": "torch.tensor([1.0, 0.0])"},
        ),
    ],
    "recipes/classification/calibration.py Cost.__post_init__": [
        Fix("Cost(false_positive=cost, false_negative=0)", {"cost": 0}, words={"cost": "5"}),
    ],
    "recipes/classification/class_counts.py enough": [
        Fix(OF, {"targets": THREE.clamp(max=1), "name": "MultiClass"}, typed={"name": "Binary"}),
    ],
    "recipes/classification/class_counts.py counted": [
        Fix(CLASSES, given(THREE.reshape(1, 2, 3)), words={"targets": "targets.flatten()"}),
        Fix(CLASSES, given(THREE[:0]), words={"targets": "torch.tensor([0, 1, 2])"}),
        Fix(CLASSES, given(THREE.float()), {"targets": "targets.long()"}),
        Fix(CLASSES, given(THREE - 1), words={"targets": "targets + 1"}),
        Fix(CLASSES, given(THREE + 1, classes=3), words={"targets": "targets - 1"}),
    ],
    "recipes/classification/class_counts.py _occurring": [
        Fix(CLASSES, given(THREE * 0), words={"targets": "torch.tensor([0, 1, 2])"}),
        Fix(CLASSES, given(THREE * 2), {"targets": "targets.unique(return_inverse=True)[1]"}),
        Fix(CLASSES, given(THREE * 2), {"classes": "5"}, check="'classes=5' in error and result.classes == 5"),
    ],
    "recipes/classification/class_counts.py _soft_counts": [
        Fix(CLASSES, given(torch.eye(3, dtype=torch.int64)), {"targets": "targets.int().argmax(-1)"}),
        Fix(CLASSES, given(torch.eye(3, dtype=torch.bool)), {"targets": "targets.int().argmax(-1)"}),
        Fix(CLASSES, given(THREE.unsqueeze(-1)), {"targets": "targets.squeeze(-1)"}),
        Fix(OF, {"targets": MANY.long(), "name": "MultiClass"}, typed={"name": "MultiLabel"}),
        Fix(CLASSES, given(SOFT, classes=4), words={"classes": "None"}),
        Fix(OF, {"targets": MANY, "name": "MultiClass"}, typed={"name": "MultiLabel"}),
    ],
    "recipes/classification/label_counts.py each": [
        Fix(
            "R.MultiLabel(prior=PRIOR, pos_weight=weight)",
            {"PRIOR": PRIOR, "weight": (1.0, 2.0)},
            words={"weight": "(1.0, 2.0, 3.0)"},
        ),
        Fix(
            "R.MultiLabel(prior=prior)",
            {"prior": ()},
            words={"prior": "R.MultiLabel.from_targets(torch.eye(3)).prior"},
            check="'from_targets' in error",
        ),
    ],
    "recipes/classification/label_counts.py names": [
        Fix(LABELS, given(MANY, labels=["a", "b"]), words={"labels": "['a', 'b', 'c']"}),
        Fix(LABELS, given(MANY, labels=["a", "b", "b"]), words={"labels": "['a', 'b', 'c']"}),
    ],
    "recipes/classification/label_counts.py two_dimensions": [
        Fix(OF, {"targets": ZERO_ONE, "name": "MultiLabel"}, typed={"name": "Binary"}),
        Fix(OF, {"targets": THREE, "name": "MultiLabel"}, typed={"name": "MultiClass"}),
    ],
    "recipes/classification/label_counts.py counted": [
        Fix(LABELS, given(MANY * torch.tensor([1.0, 0.0, 1.0])), words={"targets": "targets[:, [0, 2]]"}),
    ],
    "recipes/classification/mixing.py cutmix": [
        Fix(
            "getattr(mixing, name)(torch.rand(4, 8), targets)", given(ZERO_ONE, name="cutmix"), typed={"name": "mixup"}
        ),
    ],
    "recipes/classification/mixing.py _checked": [
        Fix(MIX, given(ZERO_ONE, inputs=torch.rand(3, 8)), words={"inputs": "torch.rand(4, 8)"}),
        Fix(MIX, given(SOFT, inputs=torch.rand(2, 8), classes=3), words={"classes": "None"}),
    ],
    "recipes/classification/mixing.py _one_hot": [
        Fix(MIX, given(ZERO_ONE.bool(), inputs=torch.rand(4, 8)), {"targets": "targets.float()"}),
        Fix(MIX, given(ZERO_ONE.int(), inputs=torch.rand(4, 8)), words={"targets": "targets.long()", "classes": "2"}),
        Fix(MIX, given(ZERO_ONE.long(), inputs=torch.rand(4, 8)), {"targets": "targets.float()"}),
        Fix(MIX, given(THREE, inputs=torch.rand(6, 8)), words={"classes": "3"}),
    ],
    "recipes/classification/multiclass.py MultiClass.__post_init__": [
        Fix(
            "R.MultiClass(prior=prior, class_weight=weight)",
            {"prior": PRIOR, "weight": (1.0,)},
            words={"weight": "None"},
        ),
        Fix(
            "R.MultiClass(prior=prior, label_smoothing=0.1, criterion=criterion)",
            {"prior": PRIOR, "criterion": "softmax_focal"},
            {"criterion": "'cross_entropy'"},
        ),
    ],
    "recipes/classification/multiclass.py MultiClass.loss": [
        Fix(
            "R.MultiClass(prior=prior, criterion=criterion).loss(raw, soft)",
            {"prior": PRIOR, "criterion": "softmax_focal", "raw": RAW[:2], "soft": SOFT},
            {"criterion": "'cross_entropy'"},
        ),
    ],
    "recipes/classification/multiclass.py MultiClass.calibrated": [
        Fix(
            "R.MultiClass(prior=prior).calibrated(raw, targets)",
            given(torch.tensor([0, 1, 0]), prior=PRIOR, raw=RAW.unsqueeze(0)),
            words={"raw": "raw.flatten(0, -2)"},
        ),
    ],
    "recipes/classification/multiclass.py _fits": [
        Fix(
            "R.MultiClass(prior=prior).loss(raw, targets)",
            given(prior=PRIOR, raw=torch.randn(6, 4)),
            words={"raw": "R.MultiClass(prior=prior).head(4)(raw)"},
        ),
        Fix(
            "R.MultiClass.from_targets(targets, classes=classes).loss(raw, targets)",
            given(raw=torch.randn(6, 4)),
            words={"classes": "4"},
        ),
    ],
    "recipes/classification/multilabel.py MultiLabel.__post_init__": [
        Fix(
            "R.MultiLabel(prior=prior, pos_weight=prior, criterion=criterion)",
            {"prior": PRIOR, "criterion": "focal"},
            words={"criterion": "name"},
            typed={"name": "binary_cross_entropy"},
        ),
    ],
    "recipes/classification/multilabel.py _fits": [
        Fix(
            "R.MultiLabel(prior=prior).loss(raw, targets)",
            given(MANY, prior=PRIOR, raw=torch.randn(3, 4)),
            words={"raw": "R.MultiLabel(prior=prior).head(4)(raw)"},
        ),
    ],
}
