"""The lines of families whose losses stand beside `kinds.py`: over a residual, a logit, a margin, an angle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.func import vmap

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import LEAD, RESIDUAL, Curve, Lines, Options, binary, margin, pairs, residual, two_classes


def _quantile(r: Tensor, o: Options) -> Tensor:
    level = float(o["q"])
    return L.quantile(r.unsqueeze(-1), torch.zeros_like(r), (level,), reduction="none").squeeze(-1)


def _gaussian_nll(r: Tensor, _: Options) -> Tensor:
    zeros = torch.zeros_like(r)
    return L.gaussian_nll(r, zeros, zeros, reduction="none")


def _kto(x: Tensor, o: Options, *, desirable: bool) -> Tensor:
    kl = torch.zeros((), dtype=x.dtype)
    flags = torch.full(x.shape, desirable)
    return L.kto(x, torch.zeros_like(x), flags, kl, reduction="none", **o)  # type: ignore[arg-type]


def _ppo(x: Tensor, o: Options, *, advantage: float) -> Tensor:
    given = torch.zeros_like(x), torch.full_like(x, advantage)
    return L.ppo(x, *given, reduction="none", **o)  # type: ignore[arg-type]


def _tokens(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits `[N, 2, 2]` of two positions and two tokens, the true one's lead being x, and the tokens."""
    logits = torch.stack([x, torch.zeros_like(x)], -1).unsqueeze(-2).expand(-1, 2, -1)
    return logits, torch.zeros(len(x), 2, dtype=torch.int64)


def _next_token(x: Tensor, o: Options) -> Tensor:
    return L.next_token(*_tokens(x), reduction="none", **o).squeeze(-1)  # type: ignore[arg-type]


def _sft(x: Tensor, o: Options) -> Tensor:
    logits, tokens = _tokens(x)
    response = torch.ones_like(tokens, dtype=torch.bool)
    return L.sft(logits, tokens, response, reduction="none", **o).squeeze(-1)  # type: ignore[arg-type]


def _distillation(x: Tensor, o: Options) -> Tensor:
    student = torch.stack([x, torch.zeros_like(x)], -1)
    teacher = torch.tensor([1.0, 0.0], dtype=x.dtype).expand_as(student)
    targets = torch.zeros(x.shape, dtype=torch.int64)
    return L.distillation(student, teacher, targets, reduction="none", **o)  # type: ignore[arg-type]


def _triplet(x: Tensor, o: Options) -> Tensor:
    points = torch.zeros_like(x), torch.ones_like(x), x
    return L.triplet(*(p.unsqueeze(-1) for p in points), reduction="none", **o)  # type: ignore[arg-type]


def _turned(x: Tensor, width: int) -> Tensor:
    """Return unit vectors turned by the angles x in their first two dimensions."""
    rest = [torch.zeros_like(x)] * (width - 2)
    return torch.stack([x.cos(), x.sin(), *rest], -1)


def _cosine(x: Tensor, o: Options, *, similar: bool) -> Tensor:
    turned = _turned(x, 2)
    other = torch.tensor([1.0, 0.0], dtype=x.dtype).expand_as(turned)
    return L.cosine_embedding(turned, other, torch.full(x.shape, similar), reduction="none", **o)  # type: ignore[arg-type]


def _info_nce(x: Tensor, o: Options) -> Tensor:
    keys = torch.tensor([[1.0, 0.0, 0.0], *[[0.0, 0.0, 1.0]] * 7], dtype=x.dtype)
    positives = torch.zeros(len(x), dtype=torch.int64)
    temperature = float(o["temperature"])
    return L.info_nce(_turned(x, 3), keys, positives, reduction="none", temperature=temperature)


