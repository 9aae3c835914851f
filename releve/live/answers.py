"""What an agent reads behind a message's link, and answers: comes, late, without transport, does not come.

The answer by the page, an SMS, a key of the telephone, a mail and by voice is one act, :func:`take_answer`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from releve.errors import ReleveError
from releve.ledger import chain as ledger
from releve.live.clock import is_drill, now
from releve.live.contacts import AcknowledgeResult, Answer, find_number, store_answer
from releve.live.errors import NoSuch, Refused
from releve.live.escalation import build_parameters
from releve.live.event_service import record, sign_event
from releve.live.message_texts import write_message
from releve.live.models import Message
from releve.live.situation_cache import situation_now
from releve.situation import AgentBack, AgentUnavailable


@dataclass(frozen=True, slots=True)
class AgentLetter:
    """What the page of a message's link says: its text, and whether the agent may say how they come.

    ``answer`` and ``answered_at``: the answer so far; None: there is none. ``site``: that of a manager's message.
    ``number``: the telephone of the one to call; empty: it is not known. ``late``: the time to answer is over, and no
    answer came. ``home``: all its shifts are worked at home, to which no person comes or rides. ``calendar``: an agent
    may have the own shifts in a calendar here.
    """

    subject: str
    text: str
    open: bool
    answer: Answer
    answered_at: datetime | None
    site: str = ""
    number: str = ""
    late: bool = False
    home: bool = False
    calendar: bool = False


def find_letter(token: str, language: str) -> AgentLetter | None:
    """Return what the page of a link says; None where there is no such message, or it was erased."""
    message = Message.objects.filter(token=token).first()
    if message is None or not message.about:
        return None
    about, by = build_parameters(message), message.about.get("by")
    late = bool(by) and message.acknowledged_at is None and datetime.fromisoformat(by) < now(message.stream)
    if late or message.acknowledged_at is not None:
        about.pop("by", None)  # the time to answer is over, or does not matter any more
    subject, text = write_message(message.kind, about, language, "", drill=is_drill(message.stream))
    return AgentLetter(
        subject=subject,
        text=text.strip(),
        open=bool(_list_shifts_ahead(message)),
        answer=message.answer,  # type: ignore[arg-type]
        answered_at=message.acknowledged_at,
        site=message.site if message.role == "manager" else "",
        number=find_number(about.get("call") or about.get("contact") or ""),
        late=late,
        home={shift["place"] for shift in about.get("shifts", ())} - {None} == {""},
        calendar=message.role == "agent" and not is_drill(message.stream),
    )


def _list_shifts_ahead(message: Message) -> list[tuple[datetime, datetime]]:
    """Return the times of the shifts ahead that a message to an agent says, if it is the newest that went."""
    if message.role != "agent" or message.kind == Message.BREAK or message.replaced:
        return []
    at = now(message.stream)
    said = [shift for shift in message.about.get("shifts", ()) if shift["place"] is not None]
    times = [(datetime.fromisoformat(shift["start"]), datetime.fromisoformat(shift["end"])) for shift in said]
    return [(max(at, start), end) for start, end in times if end > at]


class AnswerTooLate(ReleveError, ValueError):  # noqa: N818 (named like the others)
    """A message that is not the newest, or whose shifts are over: a no to it is not taken."""


def acknowledge(token: str) -> AcknowledgeResult:
    """Record that a message was read, through its link; :class:`NoSuch` for an unknown token.

    A second answer changes nothing.
    """
    return take_answer(Message.objects.filter(token=token), "")


def answer_message(token: str, answer: Answer) -> AcknowledgeResult:
    """Record how an agent comes, through a message's link; :class:`NoSuch` for an unknown token."""
    return take_answer(Message.objects.filter(token=token), answer)


def record_spoken_answer(stream: str, message: uuid.UUID, *, by: str) -> AcknowledgeResult:
    """Record that an agent answered by voice; :class:`NoSuch` for an unknown message."""
    return take_answer(Message.objects.filter(stream=stream, pk=message, role="agent"), "", by)


def take_answer(rows: QuerySet[Message], answer: Answer, by: str = "") -> AcknowledgeResult:
    """Record the answer to one message, ``by`` a user where it was spoken; all of it or nothing.

    :class:`NoSuch` where there is no message, :class:`AnswerTooLate` for a no to one that is not the newest any more.

    Who does not come is absent for the shifts ahead that the message says, so that a further relief follows. It may
    follow another answer; no other answer follows it, since others are called in meanwhile. Any other answer takes
    back the absence that was recorded because there was none.
    """
    with transaction.atomic():
        ledger.lock_head()
        message = rows.first()
        if message is None:
            raise NoSuch("there is no such message")
        ahead = _list_shifts_ahead(message)
        if answer == "no" and message.answer != "no":
            if not ahead:
                raise AnswerTooLate("the message is not the newest, or its shifts are over")
            for number, (start, end) in enumerate(ahead):
                state_absence(message, f"answer-{message.pk}-{number}", start, end, AgentUnavailable.BY_LINK)
        elif answer != "no" and message.silent and message.answer != "no":
            _take_back_silence(message)
        return store_answer(rows, by, answer if ahead else "")


def state_absence(message: Message, key: str, start: datetime, end: datetime, by: str) -> None:
    """Record an absence for one shift of a message, unless the same is on record."""
    signed = sign_event(message.stream, by)
    absence = AgentUnavailable(**signed, agent=message.who, start=start, until=end)
    try:
        record(absence, key=key, stream=message.stream)
    except Refused as refused:
        if any(row.code != "event.same" for row in refused.reasons):
            raise


def _take_back_silence(message: Message) -> None:
    """End what is left of the absences that were recorded because an agent did not answer."""
    at = now(message.stream)
    for row in situation_now(message.stream).absences.get(message.who, ()):
        if row.actor == AgentUnavailable.BY_SILENCE and (row.until is None or row.until > at):
            signed = sign_event(message.stream, AgentUnavailable.BY_LINK)
            back = AgentBack(**signed, agent=message.who, absence=row.event)
            record(back, key=f"answer-{message.pk}-back-{row.event}", stream=message.stream)
