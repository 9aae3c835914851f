"""The pages of the ledger: entries in the reader's language, proofs, the export, the verifier."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.permissions import Role
from releve.accounts.reach import EntryAccess, EntryView, find_proof_state, load_entries, load_entry
from releve.accounts.scopes import ProofState, can
from releve.desk.access.guard import VISITOR_PREFIX, changes_nothing
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import PlainForm, act_on, read_sent
from releve.desk.http import download, failure, page_response, read_number, require_found
from releve.desk.page import PageModel
from releve.desk.text import Text, text_now, translate_error
from releve.ledger.account_names import ACCOUNT_PREFIX
from releve.ledger.chain import read_head
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import (
    FIELD_LABELS,
    KIND_LABELS,
    STREAM_LABELS,
    find_person_entries,
    iter_values,
    prove_for_disclosure,
)
from releve.ledger.export import export_lines
from releve.ledger.guards import ProofError, SigningKeyError
from releve.ledger.keys import public_key
from releve.ledger.own_ledger import LedgerVerification, load_verifier, verify_with_root
from releve.ledger.roots import load_last_root
from releve.live import api as live
from releve.network import Operator
from releve.registry.service import current_time_zone
from releve.situation import CORRECTABLE, AgentUnavailable, find_happening, measure_entry_delay

register = Library()


def translate_kind(kind: str) -> str:
    """Return what an entry of a kind says happened; the kind itself where there is no word."""
    return _(KIND_LABELS[kind]) if kind in KIND_LABELS else kind


@register.filter
def entry_word(entry: EntryView) -> str:
    """Return what happened, as far as it is shown."""
    return _("Entry about a person") if entry.about_person else translate_kind(entry.kind)


def describe_late_record(happened: datetime | date, text: Text) -> str:
    """Return of when something is that was recorded late."""
    if isinstance(happened, datetime):
        return _("(recorded late: it happened on {when})").format(when=text.moment(happened))
    return _("(recorded late: it is of {day})").format(day=text.day(happened))


@register.filter
def late_entry(entry: EntryView, operator: Operator | None) -> str:
    """Return of when an entry is that was recorded late; empty where it was in time."""
    if operator is None or not entry.happened or entry.recorded_at is None:
        return ""
    body = {"happened_at": entry.happened, "day": entry.day or None, "site": entry.site}
    if not measure_entry_delay(body, datetime.fromisoformat(entry.recorded_at), operator):
        return ""
    return describe_late_record(find_happening(body), text_now(operator.row.time_zone))


@register.filter
def kind_choices(kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Return kinds in the order of their words."""
    return sorted(((kind, translate_kind(kind)) for kind in kinds), key=lambda row: row[::-1])


@register.filter("field_word")
def translate_field(name: str) -> str:
    """Return the label of a field, of the last name of a path."""
    last = name.rpartition(".")[2]
    return _(FIELD_LABELS[last]) if last in FIELD_LABELS else last


