"""What a user may read of the ledger, without a page: by permission, site and kind."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction

from releve.accounts.reach import EntryAccess, find_proof_state, load_entries, load_entry
from releve.accounts.scopes import EVERYTHING, Scope
from releve.ledger.chain import append
from releve.ledger.disclosure import PERSON_KINDS
from releve.ledger.roots import sign_root

pytestmark = [pytest.mark.database, pytest.mark.django_db]

AT = datetime(2026, 11, 30, 8, 12, tzinfo=UTC)
WHOLE = EntryAccess(personal=False, counts=True, proves=True, scope=EVERYTHING)
ONE_SITE = EntryAccess(personal=False, counts=False, proves=True, scope=Scope(frozenset({"casa-1"}), frozenset()))


@pytest.fixture
def recorded() -> None:
    with transaction.atomic():
        for number, site in enumerate(("casa-1", "rabat-1", "casa-1")):
            append("power.up", {"id": f"e{number}", "site": site, "by": "lina"}, recorded_at=AT)


def test_entries_come_in_pages_and_conceal_what_is_of_another_site(recorded: None) -> None:
    first = load_entries(ONE_SITE, most=2)
    assert [(entry.seq, entry.concealed) for entry in first.entries] == [(3, False), (2, True)]
    assert (first.entries[0].actor, first.entries[1].actor) == ("lina", "")
    rest = load_entries(ONE_SITE, most=2, before=first.older)
    assert [entry.seq for entry in rest.entries] == [1]
    assert rest.older is None


def test_a_proof_is_had_now_under_the_next_root_or_not_at_all(recorded: None) -> None:
    sign_root(AT)
    with transaction.atomic():
        append("power.down", {"id": "e9", "site": "casa-1"}, recorded_at=AT)
    found = {seq: load_entry(seq, ONE_SITE) for seq in (1, 2, 4)}
    states = {seq: find_proof_state(entry, ONE_SITE) for seq, entry in found.items() if entry}
    assert states == {1: "now", 2: "", 4: "next"}
    assert load_entry(99, WHOLE) is load_entry(2**40, WHOLE) is None


def test_who_may_not_see_counts_is_offered_no_kind_about_one_agent() -> None:
    assert set(WHOLE.kinds) >= PERSON_KINDS
    assert not PERSON_KINDS & set(ONE_SITE.kinds)
    assert WHOLE.exports
    assert not ONE_SITE.exports
