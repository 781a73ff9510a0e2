"""What every loss of log-probabilities and rewards must do, whatever its formula: asserted one loss at a time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from tests.accuracy import assert_close_to_scale
from torch import Tensor, nn

import slopes

Loss = Callable[..., Tensor]


@dataclass(frozen=True)
class Case:
    """A loss, tensors for it (learned ones first), and its options.

    Attributes:
        function: The loss.
        module: Its module.
        inputs: float64 tensors with one row for each entry of the unreduced loss.
        learned: How many of the leading inputs have a gradient.
        options: Passed to the function, and to the module's constructor.
        scale: Size of the terms in the value and in the gradients.
        exact_slope: Whether the gradient is the derivative of the value.
    """

    function: Loss
    module: type[nn.Module]
    inputs: tuple[Tensor, ...]
    learned: int
    options: dict[str, Any] = field(default_factory=dict)
    scale: float = 1.0
    exact_slope: bool = True

    def __str__(self) -> str:
        options = "".join(f" {key}={value}" for key, value in self.options.items())
        return f"{self.function.__name__}{options}"

    def __call__(self, *inputs: Tensor, **keywords: Any) -> Tensor:  # noqa: ANN401
        return self.function(*inputs, **self.options, **keywords)

    def leaves(self, dtype: torch.dtype = torch.float64) -> list[Tensor]:
        """Return fresh inputs, those that are learned with a graph."""
        cast = [t.detach().clone().to(dtype) if t.is_floating_point() else t.clone() for t in self.inputs]
        return [t.requires_grad_() if i < self.learned else t for i, t in enumerate(cast)]

    def slopes(self, loss: Tensor, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the gradients of the sum by what is learned."""
        return torch.autograd.grad(loss.sum(), inputs[: self.learned])


