"""Every loss, as a function and as a module, under one contract."""

from __future__ import annotations

from slopes.losses.contrast import CLIP, InfoNCE, NTXent, clip, info_nce, nt_xent
from slopes.losses.distributional import GaussianNLL, Quantile, gaussian_nll, quantile
from slopes.losses.embedding import Contrastive, CosineEmbedding, Triplet, contrastive, cosine_embedding, triplet
from slopes.losses.mining import BatchTriplet, batch_triplet
from slopes.losses.momentum import MomentumQueue
from slopes.losses.regression import MAE, MSE, Huber, SmoothL1, huber, mae, mse, smooth_l1

__all__ = [
    "CLIP",
    "MAE",
    "MSE",
    "BatchTriplet",
    "Contrastive",
    "CosineEmbedding",
    "GaussianNLL",
    "Huber",
    "InfoNCE",
    "MomentumQueue",
    "NTXent",
    "Quantile",
    "SmoothL1",
    "Triplet",
    "batch_triplet",
    "clip",
    "contrastive",
    "cosine_embedding",
    "gaussian_nll",
    "huber",
    "info_nce",
    "mae",
    "mse",
    "nt_xent",
    "quantile",
    "smooth_l1",
    "triplet",
]
