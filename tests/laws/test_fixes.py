"""Every fix that an error proposes works: what it says in code is run, and the call then does what was meant.

The tables in `fixes` have an entry for each place in the library that raises an error. Code that the message proposes
is evaluated with the names of the call, and a line for the command is typed; where the message proposes neither, the
repair that its words describe is made there, in the same way.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Final, cast

import pytest
from tests.laws import fixes
from tests.laws.fixes.law import Table, places, try_fix

TABLES: Final[tuple[Table, ...]] = tuple(
    cast("Table", importlib.import_module(f"{fixes.__name__}.{found.name}"))
    for found in pkgutil.iter_modules(fixes.__path__)
    if found.name != "law"
)
TRIED: Final = {place: table for table in TABLES for place in table.TRIED}


def test_every_error_has_its_fix_tried() -> None:
    listed = [place for table in TABLES for place in (*table.TRIED, *table.ELSEWHERE)]
    assert sorted(listed) == sorted(places())


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("place", TRIED)
def test_fixes_work(place: str, tmp_path: Path) -> None:
    """Assert that each fix works, and that among them every error of the place has been raised."""
    table, lines = TRIED[place], set()
    for number, fix in enumerate(table.TRIED[place]):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            raised, line = try_fix(fix, table.names(), folder, patch)
        assert raised == place, fix.call
        lines.add(line)
    assert lines == places()[place], "errors at these lines are not raised"
