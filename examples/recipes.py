"""Recipes in a plain PyTorch loop: head, loss, calibration, prediction and metrics that belong together, and why.

    python examples/recipes.py
    python examples/recipes.py --data digits
    python examples/recipes.py --data diabetes

The data come with scikit-learn; nothing is downloaded. The network and its loop are ordinary; whatever depends on the
task comes from the recipe: it reads the training targets, calibrates on validation rows, and is judged on held-out rows
that neither has seen. These are few, so that one split says little: the metrics are means over several.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import statistics
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from tqdm import tqdm

from slopes.recipes import Binary, Cost, MultiLabel, QuantileRegression, Reason

TaskRecipe = Binary | MultiLabel | QuantileRegression

EPOCHS: Final = 60
SMALL_EPOCHS: Final = 10
SPLITS: Final = 10
SMALL_SPLITS: Final = 2
WIDTH: Final = 64
LEVELS: Final = (0.1, 0.5, 0.9)
COST: Final = Cost(false_positive=1.0, false_negative=10.0)
LABELS: Final = {
    "loop": (0, 6, 8, 9),
    "even": (0, 2, 4, 6, 8),
    "prime": (2, 3, 5, 7),
    "straight": (1, 4, 7),
    "eight": (8,),
}
"""What is asked about a digit, and the digits for which the answer is yes."""

WRAP: Final = 100
ROUNDING: Final = 1e-6
CAVEAT: Final = (
    "±: standard error of the mean change over the splits. They share rows, so that it is somewhat too small; a change "
    "of less than two of them is none that this can show."
)
DIRECTIONS: Final = {
    "mean_cost": "lower",
    "cost_in_theory": "lower",
    "f1": "higher",
    "balanced_accuracy": "higher",
    "macro_f1": "higher",
    "micro_f1": "higher",
    "mean_average_precision": "higher",
    "auroc": "higher",
    "log_loss": "lower",
    "brier": "lower",
    "calibration_error": "lower",
    "coverage": f"{LEVELS[-1] - LEVELS[0]:.2f}",
    "width": "lower",
    "pinball": "lower",
    "mae": "lower",
    "rmse": "lower",
    "r2": "higher",
}
"""The metrics that are printed, in this order, and which way is better."""


@dataclass(frozen=True)
class Part:
    """Features `[N, F]`, standardised as the training rows are, and targets `[N]` or `[N, K]`."""

    features: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Data:
    """Three parts without a row in common."""

    train: Part
    validation: Part
    held_out: Part


@dataclass(frozen=True)
class Outcome:
    """One split: the recipe before and after calibration, its metrics on held-out rows, and those rows."""

    recipe: TaskRecipe
    calibrated: TaskRecipe
    before: dict[str, float]
    after: dict[str, float]
    raw: Tensor
    targets: Tensor


def breast_cancer(seed: int) -> tuple[Data, Binary]:
    """Return tumours to be called malignant (1) or benign (0), and their recipe."""
    features, benign = load_breast_cancer(return_X_y=True)
    data = split(features, torch.tensor(1 - benign), groups=benign, seed=seed)
    # So mild an imbalance it would leave alone. The weight is asked for to see it taken off the probabilities again.
    return data, Binary.from_targets(data.train.targets, weighted=True)


def digits(seed: int) -> tuple[Data, MultiLabel]:
    """Return handwritten digits with a label of 0 or 1 for each question in `LABELS`, and their recipe."""
    features, digit = load_digits(return_X_y=True)
    answers = np.stack([np.isin(digit, having) for having in LABELS.values()], axis=1)
    data = split(features, torch.tensor(answers), groups=digit, seed=seed)
    return data, MultiLabel.from_targets(data.train.targets, labels=tuple(LABELS))


def diabetes(seed: int) -> tuple[Data, QuantileRegression]:
    """Return patients with a measure of their disease a year later, and the recipe for an interval around it."""
    features, progression = load_diabetes(return_X_y=True)
    data = split(features, torch.tensor(progression, dtype=torch.float32), groups=None, seed=seed)
    return data, QuantileRegression.from_targets(data.train.targets, levels=LEVELS)


DATA: Final[dict[str, Callable[[int], tuple[Data, TaskRecipe]]]] = {
    "breast_cancer": breast_cancer,
    "digits": digits,
    "diabetes": diabetes,
}


def split(features: np.ndarray, targets: Tensor, *, groups: np.ndarray | None, seed: int) -> Data:
    """Return half of the rows to train, a quarter to validate, a quarter held out; each group in its natural share."""
    rows = np.arange(len(targets))
    train, rest = train_test_split(rows, test_size=0.5, stratify=groups, random_state=seed)
    rest_groups = None if groups is None else groups[rest]
    validation, held_out = train_test_split(rest, test_size=0.5, stratify=rest_groups, random_state=seed)
    standard = torch.tensor(StandardScaler().fit(features[train]).transform(features), dtype=torch.float32)
    return Data(*(Part(standard[part], targets[part]) for part in (train, validation, held_out)))


def train(network: nn.Module, part: Part, recipe: TaskRecipe, *, epochs: int, name: str) -> None:
    """Train a network under the recipe's loss, in a loop like anybody's."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    with tqdm(range(epochs), desc=name, unit="epoch", leave=False, disable=None) as progress:  # None: on a terminal
        for _ in progress:
            for rows in torch.randperm(len(part.targets)).split(32):
                value = recipe.loss(network(part.features[rows]), part.targets[rows])
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
            progress.set_postfix(loss=f"{value.item():.4f}")


