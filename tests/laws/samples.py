"""Inputs for every function of the catalogue, made from its `Spec`; and the variants that each comes in.

A `Case` is a function with some options. Its inputs follow from `Spec.inputs`: dimension names become sizes, and
what the values mean becomes a distribution. What a `Spec` cannot say stands in the tables here; a test says when one
is missing.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from tests import families
from tests.accuracy import assert_close_to_scale
from torch import Tensor

from slopes._core.spec import Input, Spec
from slopes.catalog import CATALOG

Inputs = dict[str, Any]

ROWS: Final = 6
SIZES: Final = {"C": 4, "D": 3, "Q": 2, "T": 4, "V": 5} | families.mapping("SIZES")
BY_ROW: Final = ("...", "N", "B")

# Positional arguments that are no tensors.
ARGUMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "quantile": {"quantiles": (0.1, 0.75)},
    "smooth_labels": {"classes": SIZES["C"]},
    "mask_tokens": {"mask_id": SIZES["V"] - 1, "vocabulary": SIZES["V"]},
    **families.mapping("ARGUMENTS"),
}
# Options that every row has in common.
SHARED: Final = {"class_weight", "pos_weight", *families.sequence("SHARED")}
# Losses whose rows see each other, so that a loss of half of them is not half of the loss.
COUPLED: Final = ("batch_triplet", "clip", "nt_xent", *families.sequence("COUPLED"))
# Losses whose class weights are within a row, and do not divide the mean over rows.
WITHIN: Final = families.sequence("WITHIN")
# Optional inputs that stay out of the default; a variant has them.
IN_A_VARIANT: Final = ("attention_mask",)
# Losses with a mask over the tokens, of which the first is never predicted.
OVER_TOKENS: Final = ("next_token", "sft")
# Tools that return something with a gradient.
TOOLS_WITH_A_SLOPE: Final = (
    "perplexity",
    "sequence_log_prob",
    "token_log_probs",
    *families.sequence("TOOLS_WITH_A_SLOPE"),
)
# Means over something else than the entries of the unreduced loss.
MEAN_OVER_SOMETHING_ELSE: Final = {"batch_triplet": "triplets", **families.mapping("MEAN_OVER_SOMETHING_ELSE")}
# Inputs that their dimension names and meanings do not make: what turns a sample into one that the function takes.
SAMPLES: Final[Mapping[str, Callable[[Inputs], Inputs]]] = families.mapping("SAMPLES")


@dataclass(frozen=True)
class Case:
    """A function of the catalogue with some options.

    Attributes:
        spec: What the function promises.
        label: Names the variant; empty for the default.
        options: Keyword-only arguments that do not depend on the inputs.
        change: Turns the sampled inputs into those of this variant.
        is_derivative: Whether what comes back from autograd is the derivative of the value.
    """

    spec: Spec
    label: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Inputs], Inputs] = lambda inputs: inputs
    is_derivative: bool = True

    def __str__(self) -> str:
        return f"{self.spec.name}-{self.label}" if self.label else self.spec.name

    def __call__(self, inputs: Inputs, **keywords: Any) -> Tensor:  # noqa: ANN401
        result: Tensor = self.spec.function(**inputs, **self.options, **keywords)
        return result

    def unreduced(self, inputs: Inputs, **keywords: Any) -> Tensor:  # noqa: ANN401
        """Return one number for each entry, whether the function reduces or not."""
        return self(inputs, **keywords, **({"reduction": "none"} if self.spec.reduces else {}))

    def inputs(
        self,
        dtype: torch.dtype = torch.float64,
        rows: int = ROWS,
        seed: int = 0,
        spread: float = 1.0,
        **sizes: int,
    ) -> Inputs:
        """Return fresh inputs; `sizes` replaces those of the dimension names."""
        generator = torch.Generator().manual_seed(seed)
        given = [i for i in self.spec.inputs if i.name not in IN_A_VARIANT]
        sampled: Inputs = {i.name: _sample(i, rows, SIZES | sizes, generator, spread) for i in given}
        sampled |= ARGUMENTS.get(self.spec.name, {})
        changed = self.change(SAMPLES.get(self.spec.name, dict)(sampled))
        return {name: _cast(value, dtype) for name, value in changed.items()}

    def weights_shape(self, inputs: Inputs) -> torch.Size:
        """Return the shape of `mask` and `weight`."""
        return inputs["token_ids"].shape if self.spec.name in OVER_TOKENS else self.unreduced(inputs).shape

    def over_entries(self, weights: Tensor) -> Tensor:
        """Return what a mask or a weight says of each entry of the unreduced loss."""
        return weights[:, 1:] if self.spec.name in OVER_TOKENS else weights

    def counts(self, inputs: Inputs) -> Tensor:
        """Return what each entry counts for in the divisor of a mean, before mask and weight."""
        if self.spec.name in OVER_TOKENS:
            return _between_real_tokens(inputs)
        if "class_weight" in inputs and self.spec.name not in WITHIN:
            return inputs["class_weight"][inputs["targets"]]
        if "ignore_index" in self.options:
            labels = inputs["labels" if self.spec.name == "masked_lm" else "targets"]
            return (labels != self.options["ignore_index"]).double()
        return torch.ones(self.unreduced(inputs).shape, dtype=torch.float64)

    def by_row(self, inputs: Inputs) -> list[str]:
        """Return the names of the inputs with one row for each row of the result."""
        fixed = {i.name for i in self.spec.inputs if not i.shape or i.shape[0] not in BY_ROW} | SHARED
        return [name for name, value in inputs.items() if isinstance(value, Tensor) and name not in fixed]

    def learned(self) -> list[str]:
        """Return the names of the inputs that have a gradient."""
        return list(_learned(self))

    def leaves(self, dtype: torch.dtype = torch.float64, **sample: Any) -> Inputs:  # noqa: ANN401
        """Return inputs, those that are learned as leaves of a graph."""
        return on_graph(self.inputs(dtype, **sample), self.learned())


def on_graph(inputs: Inputs, names: Sequence[str]) -> Inputs:
    """Return the inputs with fresh leaves for those names."""
    return {name: value.detach().clone().requires_grad_() if name in names else value for name, value in inputs.items()}


def gradients(result: Tensor, inputs: Inputs, names: Sequence[str], upstream: Tensor | None = None) -> list[Tensor]:
    """Return the gradients by the named inputs, for an upstream gradient of ones by default."""
    upstream = torch.ones_like(result) if upstream is None else upstream
    return list(torch.autograd.grad(result, [inputs[name] for name in names], upstream))


@functools.cache
def _learned_by_label(name: str, label: str) -> tuple[str, ...]:
    case = next(c for c in CASES if (c.spec.name, c.label) == (name, label))
    inputs = case.inputs()
    floating = [n for n, v in inputs.items() if isinstance(v, Tensor) and v.is_floating_point()]
    floating = [n for n in floating if n not in REFUSE_A_GRADIENT.get(name, ())]
    inputs = on_graph(inputs, floating)
    result = case.unreduced(inputs)
    if not result.requires_grad:
        return ()
    found = torch.autograd.grad(result.sum(), [inputs[n] for n in floating], allow_unused=True)
    return tuple(n for n, slope in zip(floating, found, strict=True) if slope is not None)


def _learned(case: Case) -> tuple[str, ...]:
    return _learned_by_label(case.spec.name, case.label)


def _sample(of: Input, rows: int, sizes: Mapping[str, int], generator: torch.Generator, spread: float) -> Any:  # noqa: ANN401
    shape = _shape(of, rows, sizes)
    if of.holds in ("class_index", "token", "label", "length"):
        return torch.randint(_count(of, rows, sizes), shape, generator=generator)
    if of.holds == "boolean":
        return torch.rand(shape, generator=generator) < 0.5
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
    normal = spread * torch.randn(shape, generator=generator, dtype=torch.float64)
    if of.holds == "log_distribution":
        return torch.log_softmax(normal, -1) if normal.dim() else normal
    made: dict[str, Callable[[], Tensor]] = {
        "real": lambda: normal,
        "positive": lambda: 0.1 + uniform,
        "nonzero": lambda: torch.where(normal < 0, -1, 1) * (0.1 + uniform),
        "above_minus_one": lambda: 2 * uniform - 0.9,
        "probability": lambda: uniform,
        "hard_label": uniform.round,
        "sign": lambda: 2 * uniform.round() - 1,
        "log_probability": lambda: -0.1 - 2 * spread * uniform,
        "count": (5 * uniform).floor,
    }
    return made[of.holds]()


def _shape(of: Input, rows: int, sizes: Mapping[str, int]) -> list[int]:
    named = {"...": rows, "N": rows, "B": rows, "M": rows + 2, "T+1": sizes["T"] + 1, **sizes}
    return [int(name) if name.isdigit() else named[name] for name in of.shape]


def _count(of: Input, rows: int, sizes: Mapping[str, int]) -> int:
    if of.holds in ("label", "length"):
        return 3
    if of.holds == "token":
        return sizes["V"]
    return rows + 2 if of.shape == ("N",) else sizes["C"]  # a class, or for a line-up the row of a key


def _cast(value: Any, dtype: torch.dtype) -> Any:  # noqa: ANN401
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def _soft(inputs: Inputs) -> Inputs:
    """Return distributions for targets: those of the logits, shifted by one class."""
    return inputs | {"targets": torch.softmax(0.7 * inputs["logits"].roll(1, -1), -1)}


def _padding(inputs: Inputs) -> Tensor:
    """Return an attention mask: rows that are whole, and padded on the left, on the right, on both sides."""
    rows, tokens = inputs["token_ids"].shape
    place, row = torch.arange(tokens), torch.arange(rows).unsqueeze(-1)
    return (place >= row % 2) & (place < tokens - row // 2 % 2)


def _between_real_tokens(inputs: Inputs) -> Tensor:
    """Return 1 for each token that is predicted: in the response, if there is one, and from a real token."""
    real = inputs.get("attention_mask", torch.ones_like(inputs["token_ids"], dtype=torch.bool))
    asked = inputs.get("response_mask", torch.ones_like(real))
    return (asked[:, 1:] & real[:, 1:] & real[:, :-1]).double()


def _packed(inputs: Inputs) -> Inputs:
    return {"value": torch.stack([inputs["value"], inputs["gate"]], -1)}


def _masked_row(inputs: Inputs) -> Inputs:
    mask = torch.ones_like(inputs["x"], dtype=torch.bool)
    mask[:, 0] = False
    mask[1:2] = False
    return inputs | {"mask": mask}


def _with(**more: Callable[[Inputs], Any]) -> Callable[[Inputs], Inputs]:
    return lambda inputs: inputs | {name: make(inputs) for name, make in more.items()}


def _row_of(name: str) -> Callable[[Inputs], Tensor]:
    """Return a maker of one positive number for each entry of the last dimension of an input."""
    return lambda inputs: torch.linspace(0.5, 2.0, inputs[name].shape[-1], dtype=torch.float64)


def _by_label(inputs: Inputs) -> Inputs:
    """Return two labels for each row, and a weight for each label."""
    logits, targets = (torch.stack([inputs[name], inputs[name].roll(1)], -1) for name in ("logits", "targets"))
    return {"logits": logits, "targets": targets, "pos_weight": torch.tensor([0.5, 2.0], dtype=torch.float64)}


_PADDED: Final = ("padded", {}, _with(attention_mask=_padding))
_CLASS_WEIGHT: Final = _with(class_weight=_row_of("logits"))

# Further variants, where defaults and the choices that a Spec lists do not reach all there is.
VARIANTS: Final[Mapping[str, Sequence[tuple[str, Mapping[str, Any], Callable[[Inputs], Inputs] | None]]]] = {
    "leaky_relu": [("steep", {"slope": 0.3}, None)],
    "elu": [("deep", {"alpha": 1.5}, None)],
    "softplus": [("sharp", {"beta": 1.75}, None)],
    "swish": [
        ("sharp", {"beta": 1.75}, None),
        ("turned", {"beta": -0.5}, None),
        ("learned", {}, _with(beta=lambda i: 0.5 + i["x"].detach().abs())),
    ],
    "softmax": [
        ("cool", {"temperature": 0.5}, None),
        ("masked", {}, _masked_row),
        ("sink", {"temperature": 0.5}, _with(sink=lambda i: i["x"][0, :1].clone())),
    ],
    "log_softmax": [
        ("cool", {"temperature": 0.5}, None),
        ("sink", {}, _with(sink=lambda i: i["x"][0, :1].clone())),
    ],
    "glu": [("packed", {}, _packed), ("packed-first", {"gate_half": "first"}, _packed)],
    "swiglu": [
        ("packed", {"gate_half": "first"}, _packed),
        ("clamped", {"limit": 0.8, "alpha": 1.702, "shift": 1.0}, None),
    ],
    "geglu": [("packed", {}, _packed), ("packed-first", {"gate_half": "first"}, _packed)],
    "huber": [("narrow", {"delta": 0.3}, None)],
    "smooth_l1": [("narrow", {"beta": 0.3}, None)],
    "gaussian_nll": [("full", {"full": True}, None)],
    "binary_cross_entropy": [
        ("weighted", {"pos_weight": 3.0}, None),
        ("by-label", {}, _by_label),
        ("smoothed", {"pos_weight": 3.0, "label_smoothing": 0.2}, None),
        ("smoothed-by-label", {"label_smoothing": 0.2}, _by_label),
    ],
    "focal": [("gentle", {"gamma": 0.5, "alpha": 0.25}, None), ("none", {"gamma": 0.0}, None)],
    "asymmetric": [("symmetric", {"gamma_negative": 0.5, "gamma_positive": 0.5, "clip": 0.0}, None)],
    "hinge": [("wide", {"margin": 3.0}, None)],
    "cross_entropy": [
        ("smoothed", {"label_smoothing": 0.2}, None),
        ("others", {"label_smoothing": 0.2, "smooth_over": "others"}, None),
        ("soft", {}, _soft),
        ("soft-smoothed", {"label_smoothing": 0.2}, _soft),
        ("ignoring", {"ignore_index": 1}, None),
        ("class-weight", {}, _CLASS_WEIGHT),
        ("class-weight-smoothed", {"label_smoothing": 0.2}, _CLASS_WEIGHT),
        ("normalised", {"z_loss": 0.3}, _CLASS_WEIGHT),
        ("soft-normalised", {"z_loss": 0.3, "label_smoothing": 0.2}, _soft),
    ],
    "softmax_focal": [
        ("gentle", {"gamma": 0.5}, None),
        ("ignoring", {"ignore_index": 1}, None),
        ("class-weight", {}, _CLASS_WEIGHT),
    ],
    "multiclass_hinge": [("narrow-ignoring", {"margin": 0.3, "ignore_index": 1}, None)],
    "next_token": [("normalised", {"z_loss": 0.3, "label_smoothing": 0.2}, None), _PADDED],
    "masked_lm": [
        ("ignoring", {"ignore_index": 2}, None),
        ("normalised", {"z_loss": 0.3, "label_smoothing": 0.2}, None),
    ],
    "sft": [("normalised", {"z_loss": 0.3, "label_smoothing": 0.2}, None), _PADDED],
    "perplexity": [_PADDED],
    "token_log_probs": [_PADDED],
    "token_scores": [_PADDED],
    "triplet": [("wide", {"margin": 2.0}, None)],
    "contrastive": [("wide", {"margin": 4.0}, None)],
    "cosine_embedding": [("wide", {"margin": -0.5}, None)],
    "ipo": [("dear", {"beta": 0.7}, None)],
    "orpo": [("heavy", {"lam": 2.0}, None)],
    "ppo": [("wide", {"clip": 0.9}, None)],
    "value_clip": [("narrow", {"clip": 0.01}, None)],
    "info_nce": [("bare", {"normalize": False, "temperature": 0.7}, None)],
    "clip": [("bare", {"normalize": False}, None)],
    "nt_xent": [("bare", {"normalize": False, "temperature": 0.7}, None)],
    "batch_triplet": [
        ("semihard-cosine", {"mining": "semihard", "distance": "cosine"}, None),
        ("all-active", {"mining": "all", "average_over": "active", "distance": "squared", "margin": 0.5}, None),
    ],
    "bradley_terry": [("margin", {}, _with(margin=lambda i: i["chosen"].abs() / 2))],
    "sequence_log_prob": [("average", {"average": True}, None), _PADDED],
    "distillation": [
        ("ignoring", {"ignore_index": 1}, None),
        ("reverse-warm", {"direction": "reverse", "temperature": 1.0, "alpha": 0.1}, None),
    ],
    "dpo": [("smoothed", {"label_smoothing": 0.1, "beta": 0.7}, None)],
    "kto": [("unequal", {"desirable_weight": 2.0, "undesirable_weight": 0.5, "beta": 0.7}, None)],
    "kl_penalty": [
        ("k1-as-loss", {"estimator": "k1", "as_loss": True}, None),
        ("k2-as-loss", {"estimator": "k2", "as_loss": True}, None),
        ("k3-as-loss", {"estimator": "k3", "as_loss": True}, None),
    ],
    **families.mapping("VARIANTS"),
}
# Gradients that are those of something else than the value, and why.
NOT_THE_DERIVATIVE: Final = {
    "kl_penalty-k1-as-loss": "the gradient is that of the divergence that the value estimates",
    "kl_penalty-k3-as-loss": "likewise",
    **families.mapping("NOT_THE_DERIVATIVE"),
}
# Inputs that a function takes only without a gradient.
REFUSE_A_GRADIENT: Final = {
    "focal": ("targets",),
    "asymmetric": ("targets",),
    "hinge": ("targets",),
    "cross_entropy": ("class_weight",),
    "softmax_focal": ("class_weight",),
    **families.mapping("REFUSE_A_GRADIENT"),
}


def _cases_of(spec: Spec) -> list[Case]:
    cases = [Case(spec, is_derivative=spec.name not in NOT_THE_DERIVATIVE)]
    named = inspect.signature(spec.function).parameters
    for parameter in spec.parameters:
        others = [choice for choice in parameter.choices if choice != parameter.default]
        if parameter.name in named and parameter.choices != ("True", "False"):
            cases += [Case(spec, choice, {parameter.name: choice}) for choice in others]
    for label, options, change in VARIANTS.get(spec.name, ()):
        more = {} if change is None else {"change": change}
        whole = f"{spec.name}-{label}" not in NOT_THE_DERIVATIVE
        cases.append(Case(spec, label, options, is_derivative=whole, **more))
    return cases


CASES: Final = tuple(case for spec in CATALOG for case in _cases_of(spec))
LOSSES: Final = tuple(case for case in CASES if case.spec.reduces)
ACTIVATIONS: Final = tuple(case for case in CASES if case.spec.kind == "activation")
DIFFERENTIABLE: Final = (
    *LOSSES,
    *ACTIVATIONS,
    *(case for case in CASES if case.spec.name in TOOLS_WITH_A_SLOPE),
)
ONE_EACH: Final = tuple(case for case in DIFFERENTIABLE if not case.label)


def assert_near(came: Tensor, wanted: Tensor, *, terms: Tensor | None = None, size: int = 1) -> None:
    """Assert closeness in units of the largest magnitude, at least 1, of what was wanted or of its terms."""
    assert came.shape == wanted.shape
    if came.numel():
        largest = max(1.0, *(float(t.detach().abs().max()) for t in (wanted, terms) if t is not None))
        assert_close_to_scale(came, wanted.detach().double(), largest, size=size)


def some_weight(shape: Sequence[int], dtype: torch.dtype = torch.float64) -> Tensor:
    """Return weights from 0.25 to 2, no two alike."""
    return torch.linspace(0.25, 2.0, math.prod(shape), dtype=dtype).reshape(tuple(shape))


def strided(value: Any) -> Any:  # noqa: ANN401
    """Return the same numbers with other numbers between them in memory."""
    if not isinstance(value, Tensor) or value.dim() == 0:
        return value
    filler = torch.full_like(value, 7) if value.dtype != torch.bool else ~value
    return torch.stack([filler, value], -1).flatten(-2)[..., 1::2]
