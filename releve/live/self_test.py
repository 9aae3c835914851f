"""Each night one message to oneself through each channel, so that one that is broken is known before a closure.

``RELEVE_SELF_TEST`` names the addresses: ``email=ops@example.org,apprise=+212600000001``. A message that does not
go is retried as any other, and half a minute later its path is an alarm (:mod:`releve.live.path_faults`).
"""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Max

from releve import environment
from releve.live.channels import CHANNELS, PATHS, Letter
from releve.live.clock import LIVE, real_now
from releve.live.effect_queue import OUTSIDE, EffectOutcome, NewEffect, queue_effects, register_handler
from releve.live.message_texts import write_message
from releve.live.models import Effect

OLDEST_SELF_TEST = timedelta(days=2)
_SETTING, _KIND = "RELEVE_SELF_TEST", "selftest"


def read_self_test() -> dict[str, str]:
    """Return the address of each channel that is tried; ImproperlyConfigured for one that cannot be used."""
    found: dict[str, str] = {}
    for item in filter(None, (item.strip() for item in environment.read_text(os.environ, _SETTING).split(","))):
        channel, _, address = item.partition("=")
        fault = CHANNELS[channel].fault(address) if channel in CHANNELS else f"{channel!r} is not a channel"
        if fault:
            raise ImproperlyConfigured(
                f"{_SETTING} must be CHANNEL=ADDRESS by commas, of {', '.join(CHANNELS)}: {fault}"
            )
        found[channel] = address
    return found


def queue_self_test(day: date) -> None:
    """Queue the messages of a day, each once."""
    keys = [(channel, f"{_KIND}:{day}:{channel}") for channel in read_self_test()]
    with transaction.atomic():
        queue_effects(NewEffect(LIVE, OUTSIDE, _KIND, key, {"channel": channel}) for channel, key in keys)


@register_handler(_KIND)
def send_self_test(effect: Effect) -> EffectOutcome:
    """Send one; where it waited until the next night, that one's own says more."""
    channel = effect.body["channel"]
    address = read_self_test().get(channel)
    if address is None or real_now() - effect.made_at > timedelta(hours=23):
        return EffectOutcome({"skipped": "not asked for any more" if address is None else "a later one"})
    subject, text = write_message("selftest", {"path": PATHS[channel]}, settings.LANGUAGE_CODE, "", drill=False)
    CHANNELS[channel].send(address, Letter(effect.key.replace(":", "-"), subject, text, b""))
    return EffectOutcome({"channel": channel})


def find_last_self_tests() -> dict[str, datetime]:
    """Return when the last message to oneself went by each channel."""
    done = Effect.objects.filter(kind=_KIND, state=Effect.DONE, result__has_key="channel")
    rows = done.values("body__channel").annotate(last=Max("done_at"))
    return {row["body__channel"]: row["last"] for row in rows}
