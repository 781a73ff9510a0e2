"""What repairs the errors of the kernels, the activations and the losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from tests.laws.fixes.core import CLASSES, CROSS, LOG, NAN, NCE, X, Z
from tests.laws.fixes.law import Fix

from slopes import losses as L  # noqa: N812  the name that the documentation uses

TOKENS: Final = "L.next_token(logits, token_ids)"
ENDLESS: Final = torch.tensor([-torch.inf, -2.0, -0.5])
ONE_HOT: Final = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def names() -> Mapping[str, Any]:
    return {}


ELSEWHERE: Final = {
    "kernels/unmade/triton_step.py rows": "the kernel's own tests; its callers hand over what it wants",
    "kernels/unmade/triton_step.py _checked": "likewise",
    "kernels/unmade/triton_step.py _float32": "likewise",
    "kernels/unmade/triton_step.py _side_by_side": "likewise",
    "kernels/unmade/triton_step.py _check_options": "likewise",
}
TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "kernels/blocks/chunks.py chunks.__init__": [
        Fix("slopes.chunks(**given).__exit__(None, None, None)", {"given": {"rows": 2, "budget": 9}},
            words={"given": "{}"}),
    ],
    "kernels/pointwise/executor.py _refuse_nested_forward": [
        Fix(
            "f(g(lambda x: A.swish(x, beta=torch.tensor(2.0)).sum()))(x)",
            {"f": torch.func.jacfwd, "g": torch.func.jacfwd, "x": X},
            words={"f": "torch.func.jacrev"},
        ),
        Fix(
            "h(lambda x: A.swish(x, beta=torch.tensor(2.0)).sum())(x)",
            {"h": lambda f: torch.func.jacfwd(torch.func.jacfwd(f)), "x": X},
            {"h": "torch.func.hessian"},
        ),
    ],
    "kernels/pointwise/defined.py _fail": [
        Fix("L.dpo(p, q, p, q, mask=mask)", {"p": ENDLESS, "q": LOG, "mask": None}, words={"mask": "p.isfinite()"}),
    ],
    "kernels/pointwise/defined.py _refuse_endless": [
        Fix(
            "L.cross_entropy(slopes.LinearLogits(z, weight, bias), classes)",
            {"z": Z.abs(), "weight": -torch.inf * torch.ones(4, 3), "bias": None, "classes": CLASSES},
            words={"weight": "torch.ones(4, 3)", "bias": "torch.tensor([0.0, -torch.inf, 0.0, 0.0])"},
        ),
        Fix(
            "L.cross_entropy(slopes.LinearLogits(z, weight), classes)",
            {"z": 1e25 * Z, "weight": 1e25 * torch.ones(4, 3), "classes": CLASSES},
            words={"weight": "torch.ones(4, 3)"},
        ),
    ],
    "kernels/pointwise/defined.py _refuse_opposites": [
        Fix(
            "L.kl_penalty(p, q, mask=mask)",
            {"p": ENDLESS, "q": ENDLESS.flip(0), "mask": None},
            words={"mask": "p.isfinite()"},
        ),
    ],
    "kernels/pointwise/defined.py told": [
        Fix("L.info_nce(z, z, normalize=False)", {"z": Z * 1e25}, words={"z": "z / z.abs().max()"}),
    ],
    "activations/gated.py _gated": [
        Fix("A.glu(value, gate)", {"value": X, "gate": None}, words={"gate": "value"}),
        Fix("A.glu(value, gate)", {"value": torch.zeros(4), "gate": 1.0}, {"gate": "None"}),
    ],
    "activations/normalized.py _checked": [Fix("A.softmax(x, dim=dim)", {"x": Z, "dim": 2}, {"dim": "-1"})],
    "activations/smooth.py _expanded": [
        Fix(
            "A.swish(x, beta=beta)",
            {"x": torch.zeros(2, 3, 4), "beta": torch.ones(3)},
            words={"beta": "beta.reshape(3, 1)"},
        ),
    ],
    "losses/class_targets.py _indices": [
        Fix(
            "L.multiclass_hinge(scores, targets)",
            {"scores": Z, "targets": ONE_HOT},
            {"targets": "targets.argmax(-1)"},
            check="targets.tolist() == [2, 0]",
        ),
        Fix(CROSS, {"logits": Z, "targets": ONE_HOT.long()}, {"targets": "targets.float()"}),
    ],
    "losses/categorical.py smooth_labels": [
        Fix("L.smooth_labels(y, 3, dtype=dtype)", {"y": CLASSES, "dtype": torch.int64}, {"dtype": "torch.float32"}),
    ],
    "losses/line_ups.py check_sides": [
        Fix(NCE, {"query": Z, "keys": torch.zeros(2, 5)}, words={"keys": "keys[:, :3]"}),
        Fix(NCE, {"query": X, "keys": Z}, {"query": "query.reshape(1, -1)"}),
        Fix(
            NCE,
            {"query": torch.randn(2, 3, 4), "keys": torch.randn(2, 3, 4)},
            {"query": "query.flatten(0, -2)", "keys": "keys.flatten(0, -2)"},
            check="len(query) == len(keys) == 6",
        ),
        Fix(
            "loss(query, keys)",
            {"query": torch.randn(2, 4), "keys": torch.randn(2, 3, 4), "loss": L.info_nce},
            {"z": "torch.einsum('nd,nkd->nk', query, keys)"},
            {"loss": "lambda q, k: L.cross_entropy(z / 0.07, torch.zeros(2, dtype=torch.int64))"},
            check="z.shape == (2, 3)",
        ),
    ],
    "losses/line_ups.py positives_of": [
        Fix(
            "L.info_nce(query, keys, positives)",
            {"query": Z, "keys": Z[:1], "positives": None},
            words={"positives": "torch.zeros(2, dtype=torch.int64)"},
        ),
        Fix("L.info_nce(z, z, i)", {"z": Z, "i": torch.tensor([0, 2])}, words={"i": "i.clamp(max=1)"}),
        Fix("L.info_nce(z, z, i)", {"z": Z, "i": torch.tensor([True, False])}, words={"i": "torch.tensor([1, 0])"}),
    ],
    "losses/distributional.py _checked": [
        Fix("L.quantile(x, y, q)", {"x": Z[:, :2], "y": Z[:, 0], "q": ()}, {"q": "[0.1, 0.9]"}),
    ],
    "losses/predictions.py check_tokens": [
        Fix(
            TOKENS,
            {"logits": torch.zeros(4, 5), "token_ids": torch.ones(4, dtype=torch.int64)},
            {"logits": "logits.unsqueeze(0)", "token_ids": "token_ids.unsqueeze(0)"},
        ),
        Fix(
            TOKENS,
            {"logits": torch.zeros(2, 3, 4, 5), "token_ids": torch.ones(2, 3, 4, dtype=torch.int64)},
            {"logits": "logits.flatten(0, -3)", "token_ids": "token_ids.flatten(0, -2)"},
        ),
    ],
    "losses/predictions.py _check_attention_mask": [
        Fix(
            "L.next_token(torch.zeros(1, 3, 5), ids, attention_mask=attention_mask)",
            {"ids": torch.ones(1, 3, dtype=torch.int64), "attention_mask": torch.tensor([[0, 1, 1]])},
            {"attention_mask": "attention_mask.bool()"},
        ),
    ],
    "losses/feedback.py _no_empty_answer": [
        Fix("L.orpo(c, r, n, mask=mask)", {"c": LOG, "r": torch.tensor([NAN, -1.0, -2.0]),
            "n": LOG, "mask": None}, words={"mask": "~r.isnan()"}),
    ],
    "losses/mining.py _check": [
        Fix(
            "L.batch_triplet(embeddings, labels)",
            {"embeddings": torch.randn(2, 3, 4), "labels": torch.tensor([[0, 0, 1], [1, 2, 2]])},
            {"embeddings": "embeddings.flatten(0, -2)", "labels": "labels.flatten()"},
        ),
        Fix(
            "L.batch_triplet(embeddings, labels)",
            {"embeddings": torch.randn(4), "labels": torch.tensor([0, 0, 1, 1])},
            {"embeddings": "embeddings.reshape(len(labels), -1)"},
        ),
    ],
    "_core/check/chance.py generator": [
        Fix(
            "L.mask_tokens(ids, mask_id=0, vocabulary=9, generator=g)",
            {"ids": torch.ones(3, dtype=torch.int64), "g": 0},
            {"g": "torch.Generator().manual_seed(0)"},
        ),
        Fix(
            "L.mask_tokens(token_ids, mask_id=0, vocabulary=9, generator=g)",
            {"token_ids": torch.ones(3, dtype=torch.int64, device="meta"), "g": torch.Generator()},
            {},
            {"token_ids": "torch.ones(3, dtype=torch.int64)"},
        ),
    ],
}  # fmt: skip
