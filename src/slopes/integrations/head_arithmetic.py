"""Arithmetic of logits that are not made, in closed form: scales, caps, biases, and sums of two."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor

from slopes._core.linear_logits import LinearLogits
from slopes._core.tensors import wide
from slopes.integrations.head_shapes import ShapedLogits
from slopes.integrations.unmade import described, refuse


class ScaledLogits(ShapedLogits):
    """`LinearLogits` whose products, quotients, hyperbolic tangents and sums are `LinearLogits` of other options."""

    def __truediv__(self, number: float) -> Self:
        """Return the logits divided by a number that is not 0."""
        if not _is_finite(number) or number == 0:
            refuse(self, f"/ {described(number)}")
        return self._scaled(number, divide=True)

    def __mul__(self, factor: float | Tensor) -> Self:
        """Return the logits multiplied by a number, or each class by one of its own."""
        if isinstance(factor, Tensor):
            return self._weighted(factor)
        if not _is_finite(factor):
            refuse(self, f"* {described(factor)}")
        return self._scaled(factor, divide=False)

    __rmul__ = __mul__

    def __neg__(self) -> Self:
        """Return the logits with the other sign."""
        return self._scaled(-1.0, divide=False)

    neg = negative = __neg__

    def __pos__(self) -> Self:
        """Return the logits as they are."""
        return self

    def tanh(self) -> Self:
        """Return their hyperbolic tangents: a cap of 1 on logits that a temperature divides."""
        if self.soft_cap is not None:
            refuse(self, "tanh a second time")
        return replace(self, soft_cap=self.temperature)

    def __add__(self, other: Tensor | LinearLogits) -> Self:
        """Return the logits with one number more for each token of the vocabulary, or with other logits added."""
        if isinstance(other, LinearLogits):
            return self._with(other)
        bias, classes = other, self.shape[-1]
        if not isinstance(bias, Tensor) or bias.shape[-1:] != (classes,) or bias.numel() != classes:
            refuse(self, f"+ {described(bias)}")
        if bias.dim() > self.dim():
            refuse(self, f"+ {described(bias)}, of more dimensions")
        if self.soft_cap is not None or self.temperature != 1:
            refuse(self, "+ a bias after a soft cap or a scale")
        if not (bias.dtype == self.dtype or wide(bias.dtype) == self.dtype or self._casts()):
            refuse(self, f"+ a bias of {bias.dtype} on logits of {self.dtype}")
        bias = bias.reshape(classes).to(self.dtype)
        return replace(self, bias=bias if self.bias is None else self.bias + bias)

    __radd__ = __add__

    def __sub__(self, other: Tensor | LinearLogits) -> Self:
        """Return the logits with one number less for each token of the vocabulary, or without other logits."""
        if not isinstance(other, Tensor | ScaledLogits):
            refuse(self, f"- {described(other)}")
        return self + (-other)

    def __rsub__(self, other: Tensor) -> Self:
        """Return one number for each token of the vocabulary without the logits."""
        if not isinstance(other, Tensor):
            refuse(self, f"the difference of {described(other)}")
        return -self + other

    def _casts(self) -> bool:
        return torch.is_autocast_enabled(self.device.type)

    def _scaled(self, number: float, *, divide: bool) -> Self:
        size = abs(number)
        if number <= 0:  # tanh is odd: sign and zero go through a cap
            sign = -1.0 if number < 0 else 0.0
            bias = None if self.bias is None else self.bias * sign
            self = replace(self, hidden=self.hidden * sign, bias=bias)  # noqa: PLW0642  the same in another sign
        if size == 0:
            return self
        return replace(self, temperature=self.temperature * size if divide else self.temperature / size)

    def _weighted(self, factor: Tensor) -> Self:
        """Return the logits with each class multiplied by a factor of its own."""
        classes = self.shape[-1]
        vector = factor.shape[-1:] == (classes,) and factor.numel() == classes and factor.dim() <= self.dim()
        if not vector or wide(factor.dtype) != wide(self.dtype):
            refuse(self, f"* {described(factor)}")
        if self.soft_cap is not None:
            refuse(self, "* a vector after a soft cap")
        factor = factor.reshape(classes)
        bias = None if self.bias is None else (self.bias * factor).to(self.dtype)
        return replace(self, weight=(self.weight * factor.unsqueeze(-1)).to(self.dtype), bias=bias)

    def _with(self, other: LinearLogits) -> Self:
        """Return the sum with other logits, as one product of hidden states and weights side by side."""
        if not isinstance(other, ScaledLogits) or other.shape != self.shape or wide(other.dtype) != wide(self.dtype):
            refuse(self, f"+ {described(other)}")
        if self.soft_cap is not None or other.soft_cap is not None:
            refuse(self, "+ logits after a soft cap")
        own, second = self._cooled(), other._cooled()  # noqa: SLF001  its own kind
        biases = [z.bias.to(self.dtype) for z in (own, second) if z.bias is not None]
        return replace(
            own,
            hidden=torch.cat([own.hidden, second.hidden.to(self.dtype)], -1),
            weight=torch.cat([own.weight, second.weight.to(self.dtype)], -1),
            bias=sum(biases[1:], biases[0]) if biases else None,
        )

    def _cooled(self) -> Self:
        """Return the same logits at a temperature of 1."""
        t = self.temperature
        if t == 1:
            return self
        bias = None if self.bias is None else self.bias / t
        return replace(self, hidden=self.hidden / t, bias=bias, temperature=1.0)


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