def calibrate(recipe: TaskRecipe, raw: Tensor, targets: Tensor) -> TaskRecipe:
    """Return the recipe with what validation rows tell: temperature and thresholds, or the interval's correction."""
    if isinstance(recipe, Binary):
        return recipe.calibrated(raw, targets, metric=COST)
    return recipe.calibrated(raw, targets)


def mean_cost(decision: Tensor, truth: Tensor) -> float:
    """Return what wrong decisions cost, as a mean over the rows."""
    alarms = ((decision == 1) & (truth == 0)).sum().item() * COST.false_positive
    misses = ((decision == 0) & (truth == 1)).sum().item() * COST.false_negative
    return (alarms + misses) / len(truth)


def measure(recipe: TaskRecipe, raw: Tensor, targets: Tensor) -> dict[str, float]:
    """Return the recipe's metrics; for tumours beside them the mean cost, at its threshold and at that of theory."""
    metrics = recipe.score(raw, targets)
    if isinstance(recipe, Binary):
        in_theory = dataclasses.replace(recipe, threshold=COST.threshold)
        metrics["mean_cost"] = mean_cost(recipe.predict(raw).decision, targets)
        metrics["cost_in_theory"] = mean_cost(in_theory.predict(raw).decision, targets)
    return metrics


def run(name: str, *, epochs: int, seed: int) -> Outcome:
    """Train on one split, calibrate on its validation rows, measure on its held-out rows."""
    torch.manual_seed(seed)
    data, recipe = DATA[name](seed)
    features = data.train.features.shape[1]
    network = nn.Sequential(nn.Linear(features, WIDTH), nn.GELU(), recipe.head(WIDTH))
    train(network, data.train, recipe, epochs=epochs, name=f"{name}, split {seed}")
    with torch.no_grad():
        validation, held_out = network(data.validation.features), network(data.held_out.features)
    calibrated = calibrate(recipe, validation, data.validation.targets)
    return Outcome(
        recipe=recipe,
        calibrated=calibrated,
        before=measure(recipe, held_out, data.held_out.targets),
        after=measure(calibrated, held_out, data.held_out.targets),
        raw=held_out,
        targets=data.held_out.targets,
    )


def print_reasons(title: str, reasons: Sequence[Reason]) -> None:
    """Print what was chosen and why."""
    print(f"\n{title}")
    for reason in reasons:
        because = textwrap.indent(textwrap.fill(reason.because, WRAP - 6), "      ")
        print(f"  - {reason.choice}\n{because}")


def print_metrics(outcomes: Sequence[Outcome]) -> None:
    """Print the held-out metrics before and after calibration, as means over the splits."""
    print(f"\nHeld-out rows of {len(outcomes)} splits     before     after             change   better")
    for name, better in DIRECTIONS.items():
        if name not in outcomes[0].before:
            continue
        before, after = [o.before[name] for o in outcomes], [o.after[name] for o in outcomes]
        changes = [late - early for early, late in zip(before, after, strict=True)]
        change, error = statistics.mean(changes), statistics.stdev(changes) / math.sqrt(len(changes))
        shown = f"{change:>+9.2g} ± {error:<7.2g}" if max(map(abs, changes)) > ROUNDING else f"{'none':>9} {'':<9}"
        means = f"{statistics.mean(before):>9.4g} {statistics.mean(after):>9.4g}"
        print(f"  {name:<24} {means} {shown}   {better}")


