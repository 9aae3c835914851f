"""Messages, letters, effects and routes that have reached their date."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from releve.ledger.models import OutgoingDocument
from releve.live.contacts import remove_letters
from releve.live.models import Effect, Message, Routes

__all__ = ["EFFECT_DAYS", "MESSAGE_DAYS", "prune"]

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
