"""What the pages of the ledger hold: entries as a reader sees them, the last root, a check."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from releve.desk.ledger.entries import EntryView
from releve.desk.page import PageModel

PAGE = 50
MOST_ENTRIES = 100_000
"""Entries that are checked while a reader waits; more are for the command line."""


class RootHead(PageModel):
    """The last signed root: so many entries, of which none came later."""

    number: int
    size: int
    sealed_at: datetime


class LedgerPage(PageModel):
    """Entries, the newest first, of every stream or kind or of one."""

    time_zone: str
    count: int = Field(description="Entries of the whole ledger")
    root: RootHead | None
    stream: str
    kind: str
    streams: tuple[str, ...]
    kinds: tuple[str, ...] = Field(description="Those whose entries the reader may see")
    entries: tuple[EntryView, ...]
    older: int | None = Field(description="Ask with before= this for the next page")
    may_prove: bool
    may_export: bool

    @property
    def behind(self) -> int:
        """The entries after the root."""
        return 0 if self.root is None else self.count - self.root.size


class EntryPage(EntryView):
    """One entry; its ``proof`` can be had now, under the next root, or not by this reader."""

    time_zone: str
    proof: Literal["", "now", "next"]
    last: int = Field(description="The newest entry")


class VerificationResult(PageModel):
    """What the verifier found, in its own words, which are English."""

    holds: bool
    entries: int
    faults: tuple[str, ...] = Field(description="The first of them")
    fault_count: int
    summary: str

    @property
    def more(self) -> int:
        """The faults that are not listed."""
        return self.fault_count - len(self.faults)


class VerifyPage(PageModel):
    """How to check, here and elsewhere; the outcome when it was just done."""

    time_zone: str
    key: str
    root: RootHead | None
    may_export: bool
    most: int = MOST_ENTRIES
    outcome: VerificationResult | None
