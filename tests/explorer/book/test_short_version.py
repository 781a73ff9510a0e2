"""The short version has every function of the catalogue, once, among its own."""

from __future__ import annotations

import re
from collections import Counter

from slopes.catalog import CATALOG, find
from slopes.explorer.book.contents import BY_ID

ROW = re.compile(r"^\| \[(\w+)\]\(/functions/(\w+)\) \| (.+) \|$", re.MULTILINE)


def test_every_function_stands_in_it_once_with_a_sentence_and_a_link() -> None:
    rows = ROW.findall(BY_ID["short-version"].text)
    assert Counter(name for name, _, _ in rows) == Counter(spec.name for spec in CATALOG)
    for name, target, sentence in rows:
        assert name == target
        assert sentence.endswith("."), name
    assert len({sentence for _, _, sentence in rows}) == len(rows)


def test_its_tables_are_the_families_of_the_catalogue() -> None:
    tables = [ROW.findall(part) for part in BY_ID["short-version"].text.split("\n## ")]
    families = [{find(name).family for name, _, _ in rows} for rows in tables if rows]
    assert all(len(family) == 1 for family in families), families
    order = [family.pop() for family in families]
    assert order == list(dict.fromkeys(spec.family for spec in CATALOG))
