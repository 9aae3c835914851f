"""Channels that reach people: e-mail, any service that apprise knows, and files in a folder.

``RELEVE_SMTP_HOST`` and ``RELEVE_MAIL_FROM`` set the mail server and the sender; the Message-ID
comes from the key, so that a mail system that drops duplicates drops a letter that was sent twice.
``RELEVE_APPRISE_URL`` is the service's apprise address, with ``{address}`` in the place of the
person's and, where the service takes one, ``{key}`` for the idempotency key:
``jsons://gateway.example.org/send/{address}?+Idempotency-Key={key}``. A letter's file is named by
its key: sent twice, it is there once.
"""

from __future__ import annotations

import json
import os
import re
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email

from releve import environment
from releve.extras import LazyModule
from releve.files.atomic import write_file
from releve.live.effect_queue import PermanentFailure, RetryLater


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to send; ``calendar`` is iCalendar, ``key`` the same on every attempt.

    ``reply_to`` is where a mail is answered; empty: it is answered by its link.
    """

    key: str
    subject: str
    text: str
    calendar: bytes = b""
    reply_to: str = ""


class Channel(Protocol):
    """One way to reach people."""

    def fault(self, address: str) -> str:
        """Return why this channel cannot use an address, without quoting it; empty when it can."""
        ...

    def setup_fault(self) -> str:
        """Return why this channel cannot send with the settings as they are; empty when it can."""
        ...

    def send(self, address: str, letter: Letter) -> None:
        """Send a letter; raises Later when it may work later, Never when it will not.

        Neither quotes the address.
        """
        ...


class ByEmail:
    """Sends to an e-mail address."""

    def fault(self, address: str) -> str:
        try:
            validate_email(address)
        except ValidationError:
            return "the address is not an e-mail address"
        return ""

    def setup_fault(self) -> str:
        """Return which setting is missing or makes no sense."""
        if not settings.EMAIL_HOST:
            return "RELEVE_SMTP_HOST is not set: no mail can be sent"
        if _find_domain() in ("", "localhost"):  # as the settings have it where none is given
            return "RELEVE_MAIL_FROM is not an address: no mail can be sent"
        return ""

    def send(self, address: str, letter: Letter) -> None:
        """Send one mail; the calendar is attached."""
        if fault := self.setup_fault():
            raise PermanentFailure(fault)
        mail = EmailMessage(
            " ".join(letter.subject.split()),
            letter.text,
            settings.DEFAULT_FROM_EMAIL,
            [address],
            # what sends an answer by itself, to those who are out of office, is not to answer
            headers={"Message-ID": f"<{letter.key}@{_find_domain()}>", "Auto-Submitted": "auto-generated"},
            reply_to=[letter.reply_to] if letter.reply_to else None,
            connection=_open_connection(),
        )
        if letter.calendar:
            mail.attach("releve.ics", letter.calendar, "text/calendar")
        try:
            mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if min(codes) < 500:
                raise RetryLater("the mail server takes the recipient later") from error
            raise PermanentFailure("the mail server refused the recipient") from error
        except (smtplib.SMTPException, OSError) as error:
            raise RetryLater(f"the mail server: {type(error).__name__}", path="mail") from error


def _find_domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2]


def _open_connection() -> BaseEmailBackend:
    return get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host=settings.EMAIL_HOST,
        port=settings.EMAIL_PORT,
        username=settings.EMAIL_HOST_USER,
        password=settings.EMAIL_HOST_PASSWORD,
        use_tls=settings.EMAIL_USE_TLS,
        use_ssl=settings.EMAIL_USE_SSL,
        timeout=settings.EMAIL_TIMEOUT,
    )


if TYPE_CHECKING:
    import apprise
else:
    apprise = LazyModule("apprise")

_TIMEOUT_SECONDS = 15


class ByApprise:
    """Sends to an address of the service in the settings."""

    def fault(self, address: str) -> str:
        """Return a fault for an empty address only: services differ."""
        return "" if address else "the address is empty"

    def setup_fault(self) -> str:
        """Return a fault where the service's address does not say where the person's goes."""
        if "{address}" in _read_template():
            return ""
        return "RELEVE_APPRISE_URL has no {address}: no such message can be sent"

    def send(self, address: str, letter: Letter) -> None:
        """Send one message without the calendar, which few services take."""
        if fault := self.setup_fault():
            raise PermanentFailure(fault)
        template = _read_template()
        url = template.replace("{address}", quote(address, safe=""))
        service = apprise.Apprise(asset=apprise.AppriseAsset(secure_logging=True))
        if not service.add(url.replace("{key}", quote(letter.key, safe=""))):
            raise PermanentFailure("apprise does not know the service of RELEVE_APPRISE_URL")
        # A short message with a character outside the alphabet of telephones holds less than half as many.
        text, title = (said.replace("\u202f", " ") for said in (letter.text, letter.subject))
        if not service.notify(text, title=title, timeout=_TIMEOUT_SECONDS):
            raise RetryLater("the message service did not take the message", path="sms")


def _read_template() -> str:
    return environment.read_text(os.environ, "RELEVE_APPRISE_URL")


_QUIET = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d( weekends)?")


def find_quiet_hours() -> str:
    """Return when the service of RELEVE_APPRISE_URL holds messages back, as ``22:00-08:00 weekends``; empty: never.

    ``RELEVE_APPRISE_QUIET`` says so, or ``none``. When not set: OVH holds SMS with a custom sender at night and at
    weekends unless ``noStopClause`` is true.
    """
    value, template = environment.read_text(os.environ, "RELEVE_APPRISE_QUIET"), _read_template().lower()
    if not value:
        held = "ovh" in template and "nostopclause=true" not in template
        return "22:00-08:00 weekends" if held else ""
    if value != "none" and not _QUIET.fullmatch(value):
        raise ImproperlyConfigured("RELEVE_APPRISE_QUIET must be none, or such as 22:00-08:00 or 22:00-08:00 weekends")
    return "" if value == "none" else value


class ByFile:
    """Writes into ``outbox`` in the home folder, or into the folder given."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def fault(self, address: str) -> str:
        """Return no fault: any address is written into the file."""
        return ""

    def setup_fault(self) -> str:
        """Return no fault: it has no settings."""
        return ""

    def send(self, address: str, letter: Letter) -> None:
        folder = self._folder or settings.HOME / "outbox"
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", letter.key)
        document = {"to": address, "subject": letter.subject, "text": letter.text, "calendar": letter.calendar.decode()}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = json.dumps(document, ensure_ascii=False)
            write_file(folder / f"{name}.json", text, durable=False)
        except OSError as error:
            raise RetryLater(f"the outbox cannot be written: {error.strerror}", path="outbox") from error


CHANNELS: Final[Mapping[str, Channel]] = {"email": ByEmail(), "apprise": ByApprise(), "file": ByFile()}
"""Every channel by its name in the file of contacts."""
PATHS: Final[Mapping[str, str]] = {"email": "mail", "apprise": "sms", "file": "outbox"}
"""The path out of the house that each channel takes."""
