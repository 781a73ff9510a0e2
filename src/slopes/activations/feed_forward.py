"""The feed-forward block of a transformer around a gated unit.

Dimension names: `...` is any shape; D is `d_model`, H is `d_hidden`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from slopes._core import check
from slopes._core.settings import STATE
from slopes.activations import units


class GatedFFN(nn.Module):
    """The feed-forward block (act(x W_gate) ⊙ x W_up) W_down, without biases, as LLaMA has it.

    Its parameters are named as in a LLaMA MLP (`gate_proj`, `up_proj`, `down_proj`), so that `load_state_dict` takes
    one as it is.

    Args:
        d_model: Size of the input and the output.
        d_hidden: Size in between. By default 2/3 of 4 · d_model, rounded to the nearest multiple of `multiple_of`:
            three matrices then have as many parameters as the two of a plain block.
        activation: `"swish"`, `"gelu"`, `"gelu_tanh"` or `"sigmoid"`.
        multiple_of: What the default of `d_hidden` is rounded to.
        device: Where the parameters are made.
        dtype: Their dtype.

    Examples:
        >>> block = GatedFFN(64)
        >>> block.d_hidden, sum(p.numel() for p in block.parameters()), 2 * 64 * 256
        (168, 32256, 32768)
    """

    def __init__(
        self,
        d_model: int,
        d_hidden: int | None = None,
        activation: Literal["swish", "gelu", "gelu_tanh", "sigmoid"] = "swish",
        *,
        multiple_of: int = 8,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        d_model = check.count("GatedFFN", "d_model", d_model)
        multiple_of = check.count("GatedFFN", "multiple_of", multiple_of)
        if d_hidden is None:
            d_hidden = max(round(8 * d_model / 3 / multiple_of), 1) * multiple_of
        self.d_hidden = check.count("GatedFFN", "d_hidden", d_hidden)
        check.choice("GatedFFN", "activation", activation, tuple(units.UNITS))
        self.d_model, self.activation = d_model, activation
        self.gate_proj = nn.Linear(d_model, self.d_hidden, bias=False, device=device, dtype=dtype)
        self.up_proj = nn.Linear(d_model, self.d_hidden, bias=False, device=device, dtype=dtype)
        self.down_proj = nn.Linear(self.d_hidden, d_model, bias=False, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, `[..., D]`, for `x` of `[..., D]`."""
        default, audited = units.UNITS[self.activation]
        unit = audited if STATE.exact else default
        down: Tensor = self.down_proj(unit(self.up_proj(x), self.gate_proj(x)))
        return down

    def extra_repr(self) -> str:
        """Return what `print` shows beside the three projections."""
        return f"d_model={self.d_model}, d_hidden={self.d_hidden}, activation={self.activation!r}"
