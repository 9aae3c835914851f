"""Entries name members of staff by pseudonym, so that their names can be erased."""

from __future__ import annotations

import json

import pytest
from django.apps import apps
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from releve.accounts import grants
from releve.accounts.grants import AccessError, RoleRequest
from releve.accounts.models import Grant, User
from releve.accounts.person_erasure import erase_person, preview_erasure
from releve.ledger.account_names import ACCOUNT_PREFIX
from releve.ledger.chain import append, iter_entries
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import sign_root
from releve.ledger.verify import Export, Keys
from tests.ledger.conftest import KEY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
ZOE, TOM = "zoe.martin", "tom.berger"


def act(name: str, field: str = "actor") -> int:
    with transaction.atomic():
        return append("note", {"text": "x", field: name}, recorded_at=timezone.now()).seq


@pytest.fixture
def admin() -> User:
    """An administrator, who gave Zoe a role; Zoe gave one to Tom."""
    user, _ = grants.give_role("admin", RoleRequest("administrator"), by="command line")
    grants.give_role(ZOE, RoleRequest("continuity"), by="admin", email="zoe@example.org")
    grants.give_role(TOM, RoleRequest("continuity"), by=ZOE)
    return user


def find_text(text: str) -> list[str]:
    """Return the tables in which a row holds a text."""
    return [
        model._meta.db_table
        for model in apps.get_models()
        if any(text in str(row) for row in model._base_manager.values())
    ]


@pytest.mark.parametrize("field", ["actor", "by"])
def test_an_entry_holds_the_pseudonym_and_is_read_with_the_name(admin: User, field: str) -> None:
    first, second, program = act(ZOE, field), act(TOM, field), act("rule:closure", field)
    rows = {row.seq: json.loads(row.body) for row in LedgerEntry.objects.all()}
    assert rows[first][field].startswith(ACCOUNT_PREFIX)
    assert rows[first][field] != rows[second][field]
    assert rows[program][field] == "rule:closure"
    read = {entry.seq: entry.body[field] for entry in iter_entries(None, first - 1)}
    assert read == {first: ZOE, second: TOM, program: "rule:closure"}


def test_a_member_of_staff_is_found_and_erased_everywhere(admin: User) -> None:
    with override_settings(LEDGER_KEY=KEY):
        first, other, again = act(ZOE), act(TOM), act(ZOE)
        sign_root(timezone.now())
        grants.close_account(ZOE, by="admin")
        found = preview_erasure(admin, f"user:{ZOE}")
        assert found.erased["named"] > 1
        assert "ledger_accountname" in find_text(ZOE)
        erase_person(admin, f"user:{ZOE}")
        assert find_text(ZOE) == []
        assert find_text("zoe@example.org") == []
        actors = {entry.seq: entry.body.get("actor") for entry in iter_entries(None)}
        assert actors[first] == actors[again] != TOM == actors[other]
        assert actors[first].startswith(ACCOUNT_PREFIX)
        assert Grant.objects.get(user__username=TOM).given_by == actors[first]
        assert not preview_erasure(admin, f"user:{ZOE}").found
        sign_root(timezone.now())
        checked = Export(Keys([public_key()]), [])
        checked.read(f"{line}\n".encode() for line in export_lines(values=True))
        assert checked.faults == []


def test_an_open_account_is_closed_before_its_name_is_erased(admin: User) -> None:
    with pytest.raises(AccessError, match="close it first"):
        preview_erasure(admin, f"user:{ZOE}")
    with pytest.raises(AccessError, match="close it first"):
        erase_person(admin, f"user:{ZOE}")
