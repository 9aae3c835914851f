"""A loss outside office hours: the person on call is alerted, then the deputy, until one of them takes it.

The effect "alert" makes one call: to the first address of the person on call, then to the next one, then to those
of the deputy, then from the first again, every ``RELEVE_ALERT_MINUTES`` (5 when not set: sleep is deep, and half an
hour is soon over). It stops when one of them takes it, or when everything is back.

Until then messages wait to agents whose changed work starts more than ``RELEVE_HOLD_HOURS`` ahead (4 when not set:
half an hour of waiting, an hour to be reached, and time to get up and to come), since a person may yet decide
otherwise and sleep is worth something; others get theirs at once. After ``RELEVE_HOLD_MINUTES`` (30 when not set) they
go in any case: silence is worse than a change that is changed again. Without a rota nothing waits.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import transaction
from django.db.models import Q

from releve import environment
from releve.ledger import chain as ledger
from releve.live.channels import Letter
from releve.live.clock import is_drill, now
from releve.live.contacts import replace_older
from releve.live.coverage import compute_coverage, find_worst_client, rank_clients
from releve.live.effect_queue import (
    OUTSIDE,
    EffectOutcome,
    NewEffect,
    append_entries,
    queue_effects,
    register_aside_hook,
    register_handler,
)
from releve.live.errors import NoSuch
from releve.live.escalation import build_send_effect, choose_channel, list_contacts, read_minutes, write_link
from releve.live.lost_places import Loss, find_cause, find_loss
from releve.live.message_texts import write_message
from releve.live.models import Alert, Effect, Message, OnCall, Relief
from releve.live.plans import operator_now
from releve.live.rota import find_duty, is_office_hour
from releve.live.situation_cache import situation_now
from releve.network import Operator
from releve.situation import Situation


def read_step() -> timedelta:
    return read_minutes("RELEVE_ALERT_MINUTES", 5)


def read_longest_hold() -> timedelta:
    return read_minutes("RELEVE_HOLD_MINUTES", 30)


def read_hold_ahead() -> timedelta:
    """Return how far ahead work starts whose messages wait."""
    return timedelta(hours=float(environment.read_text(os.environ, "RELEVE_HOLD_HOURS") or 4))


def raise_alerts(stream: str, before: Loss, after: Loss, at: datetime) -> None:
    """Alert who is on call of what is lost further, inside the caller's transaction; of several sites with the same
    person once. Nothing in office hours, or without a rota.

    Who leads already, or is being called, is not called again: the places are added to that alert.
    """
    sites, carriers = after.sites - before.sites, after.carriers - before.carriers
    operator = operator_now()
    if not (sites or carriers) or is_office_hour(at, operator) or not OnCall.objects.exists():
        return
    groups: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for site in sorted(sites):
        groups.setdefault(_find_people(at, site), ([], []))[0].append(site)
    for carrier in sorted(carriers):
        groups.setdefault(_find_people(at, ""), ([], []))[1].append(carrier)
    running = Alert.objects.filter(stream=stream, ended_at=None).exclude(led_by="")
    for (lead, deputy), (lost_sites, lost_carriers) in groups.items():
        known = running.filter(Q(led_by=lead) | Q(taken_at__isnull=False)).first() if lead else None
        if known is not None:
            known.sites = [*known.sites, *(site for site in lost_sites if site not in known.sites)]
            known.carriers = [*known.carriers, *(one for one in lost_carriers if one not in known.carriers)]
            known.save(update_fields=["sites", "carriers"])
            site = lost_sites[0] if len(lost_sites) == 1 and not lost_carriers else ""
            body = {"alert": str(known.pk), "site": site, "holder": known.taken_by or known.led_by}
            append_entries(stream, [("alert.raised", body)])
            continue
        alert = Alert.objects.create(
            stream=stream,
            sites=lost_sites,
            carriers=lost_carriers,
            raised_at=at,
            led_by=lead,
            deputised_by=deputy,
            lead_token=secrets.token_urlsafe(24),
            deputy_token=secrets.token_urlsafe(24),
            released_at=None if lead else at,
        )
        site = lost_sites[0] if len(lost_sites) == 1 and not lost_carriers else ""
        body = {"alert": str(alert.pk), "site": site, **({"holder": lead} if lead else {})}
        append_entries(stream, [("alert.raised" if lead else "alert.unmanned", body)])
        if lead:
            queue_effects([_build_effect(alert)])


def _find_people(at: datetime, site: str) -> tuple[str, str]:
    duty = find_duty(at, site)
    return ("", "") if duty is None else (duty.led_by, duty.deputised_by)


def _build_effect(alert: Alert) -> NewEffect:
    body = {"alert": str(alert.pk), "call": alert.calls}
    return NewEffect(alert.stream, OUTSIDE, "alert", f"alert:{alert.pk}:{alert.calls}", body)


def _list_calls(alert: Alert) -> list[tuple[str, str, int, str, str, str]]:
    """Return the calls of a round: account, link, rank, channel, address, language; a person without an address is
    one call that is written and not sent."""
    calls = []
    for who, token in ((alert.led_by, alert.lead_token), (alert.deputised_by, alert.deputy_token)):
        if who:
            rows = [(row.rank, row.channel, row.address, row.language) for row in list_contacts("lead", who)]
            calls += [(who, token, *row) for row in rows or [(0, Message.NO_ADDRESS, "", "fr")]]
    return calls


def _filter_open() -> Q:
    return Q(taken_at=None, ended_at=None) & ~Q(led_by="")


@register_handler("alert")
def send_alert(effect: Effect) -> EffectOutcome:
    """Make one call, unless the alert was taken or everything is back."""
    alert = Alert.objects.get(pk=effect.body["alert"])
    if alert.taken_at is not None or alert.ended_at is not None or alert.calls != effect.body["call"]:
        return EffectOutcome({"skipped": "taken"})
    calls = _list_calls(alert)
    who, token, rank, channel, address, language = calls[alert.calls % len(calls)]
    drill = is_drill(alert.stream)
    subject, text = write_message(
        "alert", _describe(alert), language, write_link(f"/lead/{token}", language), drill=drill
    )
    key = f"{alert.pk}-{alert.calls}"
    choose_channel(alert.stream, channel).send(address, Letter(key, subject, text, b""))

    def store() -> None:
        rows = Alert.objects.filter(pk=alert.pk, calls=alert.calls)
        rows.update(calls=alert.calls + 1, due_at=now(alert.stream) + read_step())

    body = {"alert": str(alert.pk), "channel": channel, "rank": rank, "holder": who}
    return EffectOutcome({"channel": channel}, (("alert.sent", body),), store=store)


@register_aside_hook("alert")
def _try_next(effect: Effect) -> None:
    """Try the next address at once when one does not work."""
    alert = Alert.objects.get(pk=effect.body["alert"])
    Alert.objects.filter(pk=alert.pk, calls=effect.body["call"]).update(calls=alert.calls + 1, due_at=now(alert.stream))


def _describe(alert: Alert) -> dict[str, object]:
    """Return what the text of an alert is made from: places and their causes, and since when; no person."""
    operator, situation = operator_now(), situation_now(alert.stream)
    lost = [(operator.site[site].name, find_cause(situation, site)) for site in alert.sites if site in operator.site]
    lines = [(carrier, "lines") for carrier in alert.carriers]
    return {
        "lost": [*lost, *lines],
        "at": alert.raised_at.isoformat(),
        "zone": operator.row.time_zone,
        "waits": alert.released_at is None,
        "worst": _describe_worst_client(alert.stream, operator),
    }


def _describe_worst_client(stream: str, operator: Operator) -> dict[str, Any] | None:
    """Return the client that is covered least as things stand; None where nothing is missing."""
    worst = find_worst_client(rank_clients(operator, compute_coverage(stream)))
    if worst is None or worst.worst_at is None:
        return None
    return {
        "client": worst.name,
        "short_now": worst.short_now,
        "now": worst.now,
        "worst": worst.worst,
        "at": now(stream).isoformat(),
        "worst_at": worst.worst_at.isoformat(),
    }


def follow_alerts(stream: str) -> int:
    """Make the next calls that are due, end alerts of what is back, and let messages go that waited long enough."""
    at, done = now(stream), 0
    running = Alert.objects.filter(stream=stream, ended_at=None)
    if running.exists():
        lost = find_loss(situation_now(stream), at)
        with transaction.atomic():
            ledger.lock_head()
            for alert in running:
                done += _follow_alert(alert, lost, at)
    return done + release_messages(stream)


def _follow_alert(alert: Alert, lost: Loss, at: datetime) -> int:
    rows = Alert.objects.filter(pk=alert.pk)
    if not lost.sites.intersection(alert.sites) and not lost.carriers.intersection(alert.carriers):
        rows.update(ended_at=at, released_at=alert.released_at or at, due_at=None)
        append_entries(alert.stream, [("alert.ended", {"alert": str(alert.pk)})])
        return 1
    if alert.taken_at is not None or not alert.led_by:
        return 0
    done = 0
    if alert.released_at is None and at - alert.raised_at >= read_longest_hold():
        rows.update(released_at=at)
        append_entries(alert.stream, [("alert.released", {"alert": str(alert.pk)})])
        done += 1
    set_back = alert.due_at is not None and alert.due_at > at + 2 * read_step()  # the clock, since
    if alert.due_at is not None and (alert.due_at <= at or set_back):
        rows.update(due_at=None)
        queue_effects([_build_effect(alert)])
        done += 1
    return done


def is_held(stream: str) -> bool:
    """Return whether messages wait for a person who leads."""
    return Alert.objects.filter(_filter_open(), stream=stream, released_at=None).exists()


def release_messages(stream: str) -> int:
    """Queue the messages that waited for a person who leads, where none is waited for; return how many.

    A relief that is being made, or whose messages are being written, may replace them: it goes first.
    """
    waiting = Message.objects.filter(stream=stream, held=Message.FOR_LEAD)
    if not waiting.exists() or is_held(stream):
        return 0
    ahead = Effect.objects.filter(stream=stream, kind__in=("relief", "notify"))
    with transaction.atomic():
        ledger.lock_head()
        if is_held(stream) or ahead.filter(state__in=(Effect.QUEUED, Effect.CLAIMED)).exists():
            return 0
        rows = list(waiting.select_related("relief"))
        waiting.update(held="")
        own = [message for message in rows if not message.replaced]
        queue_effects(build_send_effect(message) for message in own)
        append_entries(stream, _replace_by_released(own))
    return len(rows)


def _replace_by_released(messages: Sequence[Message]) -> list[tuple[str, dict[str, Any]]]:
    """Replace what went before; return an entry for each relief with the counts of its messages that go out now."""
    found: dict[Relief, list[Message]] = {}
    for message in sorted(messages, key=lambda row: row.relief.generation):
        found.setdefault(message.relief, []).append(message)
    entries: list[tuple[str, dict[str, Any]]] = []
    for relief, rows in found.items():
        kinds, replaced = Counter(row.kind for row in rows), replace_older(relief, rows)
        counts = {"agents": kinds["agent"], "breaks": kinds[Message.BREAK]}
        entries.append(("people.released", {"generation": relief.generation, **counts, "replaces": replaced}))
    return entries


def take_alert(alert: Alert, by: str) -> Alert:
    """Record that a person takes an alert; who was first stays."""
    with transaction.atomic():
        ledger.lock_head()
        found = Alert.objects.get(pk=alert.pk)
        if found.taken_at is None and found.ended_at is None:
            at = now(found.stream)
            found.taken_at, found.taken_by, found.due_at = at, by, None
            found.released_at = found.released_at or at
            found.save(update_fields=["taken_at", "taken_by", "due_at", "released_at"])
            append_entries(found.stream, [("alert.taken", {"alert": str(found.pk), "by": by})])
    release_messages(found.stream)
    return found


@dataclass(frozen=True, slots=True)
class AlertLetter:
    """What the page of an alert's link says: to whom it was sent, what is lost, and who took it."""

    alert: Alert
    who: str
    subject: str
    text: str


