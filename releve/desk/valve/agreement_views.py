"""The client's page: contracts of relief for its own work, agreed to or refused."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts.scopes import scope_for
from releve.association.agreements import (
    ClientContract,
    decide_contract,
    list_client_contracts,
)
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import answer, failure
from releve.desk.query import require_found
from releve.desk.text import text_now, translate_error
from releve.desk.valve.page import ContractLine, build_contract_line
from releve.errors import ReleveError
from releve.live import api as live


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """A contract as its client sees it: no price, which is between the operators."""

    line: ContractLine
    client: str
    programme: str
    stream: str
    agents: str
    destination: str
    annex: str
    digest: str
    awaited: bool


@serve("sector.agree")
def list_agreements(request: HttpRequest) -> HttpResponse:
    """The contracts for the work of the reader's clients."""
    lines = tuple(_build_line(one) for one in _list(request))
    twin = {
        "agreements": [
            {"contract": one.line.name, "client": one.client, "giver": one.line.giver,
             "state": one.line.state, "awaited": one.awaited}
            for one in lines
        ]
    }  # fmt: skip
    return answer(request, "desk/valve/agreements.html", {"lines": lines}, twin)


@serve("sector.agree", ACT, recent=True)
def decide(request: HttpRequest, stream: str, name: str) -> HttpResponse:
    """Record the client's agreement or refusal."""
    own = {(one.stream, one.stored.contract.terms.contract): one for one in _list(request)}
    found = require_found(own.get((stream, name)), _("There is no such contract."))
    agrees = request.POST.get("decision") == "agree"
    try:
        decide_contract(found, agrees, request.POST.get("before", ""), actor_name(request),
                        timezone.now())  # fmt: skip
    except ReleveError as error:
        return failure(request, 409, _("Nothing was changed."), translate_error(error))
    said = _("The agreement is recorded.") if agrees else _("The refusal is recorded.")
    messages.success(request, said)
    return redirect("agreements")


def _list(request: HttpRequest) -> list[ClientContract]:
    scope = scope_for(request.user, "sector.agree")
    return list_client_contracts(live.operator_now(), scope.has_client)


def _build_line(found: ClientContract) -> AgreementLine:
    operator = live.operator_now()
    text = text_now(operator.row.time_zone)
    terms = found.stored.contract.terms
    return AgreementLine(
        line=build_contract_line(found.stored, found.stream, text, {}),
        client=operator.client[found.client].name,
        programme=operator.programme[found.programme].name,
        stream=found.stream,
        agents=text.number(max(count for _half_hour, count in terms.agents)),
        destination=terms.destination,
        annex=terms.annex,
        digest=found.stored.contract.digest,
        awaited=found.stored.contract.state == "matched",
    )
