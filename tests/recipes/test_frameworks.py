"""The recipes in other people's training loops: plain PyTorch, Lightning, and Hugging Face's Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.accuracy import assert_close
from tests.later import Later
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from slopes.recipes import Binary, MultiClass, MultiLabel

datasets = Later("sklearn.datasets")
model_selection = Later("sklearn.model_selection")
preprocessing = Later("sklearn.preprocessing")


def split(bunch: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # noqa: ANN401  scikit-learn has no types
    """Return standardised features and targets, to train and held out."""
    x, held_out_x, y, held_out_y = model_selection.train_test_split(
        bunch.data, bunch.target, test_size=0.4, stratify=bunch.target, random_state=0
    )
    scaler = preprocessing.StandardScaler().fit(x)
    features = (torch.tensor(scaler.transform(part), dtype=torch.float32) for part in (x, held_out_x))
    return *features, torch.tensor(y), torch.tensor(held_out_y)


def train(model: nn.Module, recipe: Any, x: Tensor, y: Tensor, epochs: int) -> None:  # noqa: ANN401  any recipe
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            recipe.loss(model(x[rows]), y[rows]).backward()
            optimizer.step()


def test_plain_pytorch_end_to_end_on_breast_cancer() -> None:
    x, held_out_x, y, held_out_y = split(datasets.load_breast_cancer())
    recipe = Binary.from_targets(y)
    model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), recipe.head(16))
    train(model, recipe, x, y, epochs=20)
    with torch.no_grad():
        raw = model(held_out_x)
    half = len(raw) // 2
    calibrated = recipe.calibrated(raw[:half], held_out_y[:half])
    score = calibrated.score(raw[half:], held_out_y[half:])
    assert score["auroc"] > 0.98
    assert score["f1"] > 0.93
    assert calibrated.predict(raw[half:]).decision.shape == held_out_y[half:].shape


def test_temperature_scaling_lowers_the_calibration_error_of_a_model_trained_too_long() -> None:
    """Assert the direction on labels of which a fifth is noise that the model learns by heart."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(900, 10, generator=generator)
    y = x[:, :3].argmax(-1)
    noisy = torch.rand(900, generator=generator) < 0.3
    y = torch.where(noisy, torch.randint(3, (900,), generator=generator), y)
    recipe = MultiClass.from_targets(y[:300])
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), recipe.head(64))
    train(model, recipe, x[:300], y[:300], epochs=60)
    with torch.no_grad():
        raw = model(x[300:])
    calibrated = recipe.calibrated(raw[:300], y[300:600])
    before, after = (one.score(raw[300:], y[600:]) for one in (recipe, calibrated))
    assert calibrated.temperature > 1.5
    assert after["calibration_error"] < before["calibration_error"] / 2
    assert after["log_loss"] < before["log_loss"]


def test_tuned_thresholds_raise_macro_f1_of_rare_labels() -> None:
    """Assert the direction under focal, where 0.5 says yes to hardly anything."""
    generator = torch.Generator().manual_seed(6)
    x = torch.randn(6000, 8, generator=generator)
    odds = 1.5 * x[:, :4] - torch.tensor([1.0, 3.0, 4.0, 5.0])
    y = (torch.rand(6000, 4, generator=generator) < odds.sigmoid()).long()
    recipe = MultiLabel.from_targets(y[:3000], criterion="focal")
    head = recipe.head(8)
    train(head, recipe, x[:3000], y[:3000], epochs=5)
    with torch.no_grad():
        raw = head(x[3000:])
    calibrated = recipe.calibrated(raw[:1500], y[3000:4500])
    before, after = (one.score(raw[1500:], y[4500:]) for one in (recipe, calibrated))
    assert after["macro_f1"] > before["macro_f1"] + 0.05
    assert after["auroc"] == before["auroc"]


@pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning")
@pytest.mark.filterwarnings("ignore:The number of training batches:UserWarning")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning")  # Lightning's own use of torch
def test_lightning_trains_with_a_recipe(tmp_path: Path) -> None:
    import pytorch_lightning as lightning  # noqa: PLC0415  seconds to import

    x, held_out_x, y, held_out_y = split(datasets.load_wine())
    recipe = MultiClass.from_targets(y)

    class Classifier(lightning.LightningModule):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), recipe.head(16))
            self.held_out = recipe.metrics().clone(prefix="held_out_")

        def training_step(self, batch: list[Tensor], _index: int) -> Tensor:
            return recipe.loss(self.network(batch[0]), batch[1])

        def validation_step(self, batch: list[Tensor], _index: int) -> None:
            recipe.observe(self.held_out, self.network(batch[0]), batch[1])
            self.log_dict(self.held_out)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=0.05)

    module = Classifier()
    trainer = lightning.Trainer(
        max_epochs=8,
        accelerator="cpu",
        default_root_dir=tmp_path,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        module,
        DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True),
        DataLoader(TensorDataset(held_out_x, held_out_y), batch_size=20),
    )
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    with torch.no_grad():
        score = recipe.score(module.network(held_out_x), held_out_y)
    assert logged == pytest.approx({f"held_out_{name}": value for name, value in score.items()}, rel=1e-4)
    assert score["top_1"] > 0.9


def test_hugging_face_trains_with_a_recipe(tmp_path: Path) -> None:
    """Assert that the Trainer takes the loss, and that gradient accumulation adds up to the whole batch."""
    from transformers import Trainer, TrainingArguments  # noqa: PLC0415  seconds to import

    x, held_out_x, y, held_out_y = split(datasets.load_breast_cancer())
    recipe = Binary.from_targets(y)

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = recipe.head(30)

        def forward(self, features: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:  # noqa: ARG002
            return {"logits": self.head(features)}

    def loss(outputs: dict[str, Tensor], labels: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        return recipe.loss(outputs["logits"], labels, denominator=num_items_in_batch)

    rows = [{"features": f, "labels": label} for f, label in zip(x, y, strict=True)]
    weights = []
    for batch, accumulated in ((64, 1), (16, 4)):
        torch.manual_seed(0)
        model = Classifier()
        arguments = TrainingArguments(
            output_dir=str(tmp_path),
            num_train_epochs=3,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulated,
            learning_rate=0.05,
            max_grad_norm=0.0,
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            seed=0,
        )
        Trainer(model=model, args=arguments, train_dataset=rows, compute_loss_func=loss).train()
        weights.append(model.head.linear.weight.detach())
        assert recipe.score(model(held_out_x)["logits"].detach(), held_out_y)["auroc"] > 0.98
    assert torch.allclose(weights[0], weights[1], rtol=1e-3, atol=1e-4)


def test_a_denominator_makes_micro_batches_the_whole_batch() -> None:
    """Assert what the Trainer relies on: gradients of parts over the whole's count add up."""
    x, _, y, _ = split(datasets.load_breast_cancer())
    recipe = Binary.from_targets(y)
    gradients = []
    for parts in (1, 5):
        torch.manual_seed(0)
        head = recipe.head(30).double()
        for rows in torch.arange(len(x)).chunk(parts):
            recipe.loss(head(x[rows].double()), y[rows], denominator=len(x)).backward()
        assert head.linear.bias.grad is not None
        gradients.append(head.linear.bias.grad)
    assert_close(gradients[0].float(), gradients[1], size=len(x))
