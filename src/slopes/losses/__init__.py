"""Every loss, as a function and as a module, under one contract."""

from __future__ import annotations

from slopes.losses.distributional import GaussianNLL, Quantile, gaussian_nll, quantile
from slopes.losses.regression import MAE, MSE, Huber, SmoothL1, huber, mae, mse, smooth_l1

__all__ = [
    "MAE",
    "MSE",
    "GaussianNLL",
    "Huber",
    "Quantile",
    "SmoothL1",
    "gaussian_nll",
    "huber",
    "mae",
    "mse",
    "quantile",
    "smooth_l1",
]
