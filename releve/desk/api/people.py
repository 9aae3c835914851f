"""Operations of personnel: one agent read, put and removed, and a whole file by the importer of the feeds.

What is put passes every check of the reference data, and makes a version by the name of its sender. ``preview=1``
answers what it would change, and where the plans in force place the agent, and stores nothing.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Path, Query, Status
from pydantic import Field, StringConstraints

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.api.events import Key, read_object
from releve.desk.api.refusals import REUSED, RequestRefused, build_fault, refuse, refuse_faults
from releve.desk.api.state_routes import Ref, reads, writes
from releve.desk.http import check_preconditions, json_response
from releve.desk.page import PageModel
from releve.desk.registry.feeds import FeedFileRow, FileFeedsPage, feed_file_row, feeds_page
from releve.live import api as live
from releve.network import Agent, Operator, TableColumn, list_columns
from releve.network.cell_text import format_value
from releve.network.columns import bare_type
from releve.plan.result import read_agent
from releve.registry import service
from releve.registry.blocks import MOST_BYTES
from releve.registry.changes import Changes
from releve.registry.edits import Edit, prepare_edit, prepare_leaving
from releve.registry.row_text import get_position
from releve.registry.tables import NothingChanged, json_encoder
from releve.runs import feeds
from releve.runs.feed_reader import read_feed_file
from releve.runs.models import FeedFile

_COLUMNS = {column.name: column for column in list_columns(Agent) if column.name != "id"}
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_MOST_PLACED = 31
Preview = Annotated[bool, Query(description="Answer what it would change, and store nothing")]


class RegisteredAgent(PageModel):
    """An agent as the reference data have it, by pseudonym."""

    id: str
    values: dict[str, Any] = Field(description="By column of the table agents")


class PersonChange(PageModel):
    """A value that changes."""

    column: str
    before: Any
    after: Any


class PersonPlaced(PageModel):
    """A duty of the agent in a plan in force, of today or later."""

    day: date
    place: str = Field(description="A site, or home")
    programme: str


class PersonEffect(PageModel):
    """What was done or, of a preview, would be."""

    kind: Literal["joined", "changed", "left", "same"]
    version: int | None = Field(description="The version that it made; null: of a preview, or where nothing changes")
    changes: tuple[PersonChange, ...]
    removed: dict[str, int] = Field(description="Rows of the roster and of absences that go with one who leaves")
    placed: tuple[PersonPlaced, ...] = Field(description="Where plans in force place the agent: they stay in force")


def _describe_column(column: TableColumn) -> dict[str, Any]:
    kind = bare_type(column)
    found: dict[str, Any] = {"type": [_TYPES[kind], "null"]} if kind in _TYPES else {
        "type": ["array", "null"], "items": {"type": "string"}
    }  # fmt: skip
    return {**found, "description": column.doc}


_BODY = {
    "type": "object",
    "properties": {name: _describe_column(column) for name, column in _COLUMNS.items()},
    "additionalProperties": False,
}


def _person_page(operator: Operator, agent: str) -> RegisteredAgent:
    row = operator.agents[get_position(operator, "agents", agent)]
    return RegisteredAgent(
        id=agent, values={name: _to_json(column, getattr(row, name)) for name, column in _COLUMNS.items()}
    )


def _to_json(column: TableColumn, value: Any) -> Any:
    encode = json_encoder(column)
    return value if encode is None or value is None else encode(value)


@reads("/people/{ref:agent}", RegisteredAgent, "registry", "registry.see")
def person(request: HttpRequest, agent: Ref) -> HttpResponse:
    """One agent, by pseudonym. Send the answer's ETag as If-Match with what changes it."""
    return json_response(_person_page(live.operator_now(), agent))


@writes(
    "/people/{ref:agent}",
    {200: PersonEffect, 201: PersonEffect},
    "registry",
    "registry.edit",
    again=True,
    body=_BODY,
    method="PUT",
)
def put_person(request: HttpRequest, agent: Ref, preview: Preview = False) -> Any:
    """An agent joins, or changes; a column that is left out keeps its value, null empties it."""
    operator = live.operator_now()
    known = agent in operator.agent
    if (refused := _check_version(request, operator, agent)) is not None:
        return refused
    sent = read_object(request)
    wrong = [fault for name, value in sent.items() if (fault := _find_fault(name, value))]
    if wrong:
        return refuse_faults(request, wrong)
    values = {name: format_value(_from_json(value), "UTC") for name, value in sent.items()}
    try:
        changes = prepare_edit(Edit("agents", agent if known else "", {**values, "id": agent}))
        found = _act(request, operator, agent, changes, preview=preview)
    except NothingChanged:
        return _describe(operator, agent, None, None)
    return Status(201 if found.kind == "joined" and not preview else 200, found)


