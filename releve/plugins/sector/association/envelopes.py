"""Signed texts as they travel: one JSON object with the text, its signature and what proves it.

The text is canonical JSON, so its bytes can be found again in the object.

Errors of the association.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from releve.errors import Phrase, ReleveError
from releve.ledger.digests import canonical_json


class AssociationError(ReleveError, ValueError):
    """What the clerk or the member cannot do now; the message says how to mend it."""


MOST_BYTES = 500_000
"""More than any text of an association with its proof."""
WHAT = ("bulletin", "contribution", "design", "gate", "order", "result")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A text with its signature (hex); ``what`` is one of :data:`WHAT`."""

    what: str
    text: str
    signature: str
    beside: dict[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes that travel."""
        shown = {self.what: json.loads(self.text), "signature": self.signature, **self.beside}
        return canonical_json(shown).encode()


def open_envelope(content: bytes) -> Envelope:
    """Return the envelope that bytes hold; AssociationError where they hold none."""
    try:
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        found = json.loads(content.decode())
        what = next(name for name in WHAT if name in found)
        text = canonical_json(found.pop(what))
        return Envelope(what, text, str(found.pop("signature")), found)
    except (ValueError, AttributeError, TypeError, StopIteration, KeyError) as error:
        raise AssociationError(
            Phrase("not a signed text of an association ({0}): {1}", ", ".join(WHAT), str(error))
        ) from error
