"""What the clerk answers to members' software: contributions and orders of gates, texts sent.

The secret that the clerk gave a member opens these addresses, and no session does; a contribution
is signed besides. Anything refused is answered with its code and a sentence. Requests are counted
by member, since several may share an address, and by address where no valid secret is shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from releve.accounts.rate_limit import seconds_to_wait
from releve.association.clerk_answers import (
    NotPublished,
    describe_refusal,
    wrap_day_bulletin,
    wrap_month_design,
    wrap_own_result,
)
from releve.association.clerk_intake import authenticate_member, take_contribution
from releve.association.contract_exchange import list_messages, take_message
from releve.association.envelopes import MOST_BYTES, Envelope, open_envelope
from releve.association.errors import AssociationError
from releve.association.gates import list_gates, take_order, wrap_gate
from releve.association.models import ReceivedContribution, ReceivedOrder
from releve.desk.access.guard import allow_anonymous
from releve.errors import Phrase, ReleveError
from releve.sector import ContributionError

_PER_MINUTE = 30
"""Requests of a member; of an address, those without the secret of a member."""
_View = Callable[..., HttpResponse]


def _for_members(view: _View) -> _View:
    """Open a view to the software of registered members, some times a minute."""

    @wraps(view)
    def answered(request: HttpRequest, **kwargs: str) -> HttpResponse:
        # a digest and a look-up by it are all that comes before the count
        secret = request.headers.get("Authorization", "").removeprefix("Bearer ")
        member = authenticate_member(secret) if settings.CLERK_OF and secret else None
        counted = f"member:{member}" if member else f"ip:{get_adapter().get_client_ip(request)}"
        if wait := seconds_to_wait(f"exchange:{counted}", _PER_MINUTE, timezone.now()):
            refused = _refuse(429, "often", Phrase("too many requests: wait, then try again"))
            refused["Retry-After"] = str(wait)
            return refused
        if member is None:
            return _refuse(401, "secret", Phrase("no member of the association has this secret"))
        try:
            return view(request, member=member, **kwargs)
        except NotPublished as error:
            return _refuse(404, "none", error)
        except ContributionError as error:
            return _refuse(409, error.code, error)
        except AssociationError as error:
            return _refuse(422, "format", error)

    answered.most_bytes = MOST_BYTES  # type: ignore[attr-defined]
    return allow_anonymous(csrf_exempt(answered))


@_for_members
@require_POST
def take(request: HttpRequest, *, member: str) -> HttpResponse:
    """Take a contribution; the same bytes again get the same answer."""
    sent = open_envelope(request.body)
    return _answer_taken(take_contribution(sent, timezone.now(), by=member))


@_for_members
@require_POST
def take_gate_order(request: HttpRequest, *, member: str) -> HttpResponse:
    """Take a commitment, a request or an opening; the same bytes again get the same answer."""
    sent = open_envelope(request.body)
    return _answer_taken(take_order(sent, timezone.now(), by=member))


@_for_members
@require_safe
def send_gates(request: HttpRequest, *, member: str) -> HttpResponse:
    """The signed gates of now and of the last week."""
    rows = [json.loads(wrap_gate(row).content) for row in list_gates(timezone.now())]
    return JsonResponse({"gates": rows})


@_for_members
@require_safe
def send_result(request: HttpRequest, *, member: str, gate: str) -> HttpResponse:
    """The signed result of a gate, as far as it is the member's own."""
    return _answer(wrap_own_result(gate, member))


@_for_members
@require_safe
def send_design(request: HttpRequest, *, member: str, month: str) -> HttpResponse:
    """The signed design of a month."""
    return _answer(wrap_month_design(month))


@_for_members
@require_safe
def send_bulletin(request: HttpRequest, *, member: str, day: str) -> HttpResponse:
    """The signed bulletin of a day, with the clerk's checkpoint."""
    return _answer(wrap_day_bulletin(day))


@_for_members
@require_http_methods(["GET", "HEAD", "POST"])
def exchange_messages(request: HttpRequest, *, member: str, kind: str) -> HttpResponse:
    """Take a message of a contract and answer with the contract; by GET those of the member.

    What one answer does not hold follows by ``?after=`` the answer's ``next``.
    """
    drill = kind == "drill"
    if request.method != "POST":
        part = list_messages(member, drill=drill, after=request.GET.get("after", ""))
        return JsonResponse({"messages": part.messages, "next": part.next})
    try:
        answer = take_message(request.body.decode(), timezone.now(), by=member, drill=drill)
    except UnicodeDecodeError:
        return _refuse(422, "format", Phrase("the message is not UTF-8 text"))
    except ReleveError as error:
        return _refuse(409, "contract", error)
    return HttpResponse(answer, content_type="application/json")


def _answer(sent: Envelope) -> HttpResponse:
    return HttpResponse(sent.content, content_type="application/json")


def _answer_taken(row: ReceivedContribution | ReceivedOrder) -> HttpResponse:
    return JsonResponse({"digest": row.digest, "received_at": row.received_at})


def _refuse(status: int, code: str, said: str | ReleveError) -> HttpResponse:
    return JsonResponse(describe_refusal(code, said), status=status)
