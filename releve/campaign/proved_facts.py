"""Facts told to a client with their proofs: a file of lines that a stranger can verify."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["FACTS_FORMAT", "ProvedFact", "facts_header"]

FACTS_FORMAT = "releve outbound facts 1"


@dataclass(frozen=True, slots=True)
class ProvedFact:
    """A fact: how it is told, how it was sealed, its proof (None: no signed root is over it)."""

    told: Mapping[str, Any]
    text: str
    proof: Mapping[str, Any] | None

    def line(self) -> str:
        """Return the line of the file."""
        told = {"text": self.text, "told": self.told, "proof": self.proof}
        return json.dumps(told, ensure_ascii=False)


def facts_header(about: str, now: datetime) -> str:
    """Return the first line of the file: its format, the client or campaign, when it was made."""
    told = {"format": FACTS_FORMAT, "about": about, "made_at": now.isoformat()}
    return json.dumps(told, ensure_ascii=False)
