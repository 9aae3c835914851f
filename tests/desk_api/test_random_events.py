"""Events at random, valid and not, by the service and by the API: stored whole or not at all.

``RELEVE_API_EXAMPLES`` asks for more (2 when not set).
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releve.accounts.permissions import Role
from releve.desk.api.events import OWN
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.live import api as live
from releve.live import situation_cache
from releve.live.models import Effect, IdempotencyKey
from releve.situation import Event, event_to_json
from tests.desk_api.conftest import program
from tests.desk_api.test_described import EXAMPLES, verified
from tests.live.scenario import Scenario
from tests.situation.event_strategies import AGENTS, SITES, any_event, near_event

pytestmark = [pytest.mark.database, pytest.mark.django_db]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
NEAR = st.tuples(near_event(), st.integers(0, 100))
SPOILT = st.tuples(st.integers(0, 10), VALUES)
STEPS = st.lists(
    st.tuples(NEAR, st.sampled_from(("service", "whole", "spoilt", "odd")), SPOILT, any_event()),
    min_size=4,
    max_size=12,
)


def stored() -> tuple[int, ...]:
    """How many rows there are of all that recording stores."""
    return tuple(model.objects.count() for model in (LedgerEntry, PersonalValue, IdempotencyKey, Effect))


def placed(event: Event, scenario: Scenario, hours: int, known: list[str]) -> Event:
    """Return an event of this operator's places and people, of the last days."""
    at = live.now() - timedelta(hours=hours)
    changes: dict[str, Any] = {"happened_at": at, "id": uuid.uuid4().hex}
    if getattr(event, "site", "") in SITES:
        changes["site"] = scenario.operator.sites[SITES.index(event.site)].id  # type: ignore[attr-defined]
    if getattr(event, "agent", "") in AGENTS:
        changes["agent"] = scenario.operator.agents[AGENTS.index(event.agent)].id  # type: ignore[attr-defined]
    if hasattr(event, "corrects") and known:
        changes["corrects"] = known[hours % len(known)]
    if hasattr(event, "day"):
        changes["day"] = at.date()
    return replace(event, **changes)


@pytest.mark.slow
@settings(
    max_examples=6 * EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(steps=STEPS)
def test_whatever_comes_is_stored_whole_or_not_at_all_and_the_ledger_verifies(
    scenario: Scenario, steps: list[Any]
) -> None:
    asks = program(Role.CONTINUITY)
    known: list[str] = []
    for (event, hours), way, spoilt, odd in steps:
        event = placed(event, scenario, hours, known)
        before = stored()
        done = by_service(event) if way == "service" else by_api(asks, event, way, spoilt, odd)
        if done is None:
            assert stored() == before, event.kind
            continue
        after = stored()
        assert after[0] - before[0] == 1 + len(done["answers"])
        assert after[2] - before[2] == 1
        known += [row.id for row in situation_cache.read_events(situation_cache.ledger.iter_entries("live", before[0]))]
    kept = live.situation_now()
    situation_cache.clear_cache()
    assert live.situation_now() == kept, "folded again from the ledger it is the same"
    assert {asks.get(path).status_code for path in ("/now", "/sites", "/clients")} == {200}
    assert verified() == []


def by_service(event: Event) -> dict[str, Any] | None:
    """Record by the service; return what was recorded."""
    try:
        done = live.record(event, key=uuid.uuid4().hex)
    except live.Refused:
        return None
    return {"answers": done.answers}


def by_api(asks: Any, event: Event, way: str, spoilt: tuple[int, Any], odd: Event) -> dict[str, Any] | None:
    """Record by the API, perhaps with a field spoilt or of another event altogether."""
    event = odd if way == "odd" else event
    body = {name: value for name, value in event_to_json(event).items() if name not in OWN}
    if way == "spoilt":
        names = sorted(body)
        body[names[spoilt[0] % len(names)]] = spoilt[1]
    answer = asks.post(f"/events/{event.kind}", body, uuid.uuid4().hex)
    assert answer.status_code in (201, 403, 404, 422), answer.content
    return dict(answer.json()) if answer.status_code == 201 else None
