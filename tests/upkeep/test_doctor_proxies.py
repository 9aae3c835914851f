"""The doctor asks a proxy what it routes by, and what its configuration was made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from releve.live import api as live
from releve.live.models import Routes
from releve.registry.service import apply_changes, preview_changes
from releve.routing.kamailio import compute_configuration_digest
from releve.upkeep.doctor import check_proxies
from releve.upkeep.findings import Examination
from tests.homes import make_test_home
from tests.routing.fake_proxy import SECRET, FakeProxy, fake
from tests.routing.small_operator import small_operator

__all__ = ["fake"]

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def test_a_proxy_of_other_tables_or_another_generation_is_named(
    fake: FakeProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_test_home(tmp_path / "home")
    operator = small_operator(address="10.1.0.1:5060")
    apply_changes(preview_changes(operator), "tests")
    environ = {
        "RELEVE_ROUTING": "kamailio",
        "RELEVE_KAMAILIO_PROXIES": f"paris={fake.url},{fake.path}",
        "RELEVE_KAMAILIO_SECRET": SECRET,
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    asked = Examination(home, live.real_now(), environ)

    def look() -> list[str]:
        return [str(finding) for finding in check_proxies(asked)]

    (found,) = look()
    assert "kamailio:paris is configured by other numbers, trunks or campaigns" in found
    fake.configuration = compute_configuration_digest(operator)
    assert look() == []
    (row,) = (one for one in operator.programmes if one.id == "azur")
    changed = replace(row, numbers=("+33199000009",))
    other = replace(operator, programmes=(changed,))
    assert compute_configuration_digest(other) != fake.configuration
    at = live.real_now()
    old = at.replace(year=at.year - 1)
    Routes.objects.create(stream=live.LIVE, number=7, valid_from=old, made_at=old, content="x", body={})
    (found,) = look()
    assert "kamailio:paris holds generation 0 of the routes, not 7" in found
