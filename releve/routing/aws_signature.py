"""Signature Version 4 of requests to Amazon's services: the header ``Authorization`` and those that it signs.

Source: "Create a signed AWS API request", IAM User Guide. The path is signed as it is: no service that needs it encoded
twice is called with characters that change.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from releve.network import UTC


@dataclass(frozen=True)
class Signer:
    """An access key, for one service of one region."""

    key: str
    secret: str
    region: str
    service: str

    def sign(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, at: datetime
    ) -> dict[str, str]:
        """Return the headers with ``X-Amz-Date`` and ``Authorization``; ``Host`` is among those given."""
        instant = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        sent = {**headers, "X-Amz-Date": instant}
        signed = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
        names = ";".join(sorted(signed))
        pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
        canonical = [method, path, "&".join(f"{name}={value}" for name, value in pairs)]
        canonical += [f"{name}:{signed[name]}" for name in sorted(signed)] + ["", names, _hash(body)]
        scope = f"{instant[:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join(("AWS4-HMAC-SHA256", instant, scope, _hash("\n".join(canonical).encode())))
        code = _mac(self._derive_key(instant[:8]), text).hex()
        proof = f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={code}"
        return {**sent, "Authorization": proof}

    def _derive_key(self, day: str) -> bytes:
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, self.service, "aws4_request"):
            key = _mac(key, part)
        return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
