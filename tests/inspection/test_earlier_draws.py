"""A ledger in which an earlier version drew visits: read as it was written, and named so."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import transaction

from releve.accounts.permissions import Role
from releve.ledger import chain as ledger
from releve.plugins.inspection.draws import find_draw_plan
from releve.situation import EventFaults, event_from_json
from tests.accounts.people import signed_in
from tests.inspection.draw_story import DAY, Draws

pytestmark = pytest.mark.database

PLAN: dict[str, Any] = {
    "first_day": DAY, "days": 30, "operator_anchor": "a" * 64, "commission_anchor": "b" * 64,
    "visits": 1, "most_permille": 900, "least_permille": 0, "per_agent": 1, "per_day": 1,
    "per_finding": 50, "deadline_hour": 8,
}  # fmt: skip
UNITS = [{"site": site, "weight": 372, "agents": 6, "days": 366, "findings": 0} for site in ("casa", "rabat", "fes")]


def write_earlier_draw() -> None:
    """Write the entries of a plan and of one day as the earlier version wrote them."""
    story: list[tuple[str, datetime, dict[str, Any]]] = [
        ("draw.planned", datetime(2026, 11, 30, 18, tzinfo=UTC), PLAN),
        ("draw.framed", datetime(2026, 11, 30, 19, tzinfo=UTC), {"day": DAY, "units": UNITS}),
    ]
    morning = datetime(2026, 12, 1, 7, tzinfo=UTC)
    story += [
        ("draw.revealed", morning, {"day": DAY, "party": party, "link": link * 64})
        for party, link in (("operator", "c"), ("commission", "d"))
    ]
    drawn = {"day": DAY, "withheld": "", "closed": ["casa"], "visits": ["rabat"]}
    story.append(("draw.drawn", morning, drawn))
    with transaction.atomic():
        for number, (kind, at, fields) in enumerate(story):
            time = at.isoformat().replace("+00:00", "Z")
            body = {"id": f"e{number}", "plan": "old", "actor": "inès",
                    "happened_at": time, "recorded_at": time, **fields}  # fmt: skip
            ledger.append_all([ledger.Draft(kind, body, at, stream="live")])


def test_draws_of_an_earlier_version_stand_as_they_were_and_go_no_further(draws: Draws) -> None:
    write_earlier_draw()
    plan = find_draw_plan("old")
    assert plan.is_older
    assert plan.list_visits(date.fromisoformat(DAY)) == ("rabat",)
    draws.clock.at = datetime(2026, 12, 2, 7, tzinfo=UTC)
    answer = signed_in(Role.INSPECTOR).get(f"/draws/?day={DAY}&format=json")
    (card,) = answer.json()["cards"]
    assert (card["state"], card["revealed"]) == ("older", ["operator", "commission"])
    assert [row["site"] for row in card["visits"]] == ["rabat"]
    assert signed_in(Role.INSPECTOR).get(f"/draws/?day={DAY}").status_code == 200
    assert "nothing can be drawn" in draws.do("draw", "old", "--day", DAY, code=1)


def test_a_new_event_has_no_field_of_an_earlier_version() -> None:
    with pytest.raises(EventFaults, match="commission_anchor"):
        event_from_json("draw.planned", {"plan": "new", **PLAN})


def test_a_new_plan_is_drawn_beside_one_of_an_earlier_version(draws: Draws) -> None:
    write_earlier_draw()
    draws.clock.at = datetime(2026, 11, 30, 19, tzinfo=UTC)
    draws.prepare()
    assert draws.finish()["plan"] == draws.plan_id
    assert not find_draw_plan(draws.plan_id).is_older
