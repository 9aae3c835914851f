"""Retention and erasure in the live chain: messages, effects and routes by date, people on request.

An absence without a known end is kept while it lasts; after the agent's return the usual time
applies. Erased earlier, the agent would count as present. To erase a person, a token replaces the
pseudonym in every plan and relief. Plans are named by the digest of their content, so a changed
plan gets a new name; old and new names are returned for the ledger.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from releve.erasure import Findings
from releve.ledger import chain as ledger
from releve.ledger.digests import parse_canonical
from releve.ledger.erasure import set_erase_on
from releve.ledger.models import LedgerEntry, OutgoingDocument
from releve.live.clock import now, real_now
from releve.live.contacts import erase_person, find_addresses, remove_letters
from releve.live.current_rules import select_rules
from releve.live.drills import list_running_streams
from releve.live.models import ActivationDay, Effect, Message, PlanText, ReliefDay, Routes, ShiftLink
from releve.live.photos import erase_photos
from releve.live.plans import clear_plan_cache, operator_now
from releve.live.situation_cache import situation_now
from releve.network import Operator
from releve.plan.plan_json import plan_from_json
from releve.plan.result import CARRIED, read_agent
from releve.registry import storage as registry
from releve.situation import AgentUnavailable, Event, Situation, SituationRules, compute_erasure_day

MESSAGE_DAYS = 30
"""After their relief, messages lose their agent and content; the counts stay."""
EFFECT_DAYS = 90
"""After they were done, effects go; so do older routes and documents that were received."""
_FEW = 500


def prune(now: datetime) -> int:
    """Erase what has reached its date; return how many rows and letters."""
    old = now - timedelta(days=EFFECT_DAYS)
    count = _empty_messages(now - timedelta(days=MESSAGE_DAYS)) + _remove_old_letters(now)
    count += Effect.objects.filter(state=Effect.DONE, done_at__lt=old).delete()[0]
    newest = Routes.objects.order_by().values("stream").annotate(last=Max("pk")).values("last")
    count += Routes.objects.filter(made_at__lt=old).exclude(pk__in=newest).delete()[0]
    parts = OutgoingDocument.objects.filter(name__startswith="journal-").order_by("-name")
    last = parts.values_list("name", flat=True).first() or ""
    return count + parts.filter(received_at__lt=old, name__lt=last).delete()[0]


def _empty_messages(before: datetime) -> int:
    count = 0
    rows = Message.objects.filter(relief__made_at__lt=before).exclude(about={})
    while found := list(rows[:_FEW]):
        remove_letters(found)
        with transaction.atomic():
            for message in found:
                message.about, message.due_at = {}, None
                if message.role == "agent":
                    message.who = f"erased:{message.pk}"
                message.save(update_fields=["who", "about", "due_at"])
        count += len(found)
    return count


def _remove_old_letters(now: datetime) -> int:
    """Remove letters that no message names any more, as those of a drill that was removed."""
    home, count = Path(settings.HOME), 0
    oldest = (now - timedelta(days=MESSAGE_DAYS)).timestamp()
    for path in [*home.glob("outbox/*.json"), *home.glob("drills/*/outbox/*.json")]:
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            count += 1
    return count


def erased_on(event: Event, operator: Operator, rules: SituationRules) -> date | None:
    """Return the day on which an event's personal values are erased; None = it has none.

    A drill names real people, so that the day is one of the real calendar, not of its clock.
    """
    found = compute_erasure_day(event, operator, rules)
    ahead = event.recorded_at.date() - real_now().date()
    return None if found is None else found - ahead


def note_returns(stream: str, agents: Iterable[str], before: Situation, after: Situation) -> None:
    """Set the day of erasure of the absences that have ended, inside the caller's transaction."""
    for agent in agents:
        lasting = {row.event for row in before.absences.get(agent, ()) if not row.back}
        ended = {
            row.event: row.until
            for row in after.absences.get(agent, ())
            if row.back and row.until is not None and row.event in lasting
        }
        _set_erasure_days(stream, agent, ended, after)


def postpone_lasting() -> None:
    """Postpone the erasure of absences of unknown end that last, as if they ended now.

    To be called before due values are erased.
    """
    if registry.get_current_version() is None:
        return
    for stream in list_running_streams():
        with transaction.atomic():
            ledger.lock_head()
            situation, at = situation_now(stream), now(stream)
            for agent, rows in situation.absences.items():
                lasting = {row.event: at for row in rows if row.until is None}
                _set_erasure_days(stream, agent, lasting, situation)


