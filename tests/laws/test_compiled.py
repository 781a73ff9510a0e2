"""Compiled, exported, recorded and traced: right for every size and every option, in few graphs, or refused.

Functions go in families, since what costs time is each graph that is made.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import onnxruntime
import pytest
import torch
from tests import families
from tests.later import Later
from tests.laws.samples import CASES, ONE_EACH, Case, Inputs, assert_near, some_weight
from torch import Tensor, nn
from torch.utils import _pytree as pytree

import slopes
from slopes import LinearLogits, TransformError, activations, losses
from slopes._core.spec import Parameter
from slopes.catalog import CATALOG

dynamo_testing = Later("torch._dynamo.testing")
export = Later("torch.export")
proxy_tensor = Later("torch.fx.experimental.proxy_tensor")
tensorify = Later("torch.fx.passes._tensorify_python_scalars")

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`isinstance\\(treespec, LeafSpec\\)` is deprecated:FutureWarning"),
]
SIZES: Final = (6, 9, 11, 14, 17, 20, 3, 33, 40, 7, 64, 5)
OTHERS: Final = (4, 17)  # sizes that an exported or recorded program has not seen
FEW: Final = 3  # functions of a family that are compiled together
Given = dict[str, Inputs]


def numeric_options(case: Case) -> list[Parameter]:
    """Return the options of a function that are numbers."""
    named = inspect.signature(case.spec.function).parameters
    return [
        p
        for p in case.spec.parameters
        if not p.choices and p.name in named and named[p.name].kind is inspect.Parameter.KEYWORD_ONLY
    ]


def _families(kept: Sequence[Case] = ONE_EACH) -> Mapping[str, Sequence[Case]]:
    """Return functions with a derivative in small groups, each of one family."""
    by_family: dict[str, list[Case]] = {}
    for case in kept:
        by_family.setdefault(case.spec.family, []).append(case)
    return {
        f"{family}-{start // FEW}": cases[start : start + FEW]
        for family, cases in by_family.items()
        for start in range(0, len(cases), FEW)
    }


FAMILIES: Final = _families()
WITH_OPTIONS: Final = {
    name: kept for name, cases in FAMILIES.items() if (kept := [case for case in cases if numeric_options(case)])
}
# One family for each way that a formula runs: element by element, over rows, over all pairs, of ratios, an activation
# of torch's, a softmax. The others are long, since each graph takes seconds; of each family some are always exported.
EACH_WAY: Final = ("regression-0", "classification-1", "embedding-1", "policy-0", "smooth-0", "normalized-0")


def one_each(families: Mapping[str, Sequence[Case]], ways: Sequence[str] = EACH_WAY) -> pytest.MarkDecorator:
    """Return the families as cases, those that stand for none of these ways long."""
    marks = {name: () if name.partition(" ")[0] in ways else (pytest.mark.long,) for name in families}
    return pytest.mark.parametrize(
        "cases", [pytest.param(cases, id=name, marks=marks[name]) for name, cases in families.items()]
    )


@pytest.fixture(autouse=True)
def _one_graph_each() -> None:
    torch.compiler.reset()


@pytest.fixture(autouse=True, scope="module")
def _nothing_stays() -> Iterator[None]:
    yield
    torch.compiler.reset()  # after each test too it would take seconds in all


def leaves(cases: Sequence[Case], rows: int, seed: int = 0) -> Given:
    return {str(case): case.leaves(torch.float32, rows=rows, seed=seed) for case in cases}


def called(cases: Sequence[Case], given: Given) -> list[Tensor]:
    return [case(given[str(case)]) for case in cases]


def slopes_of(cases: Sequence[Case], results: Sequence[Tensor], given: Given) -> list[Tensor]:
    """Return the gradients of all results at once, since compiled together they are one node of autograd."""
    upstreams = [some_weight(result.shape, result.dtype) for result in results]
    learned = [given[str(case)][name] for case in cases for name in case.learned()]
    return list(torch.autograd.grad(results, learned, upstreams))


def assert_all_near(came: Sequence[Tensor], wanted: Sequence[Tensor]) -> None:
    for one, other in zip(came, wanted, strict=True):
        assert_near(one, other, size=32)


# Long for all: `test_exported_with_a_batch_of_any_size` refuses a size that has become a constant, and where there are
# options their numbers change together with the first size in `test_two_graphs_are_enough_for_all_sizes_and_options`.
@one_each(FAMILIES, ())
def test_two_graphs_are_enough_for_all_sizes(cases: Sequence[Case]) -> None:
    graphs = dynamo_testing.CompileCounterWithBackend("eager")
    compiled = torch.compile(lambda given: called(cases, given), fullgraph=True, backend=graphs)
    for rows in SIZES:
        given = leaves(cases, rows)
        results = compiled(given)
        found = slopes_of(cases, results, given)
    wanted = called(cases, given)
    assert_all_near(results, wanted)
    assert_all_near(found, slopes_of(cases, wanted, given))
    assert graphs.frame_count <= 2, f"{graphs.frame_count} graphs for {len(SIZES)} sizes"


# Options


def option_values(option: Parameter) -> list[float]:
    """Return four numbers of its domain; 0 and 1, which torch takes for constants, are not among them."""
    return [-0.5, 0.25, 0.75, 0.9] if option.domain.low < 0 else [0.21, 0.32, 0.43, 0.54]


def times_its_options(case: Case, given: Inputs, options: Mapping[str, float]) -> Tensor:
    """Return the result, times every option: what torch bakes in wrongly is an option in two places."""
    result: Tensor = case.spec.function(**given, **options)
    for value in options.values():
        result = 2 * value * result
    return result


@one_each(WITH_OPTIONS)
def test_two_graphs_are_enough_for_all_sizes_and_options(cases: Sequence[Case]) -> None:
    """Assert also that no operator gets an option as a number that torch would bake into it."""
    baked, graphs = set(), []

    def backend(graph: torch.fx.GraphModule, _: object) -> Callable[..., Any]:
        for node in graph.graph.nodes:
            if (
                isinstance(node.meta.get("example_value"), torch.SymFloat | torch.SymBool)
                or node.target in tensorify.SUPPORTED_OPS
            ):
                continue
            given = (x for x in pytree.tree_leaves((node.args, node.kwargs)) if isinstance(x, torch.fx.Node))
            if node.op != "output" and any(isinstance(x.meta.get("example_value"), torch.SymFloat) for x in given):
                baked.add(str(node.target))
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(times_all_options, fullgraph=True, backend=backend)
    for step, rows in enumerate(SIZES):  # the second makes symbols of what has changed
        given, options = leaves(cases, rows), options_of(cases, min(step, 1))
        results = compiled(cases, given, options)
        found = slopes_of(cases, results, given)
    assert not baked
    wanted = times_all_options(cases, given, options)
    assert_all_near(results, wanted)
    assert_all_near(found, slopes_of(cases, wanted, given))
    assert len(graphs) <= 2, f"{len(graphs)} graphs for {len(SIZES)} sizes"


def options_of(cases: Sequence[Case], step: int) -> dict[str, dict[str, float]]:
    return {str(case): {p.name: option_values(p)[step] for p in numeric_options(case)} for case in cases}


def times_all_options(cases: Sequence[Case], given: Given, options: Mapping[str, Mapping[str, float]]) -> list[Tensor]:
    return [times_its_options(case, given[str(case)], options[str(case)]) for case in cases]


BRIEFLY: Final = ("regression-0", "normalized-0")


@one_each(WITH_OPTIONS, BRIEFLY)
def test_an_option_that_changes_is_never_stale(cases: Sequence[Case]) -> None:
    compiled = torch.compile(times_all_options, fullgraph=True, backend="aot_eager")
    for step in range(4):
        given, options = leaves(cases, 6), options_of(cases, step)
        results, wanted = compiled(cases, given, options), times_all_options(cases, given, options)
        assert_all_near(results, wanted)
        assert_all_near(slopes_of(cases, results, given), slopes_of(cases, wanted, given))


WEIGHT: Final = torch.linspace(-1, 1, 21).reshape(7, 3)
TARGETS: Final = torch.arange(6)
# Of what runs in blocks the number goes on as it is, without another graph for each.
UNMADE: Final[Mapping[str, Callable[[Tensor, float], Tensor]]] = {
    "info_nce": lambda h, t: losses.info_nce(h, h.detach().roll(1, 0), temperature=t),
    "nt_xent": lambda h, t: losses.nt_xent(h, h.detach().roll(1, 0), temperature=t),
    "triplets": lambda h, t: losses.batch_triplet(h, TARGETS // 2, margin=t, mining="semihard"),
    "smoothing": lambda h, p: losses.cross_entropy(LinearLogits(h, WEIGHT), TARGETS, label_smoothing=p, z_loss=p),
    "bends": lambda h, t: losses.cross_entropy(
        LinearLogits(h, WEIGHT, temperature=t, soft_cap=3 * t), TARGETS, reduction="none"
    ).sum(),
    "focal": lambda h, g: losses.softmax_focal(LinearLogits(h, WEIGHT), TARGETS, gamma=g),
    "distillation": lambda h, t: losses.distillation(
        LinearLogits(h, WEIGHT), LinearLogits(h.detach() ** 2, WEIGHT), TARGETS, temperature=t, alpha=t
    ),
}


@pytest.mark.parametrize("name", UNMADE)
def test_an_option_of_an_operator_travels(name: str) -> None:
    def body(hidden: Tensor, number: float) -> Tensor:
        return 2 * number * UNMADE[name](hidden, number)

    graphs = dynamo_testing.CompileCounterWithBackend("inductor" if name == "smoothing" else "aot_eager")
    compiled = torch.compile(body, fullgraph=True, backend=graphs)
    for number in (0.2, 0.3, 0.4, 0.5):
        hidden = torch.linspace(-1, 2, 18).sin().reshape(6, 3).requires_grad_()
        came, wanted = compiled(hidden, number), body(hidden, number)
        assert_near(came, wanted, size=8)
        for one, other in zip(*(torch.autograd.grad(x, hidden) for x in (came, wanted)), strict=True):
            assert_near(one, other, size=32)
    assert graphs.frame_count <= 2


def test_an_option_of_a_module_is_never_stale() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line_up, self.huber = losses.InfoNCE(), losses.Huber()

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return self.line_up.temperature * self.line_up(x, y) + self.huber.delta * self.huber(x, y)

    module = Both()
    compiled = torch.compile(module, fullgraph=True, backend="inductor")
    x, y = torch.linspace(-1, 2, 18).sin().reshape(6, 3), torch.linspace(1, 3, 18).cos().reshape(6, 3)
    for number in (0.2, 0.3, 0.4, 0.5):
        module.line_up.temperature = module.huber.delta = number
        assert_near(compiled(x, y), module(x, y), size=8)


SYMBOLS: Final[Mapping[str, Callable[[Tensor, float], Tensor]]] = {
    "clip": lambda x, s: s * losses.clip(x, x.roll(1, 0), s),
    "bradley_terry": lambda x, m: m * losses.bradley_terry(x[:, 0], x[:, 1], margin=m),
    "kto": lambda x, k: k * losses.kto(-x[:, 0].abs(), -x[:, 1].abs(), x[:, 2] > 0, k),
    "smooth_labels": lambda x, s: s * losses.smooth_labels(x[:, 0].abs().long(), 5, label_smoothing=s / 2),
    "dpo": lambda x, b: losses.dpo(*(-x.abs()).unbind(-1), beta=b),
    "swish": lambda x, b: activations.swish(x, beta=b),
    "softmax_focal": lambda x, g: losses.softmax_focal(x, torch.arange(5) % 4, gamma=g),
}


# Through autograd's graphs too, where a symbol of an option takes long; the others stop at torch.compile's own.
THROUGH_AUTOGRAD: Final = ("clip", "swish")


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        *((name, "aot_eager" if name in THROUGH_AUTOGRAD else "eager") for name in SYMBOLS),
        *(pytest.param(n, "aot_eager", marks=pytest.mark.long) for n in SYMBOLS if n not in THROUGH_AUTOGRAD),
    ],
)
def test_all_is_a_symbol_from_the_start(name: str, backend: str) -> None:
    compiled = torch.compile(SYMBOLS[name], dynamic=True, fullgraph=True, backend=backend)
    x = torch.linspace(-3, 2, 20).reshape(5, 4)
    for number in (0.1, 1.5, 0.7):
        assert_near(compiled(x, number), SYMBOLS[name](x, number), size=8)


# The same tensor twice


def twice(case: Case) -> list[str]:
    """Return the first inputs of one kind, which can be one tensor."""
    first = case.spec.inputs[0]
    return [i.name for i in case.spec.inputs if (i.shape, i.holds) == (first.shape, first.holds) and not i.optional]


TWICE: Final = {name: kept for name, cases in FAMILIES.items() if (kept := [c for c in cases if len(twice(c)) > 1])}


@one_each(TWICE)
def test_one_tensor_may_be_two_arguments(cases: Sequence[Case]) -> None:
    def every(given: Given) -> list[Tensor]:
        return [case({**given[str(case)], **dict.fromkeys(twice(case), one(case, given))}) for case in cases]

    def one(case: Case, given: Given) -> Tensor:
        tensor: Tensor = given[str(case)][twice(case)[0]]
        return tensor

    given = leaves(cases, 6)
    results, wanted = torch.compile(every, fullgraph=True, backend="aot_eager")(given), every(given)
    assert_all_near(results, wanted)
    learned = [one(case, given) for case in cases if twice(case)[0] in case.learned()]
    for came, expected in zip(
        *(torch.autograd.grad([x.sum() for x in r], learned) for r in (results, wanted)), strict=True
    ):
        assert_near(came, expected, size=8)


# Exported and recorded


class Every(nn.Module):
    """All of a family, as a module of tensors."""

    def __init__(self, cases: Sequence[Case]) -> None:
        super().__init__()
        self.cases = cases
        sample = leaves(cases, 6)
        self.rest = {
            name: {key: value for key, value in inputs.items() if not isinstance(value, Tensor)}
            for name, inputs in sample.items()
        }

    def forward(self, given: dict[str, dict[str, Tensor]]) -> list[Tensor]:
        return [case({**given[str(case)], **self.rest[str(case)]}) for case in self.cases]


def tensors(cases: Sequence[Case], rows: int, seed: int = 0) -> dict[str, dict[str, Tensor]]:
    given = {str(case): case.inputs(torch.float32, rows=rows, seed=seed) for case in cases}
    return {
        name: {key: value for key, value in inputs.items() if isinstance(value, Tensor)}
        for name, inputs in given.items()
    }


def grows(case: Case, name: str) -> bool:
    """Whether an input has a row more where the batch has."""
    shapes = [case.inputs(torch.float32, rows=rows)[name].shape[:1] for rows in (9, 10)]
    return shapes[0] != shapes[1]


@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.long)], ids=["export", "strict"])
@one_each(FAMILIES, [name for name in FAMILIES if name.endswith("-0")])
def test_exported_with_a_batch_of_any_size(cases: Sequence[Case], strict: bool) -> None:  # noqa: FBT001
    given, module = tensors(cases, 9), Every(cases)
    sizes = {
        str(case): {name: {0: export.Dim.DYNAMIC} if grows(case, name) else None for name in given[str(case)]}
        for case in cases
    }
    program = torch.export.export(module, (given,), dynamic_shapes=(sizes,), strict=strict).module()
    for rows in OTHERS:
        other = tensors(cases, rows, seed=1)
        assert_all_near(program(other), module(other))


@one_each(FAMILIES, BRIEFLY)
def test_recorded_by_make_fx_with_symbolic_sizes(cases: Sequence[Case]) -> None:
    module = Every(cases)

    def values_and_slopes(given: dict[str, dict[str, Tensor]]) -> list[Tensor]:
        inputs: Given = {
            str(c): {n: t.detach().requires_grad_() if n in c.learned() else t for n, t in given[str(c)].items()}
            for c in cases
        }
        results = module(inputs)
        learned = [inputs[str(case)][name] for case in cases for name in case.learned()]
        return [*results, *torch.autograd.grad([result.square().sum() for result in results], learned)]

    program = proxy_tensor.make_fx(values_and_slopes, tracing_mode="symbolic")(tensors(cases, 9))
    for rows in OTHERS:
        other = tensors(cases, rows, seed=1)
        assert_all_near(program(other), values_and_slopes(other))


@pytest.mark.filterwarnings("ignore:.*The axis name")  # two inputs have one batch
@pytest.mark.parametrize("exact", [False, pytest.param(True, marks=pytest.mark.long)], ids=["default", "exact"])
def test_every_activation_to_onnx_with_a_batch_of_any_size(exact: bool) -> None:  # noqa: FBT001
    class Every(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            modules = [(spec, spec.module()) for spec in CATALOG if spec.kind == "activation" and spec.module]
            self.of_one = nn.ModuleList([m for spec, m in modules if len(spec.inputs) == 1 or spec.name == "prelu"])
            self.of_two = nn.ModuleList([m for spec, m in modules if spec.family == "gated"])
            self.block = activations.GatedFFN(8)

        def forward(self, x: Tensor, y: Tensor) -> list[Tensor]:
            return [*(m(x) for m in self.of_one), *(m(x, y) for m in self.of_two), self.block(x)]

    module = Every().eval()
    x = torch.linspace(-4, 4, 40).reshape(5, 8)
    with slopes.exact(exact), torch.no_grad():
        sizes = {0: export.Dim("batch", min=2)}
        file = io.BytesIO()
        program = torch.onnx.export(module, (x, x + 1), dynamo=True, dynamic_shapes=(sizes, sizes), verbose=False)
        assert program is not None
        program.save(file)
        session = onnxruntime.InferenceSession(file.getvalue())
        names = [i.name for i in session.get_inputs()]
        for rows in OTHERS:
            x = torch.linspace(-5, 5, 8 * rows).reshape(rows, 8)
            came = session.run(None, dict(zip(names, (x.numpy(), (x + 1).numpy()), strict=True)))
            for one, other in zip(came, module(x, x + 1), strict=True):
                torch.testing.assert_close(torch.from_numpy(one), other)  # the exponential is onnxruntime's own


# Traced

UNTRACED: Final = ("mask_tokens", *families.sequence("DRAWS"))  # draw


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # what checks read of the example
def test_traced_by_jit_it_is_right_for_other_sizes_or_refused() -> None:
    refused = set()
    for case in CASES:
        if case.spec.name in UNTRACED:
            continue
        given = case.inputs(torch.float32, rows=9)
        names = [name for name, value in given.items() if isinstance(value, Tensor)]

        def call(*values: Tensor, case: Case = case, names: Sequence[str] = names, given: Inputs = given) -> Any:  # noqa: ANN401
            return tuple(pytree.tree_leaves(case(given | dict(zip(names, values, strict=True)))))

        try:
            traced = torch.jit.trace(call, tuple(given[name] for name in names), check_trace=False)
        except TransformError as error:
            assert "torch.export" in str(error)  # noqa: PT017
            refused.add(case.spec.name)
            continue
        other = case.inputs(torch.float32, rows=4, seed=1)
        values = [other[name] for name in names]
        for one, other in zip(traced(*values), call(*values), strict=True):
            assert (
                torch.equal(one, other) if not other.is_floating_point() else assert_near(one, other, size=32) is None
            )
    assert refused >= {case.spec.name for case in CASES if case.spec.reduces}


def test_every_function_is_a_leaf_of_symbolic_trace() -> None:
    for spec in CATALOG:
        room = activations if spec.kind == "activation" else losses
        required = [
            p.name for p in inspect.signature(spec.function).parameters.values() if p.default is inspect.Parameter.empty
        ]
        source = f"lambda {', '.join(required)}: room.{spec.name}({', '.join(required)})"
        graph = torch.fx.symbolic_trace(eval(source, {"room": room})).graph  # noqa: S307  a function of these arguments
        assert [n.target for n in graph.nodes if n.op == "call_function"] == [spec.function], spec.name


def test_every_module_is_made_of_leaves() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.loss, self.classes = activations.SwiGLU(), losses.Huber(delta=2.0), losses.CrossEntropy()

        def forward(self, x: Tensor, y: Tensor, t: Tensor) -> Tensor:
            h = self.gate(x, activations.silu(y))
            return self.loss(h, y) + self.classes(h, t)

    given = torch.linspace(-1, 1, 15).reshape(5, 3), torch.linspace(2, 1, 15).reshape(5, 3), torch.arange(5) % 3
    traced = torch.fx.symbolic_trace(Model())
    assert_near(traced(*given), Model()(*given))
    functions = [n.target for n in traced.graph.nodes if n.op == "call_function"]
    assert {activations.swiglu, losses.huber, losses.cross_entropy} <= set(functions)


def test_a_function_that_is_looked_into_says_how_to_make_it_a_leaf() -> None:
    from slopes.losses import mse  # noqa: PLC0415  by a name of its own, as a user has it

    with pytest.raises(TransformError, match=r"torch\.fx\.wrap\('mse'\)"):
        torch.fx.symbolic_trace(mse)
