"""The OpenAPI document against what is served, and events at random: valid and invalid requests."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from releve.accounts.permissions import Role
from releve.desk.api.document import document
from releve.desk.api.events import OWN
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.roots import sign_root
from releve.ledger.verify import Export, Keys
from releve.live import api as live
from releve.live import situation_cache
from releve.live.models import Effect, IdempotencyKey
from releve.situation import Event, event_to_json
from tests.desk_api.conftest import Program, program
from tests.live.scenario import Scenario
from tests.situation.event_strategies import AGENTS, SITES, any_event, near_event

pytestmark = [pytest.mark.database, pytest.mark.django_db]

EXAMPLES = int(os.environ.get("RELEVE_API_EXAMPLES", "2"))
CHECKS: list[Any] = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]


@pytest.fixture
def _connection_kept() -> Iterator[None]:
    """Keep the test's transaction open over requests, as Django's own test client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def tried(asks: Program, mode: GenerationMode) -> int:
    """Send requests to every operation; return how many there were."""
    schema = schemathesis.openapi.from_dict(document())
    schema.app = get_wsgi_application()
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        def try_it(case: Any) -> None:
            nonlocal count
            count += 1
            response = case.call(headers=asks.headers)
            case.validate_response(response, checks=CHECKS)

        try_it()
    return count


def _can_be_wrong(operation: Any) -> bool:
    """Whether an operation takes anything that could be invalid."""
    return bool(list(operation.iter_parameters()) or list(operation.body))


def verified() -> list[str]:
    """Return the faults of the whole ledger, found by the verifier of strangers."""
    sign_root(live.real_now())
    checked = Export(Keys([public_key()]), [])
    checked.read(f"{line}\n".encode() for line in export_lines(values=True))
    return checked.faults


@pytest.mark.slow
@pytest.mark.usefixtures("_connection_kept")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_breaks_it_and_every_answer_is_as_it_is_described(
    scenario: Scenario, plans: Path, settings: Any, mode: GenerationMode
) -> None:
    settings.API_PER_MINUTE, settings.PLAN_FOLDER = 10**6, plans
    scenario.close()
    assert tried(program(Role.CONTINUITY), mode) >= EXAMPLES
    assert verified() == []


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
