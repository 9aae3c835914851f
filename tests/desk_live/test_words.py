"""What the desk says of events: permissions that exist, sentences in the reader's language."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from releve.accounts.permissions import list_permissions
from releve.desk.live.words import notice_text, refusal_text, translate_cause
from releve.desk.text import text_now
from releve.live import api as live
from releve.situation import KINDS, Notice, refuse
from tests.live.scenario import Scenario


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_permission_of_every_kind_exists(kind: str) -> None:
    assert list_permissions()[KINDS[kind].permission].acts


@pytest.mark.django_db
@pytest.mark.database
def test_parameters_are_written_for_the_reader(scenario: Scenario) -> None:
    operator, at = scenario.operator, live.now(scenario.stream)
    name = operator.site[scenario.site].name
    with override("fr"):
        text = text_now(operator.row.time_zone)
        items = refuse("reopening.checklist", items=("disinfected", "unlisted"))
        assert "désinfect" in refusal_text(items, operator, text).lower()
        assert "unlisted" in refusal_text(items, operator, text)
        same = refuse("event.same", kind="check.done", earlier="e1")
        assert "Contrôle quotidien" in refusal_text(same, operator, text)
        assert name in refusal_text(refuse("closure.open", site=scenario.site), operator, text)
        params = {"fill": 0.85, "most": 0.5, "day": at.date()}
        fuller = Notice("check.transport", scenario.site, at, params)
        assert "85\u202f%" in notice_text(fuller, operator, text)
        down = {"what": "link", "name": scenario.site, "expected_until": at}
        late = notice_text(Notice("outage.overdue", scenario.site, at, down), operator, text)
        assert late.startswith(f"{name} (liaison)")
        params = {"measure": "masks", "severity": "major", "day": at.date()}
        found = notice_text(Notice("finding.raised", scenario.site, at, params), operator, text)
        assert "sur «\u202fChacun porte un masque" in found, "what it asks, not its id"
        params = {"measures": ("masks", "signs", "flows"), "day": at.date()}
        many = notice_text(Notice("measure.expiring", scenario.site, at, params), operator, text)
        assert "3 mesures" in many


def test_one_day_and_one_case_are_singular() -> None:
    with override("fr"):
        assert "1 cas en 1 jour)" in translate_cause("rule", 1, 1.0)
        assert "2 cas en 14 jours)" in translate_cause("rule", 2, 14.0)
    with override("en"):
        assert "1 case in 1 day)" in translate_cause("rule", 1, 1.0)
