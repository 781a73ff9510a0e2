"""The two settings: they nest, they end, and `torch.compile` sees them change."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from tests.later import Later
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.settings import STATE, is_transformed, reads_values

fake_tensor = Later("torch._subclasses.fake_tensor")
proxy_tensor = Later("torch.fx.experimental.proxy_tensor")

pytestmark = pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
WRONG = torch.tensor([2.0])  # no probability


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = STATE.exact, STATE.check_values
    torch.compiler.reset()
    yield
    slopes.exact(before[0])
    slopes.checks(values=before[1])


def slope_at_20() -> float:
    x = torch.tensor(20.0, requires_grad=True)
    return torch.autograd.grad(slopes.activations.sigmoid(x), x)[0].item()


def test_exact_holds_in_its_block_and_nests() -> None:
    assert slope_at_20() == 0
    with slopes.exact():
        assert slope_at_20() > 0
        with slopes.exact(False):
            assert slope_at_20() == 0
        assert slope_at_20() > 0
    assert slope_at_20() == 0


def test_exact_called_alone_sets_the_process() -> None:
    slopes.exact()
    assert slope_at_20() > 0
    slopes.exact(False)
    assert slope_at_20() == 0


def test_exact_ends_with_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), slopes.exact():
        _ = 1 / 0
    assert not STATE.exact


def test_the_backward_pass_has_the_precision_of_the_forward_pass() -> None:
    x = torch.tensor(20.0, requires_grad=True)
    with slopes.exact():
        y = slopes.activations.sigmoid(x)
    assert torch.autograd.grad(y, x)[0].item() > 0
    y = slopes.activations.sigmoid(x)
    with slopes.exact():
        assert torch.autograd.grad(y, x)[0].item() == 0


def test_values_are_read_by_default_on_a_cpu_and_outside_compilation_only() -> None:
    assert reads_values(WRONG)
    assert reads_values(WRONG, None)
    assert not reads_values(WRONG.to("meta"))
    assert not torch.compile(lambda t: torch.tensor(reads_values(t)), backend="eager")(WRONG)
    seen = []

    def mapped(t: Tensor) -> Tensor:
        seen.append((reads_values(t), is_transformed(t)))
        return t

    torch.func.vmap(mapped)(WRONG)
    assert seen == [(False, True)]
    assert not is_transformed(WRONG, None)


def test_checks_say_whether_values_are_read() -> None:
    zeros = torch.zeros(1)
    with pytest.raises(slopes.ValuesError, match="binary_cross_entropy: `targets` holds 2"):
        L.binary_cross_entropy(zeros, WRONG)
    with slopes.checks(values=False):
        L.binary_cross_entropy(zeros, WRONG)
        with slopes.checks(values=True), pytest.raises(slopes.ValuesError):
            L.binary_cross_entropy(zeros, WRONG)
        L.binary_cross_entropy(zeros, WRONG)
    slopes.checks(values=False)
    L.binary_cross_entropy(zeros, WRONG)
    slopes.checks(values=None)
    with pytest.raises(slopes.ValuesError):
        L.binary_cross_entropy(zeros, WRONG)


def test_shapes_dtypes_and_options_are_checked_all_the_same() -> None:
    with slopes.checks(values=False):
        with pytest.raises(slopes.ShapeError):
            L.mse(torch.zeros(2), torch.zeros(2, 1))
        with pytest.raises(slopes.DtypeError):
            L.mse(torch.zeros(2), torch.zeros(2).int())
        with pytest.raises(slopes.OptionError):
            L.huber(torch.zeros(2), torch.zeros(2), delta=0.0)


def test_compiled_functions_see_a_setting_change() -> None:
    @torch.compile(fullgraph=True, backend="eager")
    def which(x: Tensor) -> Tensor:
        return slopes.activations.gelu(x)

    x = torch.tensor([-10.0])
    by_torch = which(x).item()
    with slopes.exact():
        audited = which(x).item()
        assert slopes.activations.gelu(x).item() == pytest.approx(audited, rel=1e-6, abs=0)
    assert audited == pytest.approx(-7.619853024160525e-23, rel=1e-6, abs=0)
    assert which(x).item() == by_torch == 0


def test_compiled_losses_do_not_read_values() -> None:
    compiled = torch.compile(L.binary_cross_entropy, fullgraph=True, backend="eager")
    assert compiled(torch.zeros(1), WRONG).item() == pytest.approx(0.6931472)


def test_exact_can_be_entered_while_compiling() -> None:
    @torch.compile(backend="eager")
    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        with slopes.exact():
            audited = slopes.activations.gelu(x)
        return audited, slopes.activations.gelu(x)

    audited, default = both(torch.tensor([-10.0]))
    assert audited.item() == pytest.approx(-7.619853024160525e-23, rel=1e-6, abs=0)
    assert default.item() == 0


def test_blocks_of_two_threads_that_overlap_leave_nothing() -> None:
    begun, ended = threading.Event(), threading.Event()

    def other() -> None:
        with slopes.exact(), slopes.checks(values=False):
            begun.set()
            ended.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait(10)
    with slopes.exact(), slopes.checks(values=True):
        ended.set()
        thread.join()
        assert STATE.exact
        assert STATE.check_values
    assert not STATE.exact
    assert STATE.check_values is None


def test_what_has_no_values_is_not_read() -> None:
    """Assert that a check passes over tensors of shapes alone, even where it is told to read every value."""
    wrong = torch.tensor([-1])
    with slopes.checks(values=True):
        assert reads_values(wrong)
        assert not reads_values(wrong.to("meta"))
        with fake_tensor.FakeTensorMode() as mode:
            assert not reads_values(mode.from_tensor(wrong))
        seen = []
        proxy_tensor.make_fx(lambda t: (seen.append(reads_values(t)), t + 1)[1])(wrong)
        assert seen == [False]
        assert reads_values(wrong)
