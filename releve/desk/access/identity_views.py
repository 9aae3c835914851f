"""Pages of the two roles that may look behind a pseudonym, and of who erases a person.

A name is shown once, in answer to the form that asks for it: it is in no address, no other page,
no JSON twin and no cache.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts import reidentification as service
from releve.accounts.grants import STREAM, AccessError
from releve.accounts.identity_notices import list_unread, mark_read
from releve.accounts.models import IdentityNotice, IdentityRequest, User
from releve.accounts.person_erasure import ErasurePreview, erase_person, preview_erasure
from releve.accounts.scopes import can
from releve.accounts.two_people import find_tied_accounts
from releve.desk.access.actor import actor_name
from releve.desk.access.contact_accesses import ContactAccess, list_contact_accesses
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.forms import build_id_field
from releve.desk.http import answer, keep_unstored
from releve.desk.live.words import when
from releve.desk.text import Text, text_now, translate_error
from releve.ledger.models import LedgerEntry
from releve.live import api as live

_MOST = 100


class AskForm(forms.Form):
    """Whom to look behind, and why."""

    pseudonym = build_id_field(lazy("Agent’s pseudonym"), longest=128)
    reason = forms.CharField(
        label=lazy("Reason, which is recorded"),
        max_length=500,
        widget=forms.Textarea({"rows": 2}),
        help_text=lazy("Ten characters or more."),
    )


class EraseForm(forms.Form):
    """Whom to erase."""

    pseudonym = build_id_field(lazy("Agent’s pseudonym"), longest=128)


@dataclass(frozen=True, slots=True)
class LookRow:
    """A look that was asked for. ``state``: waiting, open or over."""

    number: int
    pseudonym: str
    reason: str
    asked: str
    allowed: str
    state: str
    word: str
    seen: str
    may_allow: bool
    may_see: bool


@dataclass(frozen=True)
class IdentityPage:
    """Every look, newest first; ``shown`` is (pseudonym, name) where one was just asked to see."""

    rows: tuple[LookRow, ...]
    contacts: tuple[ContactAccess, ...]
    form: AskForm | None
    names: bool
    notices: tuple[str, ...] = ()
    shown: tuple[str, str] | None = None


@dataclass(frozen=True)
class ErasePage:
    """The form of an erasure and, once a pseudonym is given, what it takes and leaves."""

    form: EraseForm
    pseudonym: str = ""
    preview: ErasurePreview | None = None


@serve("health.looks")
def identity(request: HttpRequest) -> HttpResponse:
    """The looks behind pseudonyms: asked, allowed, seen."""
    return _shown(request, AskForm())


@serve("health.reidentify", ACT, recent=True)
def request_identity(request: HttpRequest) -> HttpResponse:
    """Ask to see who stands behind a pseudonym, with a reason."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return _shown(request, form, status=422)
    found = form.cleaned_data
    try:
        service.request_identity(_user(request), found["pseudonym"].strip(), found["reason"])
    except AccessError as error:
        form.add_error(None, translate_error(error))
        return _shown(request, form, status=422)
    messages.success(request, _("It is asked. An administrator has a day to allow it."))
    return redirect("identity")


@serve("health.approve", ACT, recent=True)
def approve_request(request: HttpRequest, number: int) -> HttpResponse:
    """Approve the request of another person, for an hour."""
    try:
        service.approve_request(_user(request), get_object_or_404(IdentityRequest, pk=number))
    except AccessError as error:
        messages.error(request, translate_error(error))
    else:
        messages.success(request, _("It is allowed for an hour, to the person who asked."))
    return redirect("identity")


@serve("health.reidentify", ACT, recent=True)
def reveal_name(request: HttpRequest, number: int) -> HttpResponse:
    """Show the name; that it is looked at is recorded first."""
    look = get_object_or_404(IdentityRequest, pk=number)
    try:
        name = service.reveal_name(_user(request), look)
    except AccessError as error:
        messages.error(request, translate_error(error))
        return redirect("identity")
    return keep_unstored(_shown(request, AskForm(), shown=(look.pseudonym, name)))


@serve("health.looks", ACT)
def mark_notices_read(request: HttpRequest) -> HttpResponse:
    """Mark the own notices of looks as read."""
    mark_read(_user(request))
    return redirect("identity")


