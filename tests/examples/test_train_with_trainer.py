from __future__ import annotations

import pytest
import torch
from tests.accuracy import assert_close
from tests.later import Later

train_with_trainer = Later("examples.train_with_trainer")


def test_the_curves_are_equal_and_the_memory_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    report = train_with_trainer.main(["--small"])
    theirs, ours = report.built_in, report.handed_over
    assert len(theirs.losses) == len(ours.losses) == 5
    assert theirs.losses[-1] < theirs.losses[0]
    tokens = 5 * 2 * 4 * 32  # rounding grows with every token that was learned from
    assert_close(torch.tensor(ours.losses), torch.tensor(theirs.losses, dtype=torch.float64), size=tokens)
    logits = 4 * 32 * 4096 * 4
    assert theirs.peak - ours.peak > logits
    printed = capsys.readouterr().out
    assert f"The curves differ by {report.farthest:.1e} of the loss at most." in printed
    assert f"MB handed over: 1/{theirs.peak / ours.peak:.1f}." in printed
    assert "{'loss'" not in printed


def test_other_weights_give_another_curve() -> None:
    options = train_with_trainer.parse(["--small"])
    first = train_with_trainer.train(options, handing_over=True)
    options.seed = 1
    assert train_with_trainer.train(options, handing_over=True).losses[0] != first.losses[0]


def test_texts_count_up() -> None:
    for row in train_with_trainer.make_texts(20, 6, 50, 0):
        strides = row["input_ids"].diff() % 50
        assert 1 <= int(strides[0]) <= train_with_trainer.LONGEST_STRIDE
        assert (strides == strides[0]).all()


def test_memory_counts_what_lives_at_the_same_time() -> None:
    given = torch.ones(1000)
    with train_with_trainer.Memory() as memory:
        for _ in range(3):
            made = given + 1
            del made
        given.view(10, 100).add_(1)
    assert memory.peak == 4000


@pytest.mark.parametrize("name", ["steps", "vocabulary", "length", "batch", "rows"])
def test_bad_options_are_answered_with_a_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        train_with_trainer.main([f"--{name}", "0"])
    assert stop.value.code == 2
    assert f"--{name} is 0, expected a number of at least 1" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        train_with_trainer.main(["--help"])
    assert stop.value.code == 0
    assert "--vocabulary" in capsys.readouterr().out
