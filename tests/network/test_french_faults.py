"""Each of thirty French workbooks names its one fault once, with its mend, and loads nothing."""

from __future__ import annotations

import pytest

from releve.cli.main import load_gettext
from releve.network import check_files, describe_faults
from tests.network.french_faults import PLANTS, planted_book
from tests.network.test_french import plain, workbook

ENGLISH = ("write ", " is not", " like ", "Mon-Fri", "degrees", "{", "day is")


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_named_once_in_french_with_its_mend(name: str) -> None:
    checked = check_files({"plan.xlsx": workbook(planted_book(name))})
    sentences = describe_faults(checked.faults, load_gettext("fr"), "fr")
    assert (checked.operator, checked.language) == (None, "fr")
    assert len(sentences) == 1, sentences
    said = plain(sentences[0])
    for word in PLANTS[name][1]:
        assert word in said, said
    assert not [word for word in ENGLISH if word in said], said
    assert ";" in said


def test_there_are_thirty() -> None:
    assert len(PLANTS) == 30
