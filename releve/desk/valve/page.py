"""What the pages of contracts of relief show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from releve.association.contracts import DRILL, StoredContract
from releve.association.gate_member import list_programmes
from releve.association.partner_agents import list_half_hours
from releve.desk.page import pick_fields
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.desk.valve.forms import ContractStepForm
from releve.desk.valve.search_page import SearchShown
from releve.desk.valve.words import KINDS_OF_WORK, STATES, STEPS
from releve.live import api as live
from releve.sector import ContractTerms


@dataclass(frozen=True, slots=True)
class ContractLine:
    """A contract in the list."""

    url: str
    name: str
    state: str
    asker: str
    giver: str
    client: str
    work: str
    period: str
    drill: bool


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step: what, by whom, when, and who has signed it."""

    what: str
    by: str
    at: str
    reference: str
    signed: str
    countersigned: bool


@dataclass(frozen=True, slots=True)
class ContractPage:
    """One contract: terms, steps, and the form of the next step where there is one."""

    line: ContractLine
    facts: tuple[tuple[str, str], ...]
    steps: tuple[StepLine, ...]
    digest: str
    text_url: str
    message_url: str
    form: ContractStepForm | None
    lend_url: str
    search: SearchShown | None


def build_contract_line(
    stored: StoredContract, stream: str, text: Text, programmes: Mapping[str, str]
) -> ContractLine:
    """Return a contract as the list shows it; ``programmes``: the own ones, by reference."""
    terms = stored.contract.terms
    return ContractLine(
        url=reverse("contract", args=[stream, terms.contract]),
        name=terms.contract,
        state=str(STATES.get(stored.contract.state, stored.contract.state)),
        asker=terms.asker,
        giver=terms.giver,
        client=_find_names(terms, programmes)[0],
        work=name_work(terms.skill),
        period=_("{start} to {end}").format(
            start=when(terms.starts_at, text), end=when(terms.ends_at, text)
        ),
        drill=stream == DRILL,
    )


def build_contract_page(
    stored: StoredContract,
    stream: str,
    text: Text,
    form: ContractStepForm | None,
    party: str,
    search: SearchShown | None,
) -> ContractPage:
    """Return the page of a contract, as its party sees it."""
    terms = stored.contract.terms
    total = sum(count for _half_hour, count in terms.agents)
    most = max((count for _half_hour, count in terms.agents), default=0)
    place = [stream, terms.contract]
    notice = (
        _("firm: only a loss recalls the agents")
        if terms.notice_hours is None
        else _("{hours} h of notice").format(hours=text.number(terms.notice_hours))
    )
    programmes = list_programmes()
    client, programme = _find_names(terms, programmes)
    facts = (
        (_("Asks"), terms.asker),
        (_("Lends"), terms.giver),
        (_("Client"), client),
        (_("Work"), name_work(terms.skill)),
        (_("Destination"), terms.destination),
        (_("Programme"), programme),
        (_("Agent half hours"), text.number(total)),
        (_("Agents at most"), text.number(most)),
        (_("Price, cents a half hour"), text.number(terms.price_cents)),
        (_("Recall"), notice),
        (_("Calls answered, of 100"), text.number(terms.quality_percent)),
        (_("Cap of the liability, cents"), text.number(terms.liability_cap_cents)),
        (_("Law that applies"), terms.law),
        (_("Annex on data protection"), terms.annex),
        (_("Where the giver takes the calls (SIP)"), terms.sip_address or "–"),
        (_("Mandate of the client, for outbound calls"), terms.outbound_mandate or "–"),
    )
    return ContractPage(
        line=build_contract_line(stored, stream, text, programmes),
        facts=facts,
        steps=tuple(_list_steps(stored, text)),
        digest=stored.contract.digest,
        text_url=reverse("contract_text", args=place),
        message_url=reverse("contract_message", args=place),
        form=form,
        lend_url=reverse("contract_lend", args=place) if _may_lend(stored, party) else "",
        search=search,
    )


def _find_names(terms: ContractTerms, programmes: Mapping[str, str]) -> tuple[str, str]:
    """Return client and programme: of an own request their names, of a partner's its reference."""
    operator = live.operator_now()
    row = operator.programme.get(programmes.get(terms.programme, ""))
    if row is None:
        return terms.client, terms.programme
    return operator.client[row.client].name, row.name


def _may_lend(stored: StoredContract, party: str) -> bool:
    states = ("matched", "client agreed", "both signed", "started")
    return party == stored.contract.terms.giver and stored.contract.state in states


def build_contract_twin(stored: StoredContract, stream: str) -> dict[str, Any]:
    """Return a contract as JSON."""
    terms = stored.contract.terms
    names = ("contract", "asker", "giver", "client", "skill", "starts_at", "ends_at")
    return {
        **pick_fields(terms, *names),
        "drill": stream == DRILL,
        "state": stored.contract.state,
        "agents": [{"at": at, "agents": count} for at, count in list_half_hours(terms)],
        "digest": stored.contract.digest,
        "countersigned": stored.is_countersigned,
    }


def _list_steps(stored: StoredContract, text: Text) -> list[StepLine]:
    both = {stored.contract.terms.asker, stored.contract.terms.giver}
    return [
        StepLine(
            what=str(STEPS[step.kind]),
            by=step.by,
            at=when(step.at, text),
            reference=step.reference,
            signed=", ".join(sorted(stored.signatures[digest])),
            countersigned=both <= set(stored.signatures[digest]),
        )
        for step, digest in zip(stored.contract.steps, stored.digests, strict=True)
    ]


def name_work(skill: str) -> str:
    """Return a skill in words."""
    kind, *rest = skill.split(":")
    return ", ".join(str(KINDS_OF_WORK.get(one, one)) for one in (kind, *rest))