def find_alert(token: str, language: str) -> AlertLetter:
    """Return what is behind the link of an alert; :class:`NoSuch` where there is none."""
    alert = Alert.objects.filter(Q(lead_token=token) | Q(deputy_token=token)).first()
    if alert is None:
        raise NoSuch("there is no such alert")
    who = alert.led_by if token == alert.lead_token else alert.deputised_by
    drill = is_drill(alert.stream)
    subject, text = write_message("alert", _describe(alert), language, "", drill=drill)
    return AlertLetter(alert, who, subject, text.strip())


LeadState = Literal["alerted", "unmanned", "leads", "on_call"]


@dataclass(frozen=True, slots=True)
class Lead:
    """Who leads, by account: ``alerted`` since ``since`` and not taken yet; ``leads``: took the alert, or has the
    role in an incident room; ``on_call`` by the rota; ``unmanned``: something was lost while no person was on call.

    ``waiting``: messages that wait for the alert to be taken.
    """

    state: LeadState
    who: str = ""
    deputy: str = ""
    since: datetime | None = None
    alert: str = ""
    waiting: int = 0


def find_lead(stream: str, operator: Operator, situation: Situation | None = None) -> Lead | None:
    """Return who leads: an alert that is not taken goes first, then the lead of an incident room, then who took the
    newest alert, then who is on call outside office hours. None: nothing says.

    ``situation``: that of the stream, where the caller has it already.
    """
    at = now(stream)
    situation = situation_now(stream) if situation is None else situation
    lost = find_loss(situation, at)
    rows = list(Alert.objects.filter(stream=stream, ended_at=None))
    running = [row for row in rows if lost.sites.intersection(row.sites) or lost.carriers.intersection(row.carriers)]
    rooms = [room for room in situation.incidents.values() if room.closed is None]
    leader = next((name for room in rooms if (name := room.find_holder("lead"))), "")
    for alert in running:
        if alert.taken_at is None and alert.led_by:
            waiting = Message.objects.filter(stream=stream, held=Message.FOR_LEAD, replaced=False).count()
            return Lead("alerted", alert.led_by, alert.deputised_by, alert.raised_at, str(alert.pk), waiting)
    if leader:
        return Lead("leads", leader)
    for alert in running:
        if alert.taken_at is not None:
            return Lead("leads", alert.taken_by, since=alert.taken_at)
    if running:
        return Lead("unmanned", since=running[0].raised_at)
    duty = None if is_office_hour(at, operator) else find_duty(at)
    return None if duty is None else Lead("on_call", duty.led_by, duty.deputised_by)


def take_alert_by_account(stream: str, number: str, by: str, may_lead: Callable[[str | None], bool]) -> Alert:
    """Record that a user of the desk takes an alert.

    ``may_lead`` says so of a site, None: of every place. :class:`NoSuch` where there is no alert of the user's, or
    of one who is called.
    """
    alert = Alert.objects.filter(stream=stream, pk=number).first()
    places: list[str | None] = [] if alert is None else [*alert.sites, *([None] if alert.carriers else [])]
    if alert is None or not (by in (alert.led_by, alert.deputised_by) or all(map(may_lead, places))):
        raise NoSuch("there is no such alert")
    return take_alert(alert, by)
