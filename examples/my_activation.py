"""An activation of one's own, to be drawn beside the library's.

    slopes explore --function examples/my_activation.py:my_activation

It takes a tensor and returns one of the same shape; its slope comes from autograd.
"""

from __future__ import annotations

import torch
from torch import Tensor


def my_activation(x: Tensor) -> Tensor:
    """Return x for x > 0 and sin(x) · e^(x/2) elsewhere: a ramp whose negative side rings and fades."""
    return torch.where(x > 0, x, torch.sin(x) * torch.exp(x / 2))


if __name__ == "__main__":
    points = torch.tensor([-2.0, 0.0, 2.0], requires_grad=True)
    values = my_activation(points)
    (slopes_there,) = torch.autograd.grad(values.sum(), points)
    print("value", values.tolist())
    print("slope", slopes_there.tolist())
