"""Distances between all points of a batch, a block of rows at a time, and the gradient that comes back through them.

|a - b|² = |a|² + |b|² - 2ab is one product for a whole block, many times as fast as differences, and loses the digits
of near points. So the product is made in float64, of points moved to their mean: float32 keeps its digits down to
distances of 2^-13 of the points' own size. The few that are nearer are made again, of differences. Float64 has nothing
wider, and is made of differences throughout; so is what `torch.func` and `torch.compile` look into, and what lies on
a device without float64.

Dimension names: N points of length D, B rows of a block.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core.settings import is_transformed
from slopes.kernels.blocks import blockwise
from slopes.kernels.pairs import distance as distances

_NEAR: Final = 2.0**-26  # of both squared lengths: below it, what float64 rounds off would be seen in float32
_HALF: Final = 1 << 12  # of the last of the 40 bits that stay of float64's 53, for its rounding
_EXACT: Final = "donot_use_mm_for_euclid_dist"
_MANY: Final = 8  # differences, for each point of the batch: from here on they take more memory than distances to all
_RIGHT_ANGLE: Final = 2.0  # |u - v|² of unit vectors whose cosine is 0, as that with a zero vector is


class Between:
    """The distances between all points.

    Args:
        embeddings: `[N, D]`, float32 or float64; no gradient is recorded.
        kind: `"euclidean"`, `"squared"` or `"cosine"`.

    Attributes:
        points: The embeddings, scaled so that squares of differences are finite.
        gradient: Of the embeddings, once `pull` has been called and `finished`.
    """

    def __init__(self, embeddings: Tensor, kind: str) -> None:
        self.kind = kind
        self.norm: distances.Norm | None = None
        if kind == "cosine":
            self.points, self.norm = distances.unit(embeddings)
            self.scale = torch.ones((), dtype=embeddings.dtype, device=embeddings.device)
        else:
            self.scale = distances.magnitude(embeddings, whole=True)
            self.points = embeddings / self.scale
        self.wide = _moved(self.points)
        self.gradient = torch.zeros_like(self.wide)
        self._room: Tensor | None = None  # one block's squares after the other's: fresh memory costs faults
        if self.wide.dtype != self.points.dtype:
            self.norms = (self.wide * self.wide).sum(-1)
            norms = self.norms.unsqueeze(0)
            self.right = torch.cat([-2 * self.wide.T, torch.ones_like(norms), norms])

    def squares(self, block: slice) -> Tensor:
        """Return the squared distances `[B, N]` of a block of rows as far as scaled points have them, to be compared.

        They are float64 where they come from a product, rounded to 40 bits: distances that are equal stay so, and those
        that float32 could not tell apart are told apart. The memory is that of the next block too.
        """
        square = self._squares(block)
        if self.norm is not None:
            nothing = self.norm.nothing.squeeze(-1)
            square = square.masked_fill(nothing | nothing[block].unsqueeze(-1), _RIGHT_ANGLE)
        return square

    def lengths(self, squares: Tensor) -> Tensor:
        """Return the distances in the points' dtype of what `squares` gave."""
        if self.kind == "cosine":
            return (0.5 * squares).to(self.points.dtype)
        if self.kind == "squared":
            return squares.to(self.points.dtype) * (self.scale * self.scale)
        return squares.sqrt().to(self.points.dtype) * self.scale

    def distances(self, block: slice) -> Tensor:
        """Return the distances `[B, N]` of a block of rows, in the points' dtype."""
        return self.lengths(self.squares(block))

    def pull(self, block: slice, slopes: Tensor, far: Tensor, columns: Tensor | None) -> None:
        """Add what the slopes of some distances of a block mean for the points.

        Args:
            block: The rows.
            slopes: `[B, N]`, or `[B, K]` where `columns` are given.
            far: The distances, likewise.
            columns: `[B, K]`, whose distances they are; None for all points in their order.
        """
        weights = self._weights(block, slopes, far, columns)
        if columns is not None and columns.shape[-1] * self.points.shape[-1] > _MANY * len(self.points):
            weights = weights.new_zeros(len(weights), len(self.points)).scatter_add_(-1, columns, weights)
            columns = None
        if columns is None:
            weights, rows = weights.to(self.wide.dtype), self.wide[block]
            self.gradient[block] += weights.sum(-1, keepdim=True) * rows - weights @ self.wide
            self.gradient += weights.sum(0).unsqueeze(-1) * self.wide
            self.gradient.addmm_(weights.T, rows, alpha=-1)
            return
        moves = (self.points[block].unsqueeze(1) - self.points[columns]).mul_(weights.unsqueeze(-1))
        self.gradient[block] += moves.sum(1)
        self.gradient.index_add_(0, columns.flatten(), moves.flatten(0, 1).to(self.gradient.dtype), alpha=-1)

    def finished(self) -> Tensor:
        """Return the gradient by the embeddings."""
        gradient = self.gradient.to(self.points.dtype)
        return gradient if self.norm is None else self.norm.back(gradient, self.points)

    def _weights(self, block: slice, slopes: Tensor, far: Tensor, columns: Tensor | None) -> Tensor:
        """Return what each point's difference from a row is multiplied by; 0 for identical points."""
        if self.kind == "squared":
            return slopes * (2 * self.scale)
        if self.norm is None:
            return torch.where(far == 0, 0.0, slopes / far) * self.scale
        nothing = self.norm.nothing.squeeze(-1)
        beside = nothing[block].unsqueeze(-1) | (nothing if columns is None else nothing[columns])
        return torch.where(beside, 0.0, slopes)

    def _squares(self, block: slice) -> Tensor:
        if self.wide.dtype == self.points.dtype:
            root = torch.cdist(self.points[block], self.points, compute_mode=_EXACT)
            return root * root
        left = self._left(block)
        if self._room is None or len(self._room) < len(left):
            self._room = self.wide.new_empty(len(left), len(self.wide))
        square = torch.mm(left, self.right, out=self._room[: len(left)])
        square.diagonal(block.start).fill_(torch.inf)
        norms = self.norms[block].unsqueeze(-1)
        # Few blocks have a near pair: one pass says so. The largest norm is not below any other.
        if bool((square.amin(-1, keepdim=True) < (norms + self.norms.amax()) * _NEAR).any()):
            self._repair(square, square < (norms + self.norms) * _NEAR, block)
        square.diagonal(block.start).fill_(0.0)
        square.view(torch.int64).add_(_HALF).bitwise_and_(~(2 * _HALF - 1))
        return square

    def _left(self, block: slice) -> Tensor:
        """Return (p, |p|², 1) of a block, whose product with (-2p, 1, |p|²) is the square of the distance."""
        norms = self.norms[block].unsqueeze(-1)
        return torch.cat([self.wide[block], norms, torch.ones_like(norms)], -1)

    def _repair(self, square: Tensor, near: Tensor, block: slice) -> None:
        """Make the squares of near points again, of differences."""
        row, column = near.nonzero(as_tuple=True)
        if len(row) * self.points.shape[1] * square.element_size() > blockwise.BLOCK_BYTES:
            exact = torch.cdist(self.points[block], self.points, compute_mode=_EXACT).to(square.dtype)
            square[near] = (exact * exact)[near]
            return
        difference = self.wide[row + block.start] - self.wide[column]
        square[row, column] = (difference * difference).sum(-1)


def _moved(points: Tensor) -> Tensor:
    """Return the points, moved to their mean, in a wider dtype where there is one to be had."""
    watched = torch.compiler.is_compiling() or is_transformed(points) or points.is_meta
    if points.dtype != torch.float32 or points.device.type == "mps" or watched:
        return points if watched or not points.shape[0] else points - points.mean(0)
    wide = points.double()
    return wide - wide.mean(0) if points.shape[0] else wide
