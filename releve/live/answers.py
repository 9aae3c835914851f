"""What an agent reads behind a message's link, and answers there: comes, late, without transport, does not come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from releve.live.clock import is_drill, now
from releve.live.contacts import AcknowledgeResult, Answer, store_answer
from releve.live.errors import NoSuch
from releve.live.event_service import record, sign_event
from releve.live.message_texts import write_message
from releve.live.models import Message
from releve.network.duties import Away
from releve.situation import AgentUnavailable

AGENT = "agent"
"""Who states an absence by a message's link."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What the page of a message's link says: its text, and whether the agent may say how they come.

    ``answer`` and ``answered_at``: the answer so far; None: there is none.
    """

    subject: str
    text: str
    open: bool
    answer: Answer
    answered_at: datetime | None


def find_letter(token: str, language: str) -> Letter | None:
    """Return what the page of a link says to an agent; None where there is no such message, or it was erased."""
    message = Message.objects.filter(token=token).first()
    if message is None or message.role != "agent" or not message.about:
        return None
    subject, text = write_message(message.kind, message.about, language, "", drill=is_drill(message.stream))
    return Letter(
        subject=subject,
        text=text.strip(),
        open=_find_shifts_ahead(message) is not None,
        answer=message.answer,  # type: ignore[arg-type]
        answered_at=message.acknowledged_at,
    )


def _find_shifts_ahead(message: Message) -> Away | None:
    """Return the time of the shifts ahead that the newest message to an agent says; None where it says none."""
    if message.role != "agent" or message.kind == Message.BREAK or message.replaced:
        return None
    at = now(message.stream)
    said = [shift for shift in message.about.get("shifts", ()) if shift["place"] is not None]
    ends = [end for end in (datetime.fromisoformat(shift["end"]) for shift in said) if end > at]
    starts = [datetime.fromisoformat(shift["start"]) for shift in said if datetime.fromisoformat(shift["end"]) > at]
    return (max(at, min(starts)), max(ends)) if ends else None


def answer_message(token: str, answer: Answer) -> AcknowledgeResult:
    """Record how an agent comes, through a message's link; :class:`NoSuch` for an unknown token.

    Who does not come is absent for the shifts ahead that the message says, so that a further relief follows. It may
    follow another answer; no other answer follows it by the link, since others are called in meanwhile.
    """
    rows = Message.objects.filter(token=token)
    message = rows.first()
    if message is None:
        raise NoSuch("there is no such message")
    ahead = _find_shifts_ahead(message)
    if ahead is None:
        return store_answer(rows, "")
    if answer == "no" and message.answer != "no":
        absence = AgentUnavailable(
            **sign_event(message.stream, AGENT), agent=message.who, start=ahead[0], until=ahead[1]
        )
        record(absence, key=f"answer-{message.pk}", stream=message.stream)
    return store_answer(rows, "", answer)
