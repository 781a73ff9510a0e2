"""Handwritten digits: train a small network under a loss, then measure how right and how honest it is.

    python examples/digits.py
    python examples/digits.py --loss softmax_focal --activation mish
    python examples/digits.py --compare

The data come with scikit-learn; nothing is downloaded. Accuracy says how often the network is right, calibration error
how far its confidence is from that. Temperature scaling repairs confidence without touching accuracy: one number, the
logits' divisor, is fitted on validation data.
"""

from __future__ import annotations

import argparse
import copy
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from tqdm import tqdm

from slopes import activations, losses

Loss = Callable[[Tensor, Tensor], Tensor]
Activation = Callable[[Tensor], Tensor]

CLASSES: Final = 10
BINS: Final = 15
SMOOTHING: Final = 0.1
EPOCHS: Final = 30
SMALL_EPOCHS: Final = 6
RELEARNING_EPOCHS: Final = 5


def mse_on_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the squared distance between softmax and one-hot target, averaged over rows: the Brier score."""
    one_hot = nn.functional.one_hot(targets, CLASSES).to(logits.dtype)
    return losses.mse(activations.softmax(logits), one_hot, denominator=len(targets))


LOSSES: Final[dict[str, Loss]] = {
    "cross_entropy": losses.cross_entropy,
    "softmax_focal": losses.softmax_focal,
    "multiclass_hinge": losses.multiclass_hinge,
    "mse_on_probabilities": mse_on_probabilities,
}
ACTIVATIONS: Final[dict[str, Activation]] = {
    "elu": activations.elu,
    "gelu": activations.gelu,
    "hard_swish": activations.hard_swish,
    "leaky_relu": activations.leaky_relu,
    "mish": activations.mish,
    "relu": activations.relu,
    "selu": activations.selu,
    "sigmoid": activations.sigmoid,
    "softplus": activations.softplus,
    "swish": activations.swish,
    "tanh": activations.tanh,
}


@dataclass(frozen=True)
class Part:
    """Images `[N, 64]` in [0, 1] and their digits `[N]`."""

    images: Tensor
    digits: Tensor


@dataclass(frozen=True)
class Data:
    """Three parts, each with every digit in its natural share."""

    train: Part
    validation: Part
    held_out: Part


@dataclass(frozen=True)
class Quality:
    """How good logits are on one part of the data."""

    accuracy: float
    calibration_error: float
    cross_entropy: float


@dataclass(frozen=True)
class Outcome:
    """What a trained network came to, before and after temperature scaling."""

    temperature: float
    validation: Quality
    validation_scaled: Quality
    held_out: Quality
    held_out_scaled: Quality


@dataclass(frozen=True)
class Comparison:
    """One loss: from a fresh start, and how accurate it made a network that had learnt wrong labels."""

    name: str
    fresh: Outcome
    relearned: float


class Network(nn.Module):
    """Two hidden layers between 64 pixels and the logits of ten digits."""

    def __init__(self, activation: Activation, *, hidden: int = 128) -> None:
        super().__init__()
        self.activation = activation
        self.first = nn.Linear(64, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits `[N, 10]` of images `[N, 64]`."""
        hidden = self.activation(self.first(images))
        logits: Tensor = self.output(self.activation(self.second(hidden)))
        return logits


def load_data(seed: int) -> Data:
    """Return the digits, 60 % to train, 20 % to validate, 20 % held out, split by digit."""
    pixels, digits = load_digits(return_X_y=True)
    train_x, rest_x, train_y, rest_y = train_test_split(
        pixels / 16.0, digits, test_size=0.4, stratify=digits, random_state=seed
    )
    validation_x, held_out_x, validation_y, held_out_y = train_test_split(
        rest_x, rest_y, test_size=0.5, stratify=rest_y, random_state=seed
    )
    return Data(
        train=Part(torch.tensor(train_x, dtype=torch.float32), torch.tensor(train_y)),
        validation=Part(torch.tensor(validation_x, dtype=torch.float32), torch.tensor(validation_y)),
        held_out=Part(torch.tensor(held_out_x, dtype=torch.float32), torch.tensor(held_out_y)),
    )


def train(network: Network, part: Part, loss: Loss, *, epochs: int, name: str) -> None:
    """Train a network by stochastic gradient descent."""
    # No adaptive optimiser: it would rescale the gradients, and their size is part of what a loss decides.
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    with tqdm(range(epochs), desc=name, unit="epoch", leave=False, disable=None) as progress:  # None: on a terminal
        for _ in progress:
            for rows in torch.randperm(len(part.digits)).split(64):
                value = loss(network(part.images[rows]), part.digits[rows])
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
            progress.set_postfix(loss=f"{value.item():.4f}")