@serve("users.manage", FORM, recent=True)
def erase(request: HttpRequest) -> HttpResponse:
    """Erase a person: what goes and what stays is shown first, then it is done."""
    form = EraseForm(request.POST or None)
    page, status = ErasePage(form), 422 if form.is_bound else 200
    if form.is_valid():
        agent = form.cleaned_data["pseudonym"].strip()
        try:
            found = preview_erasure(_user(request), agent)
            if request.POST.get("confirmed") == "yes" and found.found:
                return _erase(request, agent)
        except AccessError as error:
            form.add_error(None, translate_error(error))
        else:
            page, status = ErasePage(form, agent, found), 200
            if not found.found:
                form.add_error("pseudonym", _describe_nothing(found))
                page, status = ErasePage(form), 422
    twin = {"preview": None if page.preview is None else _preview_twin(page.preview)}
    return answer(request, "desk/people/erase.html", page, twin, status)


def _preview_twin(found: ErasurePreview) -> dict[str, object]:
    counts = {**found.erased, **found.kept}
    some = {name: bool(counts[name]) for name in ("name", "values")}
    return {**counts, **some, "files": found.files}


def _describe_nothing(found: ErasurePreview) -> str:
    sentence = _("There is nothing of this person here.")
    if not found.files:
        return sentence
    more = _("Files of the plan folder hold the pseudonym: {files}.")
    return f"{sentence} {more.format(files=', '.join(found.files))}"


def _erase(request: HttpRequest, agent: str) -> HttpResponse:
    count = erase_person(_user(request), agent)
    sentence = _(
        "The person is erased, every proof stands. Values erased from the ledger: {count}."
    )
    messages.success(request, sentence.format(count=count))
    return redirect("erase")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # require_permission() let the user in
    return request.user


def _shown(
    request: HttpRequest,
    form: AskForm,
    *,
    shown: tuple[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    seen, tied = _seen(), find_tied_accounts(actor_name(request))
    text, now = _text(), timezone.now()
    rows = tuple(
        _row(look, request, seen, tied, text, now) for look in IdentityRequest.objects.all()[:_MOST]
    )
    asks = can(request.user, "health.reidentify")
    contacts = list_contact_accesses(text, _MOST)
    notices = tuple(_describe_notice(notice, text) for notice in list_unread(_user(request)))
    names = service.has_names()
    page = IdentityPage(rows, contacts, form if asks else None, names, notices, shown)
    twin = {
        "notices": list(notices),
        "looks": [asdict(row) for row in rows],
        "contacts": [asdict(row) for row in contacts],
    }
    # The twin never holds the name.
    return answer(request, "desk/people/identity.html", page, twin, status)


def _row(
    look: IdentityRequest,
    request: HttpRequest,
    seen: Counter[int],
    tied: frozenset[str],
    text: Text,
    now: datetime,
) -> LookRow:
    state, word = _state(look, now)
    own = look.asked_by == actor_name(request)
    times = seen[look.pk]
    return LookRow(
        look.pk,
        look.pseudonym,
        look.reason,
        f"{look.asked_by}, {when(look.asked_at, text)}",
        look.allowed_by,
        state,
        word,
        _("times seen: {count}").format(count=times) if times else _("never seen"),
        state == "waiting" and look.asked_by not in tied and can(request.user, "health.approve"),
        state == "open" and own and can(request.user, "health.reidentify"),
    )


def _describe_notice(notice: IdentityNotice, text: Text) -> str:
    sentences = {
        "asked": _("{name} asked on {when} to see who stands behind {pseudonym}."),
        "allowed": _("{name} allowed on {when} a look behind {pseudonym}."),
    }
    return sentences[notice.kind].format(
        name=notice.by, when=when(notice.at, text), pseudonym=notice.request.pseudonym
    )


def _state(look: IdentityRequest, now: datetime) -> tuple[str, str]:
    if look.open_until is not None:
        return ("open", _("allowed")) if now < look.open_until else ("over", _("over"))
    if now - look.asked_at > service.ANSWERED_WITHIN:
        return "over", _("not allowed in time")
    return "waiting", _("waits for an administrator")


def _seen() -> Counter[int]:
    """Return how often each look was used, by the ledger."""
    rows = LedgerEntry.objects.filter(stream=STREAM, kind="identity.seen").order_by("-seq")
    return Counter(json.loads(body)["look"] for body in rows.values_list("body", flat=True)[:5000])


def _text() -> Text:
    try:
        return text_now(live.operator_now().row.time_zone)
    except live.NoOperator:
        return text_now("UTC")
