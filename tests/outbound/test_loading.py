"""Rows that are nonsense are refused by name; a row is closed or amended by another."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from releve.plugins.outbound.engine import LegalRowFaults, built_in_texts, judge_call, load_rules
from tests.outbound.table import case_of

SOUND = {
    "id": "FR-NEW",
    "gate": "P",
    "kind": "cap",
    "from": date(2027, 1, 1),
    "parameters": {"most": 2, "days": 7},
    "rule": {"fr": "Deux appels par semaine.", "en": "Two calls a week."},
    "refuses": {"fr": "{count} appels.", "en": "{count} calls."},
    "reference": "R",
    "source": "S",
    "sure": ["P"],
}


def texts_with(*entries: dict) -> dict[str, str]:
    added = yaml.safe_dump({"jurisdiction": "FR", "rows": list(entries)}, allow_unicode=True)
    return {**built_in_texts(), "zz.yaml": added}


def test_a_sound_row_is_loaded_and_changes_the_version() -> None:
    rules = load_rules(texts_with(SOUND))
    assert any(row.id == "FR-NEW" for row in rules.rows)
    assert rules.version != load_rules(built_in_texts()).version


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gate": "X"}, "gate 'X'"),
        ({"kind": "caps"}, "write 'cap'"),
        ({"parameters": {"most": 2}}, "either days or hours"),
        ({"parameters": {"most": -2, "days": 7}}, "not a count"),
        ({"parameters": {"days": 7}}, "most is missing"),
        ({"parameters": {"most": 2, "days": 7, "weeks": 1}}, "no parameter 'weeks'"),
        ({"to": date(2026, 1, 1)}, "before it starts"),
        ({"from": "soon"}, "not a day"),
        ({"refuses": {"fr": "{who}", "en": "{count}"}}, "quotes"),
        ({"refuses": {"fr": "{count}"}}, "both languages"),
        ({"refuses": None}, "refuses does not fit"),
        ({"sure": ["certain"]}, "sure"),
        ({"exceptions": ["FR-EXC-CONTRAC-2"]}, "no row that lifts"),
        ({"applies": {"modes": ["telepathy"]}}, "unknown"),
        ({"sourc": "x"}, "unknown key"),
        ({"gate": "N"}, "does not fit kind"),
        (
            {"kind": "silence", "parameters": {"days": 60, "not_counted": ["not-interested"]}},
            "not-interested is not one of not-now",
        ),
    ],
)
def test_nonsense_is_refused_with_the_row_and_the_fix(change: dict, said: str) -> None:
    with pytest.raises(LegalRowFaults, match=said) as caught:
        load_rules(texts_with({**SOUND, **change}))
    assert "FR-NEW" in str(caught.value)


def test_two_rows_that_overlap_are_refused() -> None:
    with pytest.raises(LegalRowFaults, match="bind on 2027-06-01"):
        load_rules(texts_with(SOUND, {**SOUND, "from": date(2027, 6, 1)}))


def test_an_alias_is_refused_before_it_is_written_out() -> None:
    """Nine lines of aliases stand for a hundred million values: minutes, and the whole memory."""
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    first = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"
    text = "\n".join([first, *lines, "jurisdiction: FR", "rows:", "- {id: *a8}", ""])
    with pytest.raises(LegalRowFaults, match="it refers to &a0: write it out"):
        load_rules({"~house.yaml": text})


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(LegalRowFaults, match="given twice"):
        load_rules({**built_in_texts(), "zz.yaml": "jurisdiction: FR\njurisdiction: ES\nrows: []\n"})


def test_a_suspended_decree_closes_its_row_and_leaves_the_past() -> None:
    closing = {"closes": "FR-HOURS-1", "from": date(2026, 12, 1), "reason": "suspended"}
    rules = load_rules(texts_with(closing))
    values = {"id": "x", "row": "x", "consents": ["2026-09-15 11:00"]}
    before = case_of({**values, "at": "2026-11-30 22:00"})
    after = case_of({**values, "at": "2026-12-01 22:00"})
    assert judge_call(before.call, before.facts, rules, before.known_at).rules == ("FR-HOURS-1",)
    assert judge_call(after.call, after.facts, rules, after.known_at).allowed


def test_an_amended_row_binds_from_its_day_with_what_it_gives() -> None:
    amending = {"amends": "FR-FREQ-1", "gate": "H", "from": date(2026, 12, 1), "parameters": {"most": 1}}
    rules = load_rules(texts_with(amending))
    values = {"id": "x", "row": "x", "consents": ["2026-09-15 11:00"], "attempts": ["2026-11-30 11:00"]}
    before = case_of({**values, "at": "2026-11-30 12:00"})
    after = case_of({**values, "at": "2026-12-01 12:00"})
    assert judge_call(before.call, before.facts, rules, before.known_at).allowed
    assert judge_call(after.call, after.facts, rules, after.known_at).rules == ("FR-FREQ-1",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"closes": "FR-NONE", "from": date(2027, 1, 1)}, "in force the day before"),
        ({"closes": "FR-HOURS-1"}, "no from"),
        ({"amends": "FR-FREQ-1", "from": date(2027, 1, 1)}, "rows are meant"),
        ({"closes": "FR-HOURS-1", "from": date(2027, 1, 1), "colour": "red"}, "unknown keys"),
    ],
)
def test_a_change_of_nothing_is_refused(change: dict, said: str) -> None:
    with pytest.raises(LegalRowFaults, match=said):
        load_rules(texts_with(change))
