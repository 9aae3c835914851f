"""Recording: one operation for each kind of event, by the service of the pages.

What may be sent is read from the event's own fields, the same that the pages, the ledger and the
documentation go by. Who records it, when that is, and the event's id are set here and not sent.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from types import NoneType
from typing import Annotated, Any, cast, get_args, get_origin

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Header, Status
from ninja.errors import HttpError

from releve.accounts.two_people import build_approval_check
from releve.desk.access.actor import actor_name
from releve.desk.api import schemas
from releve.desk.api.auth import opens
from releve.desk.api.event_permissions import narrow_return, refuse_elsewhere
from releve.desk.api.routes import writes
from releve.desk.api.shared import StreamName
from releve.desk.live.streams import named
from releve.live import api as live
from releve.situation import (
    KINDS,
    EventFaults,
    EventField,
    FieldFault,
    event_from_json,
    list_fields,
)
from releve.situation.field_values import LONGEST_LIST, LONGEST_TEXT

OWN = ("id", "recorded_at", "actor")
"""Fields that are set here."""
_AGAIN = frozenset({"event.record.closure", "reopening.approve"})
"""What has such consequences that a person proves again who they are, as on the pages."""
_MOST_BYTES = 1_000_000
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]+$",
        description="Names what is sent for its sender: sent again, it is recorded once",
    ),
]
_FORMATS: Mapping[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    str: {"type": "string", "maxLength": LONGEST_TEXT},
}


def body_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of what is sent for a kind of event."""
    fields = [row for row in list_fields(KINDS[kind]) if row.name not in OWN]
    found = _object(fields)
    found["required"] = [row.name for row in fields if row.required and row.name != "happened_at"]
    return {"title": kind, "description": KINDS[kind].doc, **found}


def _object(fields: list[EventField] | tuple[EventField, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {row.name: _property(row) for row in fields},
        "required": [row.name for row in fields if row.required],
    }


def _property(row: EventField) -> dict[str, Any]:
    doc = f"{row.doc}; empty = now" if row.name == "happened_at" else row.doc
    if get_origin(row.type) is tuple:
        (item, *_rest) = get_args(row.type)
        inner = (
            _object(list_fields(cast(type, item))) if is_dataclass(item) else dict(_FORMATS[item])
        )
        return {"type": "array", "items": inner, "maxItems": LONGEST_LIST, "description": doc}
    types = get_args(row.type) or (row.type,)
    found = dict(_FORMATS[next(item for item in types if item is not NoneType)])
    if NoneType in types:
        found["type"] = [found["type"], "null"]
    condition = row.condition
    if condition.one_of:
        found["enum"] = list(condition.one_of)
    if condition.at_least is not None:
        found["minimum"] = condition.at_least
    if condition.at_most is not None:
        found["maximum"] = condition.at_most
    return {**found, "description": doc}


def _recorder(kind: str) -> Callable[..., Any]:
    def record(
        request: HttpRequest, idempotency_key: Key, stream: StreamName = live.LIVE
    ) -> Status[dict[str, Any]]:
        sent = _sent(request, kind)
        looked = named(request, stream)
        at = live.now(looked.name)
        own = {"id": uuid.uuid4().hex, "recorded_at": at, "actor": actor_name(request)}
        event = event_from_json(kind, {"happened_at": at, **sent, **own})
        refuse_elsewhere(request, event, looked.name)
        event = narrow_return(request, event, looked.name)
        key = hashlib.sha256(f"{actor_name(request)}\n{idempotency_key}".encode()).hexdigest()
        judge = build_approval_check(event)
        done = live.record(event, key=key, stream=looked.name, judge=judge)
        if done.before:
            live.refuse_reused_key(done.seq, event, tuple(sent))
        answer = {"seq": done.seq, "answers": list(done.answers), "before": done.before}
        return Status(200 if done.before else 201, {**answer, "stream": looked.name})

    record.__name__ = f"record_{kind.replace('.', '_')}"
    record.__doc__ = KINDS[kind].doc
    return record


def _sent(request: HttpRequest, kind: str) -> dict[str, Any]:
    """Return the object that was sent, without a field that is set here."""
    if len(request.body) > _MOST_BYTES:
        raise HttpError(400, _("The body is longer than a megabyte."))
    try:
        found = json.loads(request.body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise HttpError(400, _("The body is no JSON.")) from None
    if not isinstance(found, dict):
        raise HttpError(400, _("The body is no JSON object."))
    own = [FieldFault(name, "", "is set here", "leave it out") for name in OWN if name in found]
    if own:
        raise EventFaults(kind, tuple(own))
    return found


def _no_number(text: str) -> float:
    """Refuse NaN and the infinities, which JSON does not have."""
    raise ValueError(text)


for _kind in KINDS:
    writes(
        f"/events/{_kind}",
        {200: schemas.Accepted, 201: schemas.Accepted},
        "events",
        summary=_kind,
        body=body_schema(_kind),
    )(
        opens(
            KINDS[_kind].permission,
            again=KINDS[_kind].permission in _AGAIN,
            people=_kind == "reopening.approved",
        )(_recorder(_kind))
    )


@writes("/acknowledgements", {200: schemas.Acknowledged}, "situation")
@opens("")
def acknowledge(request: HttpRequest, sent: schemas.Acknowledgement) -> dict[str, Any]:
    """Answer a message by the secret of its link, which is all that it takes."""
    done = live.acknowledge(sent.token)
    return {"stream": done.stream, "at": done.at, "before": done.before}
