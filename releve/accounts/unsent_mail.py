"""Mail where no server is set: nothing is sent, and nothing of a message is written anywhere.

A message may hold a link that opens an account; it does not belong in a log.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

__all__ = ["EmailBackend"]

_log = logging.getLogger(__name__)


class EmailBackend(BaseEmailBackend):
    """Django's e-mail backend that sends nothing and says how much it did not send."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Return 0, the number of messages sent."""
        _log.warning("%d messages not sent: set RELEVE_SMTP_HOST", len(email_messages))
        return 0
