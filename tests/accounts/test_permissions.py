"""What each role may do: the table, and the answers that come from it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from releve.accounts.permissions import OUTSIDE, READ_ONLY, Permission, Role, acting_roles, list_permissions
from releve.accounts.scopes import EVERYTHING, NOTHING, HeldRole, Scope, can, is_outsider, scope_for
from releve.desk.access.guard import build_visitor


def test_an_anonymous_visitor_may_do_nothing() -> None:
    assert not any(can(AnonymousUser(), key) for key in list_permissions())
    assert scope_for(AnonymousUser()) == NOTHING


@pytest.mark.parametrize("role", sorted(READ_ONLY))
def test_a_role_that_only_reads_holds_no_permission_that_acts(role: Role) -> None:
    assert [row.id for row in list_permissions().values() if row.acts and role in row.roles] == []
    assert role not in acting_roles()


def test_giving_an_acting_permission_to_a_reader_is_refused() -> None:
    with pytest.raises(ValueError, match="no read-only role may hold it, got auditor"):
        Permission("x", frozenset({Role.AUDITOR, Role.PLANNER}), "do", acts=True)  # type: ignore[arg-type]


def test_the_program_that_collects_metrics_sees_nothing_else() -> None:
    held = {row.id for row in list_permissions().values() if Role.MONITORING in row.roles}
    assert held == {"metrics.see"}


def test_an_auditor_records_an_audit_and_nothing_else() -> None:
    held = {row.id for row in list_permissions().values() if row.acts and Role.AUDITOR in row.roles}
    assert held == {"event.record.audit"}
    with pytest.raises(ValueError, match="no read-only role may hold it, got inspector"):
        Permission("x", frozenset({Role.INSPECTOR}), "do", acts=True, observes=True)  # type: ignore[arg-type]


def test_a_client_decides_who_answers_its_own_work_and_nothing_else() -> None:
    held = {row.id for row in list_permissions().values() if row.acts and Role.CLIENT in row.roles}
    assert held == {"sector.agree"}
    for other in ({"observes": True}, {}):
        with pytest.raises(ValueError, match="no read-only role may hold it, got client"):
            Permission("x", frozenset({Role.CLIENT}), "do", acts=True, **other)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no read-only role may hold it, got auditor"):
        Permission("x", frozenset({Role.AUDITOR}), "do", acts=True, consents=True)  # type: ignore[arg-type]


def test_every_role_that_acts_takes_a_second_factor() -> None:
    assert acting_roles() == frozenset(Role) - READ_ONLY


def test_a_client_has_its_own_row_and_no_site() -> None:
    user = build_visitor(Role.CLIENT, "banque-rive")
    assert scope_for(user) == Scope(frozenset(), frozenset({"banque-rive"}))
    assert can(user, "plan.see", client="banque-rive")
    assert not can(user, "plan.see", client="azur")
    assert not can(user, "situation.see", site="casa-1")
    assert is_outsider(user)


def test_a_site_lead_has_its_own_site_and_no_client() -> None:
    user = build_visitor(Role.SITE, "casa-1")
    assert can(user, "event.record.check", site="casa-1")
    assert not can(user, "event.record.check", site="dakar-1")
    assert not can(user, "plan.see")
    assert not is_outsider(user)


def test_a_client_for_nothing_named_sees_nothing() -> None:
    assert scope_for(build_visitor(Role.CLIENT)) == NOTHING
    assert scope_for(build_visitor(Role.SITE)) == NOTHING


def test_two_roles_add_up_each_for_what_it_is_for() -> None:
    user = build_visitor(Role.PLANNER)
    user.held_roles = (HeldRole.limit(Role.SITE, ["casa-1"]), HeldRole.limit(Role.CLIENT, clients=["azur"]))
    assert scope_for(user) == Scope(frozenset({"casa-1"}), frozenset({"azur"}))
    assert scope_for(user, "plan.see") == Scope(frozenset(), frozenset({"azur"}))
    assert not can(user, "event.record.check", client="azur")
    assert not is_outsider(user), "one of the roles is of the house"


def test_an_inspector_may_be_kept_to_some_sites() -> None:
    assert HeldRole.limit(Role.INSPECTOR).scope == EVERYTHING
    assert HeldRole.limit(Role.INSPECTOR, ["casa-1"]).scope == Scope(frozenset({"casa-1"}), frozenset())


def test_who_sees_cases_can_be_counted_on_one_hand() -> None:
    """LAW.md, section 6: cases under pseudonym for the health officer alone; two to reidentify."""
    assert list_permissions()["health.cases"].roles == {Role.HEALTH}
    assert list_permissions()["health.see"].roles.isdisjoint(OUTSIDE | {Role.PLANNER})
    asks, allows = list_permissions()["health.reidentify"].roles, list_permissions()["health.approve"].roles
    assert asks.isdisjoint(allows)
