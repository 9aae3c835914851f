"""What the pages of the reference data hold: versions, tables, rows, changes; their words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template import Library
from django.utils.translation import get_language, gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext as _
from pydantic import AwareDatetime, Field

from releve.desk.filters import add_words
from releve.desk.http import read_number, wants_json
from releve.desk.page import PageModel
from releve.desk.text import text_now, translate_phrase
from releve.errors import Phrase
from releve.network import Fault, Operator, TableColumn, describe_faults, list_columns
from releve.network.cell_text import format_for_reader
from releve.network.columns import bare_type
from releve.network.fault_causes import describe_group, group_faults
from releve.network.faults import Correction
from releve.network.table_words import get_column_naming, get_table_naming, name_unit
from releve.network.worktime import RosterBreach, RowFinding, WorkingTime, WorkRow
from releve.network.worktime.roster_check import describe_row
from releve.registry.changes import RowChange
from releve.registry.edits import ChangedTable, ListedChange
from releve.registry.models import Upload, Version
from releve.registry.row_text import NumberedRow, find_zone, get_position, select_rows
from releve.registry.service import get_current_version, load_operator
from releve.registry.storage import load_sheets
from releve.registry.tables import KINDS, NotThere, get_row_class, get_rows
from releve.registry.uploads import discard_upload

register = Library()
add_words(
    register,
    "change_word",
    {
        "added": pgettext_lazy("row", "added"),
        "removed": pgettext_lazy("row", "removed"),
        "changed": pgettext_lazy("row", "changed"),
    },
)


def get_reader_language() -> str:
    """Return the language of this request."""
    return "fr" if (get_language() or "fr").startswith("fr") else "en"


@register.filter
def translate_table(table: str) -> str:
    """Return what a table is called; its own name for a table of an earlier release."""
    return get_table_naming(table).label(get_reader_language()) if table in KINDS else table


@register.filter
def table_about(table: str) -> str:
    """Return what is in a table."""
    return translate_doc(get_row_class(table).doc)


def translate_doc(doc: str) -> str:
    """Return a sentence of the tables' declarations in the reader's language."""
    return gettext(doc).replace("`", "")


def translate_column(table: str, column: TableColumn) -> str:
    """Return what a column is called."""
    return get_column_naming(table, column.name).label(get_reader_language())


def translate_unit(column: TableColumn) -> str:
    """Return the unit of a column's values; empty where there is none."""
    return translate_phrase(name_unit(column.unit))


@register.filter
def describe_counts(counts: dict[str, int]) -> str:
    """Return what happened to a table in words: ``2 added, 1 changed``."""
    words = {
        "added": ngettext("{n} added", "{n} added", counts.get("added", 0)),
        "removed": ngettext("{n} removed", "{n} removed", counts.get("removed", 0)),
        "changed": ngettext("{n} changed", "{n} changed", counts.get("changed", 0)),
        "moved": pgettext("rows", "in another order"),
    }
    text = text_now("UTC")
    return ", ".join(word.format(n=text.number(counts[kind])) for kind, word in words.items() if kind in counts)


