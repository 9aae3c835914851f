"""Recording: one operation for each kind of event, by the service of the pages.

What may be sent is read from the event's own fields, the same that the pages, the ledger and the
documentation go by. Who records it, when that is, and the event's id are set here and not sent.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Header, Status
from ninja.errors import HttpError

from releve.accounts.event_reach import check_event_reach, narrow_return
from releve.desk.access.actor import actor_name
from releve.desk.api import schemas
from releve.desk.api.routes import writes
from releve.desk.api.shared import StreamName
from releve.desk.live.event_form import build_record_check
from releve.desk.live.streams import find_stream
from releve.live import api as live
from releve.situation import KINDS, EventFaults, EventRefusal, FieldFault, event_from_json
from releve.situation.event_schema import build_event_schema

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


def _recorder(kind: str) -> Callable[..., Any]:
    def record(
        request: HttpRequest, idempotency_key: Key, stream: StreamName = live.LIVE
    ) -> Status[dict[str, Any]]:
        sent = _sent(request, kind)
        shown = find_stream(request, stream)
        at = live.now(shown.name)
        own = {"id": uuid.uuid4().hex, "recorded_at": at, "actor": actor_name(request)}
        event = event_from_json(kind, {"happened_at": at, **sent, **own})
        who = (live.operator_now(), live.situation_now(shown.name))
        check_event_reach(request.user, event, *who)
        narrowed = narrow_return(request.user, event, *who)
        if isinstance(narrowed, EventRefusal):
            raise live.Refused((narrowed,))
        key = hashlib.sha256(f"{actor_name(request)}\n{idempotency_key}".encode()).hexdigest()
        judge = build_record_check(request.user, narrowed, shown.name)
        done = live.record(narrowed, key=key, stream=shown.name, judge=judge)
        if done.before:
            live.refuse_reused_key(done.seq, narrowed, tuple(sent))
        return Status(200 if done.before else 201, {**asdict(done), "stream": shown.name})

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
        KINDS[_kind].permission,
        again=KINDS[_kind].permission in _AGAIN,
        people=_kind == "reopening.approved",
        summary=_kind,
        body=build_event_schema(_kind, OWN),
    )(_recorder(_kind))


@writes("/acknowledgements", {200: live.AcknowledgeResult}, "situation", "")
def acknowledge(request: HttpRequest, sent: schemas.Acknowledgement) -> live.AcknowledgeResult:
    """Answer a message by the secret of its link, which is all that it takes."""
    return live.acknowledge(sent.token)
