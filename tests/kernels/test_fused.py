"""`slopes.fused()` changes how long a formula takes, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import torch
from tests.laws.samples import ONE_EACH, Case, assert_near, gradients, some_weight
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.activations._forms import EXACT_WHEN_FUSED
from slopes.kernels import record
from slopes.kernels.pointwise import fused

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")  # torch's own

# Nothing of theirs is a formula of elements or of rows of logits that exist.
NOT_POINTWISE: Final = {
    "batch_triplet",
    "clip",
    "contrastive",
    "cosine_embedding",
    "cox",
    "ctc",
    "entmax",
    "gumbel_softmax",
    "info_nce",
    "log_softmax",
    "lovasz",
    "nt_xent",
    "perplexity",
    "prelu",
    "softmax",
    "softmin",
    "sparsemax",
    "token_scores",
    "triplet",
}
N: Final = 1 << 16


@pytest.fixture(autouse=True)
def _nothing_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused.Programs, "_run", _fresh(fused.Programs._run))
    record._RUNS.clear()
    torch.compiler.reset()


@pytest.fixture(autouse=True, scope="module")
def _nothing_stays() -> Iterator[None]:
    yield
    torch.compiler.reset()  # after each test too it would take as long as what some of them compile


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every size be fused, stop at the graph, and return the list to which each graph adds its name."""
    graphs: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> Callable[..., Any]:  # noqa: ARG001  torch's signature
        graphs.append(str(graph.graph))
        return graph.forward

    monkeypatch.setattr(fused, "LEAST", 1)
    monkeypatch.setattr(fused, "BACKEND", backend)
    return graphs


