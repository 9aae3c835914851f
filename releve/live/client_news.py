"""Messages to clients: drafted with cause and state, and sent at once, after approval, or on a timer.

Each client has a setting; without one its message goes out ten minutes after the first draft unless a person holds
it. At once, five reliefs of a crisis were five mails in twenty minutes, none of them read by anyone before; after
approval alone, a client of a night's outage hears nothing while people sleep. Ten minutes are enough to read, to add
a sentence, or to stop it. What follows meanwhile changes the draft: a client gets one message, with the last state.
One sent at once is followed by a further one after :data:`SETTLING` at the soonest.

While a place is lost each message names when the next news comes (``RELEVE_NEWS_MINUTES``, 60 when not set), and then
a draft is made with the coverage of that time, whether or not a relief followed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from releve.ledger import chain as ledger
from releve.live.clock import LIVE, is_drill, now
from releve.live.coverage import ClientCoverage, Coverage, compute_scene_coverage
from releve.live.effect_queue import append_entries, queue_effects
from releve.live.errors import NoSuch
from releve.live.escalation import build_send_effect, promise_news, read_client_contact
from releve.live.lost_places import find_cause
from releve.live.message_texts import write_message
from releve.live.models import ClientSetting, Message
from releve.live.stream_state import Scene, load_scene
from releve.network import HOME
from releve.plan.coverage import round_coverage

SETTLING = timedelta(minutes=15)
"""Least time between two messages to a client that no person approves."""
LONGEST_SENTENCE = 500
_WAITING = (Message.DRAFT, Message.STOPPED)


def describe_client(row: ClientCoverage, coverage: Coverage) -> dict[str, Any]:
    """Return what a client's message is made from: figures, and whether they hold the target."""
    return {
        "state": row.state,
        "now": row.now,
        "worst": row.worst,
        "worst_at": None if row.worst_at is None else row.worst_at.isoformat(),
        "missing": row.missing,
        "known": row.known,
        "until": None if coverage.reach is None else coverage.reach.isoformat(),
        "zone": coverage.time_zone,
    }


def describe_news(row: ClientCoverage, coverage: Coverage, lost: Mapping[str, list[list[str]]]) -> dict[str, Any]:
    """Return what a client's message is made from: its figures, from when on it is covered again, and what is lost of
    the places that serve it; ``elsewhere``: places are lost, and none of these."""
    back = coverage.find_recovery(row.client)
    return {
        **describe_client(row, coverage),
        "back": None if back is None else back.isoformat(),
        "lost": lost.get(row.client, []),
        "elsewhere": row.client in lost and not lost[row.client],
    }


def find_own_losses(scene: Scene) -> dict[str, list[list[str]]]:
    """Return by client the name and the cause of each lost place at which the plan serves it; no person, no case."""
    found: dict[str, dict[str, list[str]]] = {}
    for day, loss in scene.wanted.items():
        if not loss:
            continue
        operator, plan = scene.day_plan(day).operator, scene.day_plan(day).plan
        client_of = {name: client for name, client, _name in plan.programmes}
        for row in plan.placements:
            lost = found.setdefault(client_of[row.programme], {})
            if row.place in loss.sites:
                lost[row.place] = [operator.site[row.place].name, find_cause(scene.situation, row.place)]
            elif row.place == HOME and (line := operator.agent[row.agent].carrier) in loss.carriers:
                lost[line] = [line, "lines"]
    return {client: [lost[key] for key in sorted(lost)] for client, lost in found.items()}


def load_settings(clients: Iterable[str]) -> dict[str, ClientSetting]:
    """Return how messages to clients go out; by the default where nothing is set."""
    known = {row.client: row for row in ClientSetting.objects.all()}
    return {client: known.get(client) or ClientSetting(client=client) for client in clients}


def store_setting(client: str, mode: str, minutes: int, *, by: str) -> None:
    """Set how messages to a client go out from the next draft on."""
    with transaction.atomic():
        ledger.lock_head()
        chosen = {"mode": mode, "minutes": minutes, "changed_by": by}
        ClientSetting.objects.update_or_create(client=client, defaults=chosen)
        body = {"client": client, "mode": mode, "minutes": minutes, "by": by}
        append_entries(LIVE, [("client.setting", body)])


def _filter_newest(stream: str) -> QuerySet[Message]:
    return Message.objects.filter(stream=stream, role="client", replaced=False)


def hold_drafts(stream: str, messages: Sequence[Message]) -> list[Message]:
    """Make drafts of the messages to clients, and leave out those that say nothing new; others stay as they are.

    What was waiting is changed: its sentence, and when it goes or that a person stopped it, stay.
    """
    own = [message for message in messages if message.role == "client"]
    if not own:
        return list(messages)
    unsent = Q(held__in=_WAITING) | Q(held="", sent_at=None, channel="")
    waiting = {row.who: row for row in _filter_newest(stream).filter(unsent)}
    kept, settings, at = [], load_settings(message.who for message in own), now(stream)
    sent = _load_last_sent(stream)
    for message in own:
        older, last = waiting.get(message.who), sent.get(message.who)
        if not _is_news(message.about, None if last is None else last.about):
            if older is not None and not older.number:  # promised news come in any case
                _drop(older, last)
            continue
        if older is not None:
            message.held, message.release_at = older.held, older.release_at
            message.about |= {"sentence": older.about.get("sentence", "")}
        else:
            _hold(message, settings[message.who], at, last)
        kept.append(message)
    return [message for message in messages if message.role != "client"] + kept


