"""Who may make and have which pack, and what its recipient is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from releve.accounts.permissions import Role
from releve.plugins.evidence.pack import PACK_KINDS
from releve.plugins.evidence.reach import PERMISSIONS_BY_KIND, has_reach, list_pack_choices, name_recipient
from tests.accounts.people import give, person
from tests.evidence.pack_house import build_operator
from tests.homes import make_test_home

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with override_settings(HOME=make_test_home(tmp_path)):
        yield


def test_every_kind_of_pack_has_a_permission() -> None:
    assert set(PERMISSIONS_BY_KIND) == set(PACK_KINDS)


def test_a_manager_may_make_packs_and_a_client_reads_its_own_alone() -> None:
    operator = build_operator()
    manager, client = person("omar"), person("azur")
    give(manager, Role.CONTINUITY)
    own = operator.clients[0].id
    give(client, Role.CLIENT, clients=[own])
    made = {(one.kind, one.recipient) for one in list_pack_choices(manager, operator)}
    assert {("client", row.id) for row in operator.clients} <= made
    assert list(list_pack_choices(client, operator)) == []
    assert has_reach(client, "client", own)
    assert not has_reach(client, "client", "another")
    assert not has_reach(client, "audit", "")


def test_a_recipient_is_named_where_the_operator_has_it() -> None:
    operator = build_operator()
    site, client = operator.sites[0], operator.clients[0]
    assert name_recipient("inspection", site.id, operator) == site.name
    assert name_recipient("client", client.id, operator) == client.name
    assert name_recipient("client", "gone", operator) == "gone"
    assert name_recipient("crashtest", "run-1", operator) == "run-1"
    assert name_recipient("audit", "", operator) == ""
