"""Columns get their parts; bad data get a sentence each."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.each import each

from slopes._core.errors import OptionError, SlopesError, ValuesError
from slopes.recipes.data.dataset import Columns, Dataset, load
from slopes.recipes.data.features import Encoder

ROWS = 60


def rows(count: int = ROWS) -> list[dict[str, object]]:
    return [
        {"a": f"{0.5 * i}", "b": f"{(i * 7) % 11}", "c": ["red", "green", "blue"][i % 3], "y": ["no", "yes"][i % 2]}
        for i in range(count)
    ]


def saved(folder: Path, data: list[dict[str, object]]) -> str:
    path = folder / "data.csv"
    lines = [",".join(data[0]), *(",".join(map(str, row.values())) for row in data)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def loaded(folder: Path, data: list[dict[str, object]], target: str = "y", **options: object) -> Dataset:
    columns = {k: options.pop(k) for k in ("groups", "time", "ignored", "categorical") if k in options}
    return load(saved(folder, data), Columns(target=(target,), **columns), **options)  # type: ignore[arg-type]


def refused(folder: Path, data: list[dict[str, object]], target: str = "y", **options: object) -> str:
    with pytest.raises(SlopesError) as caught:
        loaded(folder, data, target, **options)
    text = str(caught.value)
    assert text.startswith("compare: ")
    assert text.count(". ") <= 1, "one or two sentences"
    assert "\n" not in text
    return text


def test_numbers_texts_and_target_are_told_apart(tmp_path: Path) -> None:
    data = loaded(tmp_path, rows())
    assert data.number_names == ("a", "b")
    assert data.category_names == ("c",)
    assert data.target.task == "binary"
    assert data.target.classes == ("no", "yes")
    assert data.target.values.sum() == 30
    assert len(pickle.loads(pickle.dumps(data))) == ROWS  # noqa: S301  our own


def test_the_positive_class_is_the_rarer_one_or_as_said(tmp_path: Path) -> None:
    data = rows()
    for row in data[:20]:
        row["y"] = "no"
    assert loaded(tmp_path, data).target.classes == ("no", "yes")
    assert loaded(tmp_path, data, positive="no").target.classes == ("yes", "no")
    assert "expected one of 'no', 'yes'" in refused(tmp_path, data, positive="maybe")


def test_missing_values_are_an_error_until_somebody_says_what_to_do(tmp_path: Path) -> None:
    data = rows()
    data[3]["a"] = data[4]["a"] = data[5]["c"] = ""
    data[6]["y"] = "NA"
    text = refused(tmp_path, data)
    assert "'a' 2, 'c' 1, 'y' 1" in text
    assert "--missing drop" in text
    assert len(loaded(tmp_path, data, missing="drop")) == ROWS - 4
    filled = loaded(tmp_path, data, missing="median")
    assert len(filled) == ROWS - 1
    assert np.isnan(filled.numbers).sum() == 2
    assert any("1 of 60 rows were left out, and the gaps" in note for note in filled.notes)
    assert bool(torch.isfinite(Encoder(filled, np.arange(30))(np.arange(59))).all())


def test_a_gap_is_the_median_of_training_and_not_of_all(tmp_path: Path) -> None:
    data = rows()
    data[50]["a"] = ""
    whole = loaded(tmp_path, data, missing="median")
    train = np.array([0, 1, 2, 3, 59])  # 0, 0.5, 1, 1.5, 29.5: the median is that of row 2
    features = Encoder(whole, train)(np.array([2, 50]))
    assert features[1, 0] == features[0, 0]


def test_features_are_standardised_by_training_rows(tmp_path: Path) -> None:
    data = loaded(tmp_path, rows())
    train = np.arange(0, 40)
    features = Encoder(data, train)(train)
    assert features.dtype == torch.float32
    assert features.shape == (40, 2 + 3)
    assert features[:, :2].mean(0).abs().max() < 1e-6
    assert torch.allclose(features[:, :2].std(0, correction=0), torch.ones(2))
    assert set(features[:, 2:].unique().tolist()) == {0.0, 1.0}
    assert bool((features[:, 2:].sum(1) == 1).all())


def test_categories_are_bounded_and_new_ones_do_no_harm(tmp_path: Path) -> None:
    data = rows(200)
    for i, row in enumerate(data):
        row["c"] = f"city {i % 50}"
    whole = loaded(tmp_path, data)
    features = Encoder(whole, np.arange(30))(np.arange(200))
    assert features.shape[1] == 2 + 20


BAD = {
    "text in a number column": ("a", lambda i, was: "unknown" if i == 9 else was, "also text: 'unknown' (1)"),
    "an infinite feature": ("a", lambda i, was: "inf" if i < 2 else was, "infinite in 2 rows"),
    "one class only": ("y", lambda _, __: "no", "holds no in all 60 rows"),
    "a label that appears once": ("y", lambda i, was: "odd" if i == 7 else was, "'odd' (1)"),
    "a constant target": ("y", lambda _, __: "3.5", "holds 3.5 in all 60 rows"),
    "an infinite target": ("y", lambda i, _: f"{i}.5" if i else "-inf", "infinite in 1 of 60 rows"),
    "only names": ("y", lambda i, _: f"person {i}", "60 distinct values in 60 rows"),
    "an ambiguous target": ("y", lambda i, _: f"{i % 5}", "does not tell what they are. Say --task multiclass if"),
}


@each("case", BAD)
def test_bad_data_are_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    column, change, said = BAD[case]
    data = rows()
    for i, row in enumerate(data):
        row[column] = change(i, row[column])
    assert said in refused(tmp_path, data)


def test_ten_thousand_distinct_texts_are_no_classes(tmp_path: Path) -> None:
    data = rows(10_000)
    for i, row in enumerate(data):
        row["y"] = f"id-{i}"
    assert "10,000 distinct values in 10,000 rows" in refused(tmp_path, data)


def test_one_row_is_too_few(tmp_path: Path) -> None:
    assert "has 1 usable rows, expected at least 20" in refused(tmp_path, rows(1))


def test_a_target_of_mostly_numbers_is_asked_about(tmp_path: Path) -> None:
    data = rows()
    for i, row in enumerate(data):
        row["y"] = "n/a?" if i == 3 else f"{i % 4}"
    assert "column 'y' holds numbers, and also text" in refused(tmp_path, data)


def test_the_task_may_be_said_and_is_checked(tmp_path: Path) -> None:
    data = rows()
    for i, row in enumerate(data):
        row["y"] = f"{i % 5}"
    assert loaded(tmp_path, data, task="regression").target.values.dtype == np.float64
    classes = loaded(tmp_path, data, task="multiclass").target
    assert classes.classes == ("0", "1", "2", "3", "4")
    assert classes.values.dtype == np.int64
    assert "5 classes, expected two" in refused(tmp_path, data, task="binary")
    assert "one column" in refused(tmp_path, data, task="multilabel")
    assert "a softmax over two is a sigmoid" in refused(tmp_path, rows(), task="multiclass")
    assert "expected numbers" in refused(tmp_path, rows(), task="regression")


def test_several_targets_are_labels_of_0_and_1(tmp_path: Path) -> None:
    data = [{**row, "u": i % 2, "v": i % 3 == 0} for i, row in enumerate(rows())]
    for row in data:
        row["v"] = int(bool(row["v"]))
    target = load(saved(tmp_path, data), Columns(target=("u", "v"))).target
    assert target.task == "multilabel"
    assert target.values.sum(0).tolist() == [30, 20]
    with pytest.raises(ValuesError, match="label 'b' holds"):
        load(saved(tmp_path, data), Columns(target=("u", "b")))


def test_columns_that_are_not_there_or_named_twice_are_refused(tmp_path: Path) -> None:
    assert "no such column; name one that it has: 'a', 'b', 'c', 'y'" in refused(tmp_path, rows(), "z")
    assert "--groups is 'z'" in refused(tmp_path, rows(), groups="z")
    assert "came together" in refused(tmp_path, rows(), groups="a", time="b")
    assert "named twice" in refused(tmp_path, rows(), groups="y")
    with pytest.raises(OptionError, match="no --target"):
        load(saved(tmp_path, rows()), Columns())
    with pytest.raises(OptionError, match="nor a bundled set; give a path, or a set: breast_cancer, digits"):
        load("iris", Columns())


def test_groups_time_and_ignored_columns_are_no_features(tmp_path: Path) -> None:
    assert loaded(tmp_path, rows(), groups="b").number_names == ("a",)
    assert loaded(tmp_path, rows(), time="a").number_names == ("b",)
    assert loaded(tmp_path, rows(), ignored=("a", "c")).category_names == ()
    assert loaded(tmp_path, rows(), categorical=("b",)).category_names == ("b", "c")


def test_what_is_left_out_or_suspect_is_said(tmp_path: Path) -> None:
    data = [
        {"empty": "", "same": "1", "id": f"n{i}", "twin": row["a"], "leak": "NY"[i % 2], **row}
        for i, row in enumerate(rows())
    ]
    notes = " ".join(loaded(tmp_path, data).notes)
    assert "'empty' is empty" in notes
    assert "constant: 'same'" in notes
    assert "'id' has 60 distinct texts and was left out" in notes
    assert "'twin' and 'a' hold the same values" in notes
    assert "'leak' decides 'y'" in notes


def test_without_a_feature_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    data = [{"same": "1", "y": row["y"]} for row in rows()]
    assert "no column is left" in refused(tmp_path, data)
