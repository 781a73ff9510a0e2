"""Every loss, as a function and as a module, under one contract.

`f(predictions, targets, *, options, mask=None, weight=None, reduction="mean", denominator=None)`:

- `mask` says which elements (rows, pairs, tokens) count, `weight` how much each does. What does not count leaves no
  trace, whatever stands in it; a weight of 0 is the same as masked.
- `reduction`: `"mean"` is the sum of weight · loss over the sum of weight, of what counts; `"sum"`; `"none"`. A mean
  over nothing is 0.
- `denominator` replaces the divisor of the mean, so that micro-batches, accumulated steps and the ranks of a group add
  up to the mean over all of them.

A module keeps the options: `Huber(delta=2.0)(predictions, targets, mask=mask)`.
"""

from __future__ import annotations

import torch.fx

from slopes.losses.binary import Asymmetric, BinaryCrossEntropy, Focal, asymmetric, binary_cross_entropy, focal
from slopes.losses.boxes.overlap import GIoU, IoU, giou, iou
from slopes.losses.boxes.placed import CIoU, DIoU, ciou, diou
from slopes.losses.categorical import CrossEntropy, SoftmaxFocal, cross_entropy, smooth_labels, softmax_focal
from slopes.losses.contrast import CLIP, InfoNCE, NTXent, clip, info_nce, nt_xent
from slopes.losses.distill import Distillation, distillation
from slopes.losses.distributional import GaussianNLL, Quantile, gaussian_nll, quantile
from slopes.losses.divergence import (
    Entropy,
    GaussianKL,
    JSDivergence,
    KLDivergence,
    entropy,
    gaussian_kl,
    js_divergence,
    kl_divergence,
)
from slopes.losses.embedding import Contrastive, CosineEmbedding, Triplet, contrastive, cosine_embedding, triplet
from slopes.losses.feedback import KTO, ORPO, kto, orpo
from slopes.losses.language import SFT, MaskedLM, NextToken, masked_lm, next_token, sft
from slopes.losses.margin import Hinge, MulticlassHinge, hinge, multiclass_hinge
from slopes.losses.masking import MaskedTokens, mask_tokens
from slopes.losses.mining import BatchTriplet, batch_triplet
from slopes.losses.momentum import MomentumQueue
from slopes.losses.policy import PPO, KLPenalty, kl_penalty, ppo
from slopes.losses.preference import DPO, IPO, BradleyTerry, bradley_terry, dpo, ipo
from slopes.losses.regression import MAE, MSE, Huber, SmoothL1, huber, mae, mse, smooth_l1
from slopes.losses.robust.smooth import LogCosh, log_cosh
from slopes.losses.segmentation.dice import Dice, dice
from slopes.losses.segmentation.lovasz import Lovasz, lovasz
from slopes.losses.segmentation.tversky import FocalTversky, Jaccard, Tversky, focal_tversky, jaccard, tversky
from slopes.losses.tokens import (
    Perplexity,
    TokenScores,
    perplexity,
    sequence_log_prob,
    token_log_probs,
    token_scores,
)
from slopes.losses.value import ValueClip, generalized_advantages, value_clip

__all__ = [
    "CLIP",
    "DPO",
    "IPO",
    "KTO",
    "MAE",
    "MSE",
    "ORPO",
    "PPO",
    "SFT",
    "Asymmetric",
    "BatchTriplet",
    "BinaryCrossEntropy",
    "BradleyTerry",
    "CIoU",
    "Contrastive",
    "CosineEmbedding",
    "CrossEntropy",
    "DIoU",
    "Dice",
    "Distillation",
    "Entropy",
    "Focal",
    "FocalTversky",
    "GIoU",
    "GaussianKL",
    "GaussianNLL",
    "Hinge",
    "Huber",
    "InfoNCE",
    "IoU",
    "JSDivergence",
    "Jaccard",
    "KLDivergence",
    "KLPenalty",
    "LogCosh",
    "Lovasz",
    "MaskedLM",
    "MaskedTokens",
    "MomentumQueue",
    "MulticlassHinge",
    "NTXent",
    "NextToken",
    "Perplexity",
    "Quantile",
    "SmoothL1",
    "SoftmaxFocal",
    "TokenScores",
    "Triplet",
    "Tversky",
    "ValueClip",
    "asymmetric",
    "batch_triplet",
    "binary_cross_entropy",
    "bradley_terry",
    "ciou",
    "clip",
    "contrastive",
    "cosine_embedding",
    "cross_entropy",
    "dice",
    "diou",
    "distillation",
    "dpo",
    "entropy",
    "focal",
    "focal_tversky",
    "gaussian_kl",
    "gaussian_nll",
    "generalized_advantages",
    "giou",
    "hinge",
    "huber",
    "info_nce",
    "iou",
    "ipo",
    "jaccard",
    "js_divergence",
    "kl_divergence",
    "kl_penalty",
    "kto",
    "log_cosh",
    "lovasz",
    "mae",
    "mask_tokens",
    "masked_lm",
    "mse",
    "multiclass_hinge",
    "next_token",
    "nt_xent",
    "orpo",
    "perplexity",
    "ppo",
    "quantile",
    "sequence_log_prob",
    "sft",
    "smooth_l1",
    "smooth_labels",
    "softmax_focal",
    "token_log_probs",
    "token_scores",
    "triplet",
    "tversky",
    "value_clip",
]

for _name in __all__:
    if _name.islower():  # a function, and so a leaf of torch.fx.symbolic_trace
        torch.fx.wrap(_name)