def explain(recipe: TaskRecipe, rows: int) -> str:
    """Return how to read the table."""
    if isinstance(recipe, Binary):
        return (
            f"mean_cost: a missed tumour costs {COST.false_negative:g}, a false alarm {COST.false_positive:g}, so that "
            f"one missed tumour in a split moves its mean by {COST.false_negative / rows:.3f}. cost_in_theory: the "
            f"same at a threshold of {COST.threshold:.3f}, which needs no tuning where probabilities are honest. F1 "
            f"was not aimed at: at ten to one false alarms are cheap. A temperature keeps the order of the rows, and "
            f"with it the AUROC."
        )
    if isinstance(recipe, MultiLabel):
        return (
            "Plain accuracy is left out: no to everything would be right for two labels in three. Each threshold is "
            "tuned for the F1 of its label; one temperature keeps the order of the rows, and with it each label's "
            "AUROC."
        )
    promised = recipe.coverage
    noise = math.sqrt(promised * (1 - promised) / rows)
    return (
        f"coverage: the share of targets inside the interval; {promised:.0%} were promised. On the {rows} rows of one "
        f"split it is good to about {noise:.1%}. Width, pinball, MAE and RMSE are in the target's unit. The "
        f"correction moves the interval's ends and leaves the quantiles alone, so that the rest stays."
    )


def print_predictions(recipe: TaskRecipe, raw: Tensor, targets: Tensor) -> None:
    """Print what the calibrated recipe says of a few held-out rows."""
    print("\nThe first held-out rows, calibrated")
    if isinstance(recipe, Binary):
        probability, decision = recipe.predict(raw)
        for p, d, truth in zip(probability, decision, targets, strict=True):
            print(f"  malignant with probability {p:.4f}: {'yes' if d else 'no':<3}   (is {'yes' if truth else 'no'})")
    elif isinstance(recipe, MultiLabel):
        for d, truth in zip(recipe.predict(raw).decision, targets, strict=True):
            print(f"  {named(d):<28} (is {named(truth)})")
    else:
        value, lower, upper, _ = recipe.predict(raw)
        for v, low, high, truth in zip(value, lower, upper, targets, strict=True):
            print(f"  {v:>5.0f}, from {low:>4.0f} to {high:>4.0f}   (is {truth:.0f})")


def named(answers: Tensor) -> str:
    """Return the labels that one digit has."""
    return ", ".join(name for name, answer in zip(LABELS, answers, strict=True) if answer) or "none"


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Train a small network with a recipe's pieces and say why each.")
    parser.add_argument("--data", choices=sorted(DATA), default="breast_cancer", help="breast_cancer unless told")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of training; {EPOCHS} unless told")
    parser.add_argument("--splits", type=int, default=SPLITS, help=f"to average over; {SPLITS} unless told")
    parser.add_argument("--seed", type=int, default=0, help="of the first split, its weights and the order of its rows")
    parser.add_argument(
        "--small",
        action="store_true",
        help=f"{SMALL_EPOCHS} epochs and {SMALL_SPLITS} splits only, to see that everything runs",
    )
    options = parser.parse_args(argv)
    if options.epochs < 1:
        parser.error(f"--epochs is {options.epochs}, expected at least 1")
    if options.splits < 2:
        parser.error(f"--splits is {options.splits}, expected at least 2: one does not tell a change from chance")
    return options


def main(argv: Sequence[str] | None = None) -> list[Outcome]:
    """Read the command line, train, print what was chosen, why, and what it came to; return it, split by split."""
    options = parse(argv)
    epochs = SMALL_EPOCHS if options.small else options.epochs
    splits = SMALL_SPLITS if options.small else options.splits
    print(f"{options.data}, {epochs} epochs; half of the rows to train, a quarter to validate, a quarter held out")
    outcomes = [run(options.data, epochs=epochs, seed=options.seed + split) for split in range(splits)]
    first, rows = outcomes[0], len(outcomes[0].targets)
    print_reasons(f"Recipe: {first.recipe.name}, from the first split's training targets", first.recipe.reasons)
    print_reasons("Calibrated on its validation rows", first.calibrated.reasons[len(first.recipe.reasons) :])
    print_metrics(outcomes)
    print(f"\n{textwrap.fill(explain(first.recipe, rows), WRAP)}")
    print(f"\n{textwrap.fill(CAVEAT, WRAP)}")
    print_predictions(first.calibrated, first.raw[:5], first.targets[:5])
    return outcomes


if __name__ == "__main__":
    torch.set_num_threads(1)  # matrices this small are faster on one core than shared out
    main()
