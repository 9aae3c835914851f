"""The bulletin of the sector: pages of member and clerk, and the addresses of members' software.

The secret that the clerk gave a member opens those addresses, and no session does; a contribution
is signed besides. Anything refused is answered with its code and a sentence. Requests are counted
by member, since several may share an address, and by address where no valid secret is shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from releve.accounts.tokens import seconds_to_wait
from releve.desk.access.guard import actor_name, allow_anonymous
from releve.desk.endpoint import ACT, perform, serve
from releve.desk.filters import add_words
from releve.desk.forms import PlainForm, build_count_field
from releve.desk.http import download, failure, page_response, read_day, require_found
from releve.desk.navigation import Entry
from releve.desk.page import PageModel
from releve.desk.text import translate_phrase
from releve.errors import Phrase, ReleveError
from releve.live import api as live
from releve.plugins.sector.association.bulletin import (
    LABELS,
    ClerkDay,
    MemberContribution,
    describe_clerk_day,
    describe_contribution,
    name_group,
    print_bulletin,
)
from releve.plugins.sector.association.clerk import (
    NotPublished,
    authenticate_member,
    describe_refusal,
    publish_bulletin,
    take_contribution,
    wrap_day_bulletin,
    wrap_month_design,
)
from releve.plugins.sector.association.contract_exchange import list_messages, take_message
from releve.plugins.sector.association.exchange import fetch_published, send_contribution
from releve.plugins.sector.association.figures import STATED
from releve.plugins.sector.association.gates import list_gates, take_order, wrap_gate, wrap_own_result
from releve.plugins.sector.association.keys import MOST_BYTES, AssociationError, Envelope, open_envelope
from releve.plugins.sector.association.membership import (
    find_due_day,
    find_membership,
    prepare_contribution,
    state_relief,
    switch_sending,
)
from releve.plugins.sector.association.models import DayBulletin, OwnContribution, ReceivedContribution, ReceivedOrder
from releve.plugins.sector.engine.contribution import ContributionError

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


_LABELS = {
    "relief_spare": lazy("Agents that could help others, {destination}"),
    "relief_wanted": lazy("Agents asked of others, {destination}"),
}
_MOST = 100_000


class StatedReliefForm(PlainForm):
    """Two numbers for each destination of the operator; an empty one is not reported."""

    def __init__(
        self, data: Any = None, *, destinations: Iterable[str], stated: Mapping[str, Mapping[str, int]]
    ) -> None:
        super().__init__(data)
        self.destinations = sorted(set(destinations))
        for measure in STATED:
            for where in self.destinations:
                self.fields[f"{measure}-{where}"] = build_count_field(
                    str(_LABELS[measure]).format(destination=where),
                    _MOST,
                    help_text=_("Empty: not reported."),
                    initial=stated.get(measure, {}).get(where),
                )

    @property
    def stated(self) -> dict[str, dict[str, int]]:
        """The numbers that were stated, by measure and destination."""
        return {
            measure: {
                where: count
                for where in self.destinations
                if (count := self.cleaned_data[f"{measure}-{where}"]) is not None
            }
            for measure in STATED
        }


register = Library()

_FOUND = {
    "in": lazy("in the bulletin"),
    "absent": lazy("not in the bulletin: ask the clerk"),
    "second": lazy("a second bulletin of the day came: ask the clerk"),
    "": lazy("bulletin not out yet"),
}
_STATES = {"in": lazy("in"), "corrected": lazy("corrected"), "missing": lazy("missing")}
add_words(register, "found_word", _FOUND)
add_words(register, "contribution_state", _STATES)


@register.filter
def measure_name(measure: str) -> str:
    """Return what a measure is called."""
    return translate_phrase(LABELS[measure])


@register.filter
def group_name(group: str) -> str:
    """Return what a destination is called, or all of them together."""
    return translate_phrase(name_group(group))


class ContributionPage(PageModel):
    """The member's page; null where the operator is a member of no association."""

    contribution: MemberContribution | None


class ClerkPage(PageModel):
    """The clerk's page; ``association`` is empty where there is none here."""

    association: str
    clerk: ClerkDay | None


@serve("sector.contribute")
def show(request: HttpRequest) -> HttpResponse:
    """What the operator contributes, shown to the byte, and what became of it."""
    return _show(request, _build_form())


@serve("sector.contribute", ACT)
def fetch(request: HttpRequest) -> HttpResponse:
    """Fetch the month's design and the bulletins that have appeared; nothing goes out."""
    said = _("What the clerk has published has come.")
    return _act(request, lambda: fetch_published(timezone.now()), said, _("Nothing was fetched."))


@serve("sector.contribute", ACT)
def prepare(request: HttpRequest) -> HttpResponse:
    """Make the contribution of the day that is due, to be read; one not sent is made again."""
    now = timezone.now()
    day = find_due_day(now)
    if day is None:
        return failure(request, 409, _("No day is due."))
    refused = _("The contribution was not made.")
    return _act(request, lambda: prepare_contribution(day, now, again=True), "", refused)


