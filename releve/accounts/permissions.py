"""Roles and permissions: one row a permission, with the words that finish "… may".

A page asks by ``guard.require_permission``, a list or a button by ``scopes.can``; nothing else
decides. A new page that none of the rows covers adds its row here, that of a plug-in to its
``permissions``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as lazy

from releve.plugin import list_plugins

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


class Role(TextChoices):
    """The job of a user; one user may hold several roles."""

    CONTINUITY = "continuity", lazy("Continuity manager")
    PLANNER = "planner", lazy("Planner")
    FLOW = "flow", lazy("Flow manager")
    SITE = "site", lazy("Site lead")
    HEALTH = "health", lazy("Health officer")
    OUTBOUND = "outbound", lazy("Outbound manager")
    CLIENT = "client", lazy("Client’s representative")
    INSPECTOR = "inspector", lazy("Inspector")
    AUDITOR = "auditor", lazy("Auditor")
    ADMINISTRATOR = "administrator", lazy("Administrator")
    MONITORING = "monitoring", lazy("Monitoring")
    PROVISIONING = "provisioning", lazy("Provisioning of accounts")


def label_role(role: str) -> str:
    """Return what a role is called in the reader's language; a word that is none as it is."""
    return str(Role(role).label) if role in Role.values else role


BY_SITE = frozenset({Role.SITE})
"""Only for the sites named; naming none is refused."""

BY_CLIENT = frozenset({Role.CLIENT})
"""Only for the clients named; naming none is refused."""

MAY_NAME_SITES = BY_SITE | {Role.INSPECTOR, Role.AUDITOR}
"""May be held for some sites; for any other role, naming a site is refused."""

MAY_NAME_CLIENTS = BY_CLIENT | {Role.AUDITOR}
"""May be held for some clients; for any other role, naming a client is refused."""

OUTSIDE = frozenset({Role.CLIENT, Role.INSPECTOR, Role.AUDITOR})
"""Not of the operator: what is not theirs is not there (404), instead of forbidden (403)."""

WATCHING = frozenset({Role.MONITORING})
"""Read the metrics and nothing else: for the program that collects them."""

PROVISIONS = frozenset({Role.PROVISIONING})
"""Make and close accounts and nothing else: for the organisation's directory, and given to no person."""

READ_ONLY = WATCHING | OUTSIDE - {Role.AUDITOR, Role.CLIENT}
"""See, and never act; an auditor records what the audit saw, and nothing else."""

DATED = frozenset({Role.INSPECTOR, Role.AUDITOR})
"""Held from one day to another; an end is required."""


_R = Role
_EVERYONE = frozenset(Role) - WATCHING - PROVISIONS
_INSIDE = _EVERYONE - OUTSIDE


@dataclass(frozen=True, slots=True)
class Permission:
    """``does`` is what a holder may do, in the infinitive; ``acts``: it has consequences.

    ``observes``: it records what an outside auditor saw and changes nothing else, so that an
    auditor may hold it. ``consents``: it records what a client decides about its own work, so that
    a client may hold it. ``whole``: its pages show every site and client at once, so a role held
    for some does not give it. ``paired``: an act of it is one of two that two people have to do.
    """

    id: str
    roles: frozenset[Role]
    does: StrPromise
    acts: bool = False
    whole: bool = False
    observes: bool = False
    consents: bool = False
    paired: bool = False

    def __post_init__(self) -> None:
        if not self.roles:
            raise ValueError(f"{self.id}: roles must not be empty")
        own = {_R.AUDITOR: self.observes, _R.CLIENT: self.consents}
        readers = {role for role in self.roles & OUTSIDE if not own.get(role, False)}
        if self.acts and readers:
            names = ", ".join(sorted(readers))
            raise ValueError(f"{self.id}: acts, so no read-only role may hold it, got {names}")
        if self.whole and self.roles & (BY_SITE | BY_CLIENT):
            names = ", ".join(sorted(self.roles & (BY_SITE | BY_CLIENT)))
            raise ValueError(f"{self.id}: whole, so no role held for some may hold it, got {names}")


