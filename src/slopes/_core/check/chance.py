"""Whether a source of chance is one, and can draw where the tensors are."""

from __future__ import annotations

import torch
from torch import Tensor

from slopes._core.errors import DeviceError, OptionError


def generator(function: str, given: torch.Generator | None, **like: Tensor) -> None:
    """Raise an error unless `given` is None or a generator of the device of the tensor that is named."""
    if given is None:
        return
    if not isinstance(given, torch.Generator):
        message = (
            f"{function}: `generator` is {given!r}, expected a torch.Generator or None; "
            f"make one with torch.Generator().manual_seed(0)."
        )
        raise OptionError(message)
    ((name, tensor),) = like.items()
    if given.device.type != tensor.device.type:
        message = (
            f"{function}: `generator` on {given.device}, `{name}` on {tensor.device}, expected one device; "
            f"make it with torch.Generator(device={name}.device)."
        )
        raise DeviceError(message)
