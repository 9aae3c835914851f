"""Documents that leave the house: signed roots, and the journal that a restored backup needs.

``RELEVE_OUTSIDE`` names their target: a folder that another machine keeps, an address that takes
signed POST requests, or a mailbox. Each document is an effect, retried until there is a receipt:
the same bytes read back from the folder, the document's SHA-256 in the answer of the address
(``{"sha256": "…"}``), the mail server's acceptance. An overdue receipt is shown. A document is
never replaced: other bytes under its name stop it for good, and an operator is called.
"""

from __future__ import annotations

import hashlib
import os
import smtplib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.db import transaction

from releve.files.atomic import make_folder
from releve.ledger import export
from releve.ledger.chain import lock_head, read_head
from releve.ledger.guards import DocumentConflict
from releve.ledger.models import JournalLine, OutgoingDocument
from releve.ledger.rollback import check_receipt, note_receipt, roots_folder
from releve.ledger.roots import iter_roots, publish_document
from releve.live.clock import LIVE, real_now
from releve.live.effect_queue import (
    OUTSIDE,
    EffectOutcome,
    NewEffect,
    PermanentFailure,
    RetryLater,
    queue_effects,
    register_handler,
)
from releve.live.models import Effect

OVERDUE_AFTER = timedelta(hours=1)
JOURNAL_EVERY = timedelta(minutes=1)
_ROOT, _JOURNAL = "root-", "journal-"


def find_overdue_documents(now: datetime) -> list[str]:
    """Return the names of documents that have had no receipt for an hour, the oldest first."""
    rows = OutgoingDocument.objects.filter(received_at=None, made_at__lt=now - OVERDUE_AFTER)
    return list(rows.order_by("made_at").values_list("name", flat=True))


def queue_documents(now: datetime) -> int:
    """Queue the roots and the part of the journal that have not left yet; return how many."""
    if not settings.OUTSIDE:
        return 0
    last = OutgoingDocument.objects.filter(name__startswith=_ROOT).order_by("-name").first()
    roots = list(iter_roots(0 if last is None else int(last.name[len(_ROOT) : -len(".json")])))
    if not roots and not _is_journal_due(now):
        return 0
    with transaction.atomic():
        lock_head()
        made = [_make_document(root.file_name, root.text.encode(), root.size, now) for root in roots]
        if _is_journal_due(now):
            made += _make_part(now)
        queue_effects(NewEffect(LIVE, OUTSIDE, "leave", f"leave:{row.name}", {"name": row.name}) for row in made)
    return len(made)


def is_journal_waiting() -> bool:
    """Return whether something is new since the last part of the journal, which is due a minute after that."""
    if not (settings.OUTSIDE and settings.BACKUP_TO):
        return False
    last = _last_part()
    return read_head().seq > (last.upto if last else 0) or JournalLine.objects.exists()


def _is_journal_due(now: datetime) -> bool:
    """Return whether something is new since the last part, which is a minute old or was full."""
    if not settings.BACKUP_TO:
        return False
    last = _last_part()
    behind = read_head().seq - (last.upto if last else 0)
    if last is not None and behind < export.MOST_ENTRIES:
        age = now - last.made_at  # below zero where the clock was set back
        if timedelta() <= age < JOURNAL_EVERY:
            return False
    return behind > 0 or JournalLine.objects.exists()


def _last_part() -> OutgoingDocument | None:
    return OutgoingDocument.objects.filter(name__startswith=_JOURNAL).order_by("-name").first()


def _make_part(now: datetime) -> Iterator[OutgoingDocument]:
    """Yield the next part of the journal; the acts in it are noted nowhere else any more."""
    last = _last_part()
    number = 1 if last is None else int(last.name[len(_JOURNAL) : -len(".age")]) + 1
    found = export.build_part(last.upto if last else 0)
    if found is not None:
        content, upto, acts = found
        JournalLine.objects.filter(pk__in=acts).delete()
        yield _make_document(f"{_JOURNAL}{number:08}.age", content, upto, now)


def _make_document(name: str, content: bytes, upto: int, now: datetime) -> OutgoingDocument:
    digest = hashlib.sha256(content).hexdigest()
    return OutgoingDocument.objects.create(name=name, content=content, digest=digest, upto=upto, made_at=now)


@register_handler("leave")
def send_document(effect: Effect) -> EffectOutcome:
    row = OutgoingDocument.objects.get(name=effect.body["name"])
    if row.received_at is not None:
        return EffectOutcome({"skipped": "received"})
    content = bytes(row.content)
    try:
        check_receipt(row.name, row.digest)
        if row.name.startswith(_ROOT):  # neither an address nor a mailbox could refuse another one
            make_folder(roots_folder())
            publish_document(roots_folder() / row.name, content)
        receipt = _deliver(row.name, content, row.digest)[:300]
    except DocumentConflict as error:
        raise PermanentFailure(str(error)) from error
    note_receipt(row.name, row.digest, row.upto)

    def store() -> None:
        OutgoingDocument.objects.filter(pk=row.pk).update(received_at=real_now(), receipt=receipt, content=b"")

    return EffectOutcome({"receipt": receipt}, store=store)


def _deliver(name: str, content: bytes, digest: str) -> str:
    """Deliver a document to where ``RELEVE_OUTSIDE`` says; return the receipt."""
    where = settings.OUTSIDE
    if not where:
        raise PermanentFailure("RELEVE_OUTSIDE is not set any more: the document stays here")
    if where.startswith("/"):
        return _deliver_to_folder(Path(where), name, content)
    if where.startswith("mailto:"):
        return _deliver_by_mail(where.removeprefix("mailto:"), name, content, digest)
    try:
        from releve.routing.webhook import read_webhook  # brings an HTTP client

        webhook = read_webhook(os.environ, "RELEVE_OUTSIDE", "RELEVE_OUTSIDE")
    except ImproperlyConfigured as error:
        raise PermanentFailure(str(error)) from error
    if webhook.send_document(name, content).get("sha256") != digest:
        raise RetryLater(f"the receiver gave no receipt for {name}: expected its SHA-256", path="outside")
    return f"sha256 {digest} from the receiver"


def _deliver_to_folder(folder: Path, name: str, content: bytes) -> str:
    """Write into a folder that is there: one that is not may be a disk that is not mounted.

    DocumentConflict where another document stands there under this name.
    """
    if not folder.is_dir():
        raise RetryLater("the folder of RELEVE_OUTSIDE is not there: is its disk mounted?", path="outside")
    try:
        publish_document(folder / name, content, mode=0o640)
        if (folder / name).read_bytes() != content:
            raise RetryLater(f"{name} was read back with another content", path="outside")
    except OSError as error:
        raise RetryLater(f"the folder of RELEVE_OUTSIDE: {error.strerror}", path="outside") from error
    return "read back from the folder"


def _deliver_by_mail(address: str, name: str, content: bytes, digest: str) -> str:
    if not settings.EMAIL_HOST:
        raise PermanentFailure("no mail server is set: no document can leave by mail")
    mail = EmailMessage(f"Relève {name}", f"{name}\nSHA-256: {digest}\n", settings.DEFAULT_FROM_EMAIL, [address])
    mail.attach(name, content, "application/octet-stream")
    try:
        mail.send()
    except (smtplib.SMTPException, OSError) as error:
        raise RetryLater(f"the mail server: {type(error).__name__}", path="outside") from error
    return "accepted by the mail server"
