"""Logits that are a linear map of hidden states, and are never made as a whole."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from slopes._core import check
from slopes._core.errors import ShapeError
from slopes._core.settings import has_autocast, without_autocast
from slopes._core.spec import FINITE_POSITIVE, TEMPERATURE
from slopes._core.tensors import wide


@dataclass(frozen=True, eq=False)
class LinearLogits:
    """Logits hidden · weightᵀ + bias, accepted wherever a loss takes class logits, and made a few rows at a time.

    With z = hidden · weightᵀ + bias, the logits are cap · tanh(z / cap) / temperature.

    Args:
        hidden: `[..., D]`, any floating dtype: what goes into the last layer.
        weight: `[C, D]`, dtype of `hidden`: the last layer's, as `nn.Linear` has it; it may be tied to an embedding.
        bias: `[C]`, dtype of `hidden`. -∞ takes a class out, but not under a soft cap, which lifts it to -soft_cap.
        temperature: Divides the logits; at least 2^-63.
        soft_cap: Bounds them before that to (-soft_cap, soft_cap), as Gemma 2 does; None leaves them alone.

    Raises:
        DtypeError: An argument is not a tensor of floating numbers, or their dtypes differ.
        ShapeError: The shapes do not fit together.
        DeviceError: They are on different devices.
        OptionError: `temperature` is not a finite number of at least 2^-63, or `soft_cap` not one above 0.

    Notes:
        Under a reduction the gradients are made in the forward pass, chunk by chunk of rows: three matrix products,
        and memory that grows with the chunk and not with rows × classes. Rows that do not count are left out of the
        products. Products of 16-bit inputs are rounded to 16 bits once, softmax and sums are float32, and so is the
        sum of the weight's gradient over the chunks. Under autocast the tensors get its dtype, as those of a linear
        layer do. `torch.compile` sees one operator. Under `torch.func`, forward mode and for second derivatives the
        logits are made as a whole. `slopes.chunks` sets the size of a chunk, `slopes.explain` says what ran.

    Examples:
        >>> from slopes import losses as L
        >>> hidden, weight = torch.eye(2), torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
        >>> L.cross_entropy(LinearLogits(hidden, weight), torch.tensor([0, 1]))
        tensor(0.3955)
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None = None
    _: KW_ONLY
    temperature: float = 1.0
    soft_cap: float | None = None

    def __post_init__(self) -> None:
        name = "LinearLogits"
        given = {"hidden": self.hidden, "weight": self.weight}
        if self.bias is not None:
            given["bias"] = self.bias
        check.floating(name, **given)
        check.same_device(name, **given)
        if _casts(self.hidden):
            given = self._cast(given)
        check.same_dtype(name, **given)
        check.dimensions(name, "hidden", self.hidden, "[..., D]", 1)
        if self.weight.dim() != 2 or self.weight.shape[-1] != self.hidden.shape[-1]:  # noqa: PLR2004  classes and width
            message = (
                f"{name}: `weight` has shape {check.shape_of(self.weight)}, expected [C, D] with the D of `hidden` "
                f"{check.shape_of(self.hidden)}; pass the weight of an nn.Linear as it is, or transpose it."
            )
            raise ShapeError(message)
        if self.bias is not None:
            check.has_shape(name, "bias", self.bias, [self.weight.shape[0]], "one for each class")
        check.option(name, "temperature", self.temperature, TEMPERATURE)
        if self.soft_cap is not None:
            check.option(name, "soft_cap", self.soft_cap, FINITE_POSITIVE)

    def _cast(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """Give the tensors the dtype that autocast gives a linear layer's, which leaves float64 alone."""
        to = torch.get_autocast_dtype(self.hidden.device.type)
        for name, t in given.items():
            given[name] = t if t.dtype == torch.float64 else t.to(to)
            object.__setattr__(self, name, given[name])
        return given

    @property
    def shape(self) -> torch.Size:
        """The shape that the logits would have: `[..., C]`."""
        return torch.Size([*self.hidden.shape[:-1], self.weight.shape[0]])

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of `hidden` and `weight`."""
        return self.hidden.dtype

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.hidden.device

    @property
    def requires_grad(self) -> bool:
        """Whether anything that the logits are made of requires a gradient."""
        return any(t.requires_grad for t in (self.hidden, self.weight, self.bias) if t is not None)

    def dim(self) -> int:
        """Return the number of dimensions that the logits would have."""
        return self.hidden.dim()

    def materialize(self) -> Tensor:
        """Return the logits as a tensor; float32 for 16-bit input."""
        with without_autocast(self.device):  # the tensors got its dtype, if it was at work then
            z = F.linear(self.hidden, self.weight, self.bias)
        return bent(z.to(wide(self.dtype)), self.temperature, self.soft_cap)


def _casts(t: Tensor) -> bool:
    return has_autocast(t.device)


def bent(z: Tensor, temperature: float, soft_cap: float | None) -> Tensor:
    """Return the logits that a product gives under a soft cap and a temperature."""
    if soft_cap is not None:
        z = soft_cap * torch.tanh(z / soft_cap)
    return z if temperature == 1 else z / temperature


Logits = Tensor | LinearLogits