@register.filter
def field_value(value: Any, time_zone: str) -> str:
    """Return the value of a field: instants in words, any other text as it is."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return " · ".join(field_value(item, time_zone) for item in value)
    if isinstance(value, dict):
        rows = iter_values(value)
        return ", ".join(f"{translate_field(k)} {field_value(v, time_zone)}" for k, v in rows)
    if isinstance(value, float):
        return text_now(time_zone).plain(value)
    text = str(value)
    if len(text) >= 20 and text[4:5] == "-" and text.endswith(("Z", "+00:00")):
        with suppress(ValueError):
            return text_now(time_zone).moment(datetime.fromisoformat(text))
    return text


@register.filter("stream_word")
def translate_stream(stream: str) -> str:
    """Return what a stream is called."""
    kind, _colon, number = stream.partition(":")
    if kind == "drill":
        return _("Drill {number}").format(number=number)
    return _(STREAM_LABELS[stream]) if stream in STREAM_LABELS else stream


@register.filter("actor")
def translate_actor(actor: str) -> str:
    """Return who acted: a user, or a rule."""
    if actor.startswith("rule:"):
        return _("rule {rule}").format(rule=_name_rule(actor.removeprefix("rule:")))
    if actor.startswith(ACCOUNT_PREFIX):
        return _("a former user, whose name was erased")
    if actor.startswith(VISITOR_PREFIX) and actor.removeprefix(VISITOR_PREFIX) in Role.values:
        return _("a visitor ({role})").format(role=Role(actor.removeprefix(VISITOR_PREFIX)).label)
    if actor == AgentUnavailable.BY_SILENCE:
        return _("no answer to a message, by any address")
    return _("the agent, by an answer to a message") if actor == AgentUnavailable.BY_LINK else actor


def _name_rule(name: str) -> str:
    """Return what a rule is called: by its pack, or its own text; its id where the installation has it no more."""
    rules, text = live.load_installed_rules(), text_now("UTC")
    row = next((row for row in (*rules.rows, *rules.offered) if row.id == name), None)
    if row is None:
        return name
    pack = next((pack for pack in rules.packs if pack.id == row.pack), None)
    said = text.own(row) if pack is None else text.own(pack, "name")
    return f"«\u202f{said}\u202f»" if text.french else f"“{said}”"


MOST_ENTRIES = 100_000
"""Entries that are checked while a reader waits; more are for the command line."""


class RootHead(PageModel):
    """The last signed root: so many entries, of which none came later."""

    number: int
    size: int
    sealed_at: datetime


class LedgerPage(PageModel):
    """Entries, the newest first, of every stream or kind or of one."""

    time_zone: str
    count: int = Field(description="Entries of the whole ledger")
    root: RootHead | None
    stream: str
    kind: str
    streams: tuple[str, ...]
    kinds: tuple[str, ...] = Field(description="Those whose entries the reader may see")
    entries: tuple[EntryView, ...]
    older: int | None = Field(description="Ask with before= this for the next page")
    may_prove: bool
    may_export: bool

    @property
    def behind(self) -> int:
        """The entries after the root."""
        return 0 if self.root is None else self.count - self.root.size


class EntryPage(PageModel):
    """One entry; its ``proof`` can be had now, under the next root, or not by this reader."""

    entry: EntryView
    time_zone: str
    proof: ProofState
    last: int = Field(description="The newest entry")


class VerifierHead(PageModel):
    """The stand-alone verifier: its hash, and the version whose wheel and source hold it too."""

    version: str
    sha256: str


class VerifyPage(PageModel):
    """How to check, here and elsewhere; the outcome when it was just done."""

    time_zone: str
    key: str
    verifier: VerifierHead
    root: RootHead | None
    may_export: bool
    most: int = MOST_ENTRIES
    outcome: LedgerVerification | None


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
    kinds = {row.kind for row in CORRECTABLE}
    corrects = entry.kind in kinds and can(request.user, "event.correct", site=entry.site or None)
    context = {"operator": _load_operator(), "corrects": corrects}
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
        missing = _("The key that signs the ledger is missing, or is not the one it was signed with.")
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
    context = {"form": form, "may_seal": can(request.user, "evidence.make")}
    return page_response(request, "desk/ledger/verify.html", page, context, status=status)


def find_entry(request: HttpRequest, seq: int) -> EntryView:
    """Return an entry as the reader sees it; Http404 where there is none."""
    found = load_entry(seq, EntryAccess.for_user(request.user))
    return require_found(found, _("There is no entry of this number."))


def _load_root() -> RootHead | None:
    root = load_last_root()
    return None if root is None else RootHead.from_row(root)


urlpatterns = [
    path("", show_index, name="ledger"),
    path("<int:seq>", show_entry, name="ledger_entry"),
    path("<int:seq>/proof.json", download_proof, name="ledger_proof"),
    path("export.jsonl", export_ledger, name="ledger_export"),
    path("root.json", download_root, name="ledger_root"),
    path("verify", verify, name="ledger_verify"),
    path("verify.py", download_verifier, name="ledger_verifier"),
]