def assert_derivatives(case: Case) -> None:
    """Assert first and second derivatives in float64, and forward mode."""
    inputs = case.leaves()
    learned, rest = inputs[: case.learned], inputs[case.learned :]
    for reduction in ("mean", "none"):
        call = lambda *given: case(*given, *rest, reduction=reduction)  # noqa: B023, E731
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's forward mode loads torch.jit
            assert torch.autograd.gradcheck(call, learned, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(call, learned)


def assert_reductions(case: Case) -> None:
    """Assert that mean, sum, weights, masks and denominators are what they say of the unreduced loss."""
    inputs = case.leaves()
    each = case(*inputs, reduction="none").detach()
    n = len(each)
    mask = torch.arange(n) % 3 != 0
    weight = torch.linspace(0.0, 2.0, n, dtype=torch.float64)
    for came, wanted in (
        (case(*inputs), each.mean()),
        (case(*inputs, reduction="sum"), each.sum()),
        (case(*inputs, mask=mask), each[mask].mean()),
        (case(*inputs, weight=weight), (weight * each).sum() / weight.sum()),
        (case(*inputs, mask=mask, weight=weight), (weight * each)[mask].sum() / weight[mask].sum()),
        (case(*inputs, denominator=7.0), each.sum() / 7),
        (case(*inputs, mask=torch.zeros_like(mask)), torch.zeros((), dtype=torch.float64)),
    ):
        assert_close_to_scale(came, wanted.detach(), case.scale, size=n)
    half = n // 2
    parts = [case(*(t[s] for t in inputs), denominator=float(n)) for s in (slice(half), slice(half, n))]
    assert_close_to_scale(sum(parts), case(*inputs).detach(), case.scale, size=n)


def assert_small_batches(case: Case) -> None:
    """Assert that nothing gives 0 on the graph, and that one row is its own mean."""
    inputs = case.leaves()
    nothing = [t[:0].detach().requires_grad_(i < case.learned) for i, t in enumerate(inputs)]
    loss = case(*nothing)
    assert loss.item() == 0
    assert all(slope.shape == t.shape for slope, t in zip(case.slopes(loss, nothing), nothing, strict=False))
    assert case(*nothing, reduction="none").shape == (0,)
    one = [t[:1] for t in inputs]
    assert case(*one) == case(*inputs, reduction="none")[0]


def assert_narrow(case: Case, dtype: torch.dtype) -> None:
    """Assert that 16-bit input is computed and returned in float32, with gradients in its own dtype."""
    inputs = case.leaves(dtype)
    loss = case(*inputs, reduction="none")
    assert loss.dtype == torch.float32
    exact = [t.detach().double().requires_grad_(t.requires_grad) if t.is_floating_point() else t for t in inputs]
    with slopes.checks(values=False):  # rows that were rounded to 16 bits do not sum to 1 in float64
        wanted = case(*exact, reduction="none")
    assert_close_to_scale(loss, wanted.detach(), case.scale, size=4)
    for slope, other in zip(case.slopes(loss, inputs), case.slopes(wanted, exact), strict=True):
        assert slope.dtype == dtype
        assert_close_to_scale(slope, other, case.scale)


def assert_inert(case: Case, strange: float = math.nan) -> None:
    """Assert that a masked row leaves no trace, whatever it holds."""
    inputs = case.leaves()
    mask = torch.arange(len(inputs[0])) != 1
    spoilt = [t.detach().clone() for t in inputs]
    for tensor in spoilt:
        if tensor.is_floating_point():
            tensor[1] = strange
    spoilt = [t.requires_grad_(i < case.learned) for i, t in enumerate(spoilt)]
    for options in ({"mask": mask}, {"weight": mask.double()}):
        for reduction in ("mean", "none"):
            clean = case(*inputs, reduction=reduction, **options)
            came = case(*spoilt, reduction=reduction, **options)
            assert torch.equal(came, clean)
            for found, wanted in zip(case.slopes(came, spoilt), case.slopes(clean, inputs), strict=True):
                assert torch.equal(found, wanted)


# Through autograd's graphs `laws/test_transforms.py` compiles every loss; other options of it only where time is.
every_backend = pytest.mark.parametrize("backend", ["eager", pytest.param("aot_eager", marks=pytest.mark.long)])


def assert_compiles(case: Case, backend: str) -> None:
    """Assert that one compiled graph gives the eager numbers."""
    torch.compiler.reset()
    inputs = case.leaves()
    wanted = case(*inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # dynamo instantiates autograd functions
        came = torch.compile(case, fullgraph=True, backend=backend)(*inputs)
    assert_close_to_scale(came, wanted.detach(), case.scale, size=len(inputs[0]))
    for found, slope in zip(case.slopes(came, inputs), case.slopes(wanted, inputs), strict=True):
        assert_close_to_scale(found, slope, case.scale)


def assert_functional(case: Case) -> None:
    """Assert that torch.func differentiates it, and maps it over rows."""
    inputs = case.leaves()
    plain = [t.detach() for t in inputs]
    wanted = case.slopes(case(*inputs), inputs)
    found = torch.func.grad(case, argnums=tuple(range(case.learned)))(*plain)
    for slope, other in zip(found, wanted, strict=True):
        assert_close_to_scale(slope, other, case.scale)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)  # an in-place clamp
        rows = torch.func.vmap(lambda *row: case(*(entry.unsqueeze(0) for entry in row)))(*plain)
    assert_close_to_scale(rows, case(*plain, reduction="none"), case.scale)


def assert_module(case: Case) -> None:
    """Assert that the module is the function with its options kept."""
    inputs = case.leaves()
    mask = torch.arange(len(inputs[0])) != 1
    module = case.module(**case.options, reduction="sum")
    assert torch.equal(module(*inputs, mask=mask), case(*inputs, mask=mask, reduction="sum"))


def assert_layouts(case: Case) -> None:
    """Assert that strides make no difference."""
    inputs = case.leaves()
    doubled = [torch.stack([t, t], 1)[:, 0] for t in inputs]
    assert_close_to_scale(case(*doubled), case(*inputs).detach(), case.scale, size=len(inputs[0]))


def assert_contract(case: Case) -> None:
    """Assert all of it but the compiled form, which takes longest."""
    if case.exact_slope:
        assert_derivatives(case)
    assert_reductions(case)
    assert_small_batches(case)
    for dtype in (torch.float16, torch.bfloat16):
        assert_narrow(case, dtype)
    for strange in (math.nan, math.inf, -math.inf):
        assert_inert(case, strange)
    assert_functional(case)
    assert_module(case)
    assert_layouts(case)
