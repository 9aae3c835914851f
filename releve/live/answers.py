"""What an agent reads behind a message's link, and answers there: comes, late, without transport, does not come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from releve.errors import ReleveError
from releve.live.clock import is_drill, now
from releve.live.contacts import AcknowledgeResult, Answer, store_answer
from releve.live.errors import NoSuch, Refused
from releve.live.event_service import record, sign_event
from releve.live.message_texts import write_message
from releve.live.models import Message
from releve.situation import AgentUnavailable


@dataclass(frozen=True, slots=True)
class AgentLetter:
    """What the page of a message's link says: its text, and whether the agent may say how they come.

    ``answer`` and ``answered_at``: the answer so far; None: there is none.
    """

    subject: str
    text: str
    open: bool
    answer: Answer
    answered_at: datetime | None


def find_letter(token: str, language: str) -> AgentLetter | None:
    """Return what the page of a link says to an agent; None where there is no such message, or it was erased."""
    message = Message.objects.filter(token=token).first()
    if message is None or message.role != "agent" or not message.about:
        return None
    subject, text = write_message(message.kind, message.about, language, "", drill=is_drill(message.stream))
    return AgentLetter(
        subject=subject,
        text=text.strip(),
        open=bool(_list_shifts_ahead(message)),
        answer=message.answer,  # type: ignore[arg-type]
        answered_at=message.acknowledged_at,
    )


def _list_shifts_ahead(message: Message) -> list[tuple[datetime, datetime]]:
    """Return the times of the shifts ahead that the newest message to an agent says."""
    if message.role != "agent" or message.kind == Message.BREAK or message.replaced:
        return []
    at = now(message.stream)
    said = [shift for shift in message.about.get("shifts", ()) if shift["place"] is not None]
    times = [(datetime.fromisoformat(shift["start"]), datetime.fromisoformat(shift["end"])) for shift in said]
    return [(max(at, start), end) for start, end in times if end > at]


class AnswerTooLate(ReleveError, ValueError):  # noqa: N818 (named like the others)
    """A message that is not the newest, or whose shifts are over: a no to it is not taken."""


def answer_message(token: str, answer: Answer) -> AcknowledgeResult:
    """Record how an agent comes, through a message's link.

    :class:`NoSuch` for an unknown token, :class:`AnswerTooLate` for a no to a message that is not the newest any more.

    Who does not come is absent for the shifts ahead that the message says, so that a further relief follows. It may
    follow another answer; no other answer follows it by the link, since others are called in meanwhile.
    """
    rows = Message.objects.filter(token=token)
    message = rows.first()
    if message is None:
        raise NoSuch("there is no such message")
    ahead = _list_shifts_ahead(message)
    if not ahead:
        if answer == "no" and message.answer != "no":
            raise AnswerTooLate("the message is not the newest, or its shifts are over")
        return store_answer(rows, "")
    if answer == "no" and message.answer != "no":
        for number, (start, end) in enumerate(ahead):
            _state_absence(message, number, start, end)
    return store_answer(rows, "", answer)


def _state_absence(message: Message, number: int, start: datetime, end: datetime) -> None:
    """Record an absence for one shift of a message, unless the same is on record."""
    signed = sign_event(message.stream, AgentUnavailable.BY_LINK)
    absence = AgentUnavailable(**signed, agent=message.who, start=start, until=end)
    try:
        record(absence, key=f"answer-{message.pk}-{number}", stream=message.stream)
    except Refused as refused:
        if any(row.code != "event.same" for row in refused.reasons):
            raise
