"""The pages of evidence packs: the list with its form, one pack, its files, the verifier."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts.models import User
from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import act_on, read_sent
from releve.desk.http import download, page_response
from releve.desk.ledger.page import VerifierHead
from releve.desk.ledger.views import send_verifier
from releve.desk.packs.forms import EvidencePackForm
from releve.desk.packs.page import PackPage, packs_page
from releve.desk.query import require_found
from releve.evidence.comparison import read_cosigners
from releve.evidence.own_ledger import load_verifier
from releve.evidence.reach import has_reach, list_pack_choices, name_recipient
from releve.evidence.store import (
    IssuedPack,
    find_pack,
    list_packs,
    list_receipts,
    load_pack_file,
    record_receipt,
    zip_pack,
)
from releve.ledger.digests import parse_canonical
from releve.ledger.roots import load_last_root, load_root
from releve.live import api as live
from releve.network.clock import zone

download_verifier = serve("evidence.pack")(send_verifier)


@serve("evidence.pack", FORM)
def list_all(request: HttpRequest) -> HttpResponse:
    """The packs that the reader may have, the newest first; the form makes another."""
    operator, root, form = live.operator_now(), load_last_root(), None
    makes = can(request.user, "evidence.make")
    if makes and root is not None:
        form = EvidencePackForm(
            read_sent(request),
            choices=list_pack_choices(request.user, operator),
            sealed=root.sealed_at.astimezone(zone(operator.row.time_zone)).date(),
        )
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
    origin, witnesses = "", tuple[str, ...]()
    if content is not None and not pack.is_older:
        origin, witnesses = read_cosigners(pack, content)
    page = PackPage.from_row(
        pack,
        recipient_name=name_recipient(pack.kind, pack.recipient, operator),
        time_zone=operator.row.time_zone,
        missing=content is None,
        older=pack.is_older,
        key=parse_canonical(load_root(pack.root).statement)["key"],
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


def _hand_over(
    request: HttpRequest, pack: IssuedPack, content: bytes | None, name: str, kind: str
) -> HttpResponse:
    """Return a pack's file; that an account took it becomes an entry, once."""
    found = require_found(
        content, _("The file of this pack was removed or changed. Make the pack again.")
    )
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
