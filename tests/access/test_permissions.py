"""What each role may do: the table, and the answers that come from it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from releve.desk.access.open_mode import visitor
from releve.desk.access.permissions import PERMISSIONS, Permission, acting_roles
from releve.desk.access.roles import OUTSIDE, READ_ONLY, Role
from releve.desk.access.scopes import EVERYTHING, NOTHING, Held, Scope, can, outside, scope


def test_nobody_may_do_anything() -> None:
    assert not any(can(AnonymousUser(), key) for key in PERMISSIONS)
    assert scope(AnonymousUser()) == NOTHING


@pytest.mark.parametrize("role", sorted(READ_ONLY))
def test_a_role_that_only_reads_holds_no_permission_that_acts(role: Role) -> None:
    assert [row.id for row in PERMISSIONS.values() if row.acts and role in row.roles] == []
    assert role not in acting_roles()


def test_giving_an_acting_permission_to_a_reader_is_refused() -> None:
    with pytest.raises(ValueError, match="no read-only role may hold it, got auditor"):
        Permission("x", frozenset({Role.AUDITOR, Role.PLANNER}), "do", acts=True)  # type: ignore[arg-type]


def test_every_role_that_acts_takes_a_second_factor() -> None:
    assert acting_roles() == frozenset(Role) - READ_ONLY


def test_a_client_has_its_own_row_and_no_site() -> None:
    somebody = visitor(Role.CLIENT, "banque-rive")
    assert scope(somebody) == Scope(frozenset(), frozenset({"banque-rive"}))
    assert can(somebody, "plan.see", client="banque-rive")
    assert not can(somebody, "plan.see", client="azur")
    assert not can(somebody, "situation.see", site="casa-1")
    assert outside(somebody)


def test_a_site_lead_has_its_own_site_and_no_client() -> None:
    somebody = visitor(Role.SITE, "casa-1")
    assert can(somebody, "event.record.check", site="casa-1")
    assert not can(somebody, "event.record.check", site="dakar-1")
    assert not can(somebody, "plan.see")
    assert not outside(somebody)


def test_a_client_for_nothing_named_sees_nothing() -> None:
    assert scope(visitor(Role.CLIENT)) == NOTHING
    assert scope(visitor(Role.SITE)) == NOTHING


def test_two_roles_add_up_each_for_what_it_is_for() -> None:
    somebody = visitor(Role.PLANNER)
    somebody.held = (
        Held.of(Role.SITE, ["casa-1"]),
        Held.of(Role.CLIENT, clients=["azur"]),
    )
    assert scope(somebody) == Scope(frozenset({"casa-1"}), frozenset({"azur"}))
    assert scope(somebody, "plan.see") == Scope(frozenset(), frozenset({"azur"}))
    assert not can(somebody, "event.record.check", client="azur")
    assert not outside(somebody), "one of the roles is of the house"


def test_an_inspector_may_be_kept_to_some_sites() -> None:
    assert Held.of(Role.INSPECTOR).scope == EVERYTHING
    assert Held.of(Role.INSPECTOR, ["casa-1"]).scope == Scope(frozenset({"casa-1"}), frozenset())


def test_who_sees_cases_can_be_counted_on_one_hand() -> None:
    """LAW.md, section 6: cases under pseudonym for the health officer alone; two to reidentify."""
    assert PERMISSIONS["health.cases"].roles == {Role.HEALTH}
    assert PERMISSIONS["health.see"].roles.isdisjoint(OUTSIDE | {Role.PLANNER})
    asks, allows = PERMISSIONS["health.reidentify"].roles, PERMISSIONS["health.approve"].roles
    assert asks.isdisjoint(allows)
