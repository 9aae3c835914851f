"""The pages of evidence packs: the list with its form, one pack, its file, the verifier."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts.models import User
from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, download, fresh
from releve.desk.packs.forms import EvidencePackForm, has_reach, list_choices
from releve.desk.packs.page import PacksPage, build_line, build_pack_page, line_twin
from releve.desk.query import require_found
from releve.desk.text import text_now, translate_error
from releve.errors import ReleveError
from releve.evidence import verify as verifier
from releve.evidence.comparison import list_cosigners
from releve.evidence.store import (
    IssuedPack,
    PackReceipt,
    find_pack,
    issue_pack,
    list_packs,
    list_receipts,
    load_pack_file,
    record_receipt,
)
from releve.ledger.digests import parse_canonical
from releve.ledger.roots import load_last_root, load_root
from releve.live import api as live
from releve.network.clock import zone


@serve("evidence.pack", FORM)
def list_all(request: HttpRequest) -> HttpResponse:
    """The packs that the reader may have, the newest first; the form makes another."""
    operator, root = live.operator_now(), load_last_root()
    text, form, status = text_now(operator.row.time_zone), None, 200
    makes = can(request.user, "evidence.make")
    if makes and root is not None:
        form = EvidencePackForm(
            request.POST if request.method == "POST" else None,
            choices=list(list_choices(request.user, operator)),
            sealed=root.sealed_at.astimezone(zone(operator.row.time_zone)).date(),
        )
    if request.method == "POST":
        if form is None:
            raise Http404
        if form.is_valid():
            try:
                made = issue_pack(form.cleaned_data["request"], actor_name(request), timezone.now())
            except ReleveError as error:
                form.add_error(None, translate_error(error))
            else:
                messages.success(request, _("The pack is made."))
                return redirect("pack", made.sha256)
        status = 422
    received: dict[str, list[PackReceipt]] = defaultdict(list)
    for receipt in list_receipts():
        received[receipt.pack].append(receipt)
    shown = [pack for pack in list_packs() if has_reach(request.user, pack.kind, pack.recipient)]
    lines = tuple(build_line(pack, received[pack.sha256], operator, text) for pack in shown)
    page = PacksPage(lines, form, makes)
    twin = {"packs": [line_twin(pack, received[pack.sha256]) for pack in shown]}
    return answer(request, "desk/packs/index.html", page, twin, status)


@serve("evidence.pack")
def show_pack(request: HttpRequest, digest: str) -> HttpResponse:
    """One pack, with what it takes to verify it without this program."""
    pack = _find(request, digest)
    operator, receipts = live.operator_now(), list_receipts(pack.sha256)
    content = load_pack_file(pack)
    page = build_pack_page(
        pack,
        receipts,
        operator,
        text_now(operator.row.time_zone),
        parse_canonical(load_root(pack.root).statement)["key"],
        () if content is None else list_cosigners(content),
        makes=can(request.user, "evidence.make"),
        missing=content is None,
    )
    return fresh(request, "desk/packs/pack.html", page, line_twin(pack, receipts))


@serve("evidence.pack")
def download_pack(request: HttpRequest, digest: str) -> HttpResponse:
    """The file of a pack; that an account took it becomes an entry, once."""
    pack = _find(request, digest)
    content = require_found(
        load_pack_file(pack), _("The file of this pack was removed. Make the pack again.")
    )
    if isinstance(request.user, User) and request.user.visitor_role is None:
        record_receipt(pack, actor_name(request), timezone.now())
    return download(content, pack.file_name, "application/pdf")


@serve("evidence.pack")
def download_verifier(request: HttpRequest) -> HttpResponse:
    """The stand-alone verifier: one file, for any Python."""
    return download(Path(verifier.__file__).read_bytes(), "verify.py", "text/x-python")


def _find(request: HttpRequest, digest: str) -> IssuedPack:
    pack = find_pack(digest)
    if pack is None or not has_reach(request.user, pack.kind, pack.recipient):
        raise Http404(_("There is no such pack."))
    return pack
