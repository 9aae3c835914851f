"""Letters by e-mail, through the server of ``RELEVE_SMTP_URL``.

``smtp://user:password@host:port`` (``smtps`` for TLS from the start; ``?starttls`` after the
greeting). The sender is ``RELEVE_MAIL_FROM``. The Message-ID is made from the key, so that a mail
system that drops duplicates drops a letter that was sent twice.
"""

from __future__ import annotations

import os
import smtplib
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email

from releve import environment
from releve.live.channels.base import Letter
from releve.live.effect_handlers import PermanentFailure, RetryLater

__all__ = ["ByEmail"]

_TIMEOUT_SECONDS = 10


class ByEmail:
    """Sends to an e-mail address."""

    def fault(self, address: str) -> str:
        """Check that it looks like an address."""
        try:
            validate_email(address)
        except ValidationError:
            return "the address is not an e-mail address"
        return ""

    def send(self, address: str, letter: Letter) -> None:
        """Send one mail; the calendar is attached."""
        sender = environment.read_text(os.environ, "RELEVE_MAIL_FROM")
        domain = parseaddr(sender)[1].partition("@")[2]
        if not domain:
            raise PermanentFailure("RELEVE_MAIL_FROM is not an address: no mail can be sent")
        mail = EmailMessage(
            " ".join(letter.subject.split()),
            letter.text,
            sender,
            [address],
            headers={"Message-ID": f"<{letter.key}@{domain}>"},
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
            raise RetryLater(f"the mail server: {type(error).__name__}") from error


def _open_connection() -> BaseEmailBackend:
    """Return a connection to the server of the settings; the address is not quoted in errors."""
    url = urlsplit(environment.read_text(os.environ, "RELEVE_SMTP_URL"))
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise PermanentFailure(
            "RELEVE_SMTP_URL is not smtp://host or smtps://host: no mail can be sent"
        )
    try:
        return get_connection(
            host=url.hostname,
            port=url.port or (465 if url.scheme == "smtps" else 25),
            username=unquote(url.username or ""),
            password=unquote(url.password or ""),
            use_ssl=url.scheme == "smtps",
            use_tls=url.query == "starttls",
            timeout=_TIMEOUT_SECONDS,
        )
    except (ValueError, ImproperlyConfigured) as error:
        raise PermanentFailure("RELEVE_SMTP_URL makes no sense: no mail can be sent") from error
