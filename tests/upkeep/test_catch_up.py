"""A rolled-back database catches up with what left it: wholly, and only once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from releve.accounts import grants, group_roles
from releve.accounts.models import Grant, GroupRole, User
from releve.ledger.chain import append_all, lock_head, read_head, serialize_entry
from releve.ledger.export import JournalPart
from releve.ledger.models import LedgerEntry, LedgerRoot, OutgoingDocument, Restoration
from releve.ledger.rollback import compare_with_marks, forget, roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.upkeep import restore
from releve.upkeep.replay import Outside, repeat_acts
from releve.upkeep.restore import RestoreReport, catch_up
from tests.homes import make_test_home
from tests.ledger.sample_entries import at, draft_closure

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def outside(settings: Settings, tmp_path: Path) -> Outside:
    """What left a house after its first root: an entry, a closed account, and the second root."""
    settings.HOME = make_test_home(tmp_path / "home")
    grants.give_role("bob", grants.RoleRequest("planner"), by="amina")
    publish_root(sign_root(at(1)), roots_folder())
    with transaction.atomic():
        seq = append_all([draft_closure(2)])[0].seq
        row = LedgerEntry.objects.get(seq=seq)
        line = {"entry": json.loads(serialize_entry(row)), "hash": row.hash}
        root = sign_root(at(2))
        publish_root(root, roots_folder())
        transaction.set_rollback(True)
    forget()
    part = JournalPart(seq, (line,), ({"act": grants.CLOSED, "name": "bob"},))
    names = ("journal-00000001.age", root.file_name)
    return Outside(
        {1: part},
        {root.number: json.loads(root.text)},
        {name: hashlib.sha256(name.encode()).hexdigest() for name in names},
    )


def test_it_stops_half_way_without_a_trace_and_goes_through_the_next_time(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_head()
    with monkeypatch.context() as patch:
        patch.setattr(restore, "repeat_acts", lambda _parts: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            catch_up(outside, at(9))
    assert read_head() == before
    assert not Restoration.objects.exists()
    assert not OutgoingDocument.objects.exists()
    report = catch_up(outside, at(9))
    assert (report.entries, dict(report.acts)) == (1, {grants.CLOSED: 1})
    assert not User.objects.get(username="bob").is_active
    assert LedgerRoot.objects.count() == 2
    assert compare_with_marks().problem == ""


def test_a_row_of_groups_that_ended_since_ends_again_with_its_roles() -> None:
    by = "service:oidc"
    rows = [group_roles.ask_row(group, grants.RoleRequest("planner"), by="amina") for group in ("staff", "others")]
    users = [grants.give_role(name, grants.RoleRequest("flow"), by="amina")[0] for name in ("bob", "zoe")]
    with transaction.atomic():
        lock_head()
        for user, row in zip(users, rows, strict=True):
            grants.store_grant(user, grants.RoleRequest("planner"), by=by, group_role=row)
    left = users[1].grants.get(group_role=rows[1])
    acts: tuple[dict[str, Any], ...] = (
        {"act": group_roles.ENDED, "row": rows[0].pk, "group": "staff"},
        {"act": group_roles.ENDED, "row": rows[1].pk, "group": "staff"},
        {"act": grants.ENDED, "name": "zoe", "grant": left.pk, "by": by},
    )
    for _ in range(2):
        repeat_acts([JournalPart(1, (), acts)])
        assert [row.group for row in GroupRole.objects.filter(ended_at=None)] == ["others"]
        ended = Grant.objects.exclude(ended_by="").values_list("user__username", "ended_by")
        assert sorted(ended) == [("bob", "restore"), ("zoe", by)], "who left a group may come back to it"


def test_where_nothing_lacks_nothing_is_recorded_or_changed(outside: Outside) -> None:
    first = catch_up(outside, at(9))
    assert first.entry == Restoration.objects.get().seq
    head = read_head()
    assert catch_up(outside, at(10)) == RestoreReport(0, 0, {}, 0, 0, 0, 0)
    assert read_head() == head
    assert Restoration.objects.count() == 1


def test_a_loss_is_recorded_once_and_no_more_after_two_people_declared_it(outside: Outside) -> None:
    gone = Outside({}, outside.roots, {})
    first, head = catch_up(gone, at(9)), read_head()
    assert (first.entries, first.lost_entries, first.lost_root) == (0, 1, 2)
    assert first.entry == head.seq
    again = catch_up(gone, at(10))
    assert (again.lost_entries, again.lost_root, again.entry) == (1, 2, 0)
    assert read_head() == head