def _pair_among_others(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return eight pairs of unit vectors, of which the first's are turned apart by x; the rest are at right angles."""
    others = torch.tensor([[0.0, 0.0, 1.0]] * 7, dtype=x.dtype)
    still = torch.tensor([[1.0, 0.0, 0.0]], dtype=x.dtype)
    return torch.cat([_turned(x, 3)[None], others]), torch.cat([still, others])


def _clip(x: Tensor, _: Options) -> Tensor:
    return vmap(lambda a: L.clip(*_pair_among_others(a), _SCALE, reduction="none")[0])(x)


def _nt_xent(x: Tensor, o: Options) -> Tensor:
    temperature = float(o["temperature"])
    return vmap(lambda a: L.nt_xent(*_pair_among_others(a), temperature=temperature, reduction="none")[0])(x)


def _batch_triplet(x: Tensor, o: Options) -> Tensor:
    labels = torch.tensor([0, 0, 1])

    def mean(a: Tensor) -> Tensor:
        points = torch.stack([torch.zeros_like(a), torch.ones_like(a), a])
        return L.batch_triplet(points.unsqueeze(-1), labels, **o)  # type: ignore[arg-type]

    return vmap(mean)(x)


def _log_shares(x: Tensor) -> Tensor:
    return torch.stack([x, torch.zeros_like(x)], -1).log_softmax(-1)


def _divergence(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    return {"": lambda x, o: loss(_log_shares(torch.ones_like(x)), _log_shares(x), reduction="none", **o)}


def _gaussian_kl(x: Tensor, o: Options) -> Tensor:
    mean = x.unsqueeze(-1)
    return L.gaussian_kl(mean, torch.zeros_like(mean), reduction="none", **o)  # type: ignore[arg-type]


def _orpo(x: Tensor, o: Options) -> Tensor:
    chosen = torch.nn.functional.logsigmoid(x)
    rejected = torch.full_like(x, 0.5).log()
    return L.orpo(chosen, rejected, -chosen, reduction="none", **o)  # type: ignore[arg-type]


def _value_clip(x: Tensor, o: Options) -> Tensor:
    return L.value_clip(x, torch.zeros_like(x), torch.ones_like(x), reduction="none", **o)  # type: ignore[arg-type]


REACH: Final[dict[str, float]] = {
    **dict.fromkeys(("mse", "mae", "huber", "smooth_l1", "quantile", "gaussian_nll", "hinge", "contrastive"), 3.0),
    **dict.fromkeys(("dpo", "kto"), 60.0),
    "ipo": 20.0,
    "ppo": 1.0,
    "kl_penalty": 2.0,
    **dict.fromkeys(("triplet", "batch_triplet", "value_clip", "gaussian_kl"), 3.0),
    **dict.fromkeys(("cosine_embedding", "info_nce", "clip", "nt_xent"), math.pi),
}

_SCALE: Final = 10.0  # of CLIP's cosines: a temperature of 0.1, as the others of its kind have
_NEXT_LEAD: Final = "lead of the true token's logit over the other's"
_LOG_RATIO: Final = "log-ratio of policy to reference, nats"
_BETTER: Final = "log-ratio of the chosen answer minus that of the rejected one, nats"

# What each loss is drawn over, and its lines, by label.
LOSSES: Final[Lines] = {
    "mse": (RESIDUAL, residual(L.mse)),
    "mae": (RESIDUAL, residual(L.mae)),
    "huber": (RESIDUAL, residual(L.huber)),
    "smooth_l1": (RESIDUAL, residual(L.smooth_l1)),
    "quantile": (RESIDUAL, {"": _quantile}),
    "gaussian_nll": ("mean minus target, in standard deviations", {"": _gaussian_nll}),
    "binary_cross_entropy": ("logit", binary(L.binary_cross_entropy, 0.0)),
    "focal": ("logit", binary(L.focal, 0.0)),
    "asymmetric": ("logit", binary(L.asymmetric, 0.0)),
    "hinge": ("score", binary(L.hinge, -1.0)),
    "cross_entropy": (LEAD, two_classes(L.cross_entropy)),
    "softmax_focal": (LEAD, two_classes(L.softmax_focal)),
    "multiclass_hinge": (LEAD, two_classes(L.multiclass_hinge)),
    "contrastive": ("distance, with its side", pairs(L.contrastive)),
    "bradley_terry": ("reward of the chosen answer minus that of the rejected one", margin(L.bradley_terry, 1)),
    "dpo": (_BETTER, margin(L.dpo, 3)),
    "ipo": (_BETTER, margin(L.ipo, 3)),
    "kto": (
        _LOG_RATIO,
        {
            "desirable": lambda x, o: _kto(x, o, desirable=True),
            "undesirable": lambda x, o: _kto(x, o, desirable=False),
        },
    ),
    "ppo": (
        "log-ratio of new to old policy, nats",
        {
            "advantage 1": lambda x, o: _ppo(x, o, advantage=1.0),
            "advantage -1": lambda x, o: _ppo(x, o, advantage=-1.0),
        },
    ),
    "kl_penalty": (_LOG_RATIO, margin(L.kl_penalty, 1)),
    "next_token": (_NEXT_LEAD, {"": _next_token}),
    "masked_lm": (_NEXT_LEAD, two_classes(L.masked_lm)),
    "sft": (_NEXT_LEAD, {"": _sft}),
    "distillation": ("lead of the student's first logit; the teacher's is 1", {"": _distillation}),
    "triplet": ("place of the negative; the anchor is at 0, the positive at 1", {"": _triplet}),
    "cosine_embedding": (
        "angle between the two, radians",
        {
            "similar": lambda x, o: _cosine(x, o, similar=True),
            "not similar": lambda x, o: _cosine(x, o, similar=False),
        },
    ),
    "info_nce": ("angle to the positive, radians; seven negatives at a right angle", {"": _info_nce}),
    "clip": (
        f"angle of an image to its text, radians; seven others at a right angle, logit scale {_SCALE:g}",
        {"": _clip},
    ),
    "nt_xent": ("angle to the other view, radians; fourteen others at a right angle", {"": _nt_xent}),
    "batch_triplet": ("place of one item of another class; two of one class are at 0 and 1", {"": _batch_triplet}),
    "kl_divergence": ("lead of q's first logit; p's is 1", _divergence(L.kl_divergence)),
    "js_divergence": ("lead of q's first logit; p's is 1", _divergence(L.js_divergence)),
    "entropy": (
        "lead of the first of two logits",
        {"": lambda x, o: L.entropy(_log_shares(x), reduction="none", **o)},  # type: ignore[arg-type]
    ),
    "gaussian_kl": ("mean, in standard deviations", {"": _gaussian_kl}),
    "orpo": ("log-odds of the chosen answer; the rejected one's are 0", {"": _orpo}),
    "value_clip": ("new value; the old one is 0, the return 1", {"": _value_clip}),
}