@serve("sector.contribute", ACT, recent=True)
def send(request: HttpRequest) -> HttpResponse:
    """Send the contribution that was shown."""
    row = OwnContribution.objects.filter(sent_at=None, digest=request.POST.get("digest")).first()
    if row is None:
        return failure(request, 409, _("This contribution was sent, or made again since."))
    said, refused = _("The contribution is sent."), _("The contribution was not sent.")
    return _act(request, lambda: send_contribution(row, timezone.now()), said, refused)


@serve("sector.contribute", ACT, recent=True)
def switch(request: HttpRequest) -> HttpResponse:
    """Switch the daily contribution on or off."""
    on, by = request.POST.get("on") == "yes", actor_name(request)
    said = _("The daily contribution is on.") if on else _("The daily contribution is off.")
    return _act(request, lambda: switch_sending(on, by, timezone.now()), said)


@serve("sector.contribute", ACT)
def state_relief_figures(request: HttpRequest) -> HttpResponse:
    """Store what the planner states."""
    form = _build_form(request.POST)
    if form is None:
        return failure(request, 409, _("Nothing was changed."))
    if not form.is_valid():
        return _show(request, form, 422)
    state_relief(form.stated)
    messages.success(request, _("The figures are stored; they count from the next contribution."))
    return redirect("contribution")


def _act(request: HttpRequest, act: Callable[[], object], said: str, refused: str = "") -> HttpResponse:
    return perform(request, act, "contribution", said=said, refused=refused)


def _build_form(sent: QueryDict | None = None) -> StatedReliefForm | None:
    membership = find_membership()
    if membership is None:
        return None
    places = (site.destination for site in live.operator_now().sites)
    return StatedReliefForm(sent, destinations=places, stated=membership.stated)


def _show(request: HttpRequest, form: StatedReliefForm | None, status: int = 200) -> HttpResponse:
    page = ContributionPage(contribution=describe_contribution(timezone.now()))
    template = "desk/association/contribution.html"
    return page_response(request, template, page, {"form": form}, status=status)


@serve("sector.clerk")
def show_clerk(request: HttpRequest) -> HttpResponse:
    """The members' contributions of a day, and the bulletins."""
    clerk = None
    if settings.CLERK_OF:
        day = read_day(request.GET.get("day", ""))
        clerk = describe_clerk_day(day, timezone.now())
    page = ClerkPage(association=settings.CLERK_OF, clerk=clerk)
    return page_response(request, "desk/association/clerk.html", page)


@serve("sector.clerk", ACT, recent=True)
def publish(request: HttpRequest) -> HttpResponse:
    """Publish the bulletin of a day."""
    day, refused = read_day(request.POST.get("day", "")), _("Nothing was published.")
    if day is None:
        return failure(request, 409, refused)
    said = _("The bulletin is published.")
    return perform(request, lambda: publish_bulletin(day, timezone.now()), "clerk", said=said, refused=refused)


@serve("sector.clerk")
def download_paper(request: HttpRequest, day: str) -> HttpResponse:
    """The PDF of a bulletin."""
    found = read_day(day)
    row = require_found(
        DayBulletin.objects.filter(day=found).first() if found else None, _("There is no such bulletin.")
    )
    language = "en" if (get_language() or "fr").startswith("en") else "fr"
    paper = print_bulletin(row, language)
    return download(paper, f"bulletin-{row.day}.pdf", "application/pdf")


MENU = (
    Entry(lazy("Proof and settings"), lazy("Bulletin of the sector"), "contribution", before="identity"),
    Entry(lazy("Proof and settings"), lazy("Clerk of the association"), "clerk", before="identity"),
)

urlpatterns = [
    path("", show, name="contribution"),
    path("fetch", fetch, name="contribution_fetch"),
    path("prepare", prepare, name="contribution_prepare"),
    path("state", state_relief_figures, name="contribution_state"),
    path("send", send, name="contribution_send"),
    path("switch", switch, name="contribution_switch"),
    path("clerk", show_clerk, name="clerk"),
    path("clerk/publish", publish, name="clerk_publish"),
    path("clerk/<str:day>.pdf", download_paper, name="clerk_paper"),
    path("contributions", take, name="exchange_contributions"),
    path("gates", send_gates, name="exchange_gates"),
    path("messages/<slug:kind>", exchange_messages, name="exchange_messages"),
    path("orders", take_gate_order, name="exchange_orders"),
    path("results/<slug:gate>", send_result, name="exchange_result"),
    path("designs/<str:month>", send_design, name="exchange_design"),
    path("bulletins/<str:day>", send_bulletin, name="exchange_bulletin"),
]
