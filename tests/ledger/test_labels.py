"""What is recorded has a label: kinds as the sources write them, and streams."""

from __future__ import annotations

import re
from pathlib import Path

import releve
from releve.accounts.grants import STREAM as ACCESS
from releve.ledger.disclosure import KIND_LABELS, STREAM_LABELS
from releve.live.api import LIVE
from releve.plugins.evidence.store import STREAM as EVIDENCE


def test_every_kind_that_is_written_has_a_label() -> None:
    """Kinds as the source writes them: after ``append``, in a tuple of entries, or by name."""
    written = set()
    for path in Path(releve.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'\(\s*"([a-z]+\.[a-z_]+)", (?:body|\{)', text))
        written |= set(re.findall(r'kind: ClassVar\[str\] = "([a-z]+\.[a-z_]+)"', text))
        written |= set(re.findall(r'^[A-Z]+ = "(outbound\.[a-z]+|[a-z]+\.erased)"$', text, re.M))
    assert {"people.notified", "routing.published", "outbound.erased", "site.closed"} <= written
    assert written - set(KIND_LABELS) == set()


def test_every_stream_that_is_written_has_a_label() -> None:
    written = {LIVE, ACCESS, EVIDENCE}
    for path in Path(releve.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'^_?STREAM = "([a-z-]+)"$', text, re.MULTILINE))
        written |= set(re.findall(r'\bstream="([a-z-]+)"', text))
    assert "outbound" in written
    assert written - set(STREAM_LABELS) == set()
