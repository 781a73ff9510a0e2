"""Every loss, as a function and as a module, under one contract."""

from __future__ import annotations

from slopes.losses.contrast import CLIP, InfoNCE, NTXent, clip, info_nce, nt_xent
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
from slopes.losses.mining import BatchTriplet, batch_triplet
from slopes.losses.momentum import MomentumQueue
from slopes.losses.policy import PPO, KLPenalty, kl_penalty, ppo
from slopes.losses.preference import DPO, IPO, BradleyTerry, bradley_terry, dpo, ipo
from slopes.losses.regression import MAE, MSE, Huber, SmoothL1, huber, mae, mse, smooth_l1
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
    "BatchTriplet",
    "BradleyTerry",
    "Contrastive",
    "CosineEmbedding",
    "Entropy",
    "GaussianKL",
    "GaussianNLL",
    "Huber",
    "InfoNCE",
    "JSDivergence",
    "KLDivergence",
    "KLPenalty",
    "MomentumQueue",
    "NTXent",
    "Quantile",
    "SmoothL1",
    "Triplet",
    "ValueClip",
    "batch_triplet",
    "bradley_terry",
    "clip",
    "contrastive",
    "cosine_embedding",
    "dpo",
    "entropy",
    "gaussian_kl",
    "gaussian_nll",
    "generalized_advantages",
    "huber",
    "info_nce",
    "ipo",
    "js_divergence",
    "kl_divergence",
    "kl_penalty",
    "kto",
    "mae",
    "mse",
    "nt_xent",
    "orpo",
    "ppo",
    "quantile",
    "smooth_l1",
    "triplet",
    "value_clip",
]
