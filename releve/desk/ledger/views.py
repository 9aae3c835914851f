"""The pages of the ledger: the list, one entry, what is handed out, and the check of it all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.access.open_mode import changes_nothing
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, download, failure, fresh
from releve.desk.ledger.entries import (
    PAGE,
    EntryAccess,
    EntryView,
    build_entry_twin,
    build_entry_views,
    list_entries,
)
from releve.desk.ledger.verification import MOST, TooManyEntries, VerificationResult, verify_ledger
from releve.desk.ledger.words import STREAMS, WORDS, describe_missing_proof, translate_stream
from releve.desk.places.stream_context import when
from releve.desk.query import read_number, require_found
from releve.desk.text import Text, text_now
from releve.evidence import verify as verifier
from releve.ledger.chain import read_head
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import (
    PERSON_KINDS,
    find_person_entries,
    holds_health_in_clear,
    prove_for_disclosure,
)
from releve.ledger.errors import LedgerError, ProofError, SigningKeyError
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import SignedRoot, load_last_root
from releve.live import api as live
from releve.live.api import NoOperator

_MOST_ROOT_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One value of a filter."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class RootView:
    """The last signed root in words; ``behind`` entries came after it."""

    number: int
    size: str
    when: str
    behind: str


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """The list of entries with its filters."""

    time_zone: str
    entries: tuple[EntryView, ...]
    count: str
    streams: tuple[FilterChoice, ...]
    kinds: tuple[FilterChoice, ...]
    filtered: bool
    newest: str
    older: str
    root: RootView | None
    may_prove: bool
    may_export: bool


@dataclass(frozen=True, slots=True)
class EntryPage:
    """One entry; ``proof_url`` is empty where it cannot be had, and ``no_proof`` says why."""

    time_zone: str
    entry: EntryView
    proof_url: str
    no_proof: str
    previous: str
    following: str


@dataclass(frozen=True, slots=True)
class VerifyPage:
    """How to check, here and elsewhere; the outcome when it was just done."""

    outcome: VerificationResult | None
    fault: str
    key: str
    root: RootView | None
    may_export: bool
    most: str


def _text() -> Text:
    try:
        return text_now(live.operator_now().row.time_zone)
    except NoOperator:
        return text_now(settings.TIME_ZONE)


@serve("ledger.see")
def show_index(request: HttpRequest) -> HttpResponse:
    """Entries of every stream or of one, of every kind or of one, the newest first."""
    text, eyes = _text(), EntryAccess.for_user(request.user)
    stream, kind = request.GET.get("stream", ""), request.GET.get("kind", "")
    rows = list_entries(eyes, stream=stream, kind=kind, before=_before(request))
    views = build_entry_views(rows[:PAGE], eyes, text)
    older = _query(request, before=str(views[-1].seq)) if len(rows) > PAGE else ""
    last, root = read_head(), load_last_root()
    page = LedgerPage(
        time_zone=text.time_zone,
        entries=views,
        count=text.number(last.seq),
        streams=_streams(stream),
        kinds=_kinds(kind, eyes),
        filtered=bool(stream or kind),
        newest=_query(request, before="") if "before" in request.GET else "",
        older=older,
        root=_root_view(root, last.seq, text),
        may_prove=can(request.user, "ledger.prove"),
        may_export=_may_export(request, eyes),
    )
    twin = {
        "entries": [build_entry_twin(view) for view in views],
        "count": last.seq,
        "root": None if root is None else {"number": root.number, "size": root.size},
        "older": older,
    }
    return fresh(request, "desk/ledger/index.html", page, twin)


@serve("ledger.see")
def show_entry(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry: its values, what each commits to, its place in the chain."""
    text, eyes = _text(), EntryAccess.for_user(request.user)
    (view,) = build_entry_views([_row(seq)], eyes, text)
    root = load_last_root()
    covered = root is not None and seq <= root.size
    proves = (
        can(request.user, "ledger.prove") and not view.concealed and not holds_health_in_clear(seq)
    )
    page = EntryPage(
        text.time_zone,
        view,
        reverse("ledger_proof", args=[seq]) if proves and covered else "",
        _("Its proof can be had once the next root is signed.") if proves and not covered else "",
        reverse("ledger_entry", args=[seq - 1]) if seq > 1 else "",
        reverse("ledger_entry", args=[seq + 1]) if seq < read_head().seq else "",
    )
    twin = build_entry_twin(view) | {"proof": page.proof_url or None}
    return fresh(request, "desk/ledger/entry.html", page, twin)


