"""Acts in an incident room: build the event of an act, record it once or refuse it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from releve.desk.access.actor import actor_name
from releve.desk.database_errors import unrecorded
from releve.desk.incident.forms import (
    ActForm,
    CloseForm,
    DecisionForm,
    FollowUpForm,
    NoteForm,
    ReviewForm,
    TaskForm,
)
from releve.desk.live.words import refusal_text
from releve.desk.text import Text
from releve.live import api as live
from releve.network import Operator
from releve.network.clock import to_utc
from releve.situation import (
    INCIDENT_ROLES,
    Event,
    Incident,
    IncidentClosed,
    IncidentDecided,
    IncidentNoted,
    IncidentOpened,
    IncidentReviewed,
    IncidentRoleTaken,
    IncidentTaskDone,
    IncidentTaskSet,
)

__all__ = ["Act", "Done", "open_incident", "perform_act"]


@dataclass(frozen=True)
class Act:
    """The context of an act: the request, the stream, the operator, the writer of texts."""

    request: HttpRequest
    stream: str
    operator: Operator
    text: Text


@dataclass(frozen=True)
class Done:
    """The outcome of an act: empty when recorded, else the form with its faults and refusals."""

    form: ActForm | None = None
    refusals: tuple[str, ...] = ()
    status: int = 302


_FORMS: Mapping[str, type[ActForm]] = {
    form.act: form
    for form in (DecisionForm, TaskForm, FollowUpForm, NoteForm, CloseForm, ReviewForm)
}


def open_incident(act: Act, title: str, site: str, key: str) -> Done:
    """Open a room; of a site that is closed it is the room of that closure."""
    closure = live.situation_now(act.stream).site(site).closure if site else None
    event = IncidentOpened(
        **_build_common_fields(act),
        site=site,
        title=title,
        closure="" if closure is None else closure.event,
    )
    return _record_event(act, event, key, None)


def perform_act(act: Act, incident: Incident) -> Done:
    """Perform the act that a page of the room has sent."""
    name = act.request.POST.get("act", "")
    if name in ("take", "done"):
        return _press_button(act, incident, name)
    if name not in _FORMS:
        return Done(None, (_("Choose what to do."),), 422)
    form = _FORMS[name](act.request.POST)
    if not form.is_valid():
        return Done(form, (), 422)
    event = _EVENTS[name](form.cleaned_data, _build_common_fields(act, incident), act)
    return _record_event(act, event, form.key_text, form)


def _press_button(act: Act, incident: Incident, name: str) -> Done:
    """Take a role or say that a task is done: a button each."""
    sent = act.request.POST
    key = sent.get("key", "")[:64] or uuid.uuid4().hex
    common = _build_common_fields(act, incident)
    if name == "done":
        event: Event = IncidentTaskDone(**common, task=sent.get("task", "")[:64])
    elif sent.get("role") in INCIDENT_ROLES:
        event = IncidentRoleTaken(**common, role=sent["role"])
    else:
        return Done(None, (_("There is no such role."),), 422)
    return _record_event(act, event, key, None)


def _build_common_fields(act: Act, incident: Incident | None = None) -> dict[str, Any]:
    at = live.now(act.stream)
    common: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "happened_at": at,
        "recorded_at": at,
        "actor": actor_name(act.request),
    }
    return common if incident is None else common | _name_incident(incident)


def _name_incident(incident: Incident) -> dict[str, str]:
    return {"incident": incident.id, "site": incident.site}


def _record_event(act: Act, event: Event, key: str, form: ActForm | None) -> Done:
    try:
        live.record(event, key=key, stream=act.stream)
    except live.Refused as error:
        said = tuple(refusal_text(row, act.operator, act.text) for row in error.reasons)
        return Done(form, said, 422)
    except live.Busy as error:
        return Done(form, (unrecorded(error),), 503)
    except live.KeyReused:
        said = (_("This form recorded something else before; open it again."),)
        return Done(form, said, 409)
    return Done()


def _build_decision(found: dict[str, Any], common: dict[str, Any], act: Act) -> Event:
    return IncidentDecided(**common, decision=found["decision"], reason=found["reason"])


def _build_task(
    found: dict[str, Any], common: dict[str, Any], act: Act, *, follow_up: bool = False
) -> Event:
    due = found["due"]
    if due is not None:
        site = act.operator.site.get(common["site"])
        zone_name = act.operator.row.time_zone if site is None else site.time_zone
        due = to_utc(due.replace(tzinfo=None), zone_name)
    return IncidentTaskSet(
        **common, task=found["task"], owner=found["owner"], due=due, follow_up=follow_up
    )


def _follow_up(found: dict[str, Any], common: dict[str, Any], act: Act) -> Event:
    return _build_task(found, common, act, follow_up=True)


def _build_note(found: dict[str, Any], common: dict[str, Any], act: Act) -> Event:
    return IncidentNoted(**common, note=found["note"])


def _build_closing(found: dict[str, Any], common: dict[str, Any], act: Act) -> Event:
    return IncidentClosed(**common, note=found["note"])


def _build_review(found: dict[str, Any], common: dict[str, Any], act: Act) -> Event:
    return IncidentReviewed(**common, well=found["well"], badly=found["badly"])


_EVENTS: Mapping[str, Callable[[dict[str, Any], dict[str, Any], Act], Event]] = {
    "decide": _build_decision,
    "task": _build_task,
    "follow_up": _follow_up,
    "note": _build_note,
    "close": _build_closing,
    "review": _build_review,
}