def expected_calibration_error(logits: Tensor, targets: Tensor, *, bins: int = BINS) -> float:
    """Return the mean gap between confidence and accuracy over bins of equal width, weighted by their rows."""
    confidence, predicted = activations.softmax(logits).max(-1)
    surplus = confidence - (predicted == targets).to(confidence.dtype)
    bin_of = (confidence * bins).long().clamp(max=bins - 1)
    gaps = torch.zeros(bins).index_add(0, bin_of, surplus)
    return gaps.abs().sum().item() / len(targets)


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Return the temperature that minimises cross-entropy on validation logits.

    Raises:
        RuntimeError: The search stopped before it reached the minimum.
    """
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = losses.cross_entropy(logits.double() / log_temperature.exp(), targets)
        value.backward()
        return value

    optimizer.step(closure)
    closure()
    slope = log_temperature.grad
    if slope is None or not slope.abs() < 1e-4:  # NaN is no minimum either
        message = f"temperature scaling stopped at {log_temperature.exp().item():.4g}, where the slope is still {slope}"
        raise RuntimeError(message)
    return log_temperature.exp().item()


def measure(logits: Tensor, targets: Tensor) -> Quality:
    """Return accuracy, expected calibration error and cross-entropy of logits."""
    return Quality(
        accuracy=(logits.argmax(-1) == targets).double().mean().item(),
        calibration_error=expected_calibration_error(logits, targets),
        cross_entropy=losses.cross_entropy(logits, targets).item(),
    )


def evaluate(network: Network, data: Data) -> Outcome:
    """Fit the temperature on validation data; measure there and on the held-out part, without it and with it."""
    with torch.no_grad():
        validation, held_out = network(data.validation.images), network(data.held_out.images)
    temperature = fit_temperature(validation, data.validation.digits)
    return Outcome(
        temperature=temperature,
        validation=measure(validation, data.validation.digits),
        validation_scaled=measure(validation / temperature, data.validation.digits),
        held_out=measure(held_out, data.held_out.digits),
        held_out_scaled=measure(held_out / temperature, data.held_out.digits),
    )


def run(data: Data, loss: Loss, activation: Activation, *, epochs: int, seed: int, name: str) -> Outcome:
    """Train a fresh network under one loss and evaluate it."""
    torch.manual_seed(seed)
    network = Network(activation)
    train(network, data.train, loss, epochs=epochs, name=name)
    return evaluate(network, data)


def mislead(data: Data, activation: Activation, *, epochs: int, seed: int) -> Network:
    """Return a network that was taught each digit as the next one: sure of itself, and always wrong."""
    torch.manual_seed(seed)
    network = Network(activation)
    wrong = Part(data.train.images, (data.train.digits + 1) % CLASSES)
    train(network, wrong, losses.cross_entropy, epochs=epochs, name="wrong labels")
    return network


def relearn(misled: Network, data: Data, loss: Loss, *, seed: int, name: str) -> float:
    """Return the held-out accuracy of a misled network after a few epochs on the right labels."""
    torch.manual_seed(seed)
    network = copy.deepcopy(misled)
    train(network, data.train, loss, epochs=RELEARNING_EPOCHS, name=f"{name}, misled")
    with torch.no_grad():
        return measure(network(data.held_out.images), data.held_out.digits).accuracy


def compare(data: Data, activation: Activation, *, epochs: int, seed: int) -> list[Comparison]:
    """Train under each loss, from a fresh start and from a misled one; return the most accurate first."""
    smoothed = functools.partial(losses.cross_entropy, label_smoothing=SMOOTHING)
    contenders = LOSSES | {f"cross_entropy, smoothing {SMOOTHING}": smoothed}
    misled = mislead(data, activation, epochs=epochs, seed=seed)
    rows = [
        Comparison(
            name=name,
            fresh=run(data, loss, activation, epochs=epochs, seed=seed, name=name),
            relearned=relearn(misled, data, loss, seed=seed, name=name),
        )
        for name, loss in contenders.items()
    ]
    return sorted(rows, key=lambda row: row.fresh.held_out.accuracy, reverse=True)


def print_outcome(outcome: Outcome) -> None:
    """Print one run as a table: validation and held-out, without temperature scaling and with it."""
    scaled = f"at temperature {outcome.temperature:.2f}"
    rows = (
        ("validation", "as trained", outcome.validation),
        ("", scaled, outcome.validation_scaled),
        ("held-out", "as trained", outcome.held_out),
        ("", scaled, outcome.held_out_scaled),
    )
    print(f"{'':<11} {'':<20} {'accuracy':>8}  {'ECE':>6}  {'cross-entropy':>13}")
    for part, state, quality in rows:
        print(
            f"{part:<11} {state:<20} {quality.accuracy:>8.1%}  {quality.calibration_error:>6.1%}"
            f"  {quality.cross_entropy:>13.4f}"
        )
    print(f"\nECE is the expected calibration error over {BINS} bins of equal width.")


def print_comparison(rows: Sequence[Comparison], held_out: int) -> None:
    """Print several losses side by side, all on the held-out part."""
    width = max(len(row.name) for row in rows)
    print(f"{'loss':<{width}}  accuracy    ECE  temperature  ECE scaled  relearned")
    for row in rows:
        print(
            f"{row.name:<{width}}  {row.fresh.held_out.accuracy:>8.1%}  {row.fresh.held_out.calibration_error:>5.1%}"
            f"  {row.fresh.temperature:>11.2f}  {row.fresh.held_out_scaled.calibration_error:>10.1%}"
            f"  {row.relearned:>9.1%}"
        )
    print(
        f"""
