"""Features as numbers: standardised, one-hot with a bound, gaps filled; everything found on training rows alone."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slopes.recipes.data.dataset import Dataset

CATEGORIES: Final = 20
"""The most columns that one column of categories becomes; the rarer categories share the last."""


class Encoder:
    """Turns a data set's rows into `[N, features]` float32, as fitted to some of them.

    Numbers have mean 0 and variance 1 among the rows it was fitted to, a gap in them is the median there. A column of
    categories becomes at most `CATEGORIES` columns of 0 and 1; a category that was not seen shares that of the rare.
    """

    def __init__(self, data: Dataset, rows: npt.NDArray[np.int64]) -> None:
        """Fit to these rows of the data."""
        from sklearn.impute import SimpleImputer  # noqa: PLC0415  the extra's packages come with their use
        from sklearn.pipeline import make_pipeline  # noqa: PLC0415  likewise
        from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: PLC0415  likewise

        self._data = data
        self._numbers: Any = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
        self._categories: Any = OneHotEncoder(
            max_categories=CATEGORIES, handle_unknown="infrequent_if_exist", sparse_output=False
        )
        if data.number_names:
            self._numbers.fit(data.numbers[rows])
        if data.category_names:
            self._categories.fit(data.categories[rows])

    def __call__(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """Return the features of these rows, `[len(rows), features]` float32."""
        parts = []
        if self._data.number_names:
            parts.append(self._numbers.transform(self._data.numbers[rows]))
        if self._data.category_names:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Found unknown categories", UserWarning)  # encoded as all zeros
                parts.append(self._categories.transform(self._data.categories[rows]))
        return torch.from_numpy(np.hstack(parts).astype(np.float32))
