"""Letters by e-mail, through the server of ``RELEVE_SMTP_HOST``, which accounts use too.

The sender is ``RELEVE_MAIL_FROM``. The Message-ID is made from the key, so that a mail system that
drops duplicates drops a letter that was sent twice.
"""

from __future__ import annotations

import smtplib
from email.utils import parseaddr

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email

from releve.live.channels.base import Letter
from releve.live.effect_handlers import PermanentFailure, RetryLater

__all__ = ["ByEmail"]


class ByEmail:
    """Sends to an e-mail address."""

    def fault(self, address: str) -> str:
        """Check that it looks like an address."""
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
            headers={"Message-ID": f"<{letter.key}@{_find_domain()}>"},
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


def _find_domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2]


def _open_connection() -> BaseEmailBackend:
    """Return a connection to the server of the settings."""
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