@writes("/people/{ref:agent}", {200: PersonEffect}, "registry", "registry.edit", again=True, method="DELETE")
def remove_person(request: HttpRequest, agent: Ref, preview: Preview = False) -> Any:
    """An agent leaves, with the roster and the absences. Rows that still need the agent refuse it."""
    operator = live.operator_now()
    if (refused := _check_version(request, operator, agent)) is not None:
        return refused
    return _act(request, operator, agent, prepare_leaving(agent), preview=preview)


def _check_version(request: HttpRequest, operator: Operator, agent: str) -> HttpResponse | None:
    """Return 412 where the agent is not as the sender saw it (``If-Match``, ``If-None-Match: *``)."""
    content = _person_page(operator, agent).json_bytes if agent in operator.agent else None
    if check_preconditions(request, content):
        return None
    return refuse(request, "precondition", _("It is not as you saw it: read it again."))


def _find_fault(name: str, value: Any) -> dict[str, str] | None:
    if name not in _COLUMNS:
        return build_fault(name, "field.unknown", _("There is no such column."))
    kind = bare_type(_COLUMNS[name])
    if kind in _TYPES:
        right = type(value) in ((int, float) if kind is float else (kind,))
    else:
        right = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return None if right or value is None else build_fault(name, "field.type", _("The value is of another type."))


def _from_json(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _act(request: HttpRequest, operator: Operator, agent: str, changes: Changes, *, preview: bool) -> PersonEffect:
    changes.require_any()
    version = None if preview else service.apply_changes(changes, actor_name(request)).number
    return _describe(operator, agent, changes, version)


def _describe(operator: Operator, agent: str, changes: Changes | None, version: int | None) -> PersonEffect:
    tables = changes.tables if changes else {}
    rows = tuple(tables["agents"].rows()) if "agents" in tables else ()
    kind: Literal["joined", "changed", "left", "same"] = "same"
    if rows:
        kind = "joined" if rows[0].before is None else "left" if rows[0].after is None else "changed"
    return PersonEffect(
        kind=kind,
        version=version,
        changes=tuple(
            PersonChange(
                column=one.column,
                before=_to_json(_COLUMNS[one.column], one.before),
                after=_to_json(_COLUMNS[one.column], one.after),
            )
            for row in rows
            for one in row.fields()
            if one.column in _COLUMNS
        ),
        removed={table: len(change.removed) for table, change in tables.items() if table != "agents"},
        placed=_list_placed(operator, agent),
    )


def _list_placed(operator: Operator, agent: str) -> tuple[PersonPlaced, ...]:
    """Return the duties that plans in force give an agent from today on."""
    days = live.list_days_in_force(operator.find_day(live.real_now()))
    found = [
        PersonPlaced(day=day, place=row.place, programme=row.programme)
        for day, force in list(days.items())[:_MOST_PLACED]
        for row in force.load().plan.placements
        if read_agent(row.key) == agent
    ]
    return tuple(found)


_FeedName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"), Path()]
_FileName = Annotated[
    str,
    Query(
        description="Of the file: how it ends says what it is",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,90}\.(csv|txt|tsv|xlsx|parquet|zip)$",
    ),
]


class FeedEffect(FeedFileRow):
    """What became of a file or, of a preview, would; ``before``: it was there under this key, and nothing was done."""

    id: int | None = Field(default=None, description="Null of a preview")  # type: ignore[assignment]
    before: bool = False


@reads("/feeds", FileFeedsPage, "registry", "registry.see")
def feed_files(request: HttpRequest) -> HttpResponse:
    """The feeds of files, and what became of what they brought."""
    return json_response(feeds_page(may_edit=can(request.user, "registry.edit")))


@writes(
    "/feeds/{feed}/files",
    {200: FeedEffect, 201: FeedEffect},
    "registry",
    "registry.edit",
    again=True,
    body={"type": "string", "format": "binary"},
    kind="application/octet-stream",
    most_bytes=MOST_BYTES,
)
def send_feed_file(
    request: HttpRequest, feed: _FeedName, name: _FileName, idempotency_key: Key, preview: Preview = False
) -> Any:
    """A whole file, read as one in the folder of the feed; the answer says whether it was kept, held or refused."""
    found, data, by, now = feeds.load_feed(feed), request.body, actor_name(request), live.real_now()
    if preview:
        read = read_feed_file(found, name, data, by, live.operator_now())
        row = FeedFile(
            feed=feed, name=name, state=read.state, at=now, changes=read.changes.counts() if read.changes else {}
        )
        return FeedEffect.from_row(row, reason=str(read.reason), lines=read.lines[:20])
    before = feeds.find_sent(found, idempotency_key, by)
    if before is not None and before.digest != hashlib.sha256(data).hexdigest():
        raise RequestRefused("key.reused", str(REUSED))
    row = before or feeds.take_bytes(found, name, data, idempotency_key, by, now)
    return Status(200 if before else 201, FeedEffect(**feed_file_row(row).model_dump(), before=before is not None))
