from __future__ import annotations

import math

import torch
from mpmath import mp, mpf
from tests.accuracy import assert_close, assert_exact
from tests.each import each
from tests.oracles import losses as oracles
from tests.oracles.precision import exact
from torch import Tensor

from slopes.kernels.pairs import distance

wide = each("dtype", [torch.float32, torch.float64])


def extremes(dtype: torch.dtype) -> Tensor:
    """Return vectors from the largest number down to the smallest subnormal."""
    info = torch.finfo(dtype)
    sizes = [info.max / 2, 1e20, 1.0, 1e-20, info.smallest_normal, info.smallest_normal * info.eps * 8]
    return torch.tensor([[0.75, -1.0, 0.0]], dtype=dtype) * torch.tensor(sizes, dtype=dtype).unsqueeze(-1)


@wide
class TestScale:
    def test_a_power_of_two_below_the_largest_entry(self, dtype: torch.dtype) -> None:
        x = torch.tensor([[0.75, -5.0], [1.0, 0.0], [-0.1, 0.1]], dtype=dtype)
        assert distance.magnitude(x).tolist() == [[4.0], [1.0], [0.0625]]
        assert distance.magnitude(x, whole=True).item() == 4.0

    def test_of_nothing_of_zero_and_of_infinity(self, dtype: torch.dtype) -> None:
        for x in (torch.zeros(1, 2, dtype=dtype), torch.full((1, 2), math.inf, dtype=dtype)):
            scale = distance.magnitude(x)
            assert scale.item() > 0
            assert math.isfinite(scale.item())
        assert distance.magnitude(torch.zeros(0, 2, dtype=dtype)).shape == (0, 1)
        assert distance.magnitude(torch.zeros(0, 2, dtype=dtype), whole=True).isfinite()


@wide
class TestLengths:
    def test_from_the_largest_to_the_smallest(self, dtype: torch.dtype) -> None:
        x = extremes(dtype)
        assert_close(distance.length(x), [mp.sqrt(oracles.dot(row, row)) for row in exact(x)])
        unit, nothing = distance.normalize(x)
        assert not nothing.any()
        for row, wanted in zip(unit, exact(x), strict=True):
            size = mp.sqrt(oracles.dot(wanted, wanted))
            assert_close(row, [entry / size for entry in wanted])

    def test_infinity_and_nan_go_through(self, dtype: torch.dtype) -> None:
        x = torch.tensor([[math.inf, 1.0], [math.nan, 1.0]], dtype=dtype)
        length = distance.length(x)
        assert length[0] == math.inf
        assert length[1].isnan()

    def test_zero(self, dtype: torch.dtype) -> None:
        x = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
        for value in (distance.length(x), distance.normalize(x)[0]):
            assert not value.any()
            assert torch.equal(torch.autograd.grad(value.sum(), x)[0], torch.zeros(2, 3, dtype=dtype))
        assert distance.normalize(x)[1].all()

    def test_cosines_of_all_sizes(self, dtype: torch.dtype) -> None:
        x = extremes(dtype)
        other = torch.tensor([[1.0, 0.0, 0.0]], dtype=dtype).expand_as(x)
        assert_close(distance.cosine(x, other), [mpf(3) / 5] * len(x))
        assert_close(distance.cosine_distance(x, other), [mpf(2) / 5] * len(x))
        assert_exact(distance.cosine_distance(x, torch.zeros_like(x)), [mpf(1)] * len(x))


def test_derivatives() -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn(4, 3, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    for kind in distance.DISTANCES:
        torch.autograd.gradcheck(lambda a, b, kind=kind: distance.between(a, b, kind), (a, b))
        torch.autograd.gradgradcheck(lambda a, b, kind=kind: distance.between(a, b, kind), (a, b))
    torch.autograd.gradgradcheck(lambda a: distance.normalize(a)[0], (a,))
