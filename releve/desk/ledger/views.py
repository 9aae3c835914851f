"""The pages of the ledger: the list, one entry, what is handed out, and the check of it all."""

from __future__ import annotations

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.entry_reach import (
    EntryAccess,
    EntryView,
    find_proof_state,
    load_entries,
    load_entry,
)
from releve.desk.access.open_mode import changes_nothing
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import PlainForm, act_on, read_sent
from releve.desk.http import download, failure, page_response
from releve.desk.ledger.page import (
    MOST_ENTRIES,
    EntryPage,
    LedgerPage,
    RootHead,
    VerifierHead,
    VerifyPage,
)
from releve.desk.query import read_number, require_found
from releve.desk.text import translate_error
from releve.evidence.own_ledger import LedgerVerification, load_verifier, verify_with_root
from releve.ledger.chain import read_head
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import (
    find_person_entries,
    prove_for_disclosure,
)
from releve.ledger.errors import ProofError, SigningKeyError
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.labels import STREAM_LABELS
from releve.ledger.roots import load_last_root
from releve.live import api as live
from releve.network import Operator
from releve.registry.service import current_time_zone

_MOST_ROOT_BYTES = 10_000


class RootForm(PlainForm):
    """A root that was kept outside; ``outcome`` of the check once it is done."""

    outcome: LedgerVerification | None = None
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
        """Check the whole ledger; ValueError says why it is not done."""
        if read_head().seq > MOST_ENTRIES:
            raise ValueError(_("The ledger is too long to be checked while you wait."))
        self.outcome = verify_with_root(self.cleaned_data["root"], counts=counts)


def _load_operator() -> Operator | None:
    """Return the operator, by whose clocks days end; None before there are reference data."""
    try:
        return live.operator_now()
    except live.NoOperator:
        return None


@serve("ledger.see")
def show_index(request: HttpRequest) -> HttpResponse:
    """Entries of every stream or of one, of every kind or of one, the newest first."""
    eyes = EntryAccess.for_user(request.user)
    stream, kind, before = request.GET.get("stream", ""), request.GET.get("kind", ""), None
    if request.GET.get("before"):
        before = require_found(read_number(request.GET["before"], 9), _("This page is not there."))
    page = LedgerPage.from_row(
        load_entries(eyes, stream=stream, kind=kind, before=before),
        stream=stream,
        kind=kind,
        time_zone=current_time_zone(),
        count=read_head().seq,
        root=_load_root(),
        streams=(*STREAM_LABELS, *(drill.name for drill in live.list_drills())),
        kinds=eyes.kinds,
        may_prove=eyes.proves,
        may_export=eyes.exports,
    )
    context = {"operator": _load_operator()}
    return page_response(request, "desk/ledger/index.html", page, context)


@serve("ledger.see")
def show_entry(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry: its values, what each commits to, its place in the chain."""
    entry = find_entry(request, seq)
    page = EntryPage(
        entry=entry,
        time_zone=current_time_zone(),
        proof=find_proof_state(entry, EntryAccess.for_user(request.user)),
        last=read_head().seq,
    )
    context = {"operator": _load_operator()}
    return page_response(request, "desk/ledger/entry.html", page, context)


@serve("ledger.prove")
def download_proof(request: HttpRequest, seq: int) -> HttpResponse:
    """The proof of one entry under the last root; what is personal or of health stays hidden."""
    if find_entry(request, seq).concealed:
        raise Http404
    try:
        document = prove_for_disclosure(seq)
    except ProofError as error:
        return failure(request, 409, translate_error(error))
    return download(f"{canonical_json(document)}\n", f"proof-{seq}.json")


@serve("ledger.prove")
def export_ledger(request: HttpRequest) -> HttpResponse:
    """The whole ledger for the verifier; personal values are commitments, which tell nothing.

    Of entries about one agent, a reader who may not see the cases of a site gets the hash.
    """
    eyes = EntryAccess.for_user(request.user)
    if not eyes.exports:
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
    return download(load_verifier().content, "verify.py", "text/x-python; charset=utf-8")


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
        verifier=VerifierHead.from_row(load_verifier()),
        root=_load_root(),
        may_export=eyes.exports,
        outcome=form.outcome,
    )
    status = 422 if form.errors else 200
    return page_response(request, "desk/ledger/verify.html", page, {"form": form}, status=status)


def find_entry(request: HttpRequest, seq: int) -> EntryView:
    """Return an entry as the reader sees it; Http404 where there is none."""
    found = load_entry(seq, EntryAccess.for_user(request.user))
    return require_found(found, _("There is no entry of this number."))


def _load_root() -> RootHead | None:
    root = load_last_root()
    return None if root is None else RootHead.from_row(root)
