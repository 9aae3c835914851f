"""Evidence packs on the desk: who may have which, made, listed, verified, handed out.

Kinds are had by permission, recipients by the reach of a user's roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.models import User
from releve.accounts.scopes import can, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.filters import instant
from releve.desk.forms import PlainForm, act_on, build_day_field, read_sent, set_choices
from releve.desk.http import download, page_response, require_found
from releve.desk.ledger import VerifierHead, send_verifier
from releve.desk.navigation import Entry
from releve.desk.page import PageModel
from releve.desk.text import text_now, translate_phrase
from releve.ledger.chain import read_head
from releve.ledger.digests import parse_canonical
from releve.ledger.own_ledger import load_verifier
from releve.ledger.roots import load_last_root, load_root
from releve.live import api as live
from releve.network import Operator, day_bounds
from releve.network.moments import zone
from releve.plugins.crashtest.orders import open_crash_tests
from releve.plugins.evidence.incident_pack import KnownIncident, find_incident, list_incidents
from releve.plugins.evidence.pack import PACK_KINDS
from releve.plugins.evidence.records import PackRefused
from releve.plugins.evidence.sources import PackRequest
from releve.plugins.evidence.store import (
    IssuedPack,
    PackReceipt,
    find_pack,
    issue_pack,
    list_packs,
    list_receipts,
    load_pack_file,
    read_cosigners,
    record_receipt,
    zip_pack,
)

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


PERMISSIONS_BY_KIND: Mapping[str, str] = {
    "client": "evidence.client",
    "inspection": "evidence.inspection",
    "incident": "incident.work",
    "audit": "evidence.audit",
    "crashtest": "evidence.audit",
    "association": "evidence.association",
}
"""Kind of pack -> the permission to obtain it."""
_ORDER = ("incident", "inspection", "client", "audit", "association", "crashtest")


@dataclass(frozen=True, slots=True)
class PackChoice:
    """A pack that can be made: its kind, for whom by id (empty: the whole operator), by name."""

    kind: str
    recipient: str
    name: str


def has_reach(user: AnyUser, kind: str, recipient: str, permission: str = "") -> bool:
    """Return whether a user may have a pack: those of their own client or site, where limited.

    Of an incident, those who may work in its room and see each of its sites.
    """
    reach = scope_for(user, permission or PERMISSIONS_BY_KIND[kind])
    names = PACK_KINDS[kind].recipient
    if names == "incident":
        found = find_incident(recipient)
        sites = () if found is None else found.sites
        return reach.is_whole or (bool(sites) and all(reach.covers(site=site) for site in sites))
    if names == "client":
        return reach.covers(client=recipient)
    return reach.covers(site=recipient) if names == "site" else reach.is_whole


def list_pack_choices(user: AnyUser, operator: Operator) -> Iterator[PackChoice]:
    """Yield the packs that a user may make; those with health for who sees it at the site."""
    for kind in _ORDER:
        for recipient, name in _list_recipients(kind, operator):
            held = has_reach(user, kind, recipient)
            makes = has_reach(user, kind, recipient, "evidence.make")
            sees = not PACK_KINDS[kind].shows_health or can(user, "health.see", site=recipient)
            if held and makes and sees:
                yield PackChoice(kind, recipient, name)


def name_recipient(kind: str, recipient: str, operator: Operator) -> str:
    """Return the name of the client, site or incident that a pack is for; else what it is for, as given."""
    names = PACK_KINDS[kind].recipient
    if names == "incident":
        found = find_incident(recipient)
        return recipient if found is None else found.title
    known = dict(_list_recipients(kind, operator)) if names in ("client", "site") else {}
    return known.get(recipient, recipient)


def _list_recipients(kind: str, operator: Operator) -> list[tuple[str, str]]:
    names = PACK_KINDS[kind].recipient
    if names == "site":
        return [(row.id, row.name) for row in operator.sites]
    if names == "client":
        return [(row.id, row.name) for row in operator.clients]
    if names == "incident":
        return [(row.id, row.title) for row in list_incidents()]
    if names == "run":
        done = (job for job in open_crash_tests().list_jobs() if job.state == "done")
        return [(job.id, job.order.name) for job in done]
    return [("", "")]


class PackRow(PageModel):
    """A pack: for whom it was made, of which days, under which root."""

    sha256: str
    kind: str
    recipient: str
    recipient_name: str
    first: date
    last: date
    language: str
    root: int
    made_at: datetime


class PackLine(PackRow):
    """A pack in the list."""

    older: bool = Field(description="An earlier version made it: it cannot be verified any more")
    received: int | None = Field(description="Accounts that took it; null: not for this reader")


class PacksPage(PageModel):
    """The packs that the reader may have, the newest first; ``makes``: they may make some."""

    time_zone: str
    packs: tuple[PackLine, ...]
    makes: bool


class PackPage(PackRow):
    """One pack: its file, the keys by which it is verified, who took it."""

    time_zone: str
    file_name: str
    zip_name: str
    missing: bool = Field(description="Its file was removed or changed")
    until: datetime | None = Field(description="Its last day went on when its root was signed, then; null: it was over")
    older: bool = Field(description="An earlier version made it: it cannot be verified any more")
    length: int = Field(description="Bytes of the file as issued, of which sha256 is taken")
    note: str = Field(description="Signed note of these bytes, to be kept beside the file")
    key: str
    verifier: VerifierHead
    witnesses: tuple[str, ...] = Field(description="Keys of those that cosigned its root")
    origin: str = Field(description="Name under which witnesses know the ledger")
    makes: bool
    receipts: tuple[PackReceipt, ...] = Field(description="Shown to those who make packs")


def packs_page(
    packs: Sequence[IssuedPack], receipts: Sequence[PackReceipt], operator: Operator, *, makes: bool
) -> PacksPage:
    """Return the list of some packs; ``receipts`` are those of all."""
    taken = [one.pack for one in receipts]
    return PacksPage(
        time_zone=operator.row.time_zone,
        packs=tuple(
            PackLine.from_row(
                pack,
                recipient_name=name_recipient(pack.kind, pack.recipient, operator),
                older=pack.is_older,
                received=taken.count(pack.sha256) if makes else None,
            )
            for pack in packs
        ),
        makes=makes,
    )


_DAYS = 14
_TITLES = {
    "incident": lazy("Incident: {name}"),
    "inspection": lazy("Inspection: {name}"),
    "client": lazy("Client: {name}"),
    "audit": lazy("Audit of the charter"),
    "association": lazy("Association"),
    "crashtest": lazy("Crash test: {name}"),
}
"""What may be made, by its kind."""


class EvidencePackForm(PlainForm):
    """What to make; the period proposed ends before the last root was signed, where there is one.

    What was recorded since can be sealed at once, so that a pack tells of the day that goes on. An incident has
    days of its own.
    """

    made: IssuedPack
    what = forms.ChoiceField(label=lazy("Pack"))
    first = build_day_field(lazy("First day"))
    last = build_day_field(lazy("Last day"), help_text=lazy("An incident has its own days."))
    language = forms.ChoiceField(label=lazy("Language"), choices=[("fr", "Français"), ("en", "English")])

    seal = forms.BooleanField(label=lazy("Seal what is recorded so far, first"), required=False)

    def __init__(self, *args: Any, choices: Iterable[PackChoice], time_zone: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.root, self.time_zone = load_last_root(), time_zone
        unsealed = read_head().seq - (self.root.size if self.root else 0)
        if not unsealed:
            del self.fields["seal"]
        elif self.root is None:
            self.fields["seal"].help_text = _("Nothing is sealed yet. A pack holds sealed entries alone.")
        else:
            self.fields["seal"].help_text = ngettext(
                "{count} entry was recorded since the root of {at}. A pack holds sealed entries alone.",
                "{count} entries were recorded since the root of {at}. A pack holds sealed entries alone.",
                unsealed,
            ).format(count=text_now(time_zone).number(unsealed), at=instant(self.root.sealed_at, time_zone))
        sealed = (self.root.sealed_at if self.root else timezone.now()).astimezone(zone(time_zone)).date()
        rows = ((f"{one.kind}:{one.recipient}", str(_TITLES[one.kind]).format(name=one.name)) for one in choices)
        set_choices(self, "what", list(rows))
        self.initial.setdefault("first", sealed - timedelta(days=_DAYS))
        self.initial.setdefault("last", sealed - timedelta(days=1))
        self.initial.setdefault("language", (get_language() or "fr")[:2])
        self.initial.setdefault("seal", not self._is_sealed(self.initial["last"]))

    def propose(self, what: str) -> None:
        """Propose a pack by its kind and recipient: of an incident with its days."""
        if what in dict(self.fields["what"].choices):  # type: ignore[attr-defined]
            self.initial["what"] = what
            incident = self._find_incident(what)
            if incident is not None:
                self.initial["first"], self.initial["last"] = incident.list_days()
                self.initial["seal"] = not self._is_sealed(self.initial["last"], incident)

    @staticmethod
    def _find_incident(what: str) -> KnownIncident | None:
        kind, _colon, recipient = what.partition(":")
        return find_incident(recipient) if kind == "incident" else None

    def _is_sealed(self, last: date, incident: KnownIncident | None = None) -> bool:
        """Return whether the last root was signed after the end of a day, and holds all of an incident.

        Of a drill's the latter alone counts: it has a clock of its own.
        """
        if self.root is None or (incident is not None and incident.last_entry > self.root.size):
            return False
        own_clock = incident is not None and incident.is_drill
        return own_clock or self.root.sealed_at >= day_bounds(last, self.time_zone)[1]

    def make(self, by: str) -> None:
        """Make the pack that a valid form says: ``made``; seal before, where it says so."""
        if self.cleaned_data.get("seal"):
            live.seal_now(timezone.now())
        self.made = issue_pack(self.cleaned_data["request"], by, timezone.now())

    def clean(self) -> dict[str, Any]:
        """Return the fields with the request that they make."""
        found = super().clean() or {}
        if {"what", "first", "last", "language"} <= set(found):
            kind, _colon, recipient = found["what"].partition(":")
            incident = self._find_incident(found["what"])
            first, last = incident.list_days() if incident is not None else (found["first"], found["last"])
            if not self._is_sealed(last, incident):
                self._check_unfinished(last, own_days=incident is not None)
            try:
                found["request"] = PackRequest(kind, recipient, first, last, found["language"])
            except PackRefused:
                self.add_error("last", _("The last day comes after the first, at most a year later."))
        return found

    def _check_unfinished(self, last: date, *, own_days: bool) -> None:
        """Refuse a last day that has not begun, or whose entries are neither sealed nor to be.

        ``own_days``: they are an incident's, which may be ahead in a drill.
        """
        begins = day_bounds(last, self.time_zone)[0]
        known = max(timezone.now(), self.root.sealed_at) if self.root else timezone.now()
        if begins > known and not own_days:
            self.add_error("last", _("This day has not begun yet."))
        elif "seal" in self.fields and not self.cleaned_data.get("seal"):
            self.add_error("seal", _("That day is not sealed to its end: seal what is recorded so far, first."))


download_verifier = serve("evidence.pack")(send_verifier)


@serve("evidence.pack", FORM)
def list_all(request: HttpRequest) -> HttpResponse:
    """The packs that the reader may have, the newest first; the form makes another."""
    operator, form = live.operator_now(), None
    makes = can(request.user, "evidence.make")
    if makes:
        form = EvidencePackForm(
            read_sent(request), choices=list_pack_choices(request.user, operator), time_zone=operator.row.time_zone
        )
        form.propose(request.GET.get("what", ""))
        if act_on(form, lambda: form.make(actor_name(request))):
            messages.success(request, _("The pack is made."))
            return redirect("pack", form.made.sha256)
    elif request.method == "POST":
        raise Http404
    shown = [pack for pack in list_packs() if has_reach(request.user, pack.kind, pack.recipient)]
    page = packs_page(shown, list_receipts(), operator, makes=makes)
    status = 422 if form is not None and form.errors else 200
    return page_response(request, "desk/packs/index.html", page, {"form": form}, status=status)


@serve("evidence.pack")
def show_pack(request: HttpRequest, digest: str) -> HttpResponse:
    """One pack, with what it takes to verify it without this program."""
    pack, operator = _find(request, digest), live.operator_now()
    content, makes = load_pack_file(pack), can(request.user, "evidence.make")
    root, ends = load_root(pack.root), day_bounds(pack.last, operator.row.time_zone)[1]
    drill = pack.kind == "incident" and (found := find_incident(pack.recipient)) is not None and found.is_drill
    origin, witnesses = "", tuple[str, ...]()
    if content is not None and not pack.is_older:
        origin, witnesses = read_cosigners(pack, content)
    page = PackPage.from_row(
        pack,
        recipient_name=name_recipient(pack.kind, pack.recipient, operator),
        time_zone=operator.row.time_zone,
        missing=content is None,
        until=root.sealed_at if root.sealed_at < ends and not drill else None,
        older=pack.is_older,
        key=parse_canonical(root.statement)["key"],
        verifier=VerifierHead.from_row(load_verifier()),
        witnesses=witnesses,
        origin=origin,
        makes=makes,
        receipts=tuple(list_receipts(pack.sha256)) if makes else (),
    )
    return page_response(request, "desk/packs/pack.html", page)


@serve("evidence.pack")
def download_pack(request: HttpRequest, digest: str) -> HttpResponse:
    """A pack with its note, in a .zip: what is to be kept."""
    pack = _find_noted(request, digest)
    return _hand_over(request, pack, zip_pack(pack), pack.zip_name, "application/zip")


@serve("evidence.pack")
def download_pdf(request: HttpRequest, digest: str) -> HttpResponse:
    """The file of a pack alone, to be read."""
    pack = _find(request, digest)
    return _hand_over(request, pack, load_pack_file(pack), pack.file_name, "application/pdf")


@serve("evidence.pack")
def download_note(request: HttpRequest, digest: str) -> HttpResponse:
    """The note of a pack, for a reader who has its file."""
    pack = _find_noted(request, digest)
    return download(pack.note, f"{pack.file_name}.note", "text/plain; charset=utf-8")


def _hand_over(request: HttpRequest, pack: IssuedPack, content: bytes | None, name: str, kind: str) -> HttpResponse:
    """Return a pack's file; that an account took it becomes an entry, once."""
    found = require_found(content, _("The file of this pack was removed or changed. Make the pack again."))
    if isinstance(request.user, User) and request.user.visitor_role is None:
        record_receipt(pack, actor_name(request), timezone.now())
    return download(found, name, kind)