@register.filter
def headings(table: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the name and the unit of each column, and whether it is aligned as numbers are."""
    for column in list_columns(get_row_class(table)):
        yield translate_column(table, column), translate_unit(column), _is_number(column)


@register.filter
def cells(row: NumberedRow, table: str) -> Iterator[tuple[str, bool]]:
    """Yield the values of a row, and whether each is aligned as numbers are."""
    language = get_reader_language()
    for column in list_columns(get_row_class(table)):
        value = getattr(row.values, column.name)
        text = format_for_reader(table, column, value, row.time_zone, language)
        yield text, _is_number(column)


@register.filter
def name_change(row: ListedChange | RowPage) -> str:
    """Return the key of a row in words: its times by the clock of the row, its parts apart."""
    text = text_now(row.time_zone)
    parts = []
    for part in row.key.split("|"):
        with suppress(ValueError):
            if "T" in part:
                part = text.moment(datetime.fromisoformat(part))
        parts.append(part)
    return " · ".join(parts)


@register.filter
def changed_values(row: ListedChange, table: str) -> Iterator[tuple[str, str, str]]:
    """Yield what each value that changed is called, was and is; none that was and is empty."""
    columns = {column.name: column for column in list_columns(get_row_class(table))}
    for field in RowChange(table, row.key, row.before, row.after).fields():
        column = columns[field.column]
        before, after = (
            format_for_reader(table, column, value, row.time_zone, get_reader_language())
            for value in (field.before, field.after)
        )
        if before or after:
            yield translate_column(table, column), before, after


def _is_number(column: TableColumn) -> bool:
    return bare_type(column) is float


@register.filter
def describe_causes(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Return one sentence for each cause of faults, with its place."""
    return describe_faults(faults, gettext, get_reader_language())


@dataclass(frozen=True, slots=True)
class FaultCause:
    """What is wrong, with its places; the name of the corrections that its fix proposes, and what a button says."""

    said: str
    corrections: tuple[Correction, ...] = ()

    @property
    def key(self) -> str:
        """What a form sends of the corrections."""
        return hashlib.sha256(repr(self.corrections).encode()).hexdigest()[:16]

    @property
    def button(self) -> str:
        """What the corrections write, or how many they are; empty where there are none."""
        written = list(dict.fromkeys(one.written for one in self.corrections))
        if len(written) > 1 or any(not one.column for one in self.corrections):
            if len(self.corrections) == 1:
                return _("Make this correction")
            return _("Make the {n} corrections").format(n=len(self.corrections))
        return _("Write “{word}”").format(word=written[0]) if written else ""


@register.filter
def list_causes(faults: Iterable[Fault]) -> tuple[FaultCause, ...]:
    """Return the causes of faults with the corrections that are proposed."""
    language = get_reader_language()
    return tuple(
        FaultCause(describe_group(group, gettext, language), group.corrections) for group in group_faults(faults)
    )


@register.filter
def describe_fault(fault: Fault) -> str:
    """Return a fault with its place: ``Roster, row 12, agent “a00042”: …``."""
    return describe_causes((fault,))[0]


@dataclass(frozen=True, slots=True)
class RegistryContext:
    """The current version with its operator."""

    version: Version
    operator: Operator

    @property
    def time_zone(self) -> str:
        return self.operator.row.time_zone


def find_context() -> RegistryContext | None:
    """Return the current version; None where there is none yet."""
    version = get_current_version()
    return None if version is None else RegistryContext(version, load_operator(version))


def require_context() -> RegistryContext:
    """Return the current version; NotThere where there is none yet."""
    found = find_context()
    if found is None:
        raise NotThere(Phrase("the registry is empty: import an operator first"))
    return found


def parse_page_number(request: HttpRequest) -> int:
    """Return the page of a list that is asked for; NotThere when it is no number."""
    asked = request.GET.get("page", "1")
    number = read_number(asked, 7)
    if number is None:
        raise NotThere(Phrase("there is no page {0!r}", asked))
    return number


def read_comment(request: HttpRequest) -> str:
    """Return why a version was made, as it was sent."""
    return request.POST.get("comment", "")[:500]


def confirm_stored(request: HttpRequest, made: Version, *where: str) -> HttpResponse:
    """Return the answer to a change: the version made, and the page to go to next."""
    if wants_json(request):
        return JsonResponse({"version": made.number})
    messages.success(request, _("Stored as version {number}.").format(number=made.number))
    return redirect(*where or ("registry",))


def discard(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Let go of a file that was sent."""
    discard_upload(upload)
    messages.info(request, _("Nothing was changed."))
    return redirect("registry")


class VersionRow(PageModel):
    """A version of the reference data."""

    number: int
    made_at: AwareDatetime
    made_by: str
    comment: str
    source: str
    undoes: int | None
    digest: str
    summary: dict[str, dict[str, int]] = Field(description="Rows changed, by table")


class RegistryPage(PageModel):
    """The current version and its tables; null and none before the first import."""

    time_zone: str
    version: VersionRow | None
    tables: dict[str, int] = Field(description="Rows, by table")
    may_edit: bool
    next_step: str = Field(
        description="What a plan lacks: calls or schedule; plan: nothing; empty: not for this reader"
    )


class TablePage(PageModel):
    """A page of the rows of a table: of those ``found``, which hold ``query`` if it is given."""

    version: int
    table: str
    query: str
    total: int
    found: int
    page: int
    pages: int
    rows: tuple[NumberedRow, ...]
    may_edit: bool


class RowPage(PageModel):
    """A row, or a new one without ``key``; ``faults``: what would be wrong without the row."""

    table: str
    key: str
    version: int = Field(description="The one that the form was made from")
    time_zone: str
    values: Any
    faults: tuple[Fault, ...] = ()


class VersionsPage(PageModel):
    """A page of the list of versions, the current one first."""

    time_zone: str
    versions: tuple[VersionRow, ...]
    page: int
    pages: int


class VersionPage(PageModel):
    """A version and what it changed; or the question whether to go back to it."""

    time_zone: str
    version: VersionRow
    tables: tuple[ChangedTable, ...]
    current: bool = False
    may_undo: bool = False
    may_restore: bool = False


class WorkFinding(PageModel):
    """A row of working time that a roster breaks: of how many ``people``, how often, and the gravest."""

    row: WorkRow
    people: int
    times: int
    first: tuple[RosterBreach, ...]


_MOST_BREACHES = 20


def list_work_findings(operator: Operator) -> tuple[WorkFinding, ...]:
    """Return what an operator's roster breaks of working time, the rows that forbid first."""
    return tuple(
        WorkFinding(row=one.row, people=one.people, times=len(one.breaches), first=one.breaches[:_MOST_BREACHES])
        for one in WorkingTime(operator).check_roster()
    )


@register.filter
def describe_breaches(finding: WorkFinding) -> Iterator[str]:
    """Yield who breaks a row, when, and what was found against the limit."""
    for one in finding.first:
        yield translate_phrase(RowFinding(finding.row, ()).describe(one))


@register.filter
def describe_finding(finding: WorkFinding) -> str:
    """Return what a row says, its source, how sure it is, and how many people break it."""
    return translate_phrase(describe_row(finding.row, finding.people, finding.times))


class ProposalPage(PageModel):
    """What a file would change against the version ``base``, null where there is none yet."""

    name: str
    base: int | None
    tables: tuple[ChangedTable, ...]
    working_time: tuple[WorkFinding, ...] = Field(description="What its roster breaks; it can be planned all the same")
    may_compute: bool = Field(description="The reader may compute a plan from it")


class UploadPage(PageModel):
    """The faults of the file that was sent."""

    faults: tuple[Fault, ...]
    kept: str = Field("", description="Address of the file where corrections can be made; empty: it was not kept")


def registry_page(here: RegistryContext | None, may_edit: bool, may_compute: bool) -> RegistryPage:
    """Return the list of tables, with what comes next until a plan can be computed."""
    sheets = {} if here is None else load_sheets(here.version)
    steps = {"calls": "history", "schedule": "shifts"}
    lacking = [step for step, table in steps.items() if table not in sheets or not sheets[table].count]
    next_step = "".join(lacking[:1]) if here is not None and may_edit else ""
    if here is not None and not lacking and may_compute:
        next_step = "plan"
    return RegistryPage(
        time_zone="UTC" if here is None else here.time_zone,
        version=None if here is None else VersionRow.from_row(here.version),
        tables={name: sheet.count for name, sheet in sheets.items()},
        may_edit=may_edit,
        next_step=next_step,
    )


def table_page(here: RegistryContext, table: str, query: str, page: int, may_edit: bool) -> TablePage:
    """Return a page of a table's rows, those that hold ``query`` where there is one."""
    return TablePage.from_row(
        select_rows(here.operator, table, query, page),
        version=here.version.number,
        table=table,
        query=query,
        may_edit=may_edit,
    )


def row_page(here: RegistryContext, table: str, key: str, seen: int) -> RowPage:
    """Return a row of a table, a new one without a key; NotThere where it has none of that key."""
    rows = get_rows(here.operator, table)
    row = rows[get_position(here.operator, table, key)] if key else None
    return RowPage(
        table=table,
        key=key,
        version=seen,
        time_zone=find_zone(here.operator, table)(row) if key else here.time_zone,
        values=row,
    )
