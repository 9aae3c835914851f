"""A path out of the house that fails: mail, SMS, outbox, telephony, the outside; the alarm of every fault.

What goes out by a path is retried until it works, which no person notices. A path that has failed for
:data:`FAILING_AFTER` is an alarm: *Now*, the body of ``/readyz`` and a metric show it, one line of the log says
why, and the person on call gets a message by a channel that does not go that way; again each :data:`AGAIN_AFTER`
while it lasts. Once it works again, what waits on it is tried at once.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet

from releve.live.channels import PATHS, Letter
from releve.live.clock import LIVE, real_now
from releve.live.effect_queue import OUTSIDE, EffectOutcome, NewEffect, queue_effects, register_handler, run_effects_now
from releve.live.escalation import choose_channel, list_contacts, write_link
from releve.live.message_texts import write_message
from releve.live.models import Contact, Effect
from releve.live.rota import find_duty

FAILING_AFTER = timedelta(seconds=30)
AGAIN_AFTER = timedelta(hours=1)
LATER_AFTER = timedelta(days=1)
"""Between two messages of a fault that lets days pass: the night is not broken each hour."""
_SLOW = ("certificate", "backup", "disk")
FAULT_SECONDS = 5.0
"""Between two looks, while something fails."""
EVERY_PATH: Final = (*PATHS.values(), "telephony", "outside")
_log = logging.getLogger("releve.live")


@dataclass(frozen=True, slots=True)
class PathFault:
    """A path that fails: since when, how many effects wait on it, and what the first of them met.

    Also what is wrong with the house itself, on which none waits.
    """

    path: str
    since: datetime
    waiting: int
    cause: str


def find_path_faults(now: datetime, after: timedelta = FAILING_AFTER) -> tuple[PathFault, ...]:
    """Return the paths on which effects of the live stream have failed for so long and nothing has gone out."""
    rows = filter_failing().values("result__path").annotate(since=Min("made_at"), count=Count("pk"), first=Min("pk"))
    found = []
    for row in sorted(rows, key=lambda row: row["since"]):
        path = row["result__path"] or "outside"
        if now - row["since"] >= after and not has_worked(path, max(row["since"], now - after)):
            cause = Effect.objects.filter(pk=row["first"]).values_list("error", flat=True).first() or ""
            found.append(PathFault(path, row["since"], row["count"], cause))
    return tuple(found)


def filter_failing() -> QuerySet[Effect]:
    """Return the effects of the live stream that failed on a path and wait to be tried again."""
    waiting = Effect.objects.filter(stream=LIVE, lane=OUTSIDE, state__in=(Effect.QUEUED, Effect.CLAIMED))
    return waiting.filter(result__has_key="path").exclude(error="")


def has_worked(path: str, since: datetime) -> bool:
    """Return whether something went out by a path since an instant."""
    done = Effect.objects.filter(stream=LIVE, state=Effect.DONE, done_at__gt=since)
    channels = [channel for channel, own in PATHS.items() if own == path]
    sent = Q(result__channel__in=channels) if channels else Q(kind="publish" if path == "telephony" else "leave")
    return done.filter(sent).exists()


def follow_path_faults() -> bool:
    """Alarm the person on call of each path that fails, once an hour; return whether any effect fails."""
    now = real_now()
    failing = list(filter_failing().values_list("result__path", flat=True).distinct())
    for path in failing:
        if has_worked(path, now - 2 * timedelta(seconds=FAULT_SECONDS)):
            filter_failing().filter(result__path=path, state=Effect.QUEUED, next_at__gt=now).update(next_at=now)
    raise_alarms(find_path_faults(now) if failing else (), now)
    return bool(failing)


def raise_alarms(faults: Iterable[PathFault], now: datetime) -> None:
    """Alarm the person on call of each fault that is new, or of which the last message is old."""
    for fault in faults:
        last = Effect.objects.filter(kind="fault", body__path=fault.path).order_by("-pk").first()
        again = LATER_AFTER if fault.path in _SLOW else AGAIN_AFTER
        if last is None or now - last.made_at >= again or _is_another(fault, last.made_at):
            _raise_alarm(fault, 0 if last is None else last.pk)


def _is_another(fault: PathFault, last: datetime) -> bool:
    """Return whether a fault ended after an instant, and came again."""
    return has_worked(fault.path, last) if fault.path in EVERY_PATH else fault.since > last


def _raise_alarm(fault: PathFault, last: int) -> None:
    """Log a fault and send its message; of two workers that see it, one does, since the key names the ``last`` one."""
    _log.error("%s fails since %s, %d wait: %s", fault.path, f"{fault.since:%F %T} UTC", fault.waiting, fault.cause)
    key = f"fault:{fault.path}:{last}"
    body = {**asdict(fault), "since": fault.since.isoformat()}
    with transaction.atomic():
        queue_effects([NewEffect(LIVE, OUTSIDE, "fault", key, body)])
    run_effects_now([key], "faults")  # what fails may keep the other threads busy


@register_handler("fault")
def send_fault(effect: Effect) -> EffectOutcome:
    """Write to the person on call, or the deputy, by a channel that does not go the way that fails."""
    failing = {fault.path for fault in find_path_faults(real_now(), timedelta())}
    contact = _choose_contact({effect.body["path"], *failing}) or _choose_contact({effect.body["path"]})
    if contact is None:
        return EffectOutcome({"skipped": "no person on call with another channel"})
    subject, text = write_message(
        "fault", effect.body, contact.language, write_link("/now", contact.language), drill=False
    )
    choose_channel(LIVE, contact.channel).send(contact.address, Letter(f"fault-{effect.pk}", subject, text, b""))
    return EffectOutcome({"channel": contact.channel, "who": contact.who})


def _choose_contact(broken: Collection[str]) -> Contact | None:
    duty = find_duty(real_now())
    people = [] if duty is None else [name for name in (duty.led_by, duty.deputised_by) if name]
    ways = [row for who in people for row in list_contacts("lead", who) if PATHS[row.channel] not in broken]
    return min(ways, key=lambda row: row.channel == "file", default=None)