@serve("ledger.prove")
def download_proof(request: HttpRequest, seq: int) -> HttpResponse:
    """The proof of one entry under the last root; what is personal or of health stays hidden."""
    (view,) = build_entry_views([_row(seq)], EntryAccess.for_user(request.user), _text())
    if view.concealed:
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


@serve("ledger.see")
def download_verifier(request: HttpRequest) -> HttpResponse:
    """The stand-alone verifier: one file, for any Python."""
    source = Path(verifier.__file__).read_text(encoding="utf-8")
    return download(source, "verify.py", "text/x-python; charset=utf-8")


@changes_nothing
@serve("ledger.prove", FORM)
def verify(request: HttpRequest) -> HttpResponse:
    """How to verify; the check itself when it is asked for."""
    try:
        return _verified_page(request, _text())
    except SigningKeyError:
        missing = _(
            "The key that signs the ledger is missing, or is not the one it was signed with."
        )
        return failure(request, 503, missing, _("Restore ledger.key from its copy."))


def _verified_page(request: HttpRequest, text: Text) -> HttpResponse:
    outcome, fault = _checked(request, text) if request.method == "POST" else (None, "")
    page = VerifyPage(
        outcome,
        fault,
        public_key(),
        _root_view(load_last_root(), read_head().seq, text),
        _may_export(request, EntryAccess.for_user(request.user)),
        text.number(MOST),
    )
    twin = {
        "key": page.key,
        "holds": None if outcome is None else outcome.holds,
        "faults": [] if outcome is None else list(outcome.faults),
        "summary": "" if outcome is None else outcome.summary,
        "refused": fault,
    }
    return answer(request, "desk/ledger/verify.html", page, twin, 422 if fault else 200)


def _checked(request: HttpRequest, text: Text) -> tuple[VerificationResult | None, str]:
    """Return the outcome of a check, or why it was not made."""
    given, counts = request.FILES.get("root"), EntryAccess.for_user(request.user).counts
    if given is not None and (given.size or 0) > _MOST_ROOT_BYTES:
        return None, _("This file is no signed root: it is too large.")
    try:
        outside = given.read() if given is not None else b""
        return verify_ledger(text, outside, counts=counts), ""
    except TooManyEntries:
        return None, _("The ledger is too long to be checked while you wait.")
    except ValueError as error:
        reason = _("This file is no signed root of this ledger: {reason}.")
        return None, reason.format(reason=error)
    except LedgerError as error:
        return None, str(error)


def _row(seq: int) -> LedgerEntry:
    row: LedgerEntry | None = LedgerEntry.objects.filter(seq=seq).first() if seq < 2**31 else None
    return require_found(row, _("There is no entry of this number."))


def _before(request: HttpRequest) -> int | None:
    asked = request.GET.get("before", "")
    return require_found(read_number(asked, 9), _("This page is not there.")) if asked else None


def _query(request: HttpRequest, *, before: str) -> str:
    query: QueryDict = request.GET.copy()
    query.pop("before", None)
    query.pop("format", None)
    if before:
        query["before"] = before
    return f"?{query.urlencode()}"


def _streams(chosen: str) -> tuple[FilterChoice, ...]:
    names = [*STREAMS, *(drill.name for drill in live.list_drills())]
    labels = [(name, translate_stream(name)) for name in names]
    return tuple(FilterChoice(name, label, name == chosen) for name, label in labels)


def _kinds(chosen: str, eyes: EntryAccess) -> tuple[FilterChoice, ...]:
    shown = {kind for kind in WORDS if eyes.counts or kind not in PERSON_KINDS}
    found = sorted((str(WORDS[kind]), kind) for kind in shown)
    return tuple(FilterChoice(kind, word, kind == chosen) for word, kind in found)


def _root_view(root: SignedRoot | None, last: int, text: Text) -> RootView | None:
    if root is None:
        return None
    behind = text.number(last - root.size) if last > root.size else ""
    return RootView(root.number, text.number(root.size), when(root.sealed_at, text), behind)


def _may_export(request: HttpRequest, eyes: EntryAccess) -> bool:
    """Return whether the whole may be handed out: not to a reader who is here for some."""
    return can(request.user, "ledger.prove") and eyes.scope.is_whole