def list_misinformed(stream: str, coverage: Coverage, lost: Mapping[str, list[list[str]]]) -> set[str]:
    """Return the clients whose newest message, sent or waiting, names other losses than there are, or a shortage
    that is over."""
    said = {row.who: row.about for row in _filter_newest(stream).exclude(about={})}
    return {
        row.client
        for row in coverage.clients
        if (about := said.get(row.client)) is not None
        and (
            about.get("lost", []) != lost.get(row.client, [])
            or (row.state == "held" and about["state"] not in ("held", "unknown"))
        )
    }


def _load_last_sent(stream: str) -> dict[str, Message]:
    rows = Message.objects.filter(stream=stream, role="client", held="").exclude(about={})
    rows = rows.exclude(sent_at=None, channel="")
    return {row.who: row for row in rows.order_by("relief_id", "number")}


def _drop(draft: Message, last: Message | None) -> None:
    """Take back a draft that says nothing new any more: the message before it is the newest again, with its promise."""
    Message.objects.filter(pk=draft.pk).update(replaced=True, due_at=None)
    if last is not None:
        Message.objects.filter(pk=last.pk).update(replaced=False)


def _is_news(about: Mapping[str, Any], last: Mapping[str, Any] | None) -> bool:
    """Return whether a message says what the last one did not; the first one, whether something is wrong."""
    if last is None:
        return bool(about.get("lost")) or about["state"] not in ("held", "unknown")
    lifted = about.get("lifted", "")
    return _list_said(about) != _list_said(last) or (bool(lifted) and lifted != last.get("lifted"))


def _list_said(about: Mapping[str, Any]) -> list[Any]:
    """Return what of a message is news: the state, the lost places, and figures as they are written."""
    said = [about["state"], about["known"], about.get("lost", [])]
    if about["state"] in ("held", "unknown"):
        return said
    shares = [None if about[name] is None else round(round_coverage(about[name])) for name in ("now", "worst")]
    return [*said, *shares, round(100 * about["missing"])]


def _hold(message: Message, setting: ClientSetting, at: datetime, last: Message | None) -> None:
    if setting.mode == ClientSetting.APPROVAL:
        message.held, message.release_at = Message.DRAFT, None
        return
    timed = setting.mode == ClientSetting.TIMER
    release_at = at + timedelta(minutes=setting.minutes) if timed else at
    if last is not None and last.release_at is not None:
        release_at = max(release_at, last.release_at + SETTLING)
    message.held, message.release_at = Message.DRAFT if release_at > at else "", release_at


def release_due_drafts(stream: str) -> int:
    """Send the drafts whose time has come, with the state of now, or drop those that are no news any more; return
    how many."""
    due = _filter_newest(stream).filter(held=Message.DRAFT, release_at__lte=now(stream))
    if not due.exists():
        return 0
    scene = load_scene(stream)
    coverage = None if scene is None else compute_scene_coverage(scene)
    lost = {} if scene is None else find_own_losses(scene)
    with transaction.atomic():
        ledger.lock_head()
        rows, sent = list(due), _load_last_sent(stream)
        for message in rows:
            own = None if coverage is None else coverage.find_client(message.who)
            last = sent.get(message.who)
            if coverage is not None and own is not None:
                message.about |= describe_news(own, coverage, lost)
                if not message.number and not _is_news(message.about, None if last is None else last.about):
                    _drop(message, last)
                    continue
            _release(message, "")
    return len(rows)


def _release(message: Message, by: str) -> None:
    message.held, message.released_by, message.release_at = "", by, now(message.stream)
    message.save(update_fields=["about", "held", "released_by", "release_at"])
    queue_effects([build_send_effect(message)])


def _change(stream: str, message: str, kind: str, by: str, sentence: str | None) -> Message:
    """Return a draft that waits, with its free sentence, inside the caller's transaction; :class:`NoSuch` else."""
    ledger.lock_head()
    found = _filter_newest(stream).filter(pk=message, held__in=_WAITING).first()
    if found is None:
        raise NoSuch("this draft was sent, or a newer one took its place")
    if sentence is not None:
        found.about |= {"sentence": sentence[:LONGEST_SENTENCE]}
        found.save(update_fields=["about"])
    append_entries(stream, [(kind, {"message": str(found.pk), "client": found.who, "by": by})])
    return found


def edit_draft(stream: str, message: str, sentence: str, *, by: str) -> None:
    """Put a free sentence into a draft."""
    with transaction.atomic():
        _change(stream, message, "client.edited", by, sentence)


