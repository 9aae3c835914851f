"""What the pages of the ledger hold: entries as a reader sees them, the last root, a check."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from releve.accounts.entry_reach import EntryView, ProofState
from releve.desk.page import PageModel
from releve.evidence.own_ledger import LedgerVerification

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


class EntryPage(PageModel):
    """One entry; its ``proof`` can be had now, under the next root, or not by this reader."""

    entry: EntryView
    time_zone: str
    proof: ProofState
    last: int = Field(description="The newest entry")


class VerifierHead(PageModel):
    """The stand-alone verifier: its hash, and the version whose wheel and source hold it too."""

    version: str
    sha256: str


class VerifyPage(PageModel):
    """How to check, here and elsewhere; the outcome when it was just done."""

    time_zone: str
    key: str
    verifier: VerifierHead
    root: RootHead | None
    may_export: bool
    most: int = MOST_ENTRIES
    outcome: LedgerVerification | None
