"""What the pages of evidence packs show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from releve.desk.packs.forms import EvidencePackForm
from releve.desk.page import pick_fields
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.evidence.language import Wording
from releve.evidence.pack import PACK_KINDS
from releve.evidence.store import IssuedPack, PackReceipt
from releve.network import Operator


@dataclass(frozen=True, slots=True)
class PackLine:
    """A pack in the list."""

    url: str
    title: str
    recipient: str
    period: str
    made: str
    received: str


@dataclass(frozen=True, slots=True)
class PacksPage:
    """The packs that the reader may have; the form where they may make some."""

    lines: tuple[PackLine, ...]
    form: EvidencePackForm | None
    makes: bool


@dataclass(frozen=True, slots=True)
class PackPage:
    """One pack: what it is, its file, how it is verified, who took it."""

    line: PackLine
    file_url: str
    file_name: str
    sha256: str
    root: int
    command: str
    witnessed_command: str
    """With the keys of the witnesses that cosigned the root; empty where none did."""
    receipts: tuple[tuple[str, str], ...]
    makes: bool
    missing: bool


def build_line(
    pack: IssuedPack, receipts: list[PackReceipt], operator: Operator, text: Text
) -> PackLine:
    """Return a pack as the list shows it."""
    say = Wording(text.language).say
    days = (text.day(day, weekday=False) for day in (pack.first, pack.last))
    return PackLine(
        url=reverse("pack", args=[pack.sha256]),
        title=say(PACK_KINDS[pack.kind].title),
        recipient=_name_recipient(pack, operator),
        period=_("{start} to {end}").format(**dict(zip(("start", "end"), days, strict=True))),
        made=when(pack.made_at, text),
        received=text.number(len(receipts)),
    )


def _name_recipient(pack: IssuedPack, operator: Operator) -> str:
    if pack.kind == "client":
        return next((row.name for row in operator.clients if row.id == pack.recipient), "") or (
            pack.recipient
        )
    if pack.kind == "inspection":
        site = operator.site.get(pack.recipient)
        return pack.recipient if site is None else site.name
    return pack.recipient


def build_pack_page(
    pack: IssuedPack,
    receipts: list[PackReceipt],
    operator: Operator,
    text: Text,
    key: str,
    witnesses: Sequence[str],
    *,
    makes: bool,
    missing: bool,
) -> PackPage:
    """Return the page of a pack; ``witnesses`` are the verifier keys of those that cosigned it."""
    flag = " --lang fr" if pack.language == "fr" else ""
    command = f"python verify.py {pack.file_name} --key {key}"
    quorum = "".join(f" --witness {one}" for one in witnesses) + f" --quorum {len(witnesses)}"
    return PackPage(
        line=build_line(pack, receipts, operator, text),
        file_url=reverse("pack_file", args=[pack.sha256]),
        file_name=pack.file_name,
        sha256=pack.sha256,
        root=pack.root,
        command=command + flag,
        witnessed_command=command + quorum + flag if witnesses else "",
        receipts=tuple((one.by, when(one.at, text)) for one in receipts) if makes else (),
        makes=makes,
        missing=missing,
    )


def line_twin(pack: IssuedPack, receipts: list[PackReceipt]) -> dict[str, Any]:
    """Return a pack as JSON."""
    return {
        **pick_fields(pack, "sha256", "kind", "language", "root", "made_at"),
        "for": pack.recipient,
        "from": pack.first,
        "to": pack.last,
        "received": len(receipts),
    }
