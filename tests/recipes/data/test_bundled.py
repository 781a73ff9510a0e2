"""The bundled sets are what their texts say."""

from __future__ import annotations

import numpy as np
from tests.each import each
from tests.later import Later

from slopes.recipes.data import bundled
from slopes.recipes.data.dataset import Columns, load

datasets = Later("sklearn.datasets")


@each("name", bundled.SETS)
def test_every_set_is_read_without_a_word_said(name: str) -> None:
    data = load(name, Columns())
    assert data.target.task == bundled.SETS[name].task
    assert data.about == bundled.SETS[name].about
    assert np.isfinite(data.numbers).all()
    assert f"{len(data):,}" in data.about or len(data) in {178, 20}


def test_the_labels_of_the_digits_are_read_off_the_digit() -> None:
    frame = bundled.read("digits_attributes").frame
    digit = datasets.load_digits().target
    assert frame["loop"].to_list() == [float(d in {0, 6, 8, 9}) for d in digit]
    assert frame["prime"].to_list() == [float(d in {2, 3, 5, 7}) for d in digit]
    assert frame["even"].to_list() == [float(d % 2 == 0) for d in digit]
    assert frame["five_or_more"].to_list() == [float(d >= 5) for d in digit]
    assert int(frame["eight"].sum()) == 174
    assert frame.select(list(bundled.ATTRIBUTES)).n_unique() == 10


def test_the_rare_set_keeps_forty_eights_and_every_other_digit() -> None:
    frame = bundled.read("digits_rare").frame
    counts = dict(frame["eight"].value_counts().rows())
    assert counts == {"eight": 40, "other": 1623}
    digits = datasets.load_digits()
    eights = {tuple(row) for row in digits.data[digits.target == 8]}
    kept = frame.filter(frame["eight"] == "eight").drop("eight").rows()
    assert {tuple(row) for row in kept} <= eights


def test_classes_have_their_names() -> None:
    frame = bundled.read("breast_cancer").frame
    assert dict(frame["diagnosis"].value_counts().rows()) == {"malignant": 212, "benign": 357}
    assert frame["mean_radius"][0] == datasets.load_breast_cancer().data[0, 0]