def _fresh(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return `run` on programs that no other test has made."""
    seen: set[int] = set()

    def once(self: fused.Programs, *given: Any) -> Any:  # noqa: ANN401  as the method takes them
        if id(self) not in seen:
            seen.add(id(self))
            self._made, self._options, self._refused = {}, set(), {}
        return run(self, *given)

    return once


def value_and_slopes(case: Case, **keywords: Any) -> list[Tensor]:  # noqa: ANN401  of any loss
    inputs = case.leaves(torch.float32)
    result = case(inputs, **keywords)
    return [result, *gradients(result, inputs, case.learned(), some_weight(result.shape, torch.float32))]


LEARNED: Final = [case for case in ONE_EACH if case.learned()]
# Of these torch compiles each program: of elements, of rows, of rows with class indices, of several inputs, of levels.
EVERY_PROGRAM: Final = ("binary_cross_entropy", "kl_divergence", "softmax_focal", "gaussian_nll", "quantile")


@pytest.mark.parametrize(
    ("case", "every"),
    [
        *(pytest.param(case, case.spec.name in EVERY_PROGRAM, id=str(case)) for case in LEARNED),
        *(
            pytest.param(case, True, id=f"{case}-compiled", marks=pytest.mark.long)
            for case in LEARNED
            if case.spec.name not in EVERY_PROGRAM
        ),
    ],
)
def test_every_function_is_the_same(
    case: Case,
    every: bool,  # noqa: FBT001
    compiled: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once one way to reduce is compiled, the others run as programs that are not, unless `every` is to be.

    That a formula can be compiled is seen in one way, what weights and masks do to it in the program as it is.
    """
    ways: list[dict[str, Any]] = [{}]
    if case.spec.reduces:
        shape = case.weights_shape(case.inputs())
        weight = some_weight(shape, torch.float32)
        mask = torch.arange(shape.numel()).reshape(shape) % 3 > 0
        ways += [{"weight": weight, "mask": mask}, {"reduction": "none"}]
    with slopes.exact():
        for way in ways:
            plain = value_and_slopes(case, **way)
            if compiled and not every:
                monkeypatch.setattr(fused, "_compiled", lambda program: program)
            with slopes.fused():
                for one, other in zip(value_and_slopes(case, **way), plain, strict=True):
                    assert_near(one, other, size=8)
    assert bool(compiled) != (case.spec.name in NOT_POINTWISE)
    assert not any("one by one" in run.did for run in slopes.explain().runs), str(slopes.explain())


@pytest.mark.usefixtures("compiled")
def test_masks_weights_and_upstream_gradients_may_be_views() -> None:
    x = torch.randn(4, 6, requires_grad=True)
    mask, weight = torch.arange(6).expand(4, 6) > 1, torch.rand(6).expand(4, 6)
    plain = L.hinge(x, x.detach().sign(), mask=mask, weight=weight)
    with slopes.fused():
        assert_near(L.hinge(x, x.detach().sign(), mask=mask, weight=weight), plain, size=8)
        (slope,) = torch.autograd.grad(L.hinge(x, -x.detach().sign(), reduction="none").sum(), x)
    assert torch.equal(slope, x.detach().sign())
    assert [run.did.partition(",")[0] for run in slopes.explain().runs] == ["one compiled pass"] * 3


def test_sizes_share_a_program(compiled: list[str]) -> None:
    with slopes.fused():
        for rows in (7, 5, 12, 33, 8):
            x = torch.randn(rows, 6, requires_grad=True)
            L.softmax_focal(x, torch.arange(rows) % 6).backward()
        assert len(compiled) == 1
        for rows in (7, 5, 12, 33, 8):
            x = torch.randn(rows, 6, requires_grad=True)
            L.binary_cross_entropy(x, x.detach().sigmoid()).backward()
            with slopes.exact():
                A.mish(x.detach())
    assert len(compiled) == 3


def test_rows_that_a_kernel_of_torch_does_faster_stay_with_it(compiled: list[str]) -> None:
    x = torch.randn(9, 6, requires_grad=True)
    with slopes.fused():
        L.cross_entropy(x, torch.arange(9) % 6).backward()
        assert compiled == []
        assert slopes.explain().runs[-1].did == "torch's softmax kernel, in blocks, 54 elements of torch.float32"
        L.cross_entropy(x, torch.arange(9) % 6, reduction="none").sum().backward()
    assert len(compiled) == 2  # value and slopes


@pytest.mark.parametrize("loss", [L.mse, L.mae, L.huber, L.smooth_l1])
def test_a_mean_that_torch_has_an_operator_for_is_fused_too(loss: Callable[..., Tensor], compiled: list[str]) -> None:
    x, t = torch.randn(9, requires_grad=True), torch.randn(9)
    plain = loss(x, t)
    with slopes.fused():
        fused_loss = loss(x, t)
    assert len(compiled) == 1
    assert_near(fused_loss, plain, size=8)
    assert_near(*(torch.autograd.grad(of, x)[0] for of in (fused_loss, plain)), size=8)


def test_a_changing_option_stops_compiling(compiled: list[str]) -> None:
    x = torch.randn(9, requires_grad=True)
    with slopes.fused():
        for step in range(8):
            gamma = 1 + step / 8
            loss = L.focal(x, (x > 0).float(), gamma=gamma)
            with slopes.fused(on=False):
                assert_near(loss, L.focal(x, (x > 0).float(), gamma=gamma), size=8)
    assert len(compiled) == 4
    assert "its options have changed more than 4 times" in str(slopes.explain())


@pytest.mark.usefixtures("compiled")
def test_a_compiler_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Callable[..., Any]:
        message = "no compiler"
        raise RuntimeError(message)

    monkeypatch.setattr(fused, "BACKEND", broken)
    with slopes.fused():
        loss = L.hinge(torch.tensor([0.5, -2.0]), torch.tensor([1.0, 1.0]))
    assert loss.item() == 1.75
    text = str(slopes.explain().runs[-1])
    assert text.startswith(
        "hinge: torch's operators one by one, 2 elements of torch.float32\n  though slopes.fused is on"
    )
    assert "since torch's compiler failed with" in text
    assert "no compiler" in text


@pytest.mark.usefixtures("compiled")
def test_memory_that_is_out_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Assert that the plain form, which wants more, is not tried."""

    def out(*_: object) -> Callable[..., Any]:
        def run(*_: object) -> None:
            raise torch.OutOfMemoryError

        return run

    monkeypatch.setattr(fused, "BACKEND", out)
    with slopes.fused(), pytest.raises(torch.OutOfMemoryError):
        L.hinge(torch.ones(2), torch.ones(2))


@pytest.mark.usefixtures("compiled")
def test_a_process_that_was_forked_runs_plain() -> None:
    x = torch.tensor([0.5, -2.0])
    child = os.fork()
    if child == 0:
        with slopes.fused():
            right = L.hinge(x, torch.ones(2)).item() == 1.75
        os._exit(0 if right and "was forked" in str(slopes.explain()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_share_programs(compiled: list[str]) -> None:
    x = torch.randn(4, 50)
    right = [L.hinge(row, row.sign()).item() for row in x]
    found: list[float | None] = [None] * 4
    ready = threading.Barrier(4)

    def one(i: int) -> None:
        ready.wait()
        for _ in range(20):
            found[i] = L.hinge(x[i], x[i].sign()).item()

    with slopes.fused():
        threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == pytest.approx(right, rel=1e-6)
    assert 1 <= len(compiled) <= 4


def test_second_derivatives_and_transforms_stay(compiled: list[str]) -> None:
    x, t = torch.randn(9, dtype=torch.float64), torch.rand(9, dtype=torch.float64)

    def loss(x: Tensor) -> Tensor:
        return L.binary_cross_entropy(x, t)

    plain = [torch.func.hessian(loss)(x), torch.func.grad(loss)(x), torch.func.vmap(loss)(x.expand(2, 9))]
    with slopes.fused():
        again = [torch.func.hessian(loss)(x), torch.func.grad(loss)(x), torch.func.vmap(loss)(x.expand(2, 9))]
        assert not compiled
        leaf = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
        (curve,) = torch.autograd.grad(slope.sum(), leaf)
    for one, other in zip([*again, curve], [*plain, plain[0].sum(0)], strict=True):
        assert torch.allclose(one, other, rtol=1e-12)


@pytest.mark.usefixtures("compiled")
def test_autocast_changes_nothing() -> None:
    x = torch.randn(9, requires_grad=True)
    right = L.binary_cross_entropy(x, torch.ones(9))
    with slopes.fused(), torch.autocast("cpu", dtype=torch.bfloat16):
        loss = L.binary_cross_entropy(x, torch.ones(9))
    assert_near(loss, right, size=8)
    assert loss.dtype == torch.float32


@pytest.mark.usefixtures("compiled")
def test_what_changed_in_place_is_told() -> None:
    x, t = torch.randn(9, requires_grad=True), torch.ones(9)
    with slopes.fused():
        loss = L.binary_cross_entropy(x, t, reduction="none").sum()
        t.zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_small_inputs_are_not_worth_it() -> None:
    with slopes.fused():
        L.hinge(torch.ones(fused.LEAST - 1), torch.ones(fused.LEAST - 1))
    assert not slopes.explain().runs


def test_the_setting() -> None:
    from slopes._core.settings import STATE  # noqa: PLC0415  beside what it is about

    assert not STATE.fused
    with slopes.fused():
        assert STATE.fused
        with slopes.fused(on=False):
            assert not STATE.fused
        assert STATE.fused
    assert not STATE.fused


def test_the_environment_turns_it_on() -> None:
    """One interpreter loads torch, which takes seconds; the library is loaded in three that it forks."""
    code = """if True:
        import os, torch
        for value in ("1", "0", ""):
            if os.fork() == 0:
                os.environ["SLOPES_FUSED"] = value
                from slopes._core.settings import STATE
                print(repr(value), STATE.fused, flush=True)
                os._exit(0)
            assert os.wait()[1] == 0
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  our own
    assert run.stdout.splitlines() == ["'1' True", "'0' False", "'' False"]


MACHINE_CODE: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "binary_cross_entropy": lambda x: L.binary_cross_entropy(x, (x.detach() > 0).to(x.dtype)),
    "softmax_focal": lambda x: L.softmax_focal(x.view(-1, 64), torch.arange(x.numel() // 64) % 64),
    "gelu": lambda x: A.gelu(x).square().mean(),
}


@pytest.mark.parametrize("name", MACHINE_CODE)
def test_machine_code_is_right(name: str) -> None:
    """Against the same in float64, plain; another size runs the same program."""
    for count in (N, N + 640):
        x = (3 * torch.randn(count, generator=torch.Generator().manual_seed(0))).requires_grad_()
        with slopes.fused(), slopes.exact():
            loss = MACHINE_CODE[name](x)
            (slope,) = torch.autograd.grad(loss, x)
        wide = x.detach().double().requires_grad_()
        with slopes.exact():
            right = MACHINE_CODE[name](wide)
        (right_slope,) = torch.autograd.grad(right, wide)
        assert loss.item() == pytest.approx(right.item(), rel=1e-6)
        torch.testing.assert_close(slope.double(), right_slope, rtol=3e-6, atol=1e-12)
    assert {run.did.partition(",")[0] for run in slopes.explain().runs} == {"one compiled pass"}, slopes.explain()


@pytest.mark.parametrize("name", EXACT_WHEN_FUSED)
def test_the_audited_form_is_the_default_where_it_is_faster(name: str, compiled: list[str]) -> None:
    x = torch.tensor([-30.0, -1.1924, 0.25, 3.0], requires_grad=True)
    activation = getattr(A, name)
    with slopes.fused():
        default = activation(x)
        assert compiled
        with slopes.exact():
            audited = activation(x)
    assert torch.equal(default, audited)
    assert torch.equal(*(torch.autograd.grad(y.sum(), x)[0] for y in (default, audited)))
