"""What gateways post when a person answers by SMS or by a key of the telephone: who may, how signed, what it says.

``RELEVE_REPLIES`` names the ways by which messages promise that they can be answered; each gateway has a secret
of its own, ``RELEVE_REPLY_TWILIO_SECRET`` and so on, and is refused without it. ``twilio`` signs the public address
and the fields (HMAC-SHA1) and has no time; ``vonage`` the fields and a time (HMAC-SHA256); ``infobip`` signs nothing,
so that its secret is the end of its address; ``voice`` is a gateway of the house's own, which signs time and body as
the webhook of the routes does (HMAC-SHA256). A gateway sends again for a day what was not taken, so that a time is
too old after a day and an hour; ``voice`` signs each attempt, and has five minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any, Final
from urllib.parse import parse_qsl

from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.live.errors import GatewayRefused

MAIL = "mail"
_RESENT, _FRESH, _AHEAD = timedelta(hours=25), timedelta(minutes=5), timedelta(minutes=5)
_LONGEST_ID, _LONGEST_TEXT = 200, 2000


@dataclass(frozen=True, slots=True)
class AgentReply:
    """What one person answered: ``id`` is the gateway's, the same when it is sent again.

    Whose answer it is: ``number``, the person's telephone number, or ``key``, that of the letter that is answered
    (:class:`~releve.live.channels.Letter`). The text is read and not stored.
    """

    gateway: str
    id: str
    text: str
    number: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """What was posted to a gateway's address: ``url`` as the gateway knows it, ``ending`` what follows its name."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    ending: str
    at: datetime


def list_promised() -> tuple[str, ...]:
    """Return the ways of ``RELEVE_REPLIES``; an unknown one is refused."""
    given = environment.read_text(os.environ, "RELEVE_REPLIES").split(",")
    names = tuple(name.strip() for name in given if name.strip())
    for name in names:
        if name not in (*GATEWAYS, MAIL):
            raise ImproperlyConfigured(f"RELEVE_REPLIES must be of {', '.join((*GATEWAYS, MAIL))}, got {name!r}")
    return names


def name_secret(gateway: str) -> str:
    """Return the setting that holds the secret of a gateway."""
    return f"RELEVE_REPLY_{gateway.upper()}_SECRET"


def read_reply_secret(gateway: str) -> str:
    return environment.read_secret(os.environ, name_secret(gateway))


def can_answer_by_key() -> bool:
    """Return whether a message by SMS or voice can be answered as it came."""
    return any(name != MAIL and read_reply_secret(name) for name in list_promised())


def read_post(gateway: str, post: Post) -> tuple[AgentReply, ...]:
    """Return the answers of a post; GatewayRefused says why it is not taken, and quotes nothing of it."""
    if gateway not in GATEWAYS or gateway not in list_promised():
        raise GatewayRefused("RELEVE_REPLIES names no gateway of this address")
    secret = read_reply_secret(gateway)
    if not secret:
        raise GatewayRefused(f"{name_secret(gateway)} is not set")
    try:
        found = GATEWAYS[gateway](post, secret)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GatewayRefused("the body is not one of this gateway") from error
    return tuple(reply for reply in found if 0 < len(reply.id) <= _LONGEST_ID and len(reply.text) <= _LONGEST_TEXT)


def _require(right: bool, why: str) -> None:
    if not right:
        raise GatewayRefused(why)


def _compare(given: str, expected: str) -> None:
    _require(hmac.compare_digest(given.encode(), expected.encode()), "the signature is wrong")


def _require_recent(sent: datetime, at: datetime, longest: timedelta) -> None:
    _require(-_AHEAD <= at - sent <= longest, "the time is too old, or ahead")


def _read_fields(post: Post) -> dict[str, str]:
    """Return the fields of a form, or of a JSON object."""
    text = post.body.decode("utf-8")
    if "json" in post.headers.get("Content-Type", ""):
        return {str(name): str(value) for name, value in json.loads(text).items()}
    return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True))