def _find_noted(request: HttpRequest, digest: str) -> IssuedPack:
    pack = _find(request, digest)
    if pack.is_older:
        raise Http404(_("An earlier version made this pack, without a note. Make the pack again."))
    return pack


def _find(request: HttpRequest, digest: str) -> IssuedPack:
    pack = find_pack(digest)
    if pack is None or not has_reach(request.user, pack.kind, pack.recipient):
        raise Http404(_("There is no such pack."))
    return pack


register = Library()


@register.filter
def pack_title(kind: str) -> str:
    """Return what packs of a kind are."""
    return translate_phrase(PACK_KINDS[kind].title)


@register.filter
def pack_period(pack: PackRow) -> str:
    """Return the first and the last day of a pack."""
    first, last = (text_now("UTC").day(day, weekday=False) for day in (pack.first, pack.last))
    return _("{start} to {end}").format(start=first, end=last)


MENU = (Entry(lazy("Proof and settings"), lazy("Evidence packs"), "packs", before="identity"),)

urlpatterns = [
    path("", list_all, name="packs"),
    path("verify.py", download_verifier, name="pack_verifier"),
    path("<slug:digest>", show_pack, name="pack"),
    path("<slug:digest>/pack.zip", download_pack, name="pack_zip"),
    path("<slug:digest>/file.pdf", download_pdf, name="pack_file"),
    path("<slug:digest>/file.pdf.note", download_note, name="pack_note"),
]
