"""What the pages of evidence packs hold: what each is, who took it, and how it is verified."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import Field

from releve.desk.ledger.page import VerifierHead
from releve.desk.page import PageModel
from releve.evidence.reach import name_recipient
from releve.evidence.store import IssuedPack, PackReceipt
from releve.network import Operator


class PackRow(PageModel):
    """A pack: for whom it was made, of which days, under which root."""

    sha256: str
    kind: str
    recipient: str
    recipient_name: str
    first: date
    last: date
    language: str
    root: int
    made_at: datetime


class PackLine(PackRow):
    """A pack in the list."""

    older: bool = Field(description="An earlier version made it: it cannot be verified any more")
    received: int | None = Field(description="Accounts that took it; null: not for this reader")


class PacksPage(PageModel):
    """The packs that the reader may have, the newest first; ``makes``: they may make some."""

    time_zone: str
    packs: tuple[PackLine, ...]
    makes: bool


class PackPage(PackRow):
    """One pack: its file, the keys by which it is verified, who took it."""

    time_zone: str
    file_name: str
    zip_name: str
    missing: bool = Field(description="Its file was removed or changed")
    older: bool = Field(description="An earlier version made it: it cannot be verified any more")
    length: int = Field(description="Bytes of the file as issued, of which sha256 is taken")
    note: str = Field(description="Signed note of these bytes, to be kept beside the file")
    key: str
    verifier: VerifierHead
    witnesses: tuple[str, ...] = Field(description="Keys of those that cosigned its root")
    origin: str = Field(description="Name under which witnesses know the ledger")
    makes: bool
    receipts: tuple[PackReceipt, ...] = Field(description="Shown to those who make packs")


def packs_page(
    packs: Sequence[IssuedPack],
    receipts: Sequence[PackReceipt],
    operator: Operator,
    *,
    makes: bool,
) -> PacksPage:
    """Return the list of some packs; ``receipts`` are those of all."""
    taken = [one.pack for one in receipts]
    return PacksPage(
        time_zone=operator.row.time_zone,
        packs=tuple(
            PackLine.from_row(
                pack,
                recipient_name=name_recipient(pack.kind, pack.recipient, operator),
                older=pack.is_older,
                received=taken.count(pack.sha256) if makes else None,
            )
            for pack in packs
        ),
        makes=makes,
    )
