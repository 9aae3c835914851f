"""The page about events and rules is the one the program writes."""

from __future__ import annotations

from pathlib import Path

from releve.situation import KINDS, NOTICES, REFUSALS, write_reference
from releve.situation.shipped import load_shipped_rules

PAGE = Path(__file__).parents[2] / "docs" / "situation.md"


def test_the_page_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == write_reference(load_shipped_rules()), "docs/situation.md: run scripts/docs"


def test_the_page_names_every_event_refusal_notice_and_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = [*KINDS, *(row.id for row in load_shipped_rules().rows)]
    assert [name for name in headings if f"\n### {name}\n" not in text] == []
    assert [code for code in (*REFUSALS, *NOTICES) if f"| `{code}` |" not in text] == []
