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
from slopes.losses.categorical import CrossEntropy, SoftmaxFocal, cross_entropy, smooth_labels, softmax_focal
from slopes.losses.classes.labels import (
    MultilabelMargin,
    MultilabelSoftMargin,
    multilabel_margin,
    multilabel_soft_margin,
)
from slopes.losses.classes.margins import SoftMargin, SquaredHinge, soft_margin, squared_hinge
from slopes.losses.classes.noisy import (
    BootstrappedCrossEntropy,
    GeneralizedCrossEntropy,
    PolyCrossEntropy,
    SymmetricCrossEntropy,
    bootstrapped_cross_entropy,
    generalized_cross_entropy,
    poly_cross_entropy,
    symmetric_cross_entropy,
)
from slopes.losses.classes.pairs import HingeEmbedding, MarginRanking, hinge_embedding, margin_ranking
from slopes.losses.classes.tails import BalancedSoftmax, Ldam, LogitAdjusted, balanced_softmax, ldam, logit_adjusted
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
    "BalancedSoftmax",
    "BatchTriplet",
    "BinaryCrossEntropy",
    "BootstrappedCrossEntropy",
    "BradleyTerry",
    "Contrastive",
    "CosineEmbedding",
    "CrossEntropy",
    "Distillation",
    "Entropy",
    "Focal",
    "GaussianKL",
    "GaussianNLL",
    "GeneralizedCrossEntropy",
    "Hinge",
    "HingeEmbedding",
    "Huber",
    "InfoNCE",
    "JSDivergence",
    "KLDivergence",
    "KLPenalty",
    "Ldam",
    "LogCosh",
    "LogitAdjusted",
    "MarginRanking",
    "MaskedLM",
    "MaskedTokens",
    "MomentumQueue",
    "MulticlassHinge",
    "MultilabelMargin",
    "MultilabelSoftMargin",
    "NTXent",
    "NextToken",
    "Perplexity",
    "PolyCrossEntropy",
    "Quantile",
    "SmoothL1",
    "SoftMargin",
    "SoftmaxFocal",
    "SquaredHinge",
    "SymmetricCrossEntropy",
    "TokenScores",
    "Triplet",
    "ValueClip",
    "asymmetric",
    "balanced_softmax",
    "batch_triplet",
    "binary_cross_entropy",
    "bootstrapped_cross_entropy",
    "bradley_terry",
    "clip",
    "contrastive",
    "cosine_embedding",
    "cross_entropy",
    "distillation",
    "dpo",
    "entropy",
    "focal",
    "gaussian_kl",
    "gaussian_nll",
    "generalized_advantages",
    "generalized_cross_entropy",
    "hinge",
    "hinge_embedding",
    "huber",
    "info_nce",
    "ipo",
    "js_divergence",
    "kl_divergence",
    "kl_penalty",
    "kto",
    "ldam",
    "log_cosh",
    "logit_adjusted",
    "mae",
    "margin_ranking",
    "mask_tokens",
    "masked_lm",
    "mse",
    "multiclass_hinge",
    "multilabel_margin",
    "multilabel_soft_margin",
    "next_token",
    "nt_xent",
    "orpo",
    "perplexity",
    "poly_cross_entropy",
    "ppo",
    "quantile",
    "sequence_log_prob",
    "sft",
    "smooth_l1",
    "smooth_labels",
    "soft_margin",
    "softmax_focal",
    "squared_hinge",
    "symmetric_cross_entropy",
    "token_log_probs",
    "token_scores",
    "triplet",
    "value_clip",
]

for _name in __all__:
    if _name.islower():  # a function, and so a leaf of torch.fx.symbolic_trace
        torch.fx.wrap(_name)
