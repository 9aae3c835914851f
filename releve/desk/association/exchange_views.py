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
from releve.association.clerk import wrap_bulletin, wrap_design
from releve.association.clerk_intake import authenticate_member, take_contribution
from releve.association.contract_exchange import list_messages, take_message
from releve.association.envelopes import MOST_BYTES, Envelope, open_envelope
from releve.association.errors import AssociationError
from releve.association.gates import CLEARED, list_gates, take_order, wrap_gate, wrap_result
from releve.association.models import (
    DayBulletin,
    MonthlyDesign,
    ReceivedContribution,
    ReceivedOrder,
    ReliefGate,
)
from releve.desk.access.guard import allow_anonymous
from releve.desk.query import read_day
from releve.errors import Phrase, ReleveError, encode_phrase
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
        return view(request, member=member, **kwargs)

    answered.most_bytes = MOST_BYTES  # type: ignore[attr-defined]
    return allow_anonymous(csrf_exempt(answered))


@_for_members
@require_POST
def take(request: HttpRequest, *, member: str) -> HttpResponse:
    """Take a contribution; the same bytes again get the same answer."""
    return _take(request, member, take_contribution)


@_for_members
@require_POST
def take_gate_order(request: HttpRequest, *, member: str) -> HttpResponse:
    """Take a commitment, a request or an opening; the same bytes again get the same answer."""
    return _take(request, member, take_order)


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
    row = ReliefGate.objects.filter(name=gate, state=CLEARED).first()
    if row is None:
        return _refuse(404, "none", Phrase("the clearing {0} is not cleared yet", gate))
    return _answer(wrap_result(row, member))


@_for_members
@require_safe
def send_design(request: HttpRequest, *, member: str, month: str) -> HttpResponse:
    """The signed design of a month."""
    row = MonthlyDesign.objects.filter(month=month).first()
    if row is None:
        return _refuse(404, "none", Phrase("there is no design of {0} yet", month))
    return _answer(wrap_design(row))


@_for_members
@require_safe
def send_bulletin(request: HttpRequest, *, member: str, day: str) -> HttpResponse:
    """The signed bulletin of a day, with the clerk's checkpoint."""
    asked = read_day(day)
    row = DayBulletin.objects.filter(day=asked).first() if asked else None
    if row is None:
        return _refuse(404, "none", Phrase("there is no bulletin of {0} yet", day))
    return _answer(wrap_bulletin(row))


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
        return _refuse(409, "contract", _say(error))
    return HttpResponse(answer, content_type="application/json")


def _take(
    request: HttpRequest, member: str, take: Callable[..., ReceivedContribution | ReceivedOrder]
) -> HttpResponse:
    try:
        row = take(open_envelope(request.body), timezone.now(), by=member)
    except ContributionError as error:
        return _refuse(409, error.code, _say(error))
    except AssociationError as error:
        return _refuse(422, "format", _say(error))
    return JsonResponse({"digest": row.digest, "received_at": row.received_at})


def _say(error: ReleveError) -> str:
    said = error.args[0] if error.args else None
    return said if isinstance(said, str) else str(error)


def _answer(sent: Envelope) -> HttpResponse:
    return HttpResponse(sent.content, content_type="application/json")


def _refuse(status: int, code: str, message: str) -> HttpResponse:
    """Answer with a code, its sentence, and the sentence as it can be translated."""
    said = {"code": code, "message": message, "phrase": encode_phrase(message)}
    return JsonResponse(said, status=status)
