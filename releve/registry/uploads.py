"""Uploads: a workbook, or a zip of tables, kept until their sender confirms or discards them."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from releve.errors import Phrase
from releve.network import Operator
from releve.registry.changes import Changes
from releve.registry.errors import Conflict, NotThere
from releve.registry.models import Upload, Version
from releve.registry.service import apply_changes, preview_changes
from releve.registry.upload_files import KEPT_FOR

__all__ = [
    "apply_upload",
    "discard_upload",
    "find_upload",
    "preview_upload",
    "remove_expired",
    "store_upload",
]


def preview_upload(upload: Upload, operator: Operator) -> Changes:
    """Return the changes by the operator that an upload holds; they count from now on.

    Whatever was current when the file was sent: what is shown now is what is applied.
    """
    changes = preview_changes(operator)
    if (changes.base or 0) != upload.base:
        upload.base = changes.base or 0
        upload.save(update_fields=["base"])
    return changes


def store_upload(name: str, data: bytes, by: str, base: int | None) -> Upload:
    """Keep an upload shown against the version ``base``, for a day at most; older ones go."""
    now = timezone.now()
    remove_expired(now)
    return Upload.objects.create(
        token=secrets.token_urlsafe(32),
        name=name[:200],
        data=data,
        base=base or 0,
        made_at=now,
        made_by=by,
    )


def find_upload(token: str, by: str) -> Upload:
    """Return a user's own upload; NotThere when it was applied, discarded or is a day old."""
    found = Upload.objects.filter(token=token, made_by=by).first()
    if found is None:
        raise NotThere(Phrase("this upload is no longer there: send the file again"))
    return found


def apply_upload(upload: Upload, operator: Operator, by: str, comment: str = "") -> Version:
    """Make the operator that an upload holds the current version and let go of the upload.

    Conflict when another version became current since its changes were shown: the upload stays,
    so that they can be looked at again.
    """
    changes = preview_changes(operator)
    if (changes.base or 0) != upload.base:
        raise Conflict(
            Phrase(
                "these changes were shown against version {0}, but version {1} is current now;"
                " nothing was stored: look at them again",
                upload.base or "none",
                changes.base,
            )
        )
    with transaction.atomic():
        made = apply_changes(changes, by, comment, source=upload.name)
        upload.delete()
    return made


def remove_expired(now: datetime) -> None:
    """Remove the uploads that were neither confirmed nor discarded in time."""
    Upload.objects.filter(made_at__lt=now - KEPT_FOR).delete()


def discard_upload(upload: Upload) -> None:
    """Let go of an upload without applying it."""
    upload.delete()
