"""A foreign audit answers a program as one that does not exist, whatever event of it is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import get_resolver, reverse

from releve.accounts.models import Grant
from releve.accounts.permissions import Role
from releve.live import api as live
from releve.situation import KINDS, AuditOpened
from tests.accounts.people import give, person, sign_in
from tests.desk_api.conftest import Program, program
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]

AUDIT_KINDS = sorted(kind for kind, event in KINDS.items() if event.family == AuditOpened.family)
"""Every event kind of an audit: a new one is tested by being declared."""
SECRET = "x-foreign"


@pytest.fixture
def sites(scenario: Scenario, manager: Program) -> tuple[str, str]:
    """Audit the second site, with a finding; return the site of the readers and that one."""
    own, other = (site.id for site in scenario.operator.sites[:2])
    charter = live.rules_now().charter(live.now(live.LIVE).date())
    assert charter is not None
    for audit, sample in ((SECRET, [other]), ("x-shared", [own, other])):
        opened = {"audit": audit, "body": "Bureau (synthetic)", "sites": sample,
                  "charter": charter.id, "version": charter.version, "basis": "b"}  # fmt: skip
        assert manager.record("audit.opened", audit, **opened).status_code == 201
        for kind, fields in _steps(audit, other):
            made = manager.record(kind, f"{audit}-{kind}", **fields)
            assert made.status_code == 201, (kind, made.json())
    return own, other


def _steps(audit: str, site: str) -> list[tuple[str, dict[str, Any]]]:
    finding = {"audit": audit, "finding": "f1", "site": site, "measure": "masks"}
    due = (live.now(live.LIVE).date() + timedelta(days=9)).isoformat()
    return [
        ("audit.observed", {"audit": audit, "site": site, "measure": "masks", "method": "test",
                            "seen_at": live.now(live.LIVE).isoformat(), "verdict": "not_kept"}),
        ("finding.raised", finding | {"severity": "minor", "due": due, "note": "Torn"}),
        ("finding.answered", finding | {"cause": "c", "action": "a", "owner": "site", "due": due}),
    ]  # fmt: skip


def _fields(kind: str, audit: str, site: str, sample: list[str]) -> dict[str, Any]:
    """Return an acceptable body of an event of any kind of an audit."""
    steps = dict(_steps(audit, site))
    opened = {"audit": audit, "body": "B", "sites": sample, "charter": "sector", "version": "1", "basis": "b"}
    finding = {"audit": audit, "finding": "f1", "site": site, "measure": "masks"}
    return steps.get(kind) or {
        "audit.opened": opened,
        "audit.concluded": {"audit": audit, "conclusion": "conforms_with_findings"},
        "finding.verified": finding | {"effective": True},
    }[kind]  # fmt: skip


@pytest.mark.parametrize("kind", AUDIT_KINDS)
@pytest.mark.parametrize("audit", [SECRET, "x-shared", "x-none"])
def test_an_event_of_a_foreign_audit_or_finding_is_not_found(sites: tuple[str, str], kind: str, audit: str) -> None:
    own, other = sites
    role = Role.SITE if kind == "finding.answered" else Role.AUDITOR
    foreign = program(role, sites=(own,))
    answers = {}
    for site in (own, other):
        # an own site of an audit that is shared is the one case that is not foreign
        if (audit, site) == ("x-shared", own) and kind in ("audit.observed", "finding.raised"):
            continue
        answer = foreign.record(kind, f"k{site}", **_fields(kind, audit, site, [other]))
        assert answer.status_code == 404, (site, answer.json())
        answers[site] = answer.content
        for word in (other, SECRET, "masks", "Torn"):
            assert word not in answer.content.decode()
    assert len(set(answers.values())) == 1


def test_a_site_of_no_audit_tells_nothing_of_the_sample(sites: tuple[str, str]) -> None:
    """The reader holds one site more: the refusal that names the sample is not theirs to read."""
    own, other = sites
    third = next(site.id for site in live.operator_now().sites if site.id not in sites)
    foreign = program(Role.AUDITOR, sites=(own, third))
    answer = foreign.record("audit.observed", **_fields("audit.observed", "x-shared", third, []))
    assert answer.status_code == 404
    assert other not in answer.content.decode()
    whole = program(Role.AUDITOR).record("audit.observed", **_fields("audit.observed", SECRET, own, []))
    assert whole.json()["error"]["faults"][0]["code"] == "audit.site", "who audits all is helped"


def _audit_addresses() -> list[tuple[str, dict[str, str]]]:
    """Return every page that takes an audit, with its arguments."""
    found = []
    for name, rows in get_resolver().reverse_dict.lists():
        names = rows[0][0][0][1]
        if isinstance(name, str) and "audit" in names:
            found.append((name, {"audit": SECRET} | ({"finding": "f1"} if "finding" in names else {})))
    return found


def test_every_page_of_a_foreign_audit_is_not_found(sites: tuple[str, str]) -> None:
    user = person("ali")
    for role in (Role.AUDITOR, Role.SITE):
        give(user, role)
    Grant.objects.filter(user=user).update(sites=[sites[0]])
    web = sign_in(user, lately=True)
    addresses = _audit_addresses()
    assert len(addresses) >= 9
    for name, arguments in addresses:
        unknown = reverse(name, kwargs=arguments | {"audit": "x-none"})
        path = reverse(name, kwargs=arguments)
        for ask in (web.get, web.post):
            answer, other = ask(path), ask(unknown)
            assert answer.status_code == other.status_code, path
            assert answer.status_code in (404, 405), path
            assert sites[1] not in answer.content.decode(), path
    assert SECRET not in web.get("/charter/?format=json").content.decode()