_CORE = (
    Permission(
        "plan.see",
        frozenset({_R.CONTINUITY, _R.PLANNER, _R.FLOW, _R.CLIENT}),
        lazy("see the plan, its verdict and its reliefs"),
    ),
    Permission("plan.publish", frozenset({_R.CONTINUITY, _R.PLANNER}), lazy("publish a plan"), acts=True),
    Permission("situation.see", _EVERYONE, lazy("see what is happening now")),
    Permission("sites.see", _EVERYONE - {_R.CLIENT}, lazy("see the sites")),
    Permission("reliefs.see", frozenset({_R.CONTINUITY, _R.PLANNER, _R.FLOW}), lazy("see the reliefs of every client")),
    Permission(
        "routing.switch",
        frozenset({_R.CONTINUITY, _R.FLOW}),
        lazy("switch calls to the routes prepared for a loss"),
        acts=True,
        whole=True,
    ),
    Permission(
        "relief.order",
        frozenset({_R.CONTINUITY, _R.FLOW}),
        lazy("put a relief for a surge or absences in force, and choose what reliefs aim at"),
        acts=True,
        whole=True,
    ),
    Permission(
        "relief.people",
        frozenset({_R.CONTINUITY, _R.PLANNER, _R.FLOW, _R.SITE}),
        lazy("see who moves for a relief and who has answered, under pseudonyms"),
    ),
    Permission(
        "relief.call",
        frozenset({_R.CONTINUITY, _R.SITE}),
        lazy("see the addresses of agents to call, and record their answers"),
        acts=True,
    ),
    Permission(
        "roll.names",
        frozenset({_R.CONTINUITY, _R.SITE}),
        lazy("read the names at the roll call of a lost site"),
        acts=True,
    ),
    Permission(
        "record.see",
        frozenset({_R.CONTINUITY, _R.PLANNER, _R.FLOW, _R.HEALTH, _R.SITE}),
        lazy("see what can be recorded"),
    ),
    Permission(
        "event.record.case", frozenset({_R.CONTINUITY, _R.HEALTH, _R.SITE}), lazy("declare a positive test"), acts=True
    ),
    Permission(
        "event.record.closure", frozenset({_R.CONTINUITY, _R.SITE}), lazy("record that a site closes"), acts=True
    ),
    Permission(
        "event.correct",
        frozenset({_R.CONTINUITY, _R.HEALTH, _R.SITE}),
        lazy("correct what was recorded wrongly"),
        acts=True,
        paired=True,
    ),
    Permission(
        "event.record.check",
        frozenset({_R.CONTINUITY, _R.HEALTH, _R.SITE}),
        lazy("record a site’s daily check"),
        acts=True,
    ),
    Permission("event.record.inspection", frozenset({_R.CONTINUITY, _R.SITE}), lazy("record an inspection"), acts=True),
    Permission(
        "event.record.draw",
        frozenset({_R.CONTINUITY, _R.HEALTH}),
        lazy("record draws of visits"),
        acts=True,
        whole=True,
    ),
    Permission(
        "event.record.audit",
        frozenset({_R.CONTINUITY, _R.AUDITOR}),
        lazy("record an audit of the charter: observations, findings, conclusion"),
        acts=True,
        observes=True,
        paired=True,
    ),
    Permission(
        "event.record.answer",
        frozenset({_R.CONTINUITY, _R.HEALTH, _R.SITE}),
        lazy("answer an auditor’s finding"),
        acts=True,
        paired=True,
    ),
    Permission(
        "charter.see",
        frozenset({_R.CONTINUITY, _R.HEALTH, _R.SITE, _R.ADMINISTRATOR, _R.INSPECTOR, _R.AUDITOR}),
        lazy("see where the charter’s measures and the label stand"),
    ),
    Permission(
        "draw.see", frozenset({_R.CONTINUITY, _R.HEALTH, _R.INSPECTOR}), lazy("see the draws of visits"), whole=True
    ),
    Permission(
        "draw.preview",
        frozenset({_R.INSPECTOR}),
        lazy("compute the plan of visits from the commission’s link"),
        whole=True,
    ),
    Permission(
        "event.record.other",
        frozenset({_R.CONTINUITY, _R.PLANNER, _R.FLOW, _R.SITE}),
        lazy("record presence, links, power and authorisations"),
        acts=True,
    ),
    Permission(
        "event.record.rules",
        frozenset({_R.CONTINUITY, _R.HEALTH}),
        lazy("choose the packs of rules by which sites are closed and checked"),
        acts=True,
        whole=True,
    ),
    Permission(
        "reopening.approve",
        frozenset({_R.CONTINUITY, _R.HEALTH, _R.SITE}),
        lazy("approve the reopening of a site"),
        acts=True,
        paired=True,
    ),
    Permission("health.see", frozenset({_R.CONTINUITY, _R.HEALTH, _R.SITE}), lazy("see the number of cases of a site")),
    Permission("health.cases", frozenset({_R.HEALTH}), lazy("see cases, clusters and contacts, under pseudonyms")),
    Permission(
        "health.looks", frozenset({_R.HEALTH, _R.ADMINISTRATOR}), lazy("see who looked behind which pseudonym, and why")
    ),
    Permission(
        "health.reidentify", frozenset({_R.HEALTH}), lazy("ask who stands behind a pseudonym"), acts=True, paired=True
    ),
    Permission(
        "health.approve",
        frozenset({_R.ADMINISTRATOR}),
        lazy("allow a health officer to see who stands behind a pseudonym"),
        acts=True,
        paired=True,
    ),
    Permission(
        "ledger.see",
        frozenset({_R.CONTINUITY, _R.HEALTH, _R.ADMINISTRATOR, _R.INSPECTOR, _R.AUDITOR}),
        lazy("read the ledger"),
    ),
    Permission(
        "ledger.prove",
        frozenset({_R.CONTINUITY, _R.ADMINISTRATOR, _R.INSPECTOR, _R.AUDITOR}),
        lazy("obtain the proof of an entry"),
    ),
    Permission("registry.see", _INSIDE - BY_SITE, lazy("see the reference data"), whole=True),
    Permission(
        "registry.edit",
        frozenset({_R.CONTINUITY, _R.PLANNER, _R.ADMINISTRATOR}),
        lazy("change the reference data"),
        acts=True,
    ),
    Permission(
        "calls.report",
        frozenset({_R.CONTINUITY, _R.FLOW}),
        lazy("report statistics of calls and of agents signed in"),
        acts=True,
    ),
    Permission(
        "client_news.see",
        frozenset({_R.CONTINUITY, _R.PLANNER, _R.FLOW}),
        lazy("see the messages to clients"),
        whole=True,
    ),
    Permission(
        "client_news.approve",
        frozenset({_R.CONTINUITY, _R.FLOW}),
        lazy("approve, change and hold the messages to clients"),
        acts=True,
        whole=True,
    ),
    Permission("rota.see", _INSIDE, lazy("see who is on call")),
    Permission(
        "rota.edit", frozenset({_R.CONTINUITY, _R.ADMINISTRATOR}), lazy("enter who is on call"), acts=True, whole=True
    ),
    Permission("drill.run", frozenset({_R.CONTINUITY}), lazy("run a drill"), acts=True),
    Permission(
        "incident.work",
        frozenset({_R.CONTINUITY, _R.PLANNER, _R.FLOW, _R.SITE, _R.HEALTH, _R.OUTBOUND}),
        lazy("work in the incident room"),
        acts=True,
    ),
    Permission(
        "crashtest.see",
        frozenset({_R.CONTINUITY, _R.PLANNER, _R.FLOW, _R.AUDITOR}),
        lazy("see what crash tests found"),
        whole=True,
    ),
    Permission("crashtest.run", frozenset({_R.CONTINUITY, _R.PLANNER}), lazy("run a crash test"), acts=True),
    Permission(
        "crashtest.outlook",
        frozenset({_R.CONTINUITY, _R.HEALTH}),
        lazy("look fourteen days ahead from today’s cases"),
        acts=True,
    ),
    Permission("evidence.pack", _EVERYONE - {_R.PLANNER, _R.FLOW, _R.OUTBOUND}, lazy("obtain an evidence pack")),
    Permission(
        "evidence.client",
        frozenset({_R.CONTINUITY, _R.ADMINISTRATOR, _R.CLIENT, _R.AUDITOR}),
        lazy("obtain the evidence pack of a client"),
    ),
    Permission(
        "evidence.inspection",
        frozenset({_R.CONTINUITY, _R.HEALTH, _R.SITE, _R.INSPECTOR}),
        lazy("obtain the evidence pack of an inspection"),
    ),
    Permission(
        "evidence.audit",
        frozenset({_R.CONTINUITY, _R.ADMINISTRATOR, _R.AUDITOR}),
        lazy("obtain the evidence packs of the audit and of crash tests"),
    ),
    Permission(
        "evidence.association",
        frozenset({_R.CONTINUITY, _R.ADMINISTRATOR}),
        lazy("obtain the evidence pack for the association"),
    ),
    Permission(
        "evidence.make",
        frozenset({_R.CONTINUITY, _R.SITE, _R.HEALTH, _R.ADMINISTRATOR}),
        lazy("make the evidence packs that the role may obtain"),
        acts=True,
    ),
    Permission(
        "sector.relief",
        frozenset({_R.CONTINUITY}),
        lazy("see contracts of relief with other operators, and take their steps"),
        acts=True,
        whole=True,
    ),
    Permission(
        "sector.agree",
        frozenset({_R.CLIENT}),
        lazy("agree that another operator answers calls, for its own work"),
        acts=True,
        consents=True,
    ),
    Permission(
        "sector.contribute",
        frozenset({_R.CONTINUITY}),
        lazy("see and send what the operator contributes to the association’s bulletin"),
        acts=True,
        whole=True,
    ),
    Permission(
        "sector.clerk",
        frozenset({_R.CONTINUITY, _R.ADMINISTRATOR}),
        lazy("see the members’ contributions and publish the association’s bulletin"),
        acts=True,
        whole=True,
    ),
    Permission(
        "system.watch",
        frozenset({_R.CONTINUITY, _R.ADMINISTRATOR}),
        lazy("see which check of the installation fails"),
        whole=True,
    ),
    Permission(
        "metrics.see",
        frozenset({_R.MONITORING, _R.CONTINUITY, _R.ADMINISTRATOR}),
        lazy("read the metrics of the installation"),
        whole=True,
    ),
    Permission(
        "accounts.provision",
        PROVISIONS,
        lazy("make and close accounts as the organisation’s directory says"),
        acts=True,
        whole=True,
    ),
    Permission(
        "users.manage", frozenset({_R.ADMINISTRATOR}), lazy("give and end the access of people"), acts=True, paired=True
    ),
)


@cache
def list_permissions() -> Mapping[str, Permission]:
    """Return the rows by their ids, those of the plug-ins too; ValueError where two have one id."""
    added = (row for plugin in list_plugins() for name in plugin.permissions for row in import_string(name))
    found: dict[str, Permission] = {}
    for row in (*_CORE, *added):
        if row.id in found:
            raise ValueError(f"two permissions have the id {row.id!r}: rename that of the plug-in")
        found[row.id] = row
    return MappingProxyType(found)


def acting_roles() -> frozenset[Role]:
    """Return the roles whose acts have consequences, so whose sign-in takes a second factor."""
    return frozenset(role for row in list_permissions().values() if row.acts for role in row.roles)


def approving_roles() -> frozenset[Role]:
    """Return the roles whose acts may be one of two: their accounts are confirmed, announced."""
    return frozenset(role for row in list_permissions().values() if row.paired for role in row.roles)
