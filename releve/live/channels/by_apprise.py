"""Letters by any of the services that apprise knows: text messages, chats, push.

``RELEVE_APPRISE_URL`` is the service's apprise address, with ``{address}`` where the person's own
goes and, where the service takes one, ``{key}`` for the idempotency key:
``jsons://gateway.example.org/send/{address}?+Idempotency-Key={key}``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

from releve import environment
from releve.extras import OptionalModule
from releve.live.channels.base import Letter
from releve.live.effect_handlers import PermanentFailure, RetryLater

if TYPE_CHECKING:
    import apprise
else:
    apprise = OptionalModule("apprise")

__all__ = ["ByApprise"]

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
        if not service.notify(letter.text, title=letter.subject, timeout=_TIMEOUT_SECONDS):
            raise RetryLater("the message service did not take the message")


def _read_template() -> str:
    return environment.read_text(os.environ, "RELEVE_APPRISE_URL")
