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
from slopes.losses.counts.amounts import Tweedie, tweedie
from slopes.losses.counts.rates import NegativeBinomialNLL, PoissonNLL, negative_binomial_nll, poisson_nll
from slopes.losses.counts.zeros import (
    ZeroInflatedNegativeBinomialNLL,
    ZeroInflatedPoissonNLL,
    zero_inflated_negative_binomial_nll,
    zero_inflated_poisson_nll,
)
from slopes.losses.distill import Distillation, distillation
from slopes.losses.distributional import GaussianNLL, Quantile, gaussian_nll, quantile
from slopes.losses.distributions.bounded import BetaDistributionNLL, GammaNLL, beta_distribution_nll, gamma_nll
from slopes.losses.distributions.location import (
    LaplaceNLL,
    LogNormalNLL,
    StudentTNLL,
    laplace_nll,
    log_normal_nll,
    student_t_nll,
)
from slopes.losses.distributions.several import Evidential, MixtureNLL, evidential, mixture_nll
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
from slopes.losses.forecasts.errors import MASE, MSLE, mase, msle
from slopes.losses.forecasts.levels import Expectile, QuantileHuber, expectile, quantile_huber
from slopes.losses.forecasts.scores import CRPSEnsemble, CRPSGaussian, crps_ensemble, crps_gaussian
from slopes.losses.forecasts.shares import MAPE, SMAPE, mape, smape
from slopes.losses.generation.codes import (
    Codes,
    EvidenceLowerBound,
    VectorQuantization,
    evidence_lower_bound,
    nearest_codes,
    vector_quantization,
)
from slopes.losses.generation.flow import FlowMatching, flow_matching, flow_times
from slopes.losses.generation.noise import Diffused, DiffusionLoss, diffusion_loss, diffusion_targets
from slopes.losses.generation.players import R1, Adversarial, GradientPenalty, adversarial, gradient_penalty, r1
from slopes.losses.language import SFT, MaskedLM, NextToken, masked_lm, next_token, sft
from slopes.losses.margin import Hinge, MulticlassHinge, hinge, multiclass_hinge
from slopes.losses.masking import MaskedTokens, mask_tokens
from slopes.losses.mining import BatchTriplet, batch_triplet
from slopes.losses.momentum import MomentumQueue
from slopes.losses.ordinal.heads import CoralHead, OrderedThresholds
from slopes.losses.ordinal.link import CumulativeLink, cumulative_link
from slopes.losses.ordinal.thresholds import Coral, Corn, coral, corn, ordinal_rank
from slopes.losses.policy import PPO, KLPenalty, kl_penalty, ppo
from slopes.losses.preference import DPO, IPO, BradleyTerry, bradley_terry, dpo, ipo
from slopes.losses.ranking.listwise import ApproxNDCG, ListMLE, ListNet, approx_ndcg, list_mle, list_net
from slopes.losses.ranking.pairs import BPR, LambdaRank, PairwiseLogistic, bpr, lambda_rank, pairwise_logistic
from slopes.losses.regression import MAE, MSE, Huber, SmoothL1, huber, mae, mse, smooth_l1
from slopes.losses.robust.bounded import Charbonnier, GeneralRobust, Tukey, charbonnier, general_robust, tukey
from slopes.losses.robust.smooth import LogCosh, log_cosh
from slopes.losses.segmentation.dice import Dice, dice
from slopes.losses.segmentation.lovasz import Lovasz, lovasz
from slopes.losses.segmentation.tversky import FocalTversky, Jaccard, Tversky, focal_tversky, jaccard, tversky
from slopes.losses.sequence.ctc import CTC, ctc
from slopes.losses.survival.periods import DiscreteHazard, discrete_hazard
from slopes.losses.survival.proportional import Cox, cox
from slopes.losses.survival.times import WeibullNLL, weibull_nll
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
    "BPR",
    "CLIP",
    "CTC",
    "DPO",
    "IPO",
    "KTO",
    "MAE",
    "MAPE",
    "MASE",
    "MSE",
    "MSLE",
    "ORPO",
    "PPO",
    "R1",
    "SFT",
    "SMAPE",
    "Adversarial",
    "ApproxNDCG",
    "Asymmetric",
    "BalancedSoftmax",
    "BatchTriplet",
    "BetaDistributionNLL",
    "BinaryCrossEntropy",
    "BootstrappedCrossEntropy",
    "BradleyTerry",
    "CIoU",
    "CRPSEnsemble",
    "CRPSGaussian",
    "Charbonnier",
    "Codes",
    "Contrastive",
    "Coral",
    "CoralHead",
    "Corn",
    "CosineEmbedding",
    "Cox",
    "CrossEntropy",
    "CumulativeLink",
    "DIoU",
    "Dice",
    "Diffused",
    "DiffusionLoss",
    "DiscreteHazard",
    "Distillation",
    "Entropy",
    "EvidenceLowerBound",
    "Evidential",
    "Expectile",
    "FlowMatching",
    "Focal",
    "FocalTversky",
    "GIoU",
    "GammaNLL",
    "GaussianKL",
    "GaussianNLL",
    "GeneralRobust",
    "GeneralizedCrossEntropy",
    "GradientPenalty",
    "Hinge",
    "HingeEmbedding",
    "Huber",
    "InfoNCE",
    "IoU",
    "JSDivergence",
    "Jaccard",
    "KLDivergence",
    "KLPenalty",
    "LambdaRank",
    "LaplaceNLL",
    "Ldam",
    "ListMLE",
    "ListNet",
    "LogCosh",
    "LogNormalNLL",
    "LogitAdjusted",
    "Lovasz",
    "MarginRanking",
    "MaskedLM",
    "MaskedTokens",
    "MixtureNLL",
    "MomentumQueue",
    "MulticlassHinge",
    "MultilabelMargin",
    "MultilabelSoftMargin",
    "NTXent",
    "NegativeBinomialNLL",
    "NextToken",
    "OrderedThresholds",
    "PairwiseLogistic",
    "Perplexity",
    "PoissonNLL",
    "PolyCrossEntropy",
    "Quantile",
    "QuantileHuber",
    "SmoothL1",
    "SoftMargin",
    "SoftmaxFocal",
    "SquaredHinge",
    "StudentTNLL",
    "SymmetricCrossEntropy",
    "TokenScores",
    "Triplet",
    "Tukey",
    "Tversky",
    "Tweedie",
    "ValueClip",
    "VectorQuantization",
    "WeibullNLL",
    "ZeroInflatedNegativeBinomialNLL",
    "ZeroInflatedPoissonNLL",
    "adversarial",
    "approx_ndcg",
    "asymmetric",
    "balanced_softmax",
    "batch_triplet",
    "beta_distribution_nll",
    "binary_cross_entropy",
    "bootstrapped_cross_entropy",
    "bpr",
    "bradley_terry",
    "charbonnier",
    "ciou",
    "clip",
    "contrastive",
    "coral",
    "corn",
    "cosine_embedding",
    "cox",
    "cross_entropy",
    "crps_ensemble",
    "crps_gaussian",
    "ctc",
    "cumulative_link",
    "dice",
    "diffusion_loss",
    "diffusion_targets",
    "diou",
    "discrete_hazard",
    "distillation",
    "dpo",
    "entropy",
    "evidence_lower_bound",
    "evidential",
    "expectile",
    "flow_matching",
    "flow_times",
    "focal",
    "focal_tversky",
    "gamma_nll",
    "gaussian_kl",
    "gaussian_nll",
    "general_robust",
    "generalized_advantages",
    "generalized_cross_entropy",
    "giou",
    "gradient_penalty",
    "hinge",
    "hinge_embedding",
    "huber",
    "info_nce",
    "iou",
    "ipo",
    "jaccard",
    "js_divergence",
    "kl_divergence",
    "kl_penalty",
    "kto",
    "lambda_rank",
    "laplace_nll",
    "ldam",
    "list_mle",
    "list_net",
    "log_cosh",
    "log_normal_nll",
    "logit_adjusted",
    "lovasz",
    "mae",
    "mape",
    "margin_ranking",
    "mase",
    "mask_tokens",
    "masked_lm",
    "mixture_nll",
    "mse",
    "msle",
    "multiclass_hinge",
    "multilabel_margin",
    "multilabel_soft_margin",
    "nearest_codes",
    "negative_binomial_nll",
    "next_token",
    "nt_xent",
    "ordinal_rank",
    "orpo",
    "pairwise_logistic",
    "perplexity",
    "poisson_nll",
    "poly_cross_entropy",
    "ppo",
    "quantile",
    "quantile_huber",
    "r1",
    "sequence_log_prob",
    "sft",
    "smape",
    "smooth_l1",
    "smooth_labels",
    "soft_margin",
    "softmax_focal",
    "squared_hinge",
    "student_t_nll",
    "symmetric_cross_entropy",
    "token_log_probs",
    "token_scores",
    "triplet",
    "tukey",
    "tversky",
    "tweedie",
    "value_clip",
    "vector_quantization",
    "weibull_nll",
    "zero_inflated_negative_binomial_nll",
    "zero_inflated_poisson_nll",
]

for _name in __all__:
    if _name.islower():  # a function, and so a leaf of torch.fx.symbolic_trace
        torch.fx.wrap(_name)
