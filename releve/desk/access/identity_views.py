"""Pages of the two roles that may look behind a pseudonym, and of who erases a person.

A name is shown once, in answer to the form that asks for it: it is in no address, no other page,
no JSON and no cache.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts import reidentification
from releve.accounts.grants import AccessError
from releve.accounts.looks import list_contact_accesses, list_looks
from releve.accounts.models import IdentityRequest
from releve.accounts.notices import list_unread, mark_read
from releve.accounts.person_erasure import erase_person, preview_erasure
from releve.accounts.scopes import can
from releve.desk.access.actor import act_and_lead, require_user
from releve.desk.access.forms import EraseForm, IdentityForm
from releve.desk.access.page import ErasePage, IdentityPage
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.forms import act_on, read_sent
from releve.desk.http import keep_unstored, page_response
from releve.desk.text import translate_error
from releve.registry.service import current_time_zone

_MOST = 100


@serve("health.looks")
def identity(request: HttpRequest) -> HttpResponse:
    """The looks behind pseudonyms: asked, allowed, seen."""
    return _show(request, IdentityForm())


@serve("health.reidentify", ACT, recent=True)
def request_identity(request: HttpRequest) -> HttpResponse:
    """Ask to see who stands behind a pseudonym, with a reason."""
    form, user = IdentityForm(request.POST), require_user(request)
    if not act_on(form, lambda: reidentification.request_identity(user, **form.cleaned_data)):
        return _show(request, form)
    messages.success(request, _("It is asked. An administrator has a day to allow it."))
    return redirect("identity")


@serve("health.approve", ACT, recent=True)
def approve_request(request: HttpRequest, number: int) -> HttpResponse:
    """Approve the request of another person, for an hour."""
    user, look = require_user(request), get_object_or_404(IdentityRequest, pk=number)
    said = _("It is allowed for an hour, to the person who asked.")
    return act_and_lead(
        request, lambda: reidentification.approve_request(user, look), said, "identity"
    )


@serve("health.reidentify", ACT, recent=True)
def reveal_name(request: HttpRequest, number: int) -> HttpResponse:
    """Show the name; that it is looked at is recorded first."""
    look = get_object_or_404(IdentityRequest, pk=number)
    try:
        name = reidentification.reveal_name(require_user(request), look)
    except AccessError as error:
        messages.error(request, translate_error(error))
        return redirect("identity")
    return keep_unstored(_show(request, IdentityForm(), {"who": look.pseudonym, "name": name}))


@serve("health.looks", ACT)
def mark_notices_read(request: HttpRequest) -> HttpResponse:
    """Mark the own notices of looks as read."""
    mark_read(require_user(request))
    return redirect("identity")


@serve("users.manage", FORM, recent=True)
def erase(request: HttpRequest) -> HttpResponse:
    """Erase a person: what goes and what stays is shown first, then it is done."""
    form, page, user = EraseForm(read_sent(request)), ErasePage(), require_user(request)
    if form.is_bound and form.is_valid():
        who = form.cleaned_data["pseudonym"]
        try:
            found = preview_erasure(user, who)
            if found.found and request.POST.get("confirmed") == "yes":
                count = erase_person(user, who)
                sentence = _("The person is erased, every proof stands. Values erased from the"
                             " ledger: {count}.")  # fmt: skip
                messages.success(request, sentence.format(count=count))
                return redirect("erase")
        except AccessError as error:
            form.add_error(None, translate_error(error))
        else:
            if found.found:
                page = ErasePage(preview=found.without_counts())
            else:
                form.add_error("pseudonym", _describe_nothing(found.files))
    status = 422 if form.errors else 200
    return page_response(request, "desk/people/erase.html", page, {"form": form}, status=status)


def _describe_nothing(files: tuple[str, ...]) -> str:
    sentence = _("There is nothing of this person here.")
    if not files:
        return sentence
    more = _("Files of the plan folder hold the pseudonym: {files}.")
    return f"{sentence} {more.format(files=', '.join(files))}"


def _show(
    request: HttpRequest, form: IdentityForm, shown: dict[str, str] | None = None
) -> HttpResponse:
    """Return the page; ``shown`` is the name that was just asked for, which no JSON holds."""
    user = require_user(request)
    page = IdentityPage(
        time_zone=current_time_zone(),
        names=reidentification.has_names(),
        notices=tuple(list_unread(user)),
        looks=list_looks(user, timezone.now(), _MOST),
        contacts=list_contact_accesses(_MOST),
    )
    asks = can(user, "health.reidentify")
    context = {"form": form if asks else None, "shown": shown}
    status = 422 if form.errors else 200
    return page_response(request, "desk/people/identity.html", page, context, status=status)