def _set_erasure_days(stream: str, agent: str, ends: dict[str, datetime], situation: Situation) -> None:
    """Set the day of erasure of an agent's absences, given as event ids, by their ends."""
    if not ends:
        return
    operator, rules = operator_now(), select_rules(situation)
    seqs = dict(_iter_absence_entries(stream, agent))
    for event in situation.list_events("agents", agent):
        if isinstance(event, AgentUnavailable) and event.id in ends and event.id in seqs:
            on = erased_on(replace(event, until=ends[event.id]), operator, rules)
            set_erase_on(agent, on, entries=[seqs[event.id]])


def _iter_absence_entries(stream: str, agent: str) -> Iterator[tuple[str, int]]:
    """Yield the event ids of an agent's absences with the numbers of their entries."""
    rows = LedgerEntry.objects.filter(stream=stream, kind=AgentUnavailable.kind, personal__subject=agent).distinct()
    for seq, body in rows.values_list("seq", "body"):
        yield parse_canonical(body)["id"], seq


def relief_days_with(agent: str) -> int:
    """Return how many stored days of reliefs change an agent's shift."""
    rows = ReliefDay.objects.iterator(chunk_size=100)
    return sum(any(read_agent(key) == agent for key in row.changes) for row in rows)


def rename_in_plans(agent: str, token: str) -> dict[str, str]:
    """Put a token in the place of an agent; return the new name of each plan by its old one.

    Inside the caller's transaction.
    """
    for row in ReliefDay.objects.iterator(chunk_size=100):
        if any(read_agent(key) == agent for key in row.changes):
            row.changes = {
                token + key[len(agent) :] if read_agent(key) == agent else key: v for key, v in row.changes.items()
            }
            row.save(update_fields=["changes"])
    return {row.digest: _rename_in_row(row, agent, token) for row in list(plan_texts_with(agent))}


def plan_texts_with(agent: str) -> Iterator[PlanText]:
    named = _match_agent(agent)
    for row in PlanText.objects.iterator(chunk_size=10):
        if named.search(row.text):
            yield row


def _rename_in_row(row: PlanText, agent: str, token: str) -> str:
    text = _match_agent(agent).sub(lambda found: json.dumps(token + (found[1] or ""), ensure_ascii=False), row.text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    PlanText.objects.create(digest=digest, day=row.day, text=text, aht_s=row.aht_s)
    for table in (ReliefDay, ActivationDay):
        table.objects.filter(plan=row).update(plan_id=digest)
    row.delete()
    return digest


def _match_agent(agent: str) -> re.Pattern[str]:
    """Return what matches an agent, or the key of one of its duties, as a whole quoted JSON value."""
    quoted = re.escape(json.dumps(agent, ensure_ascii=False)[:-1])
    return re.compile(rf'{quoted}(\|(?:{CARRIED}|\d+))?"')


class LiveData:
    """Messages keep their counts without the agent; plans and reliefs keep a token."""

    name = "live"
    tables: Sequence[str] = ("live_contact", "live_message", "live_plantext", "live_reliefday", "live_shiftlink")

    def find(self, agent: str) -> Findings:
        return Findings(
            {
                "addresses": find_addresses(agent).count(),
                "messages": Message.objects.filter(role="agent", who=agent).count(),
                "plans": sum(1 for _ in plan_texts_with(agent)),
                "reliefs": relief_days_with(agent),
            }
        )

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        contacts = find_addresses(agent)
        messages = Message.objects.filter(role="agent", who=agent)
        reliefs = ReliefDay.objects.order_by("day", "pk").iterator(chunk_size=100)
        return {
            "addresses": list(contacts.values("rank", "channel", "address", "language")),
            "calendar link": list(ShiftLink.objects.filter(agent=agent).values("made_at")),
            "messages": list(messages.values("stream", "kind", "about", "sent_at", "acknowledged_at", "answer")),
            "plans": [
                asdict(placement)
                for row in plan_texts_with(agent)
                for placement in plan_from_json(row.text).placements
                if placement.agent == agent
            ],
            "reliefs": [
                {"day": row.day, "change": change}
                for row in reliefs
                for key, change in row.changes.items()
                if read_agent(key) == agent
            ],
        }

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        transaction.on_commit(clear_plan_cache)
        erase_person(agent)
        return {"plans": rename_in_plans(agent, token)}

    def erase_due(self, now: datetime) -> int:
        postpone_lasting()
        return erase_photos(now) + prune(now)