One held-out digit is {1 / held_out:.2%}: losses that differ by a few of these are level.
ECE: expected calibration error over {BINS} bins of equal width; scaled: with logits divided by the temperature.
Relearned: accuracy of a network that was first taught each digit as the next one, after {RELEARNING_EPOCHS} epochs of
right labels. The gradient of cross-entropy is largest where the network is surely wrong. That of the MSE
passes through the softmax, which is flat there, so that it is slow to notice."""
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Train a small network on handwritten digits and judge it.")
    parser.add_argument("--loss", choices=sorted(LOSSES), default="cross_entropy", help="cross_entropy unless told")
    parser.add_argument("--label-smoothing", type=float, default=0.0, metavar="E", help="for cross_entropy, in [0, 1]")
    parser.add_argument("--activation", choices=sorted(ACTIVATIONS), default="gelu", help="gelu unless told")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of training; {EPOCHS} unless told")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the weights and the order of the rows")
    parser.add_argument("--small", action="store_true", help=f"{SMALL_EPOCHS} epochs only, to see that everything runs")
    parser.add_argument("--compare", action="store_true", help="train under every loss and print them side by side")
    options = parser.parse_args(argv)
    if options.epochs < 1:
        parser.error(f"--epochs is {options.epochs}, expected at least 1")
    if not 0 <= options.label_smoothing <= 1:
        parser.error(f"--label-smoothing is {options.label_smoothing}, expected a share in [0, 1]")
    if options.label_smoothing and (options.loss != "cross_entropy" or options.compare):
        parser.error("--label-smoothing belongs to --loss cross_entropy; --compare has a row for it already")
    return options


def main(argv: Sequence[str] | None = None) -> Outcome | list[Comparison]:
    """Read the command line, train, print what came out and return it."""
    options = parse(argv)
    data = load_data(options.seed)
    activation = ACTIVATIONS[options.activation]
    epochs = SMALL_EPOCHS if options.small else options.epochs
    sizes = [len(part.digits) for part in (data.train, data.validation, data.held_out)]
    print(f"{sum(sizes)} digits: {sizes[0]} to train, {sizes[1]} to validate, {sizes[2]} held out")
    if options.compare:
        print(f"{options.activation}, {epochs} epochs under each loss, seed {options.seed}\n")
        rows = compare(data, activation, epochs=epochs, seed=options.seed)
        print_comparison(rows, len(data.held_out.digits))
        return rows
    loss, name = LOSSES[options.loss], options.loss
    if options.label_smoothing:
        loss = functools.partial(losses.cross_entropy, label_smoothing=options.label_smoothing)
        name = f"{name}, smoothing {options.label_smoothing}"
    print(f"{name}, {options.activation}, {epochs} epochs, seed {options.seed}\n")
    outcome = run(data, loss, activation, epochs=epochs, seed=options.seed, name=name)
    print_outcome(outcome)
    return outcome


if __name__ == "__main__":
    torch.set_num_threads(1)  # matrices this small are faster on one core than shared out
    main()