def approve_draft(stream: str, message: str, sentence: str, *, by: str) -> None:
    """Send a draft now, with its free sentence."""
    with transaction.atomic():
        _release(_change(stream, message, "client.approved", by, sentence), by)


def stop_draft(stream: str, message: str, sentence: str, *, by: str) -> None:
    """Hold a draft until it is approved; what follows changes it and does not send it."""
    with transaction.atomic():
        found = _change(stream, message, "client.stopped", by, sentence)
        found.held, found.release_at = Message.STOPPED, None
        found.save(update_fields=["held", "release_at"])


def find_promises(stream: str) -> dict[str, datetime]:
    """Return when the next news of clients was promised for, by client, where no draft waits or newer one was sent."""
    return {row.who: until for row in _filter_newest(stream) if (until := _read_promise(row)) is not None}


def _read_promise(row: Message) -> datetime | None:
    sent = row.held == "" and (row.sent_at is not None or row.channel != "")
    return datetime.fromisoformat(row.about["next"]) if sent and row.about.get("next") else None


def find_news(stream: str) -> tuple[dict[str, datetime], int]:
    """Return when the next news of clients comes, by client, as promised or by the timer of the draft that waits;
    and how many messages wait to be approved or for their time."""
    rows = list(_filter_newest(stream))
    coming = {row.who: row.release_at if row.held == Message.DRAFT else _read_promise(row) for row in rows}
    return {who: at for who, at in coming.items() if at is not None}, sum(row.held in _WAITING for row in rows)


def list_due_news(stream: str) -> list[Message]:
    """Return the last message to each client whose next news is to be drafted: early enough to read it before."""
    at, promised = now(stream), find_promises(stream)
    if not promised:
        return []
    settings = load_settings(promised)
    due = [client for client, until in promised.items() if until - _read_lead_time(settings[client]) <= at]
    return list(_filter_newest(stream).filter(who__in=due, held="").select_related("relief"))


def _read_lead_time(setting: ClientSetting) -> timedelta:
    if setting.mode == ClientSetting.AT_ONCE:
        return timedelta(0)
    return timedelta(minutes=setting.minutes) if setting.mode == ClientSetting.TIMER else SETTLING


def follow_client_news(stream: str) -> int:
    """Send the drafts whose time has come, and draft the news that were promised, also when all is back."""
    done, rows = release_due_drafts(stream), list_due_news(stream)
    scene = load_scene(stream) if rows else None
    if scene is None:
        return done
    coverage, lost = compute_scene_coverage(scene), find_own_losses(scene)
    for last in rows:
        own = coverage.find_client(last.who)
        if own is not None:
            _store_further_news(stream, last, describe_news(own, coverage, lost))
            done += 1
    return done


def _store_further_news(stream: str, last: Message, about: Mapping[str, Any]) -> None:
    """Store the draft of promised news; it goes when it was promised for, unless it waits for an approval."""
    setting = load_settings([last.who])[last.who]
    timed = setting.mode != ClientSetting.APPROVAL
    with transaction.atomic():
        ledger.lock_head()
        if not Message.objects.filter(pk=last.pk, replaced=False).update(replaced=True, due_at=None):
            return
        Message.objects.create(
            stream=stream,
            relief=last.relief,
            kind="client",
            role="client",
            who=last.who,
            about=dict(about),
            token=secrets.token_urlsafe(24),
            rank=1,
            over_at=None if about["until"] is None else datetime.fromisoformat(about["until"]),
            held=Message.DRAFT,
            release_at=datetime.fromisoformat(last.about["next"]) if timed else None,
            number=Message.objects.filter(relief=last.relief, kind="client", who=last.who).count(),
        )


@dataclass(frozen=True, slots=True)
class ClientLetter:
    """A message to a client: as it would be sent now, or as it was sent; ``held`` as of :class:`Message`."""

    message: str
    client: str
    held: str
    subject: str
    text: str
    sentence: str
    release_at: datetime | None
    sent_at: datetime | None
    released_by: str
    read_at: datetime | None


def list_client_letters(stream: str, language: str, most: int = 50) -> tuple[list[ClientLetter], list[ClientLetter]]:
    """Return the drafts that wait, and what was sent, the newest first; the text in a language."""
    waiting = _filter_newest(stream).filter(held__in=_WAITING)
    sent = Message.objects.filter(stream=stream, role="client", held="").exclude(sent_at=None, channel="")
    rows = sent.exclude(about={}).order_by("-relief_id", "-number", "who")[:most]
    return tuple([_describe(row, language) for row in found] for found in (waiting, rows))  # type: ignore[return-value]


def _describe(row: Message, language: str) -> ClientLetter:
    about = dict(row.about)
    if row.held:
        about |= promise_news(row)
    about["contact"] = read_client_contact()
    subject, text = write_message("client", about, language, "", drill=is_drill(row.stream))
    return ClientLetter(
        message=str(row.pk),
        client=row.who,
        held=row.held,
        subject=subject,
        text=text.strip(),
        sentence=about.get("sentence", ""),
        release_at=row.release_at,
        sent_at=row.sent_at,
        released_by=row.released_by,
        read_at=row.acknowledged_at,
    )
