"""Cross-entropy and its relatives on rows of logits: each a formula, and a quicker way to it where one is known."""

from __future__ import annotations

from typing import Final

from slopes.kernels.pointwise.executor import Pointwise
from slopes.kernels.rows import formulas, quick
from slopes.kernels.unmade import engine

BY_INDEX: Final = Pointwise.sharing(
    "CrossEntropy", formulas.by_index, tensors=2, rows=True, eager=quick.by_index, owned=quick.by_index_owned
)
SMOOTHED: Final = Pointwise.sharing(
    "SmoothedCrossEntropy",
    formulas.smoothed,
    tensors=2,
    rows=True,
    eager=quick.smoothed,
    owned=quick.smoothed_owned,
)
SOFT: Final = Pointwise.sharing("SoftCrossEntropy", formulas.soft, tensors=2, rows=True)
FOCAL: Final = Pointwise.sharing("SoftmaxFocal", formulas.focal, tensors=2, rows=True)
MARGIN: Final = Pointwise.sharing("MulticlassHinge", formulas.margin, tensors=2, rows=True)
MARGINS: Final = Pointwise.sharing("MulticlassHingeSum", formulas.margins, tensors=2, rows=True)
SCORES: Final = engine.Engine("scores", 2, lambda *a: formulas.scores(*a)[0], formulas.scores, outputs=(3,))
DISTILLATION: Final = Pointwise.sharing(
    "Distillation", formulas.distillation, tensors=3, rows=True, eager=quick.distillation
)
