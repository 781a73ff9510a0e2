from __future__ import annotations

import torch
from bench.memory import kept_bytes, peak_bytes
from torch import Tensor


def test_the_peak_is_what_is_alive_at_once_beyond_what_comes_out() -> None:
    x = torch.randn(1000)

    def step() -> tuple[Tensor, ...]:
        first = torch.exp(x)
        second = torch.sin(first)
        del first
        return (torch.exp(second),)

    assert peak_bytes(step)[0] == 4000  # two of three at any time, and one of them comes out


def test_the_peak_sees_into_an_operator() -> None:
    @torch.library.custom_op("bench_tests::greedy", mutates_args=())
    def greedy(x: Tensor) -> Tensor:
        return torch.cat([x] * 10).view(10, -1).sum(0)

    x = torch.randn(1000)
    peak, (came,) = peak_bytes(lambda: (greedy(x),))
    assert peak == 40_000
    torch.testing.assert_close(came, 10 * x)


def test_what_comes_out_twice_counts_once() -> None:
    x = torch.randn(1000)

    def step() -> tuple[Tensor, ...]:
        y = torch.exp(x)
        return y, y.view(10, 100)

    assert peak_bytes(step)[0] == 0


def test_what_is_kept_is_what_torch_saves() -> None:
    x = torch.randn(1000, requires_grad=True)
    weight = torch.randn(1000)
    assert kept_bytes(lambda: torch.dot(x, weight), (x, weight)) == 0
    assert kept_bytes(lambda: torch.exp(x).sum(), (x,)) == 4000  # exp keeps its output, the sum nothing
    assert kept_bytes(lambda: torch.exp(x), (x,)) == 0  # which is free where it is the answer


def test_what_hangs_on_a_context_is_kept_too() -> None:
    class Hoarder(torch.autograd.Function):
        @staticmethod
        def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
            ctx.hoard = [x * 2.0]  # type: ignore[attr-defined]
            return x.sum()

        @staticmethod
        def backward(ctx: torch.autograd.function.FunctionCtx, upstream: Tensor) -> Tensor:
            return upstream * ctx.hoard[0]  # type: ignore[attr-defined]

    x = torch.randn(1000, requires_grad=True)
    assert kept_bytes(lambda: Hoarder.apply(x), (x,)) == 4000


def test_tensors_without_a_storage_may_be_about() -> None:
    sparse = torch.eye(3).to_sparse()
    x = torch.randn(100, requires_grad=True)
    assert kept_bytes(x.exp, [x]) == 0
    assert sparse.is_sparse
