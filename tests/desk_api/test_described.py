"""The OpenAPI document against what is served: every operation, valid and invalid requests.

``RELEVE_API_EXAMPLES`` asks for more of each (2 when not set).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from releve.accounts.permissions import Role
from releve.desk.api.document import document
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.roots import sign_root
from releve.ledger.verify import Export, Keys
from releve.live import api as live
from tests.desk_api.conftest import Program, program
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]

EXAMPLES = int(os.environ.get("RELEVE_API_EXAMPLES", "2"))
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
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
