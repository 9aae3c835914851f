"""The pages of the ledger: the list, one entry, what is handed out, and the check of it all."""

from __future__ import annotations

from pathlib import Path

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can
from releve.desk.access.open_mode import changes_nothing
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import PlainForm, act_on, read_sent
from releve.desk.http import download, failure, page_response
from releve.desk.ledger.entries import EntryAccess, EntryView, build_entry_views
from releve.desk.ledger.page import (
    MOST_ENTRIES,
    PAGE,
    EntryPage,
    LedgerPage,
    RootHead,
    VerificationResult,
    VerifyPage,
)
from releve.desk.ledger.words import STREAMS, WORDS, describe_missing_proof
from releve.desk.query import read_number, require_found
from releve.evidence import verify as verifier
from releve.evidence.own_ledger import verify_own_ledger
from releve.ledger.chain import read_head
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import (
    PERSON_KINDS,
    find_person_entries,
    holds_health_in_clear,
    list_entries,
    prove_for_disclosure,
)
from releve.ledger.errors import ProofError, SigningKeyError
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import load_last_root
from releve.live import api as live
from releve.registry.service import current_time_zone

_MOST_ROOT_BYTES = 10_000
_MOST_FAULTS = 50


class RootForm(PlainForm):
    """A root that was kept outside; ``outcome`` of the check once it is done."""

    outcome: VerificationResult | None = None
    root = forms.FileField(
        label=lazy("A root that you kept outside (optional)"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".json,application/json"}),
        help_text=lazy("It also shows a history that was cut short or rewritten with the key."),
    )

    def clean_root(self) -> bytes:
        """Return the content of the file."""
        given = self.cleaned_data["root"]
        if given is None:
            return b""
        if given.size > _MOST_ROOT_BYTES:
            raise forms.ValidationError(_("This file is no signed root: it is too large."))
        return bytes(given.read())

    def verify(self, *, counts: bool) -> None:
        """Check the whole ledger; ValueError says why it is not done.

        A case has more personal values than an absence, so that their number is for readers who
        may see the number of cases: ``counts``.
        """
        if read_head().seq > MOST_ENTRIES:
            raise ValueError(_("The ledger is too long to be checked while you wait."))
        given = [self.cleaned_data["root"]] if self.cleaned_data["root"] else []
        try:
            checked = verify_own_ledger(
                lambda keys: (verifier.check_root(verifier.read_line(root), keys) for root in given)
            )
        except ValueError as fault:
            said = _("This file is no signed root of this ledger: {reason}.").format(reason=fault)
            raise ValueError(said) from None
        self.outcome = VerificationResult(
            holds=not checked.faults,
            entries=checked.seq,
            faults=tuple(checked.faults[:_MOST_FAULTS]),
            fault_count=len(checked.faults),
            summary="" if checked.faults else checked.summary(counts=counts),
        )


@serve("ledger.see")
def show_index(request: HttpRequest) -> HttpResponse:
    """Entries of every stream or of one, of every kind or of one, the newest first."""
    eyes = EntryAccess.for_user(request.user)
    asked, before = {name: request.GET.get(name, "") for name in ("stream", "kind")}, None
    if request.GET.get("before"):
        before = require_found(read_number(request.GET["before"], 9), _("This page is not there."))
    rows = list_entries(PAGE + 1, persons=eyes.counts, **asked, before=before)
    page = LedgerPage(
        **asked,
        time_zone=current_time_zone(),
        count=read_head().seq,
        root=_load_root(),
        streams=(*STREAMS, *(drill.name for drill in live.list_drills())),
        kinds=tuple(kind for kind in WORDS if eyes.counts or kind not in PERSON_KINDS),
        entries=build_entry_views(rows[:PAGE], eyes),
        older=rows[PAGE - 1].seq if len(rows) > PAGE else None,
        may_prove=can(request.user, "ledger.prove"),
        may_export=_may_export(request, eyes),
    )
    return page_response(request, "desk/ledger/index.html", page)


@serve("ledger.see")
def show_entry(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry: its values, what each commits to, its place in the chain."""
    view, root, proof = find_view(request, seq), load_last_root(), ""
    if can(request.user, "ledger.prove") and not (view.concealed or holds_health_in_clear(seq)):
        proof = "now" if root is not None and seq <= root.size else "next"
    page = EntryPage.from_row(
        view, time_zone=current_time_zone(), proof=proof, last=read_head().seq
    )
    return page_response(request, "desk/ledger/entry.html", page)


@serve("ledger.prove")
def download_proof(request: HttpRequest, seq: int) -> HttpResponse:
    """The proof of one entry under the last root; what is personal or of health stays hidden."""
    if find_view(request, seq).concealed:
        raise Http404
    try:
        document = prove_for_disclosure(seq)
    except ProofError as error:
        return failure(request, 409, describe_missing_proof(error))
    return download(f"{canonical_json(document)}\n", f"proof-{seq}.json")


@serve("ledger.prove")
def export_ledger(request: HttpRequest) -> HttpResponse:
    """The whole ledger for the verifier; personal values are commitments, which tell nothing.

    Of entries about one agent, a reader who may not see the cases of a site gets the hash.
    """
    eyes = EntryAccess.for_user(request.user)
    if not _may_export(request, eyes):
        raise Http404
    withhold = None if eyes.counts else find_person_entries
    lines = (f"{line}\n" for line in export_lines(withhold=withhold))
    return download(lines, "ledger.jsonl", "application/x-ndjson")


@serve("ledger.see")
def download_root(request: HttpRequest) -> HttpResponse:
    """The last signed root, to be kept out of the house."""
    root = require_found(load_last_root(), _("No root has been signed yet."))
    return download(root.text, root.file_name)


def send_verifier(request: HttpRequest) -> HttpResponse:
    """The stand-alone verifier: one file, for any Python."""
    source = Path(verifier.__file__).read_text(encoding="utf-8")
    return download(source, "verify.py", "text/x-python; charset=utf-8")


download_verifier = serve("ledger.see")(send_verifier)


@changes_nothing
@serve("ledger.prove", FORM)
def verify(request: HttpRequest) -> HttpResponse:
    """How to verify; the check itself when it is asked for."""
    eyes = EntryAccess.for_user(request.user)
    form = RootForm(read_sent(request), request.FILES or None)
    act_on(form, lambda: form.verify(counts=eyes.counts), ValueError, field="root")
    try:
        key = public_key()
    except SigningKeyError:
        missing = _(
            "The key that signs the ledger is missing, or is not the one it was signed with."
        )
        return failure(request, 503, missing, _("Restore ledger.key from its copy."))
    page = VerifyPage(
        time_zone=current_time_zone(),
        key=key,
        root=_load_root(),
        may_export=_may_export(request, eyes),
        outcome=form.outcome,
    )
    status = 422 if form.errors else 200
    return page_response(request, "desk/ledger/verify.html", page, {"form": form}, status=status)


def find_view(request: HttpRequest, seq: int) -> EntryView:
    row = LedgerEntry.objects.filter(seq=seq).first() if seq < 2**31 else None
    found = require_found(row, _("There is no entry of this number."))
    (view,) = build_entry_views([found], EntryAccess.for_user(request.user))
    return view


def _load_root() -> RootHead | None:
    root = load_last_root()
    return None if root is None else RootHead.from_row(root)


def _may_export(request: HttpRequest, eyes: EntryAccess) -> bool:
    """Return whether the whole may be handed out: not to a reader who is here for some."""
    return can(request.user, "ledger.prove") and eyes.scope.is_whole