def sign_twilio(url: str, fields: Mapping[str, str], secret: str) -> str:
    """Return the signature of a form by Twilio."""
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def sign_vonage(fields: Mapping[str, str], secret: str) -> str:
    """Return the signature of fields by Vonage, method "SHA-256 HMAC"."""
    clean = {name: value.replace("&", "_").replace("=", "_") for name, value in fields.items()}
    signed = "".join(f"&{name}={clean[name]}" for name in sorted(clean))
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def sign_voice(stamp: str, body: bytes, secret: str) -> str:
    """Return the signature of a time and a body, as the webhook of the routes has it."""
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _read_twilio(post: Post, secret: str) -> list[AgentReply]:
    """Read an SMS, or the key pressed in a call (``Digits``); the person is who was called, or who wrote."""
    fields = _read_fields(post)
    _compare(post.headers.get("X-Twilio-Signature", ""), sign_twilio(post.url, fields, secret))
    if "Digits" in fields:
        person = fields["To" if fields.get("Direction", "").startswith("outbound") else "From"]
        return [AgentReply("twilio", f"{fields['CallSid']}:{fields['Digits']}", fields["Digits"], person)]
    return [AgentReply("twilio", fields["MessageSid"], fields["Body"], fields["From"])]


def _read_vonage(post: Post, secret: str) -> list[AgentReply]:
    """Read an SMS; of a long one, which comes in parts, the first part alone."""
    fields = _read_fields(post)
    given = fields.pop("sig", "").lower()
    _compare(given, sign_vonage(fields, secret))
    _require_recent(datetime.fromtimestamp(int(fields["timestamp"]), UTC), post.at, _RESENT)
    if fields.get("concat-part", "1") != "1":
        return []
    return [AgentReply("vonage", fields["messageId"], fields["text"], fields["msisdn"])]


def _read_infobip(post: Post, secret: str) -> list[AgentReply]:
    """Read several SMS; one that is too old is left out, since the others must not be sent again for it."""
    _compare(post.ending, secret)
    found = []
    for row in json.loads(post.body)["results"]:
        sent = datetime.fromisoformat(row["receivedAt"])
        if -_AHEAD <= post.at - sent <= _RESENT:
            found.append(AgentReply("infobip", str(row["messageId"]), str(row["text"]), str(row["from"])))
    return found


def _read_voice(post: Post, secret: str) -> list[AgentReply]:
    """Read a key pressed in a call: ``id``, ``digit``, and ``message`` (the letter's key) or ``to`` (the number)."""
    stamp = post.headers.get("X-Releve-Timestamp", "")
    _compare(post.headers.get("X-Releve-Signature", ""), sign_voice(stamp, post.body, secret))
    _require_recent(datetime.fromtimestamp(int(stamp), UTC), post.at, _FRESH)
    row: Mapping[str, Any] = json.loads(post.body)
    digit = str(row["digit"])
    return [AgentReply("voice", f"{row['id']}:{digit}", digit, str(row.get("to", "")), str(row.get("message", "")))]


GATEWAYS: Final[Mapping[str, Callable[[Post, str], list[AgentReply]]]] = {
    "twilio": _read_twilio,
    "vonage": _read_vonage,
    "infobip": _read_infobip,
    "voice": _read_voice,
}
"""Every gateway by the name in its address and in ``RELEVE_REPLIES``."""


def find_mail_fault() -> str:
    """Return what is missing for replies by mail; empty where they are not promised, or nothing is."""
    if MAIL not in list_promised():
        return ""
    names = ("RELEVE_REPLY_ADDRESS", "RELEVE_IMAP_HOST", "RELEVE_IMAP_USER", "RELEVE_IMAP_PASSWORD")
    missing = [name for name in names if not environment.read_text(os.environ, name)]
    if missing:
        return f"{', '.join(missing)} not set"
    address = environment.read_text(os.environ, names[0])
    return "" if "@" in parseaddr(address)[1] else "RELEVE_REPLY_ADDRESS is not an address"


def build_reply_address(token: str) -> str:
    """Return the address to which a message by mail is answered; empty where no replies by mail are read."""
    if MAIL not in list_promised() or find_mail_fault():
        return ""
    name, _, domain = environment.read_text(os.environ, "RELEVE_REPLY_ADDRESS").rpartition("@")
    return f"{name}+{token}@{domain}"
