"""Who may ask the gate: diallers and proxies, each with a secret and the campaigns it dials for.

``RELEVE_GATE_CALLERS`` names them: ``NAME=SECRET:CAMPAIGN,CAMPAIGN;NAME=SECRET:*``. A name may
stand there twice, while its secret is replaced. Without any, the gate answers this machine alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from releve.plugins.outbound.gate.errors import CallersFault

SETTING = "RELEVE_GATE_CALLERS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SECRET = re.compile(r"[A-Za-z0-9._~+/-]{32,256}")
_SCHEME = b"bearer "


@dataclass(frozen=True, slots=True)
class GateCaller:
    """A caller of the gate; ``campaigns`` None: it may ask for every campaign."""

    name: str
    digest: bytes
    campaigns: frozenset[str] | None


def parse_callers(text: str) -> tuple[GateCaller, ...]:
    """Return the callers of a setting; CallersFault names the place, and shows no secret."""
    parts = [part for part in map(str.strip, text.split(";")) if part]
    return tuple(_parse_caller(place, part) for place, part in enumerate(parts, 1))


def _parse_caller(place: int, text: str) -> GateCaller:
    name, _, rest = text.partition("=")
    secret, _, listed = rest.partition(":")
    campaigns = frozenset(part for part in map(str.strip, listed.split(",")) if part)
    name, secret = name.strip(), secret.strip()
    if not _NAME.fullmatch(name):
        raise _fault(place, "has no name: write NAME=SECRET:CAMPAIGN,CAMPAIGN")
    if not _SECRET.fullmatch(secret):
        wanted = "32 to 256 letters, digits and ._~+/-, such as `openssl rand -hex 32` gives"
        raise _fault(place, f"({name}) needs a secret of {wanted}")
    if not campaigns or ("*" in campaigns and len(campaigns) > 1):
        raise _fault(place, f"({name}) needs its campaigns after a colon, or * for every one")
    return GateCaller(name, _hash(secret.encode()), None if "*" in campaigns else campaigns)


def _fault(place: int, what: str) -> CallersFault:
    return CallersFault(f"{SETTING}: caller {place} {what}")


def find_caller(callers: Sequence[GateCaller], header: bytes) -> GateCaller | None:
    """Return the caller whose secret an Authorization header carries (``Bearer SECRET``).

    Every caller is compared, each in constant time, so that the time tells nothing.
    """
    if header[: len(_SCHEME)].lower() != _SCHEME:
        return None
    given, found = _hash(header[len(_SCHEME) :].strip()), None
    for caller in callers:
        if hmac.compare_digest(given, caller.digest):
            found = caller
    return found


def _hash(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
