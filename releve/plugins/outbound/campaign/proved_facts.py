"""Facts with their proofs, as a file of lines that a client or a third party can verify."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FACTS_FORMAT = "releve outbound facts 1"


@dataclass(frozen=True, slots=True)
class ProvedFact:
    """A fact: its columns, its sealed text, its proof (None where no signed root covers it)."""

    columns: Mapping[str, Any]
    text: str
    proof: Mapping[str, Any] | None

    def line(self) -> str:
        """Return the line of the file."""
        content = {"text": self.text, "stated": self.columns, "proof": self.proof}
        return json.dumps(content, ensure_ascii=False)


def facts_header(about: str, now: datetime) -> str:
    """Return the first line of the file: its format, the client or campaign, when it was made."""
    content = {"format": FACTS_FORMAT, "about": about, "made_at": now.isoformat()}
    return json.dumps(content, ensure_ascii=False)
