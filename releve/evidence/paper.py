"""The paper of a pack: PDF/A-3 typeset by typst, with fonts that come with packages.

System fonts, the clock and the time zone of the machine are not used, so that the same paper is
the same bytes everywhere. Other versions of typst give other bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from releve.errors import Phrase
from releve.evidence import verify
from releve.evidence.errors import PackError
from releve.evidence.language import Wording, isolate_name
from releve.evidence.own_ledger import load_verifier
from releve.evidence.records import EvidenceRecord
from releve.evidence.sources import PackDraft, PackSource, PaperTable
from releve.extras import OptionalModule
from releve.situation import KINDS

__all__ = ["MOST_ROWS", "Attachment", "Paper", "describe_tools", "typeset"]

typst: Any = OptionalModule("typst")
amiri: Any = OptionalModule("fontpkg_amiri")
_TEMPLATE = Path(__file__).with_name("pack.typ")
_STANDARD = "a-3b"
MOST_ROWS = 400
"""Rows of a table that are printed; the others stand in the attachment alone."""
_NOT_COMPUTED = "stated"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Paper:
    """What is printed: text in one language, laid out by the template."""

    content: dict[str, Any]
    timestamp: int
    """The date of the document, seconds since 1970: that of the root."""

    @classmethod
    def compose(
        cls,
        title: Phrase,
        source: PackSource,
        draft: PackDraft,
        pack: dict[str, Any],
        wording: Wording,
    ) -> Paper:
        """Return the paper of a pack whose figures are computed."""
        say, root, request = wording.say, source.root, source.request
        sealed = wording.instant(root.sealed_at)
        period = Phrase("{0} to {1}", wording.day(request.first), wording.day(request.last))
        facts = [
            (Phrase("For"), draft.recipient),
            (Phrase("From"), isolate_name(source.operator.row.name)),
            (Phrase("Period"), say(period)),
            (Phrase("As of"),
             say(Phrase("root {0} of the ledger, signed on {1}", root.number, sealed))),
            (Phrase("Times"), say(Phrase("those of {0}", wording.zone_name))),
        ]  # fmt: skip
        if source.operator.row.synthetic:
            facts.append((Phrase("Data"), say(Phrase("made up for trials"))))
        content = {
            "language": wording.language,
            "title": say(title),
            "author": source.operator.row.name,
            "year": root.sealed_at.year,
            "month": root.sealed_at.month,
            "day": root.sealed_at.day,
            "facts": [[say(name), value] for name, value in facts],
            "tables": [
                _lay_out(table, wording)
                for table in (
                    _tabulate_figures(pack, wording),
                    *draft.tables,
                    _tabulate_late(pack, draft, source, wording),
                )
            ],
            "check": _describe_check(pack, request.file_name, wording),
            "page": say(Phrase("page")),
            "attachments": say(Phrase("Inside this file: {0}", ", ".join(
                ["pack.json", *(row["name"] for row in pack["documents"])]
            ))),
        }  # fmt: skip
        return cls(content, int(root.sealed_at.timestamp()))


def _tabulate_figures(pack: dict[str, Any], wording: Wording) -> PaperTable:
    say = wording.say
    rows = [
        (
            one[wording.language],
            wording.value(one["value"], one["unit"]),
            _describe_origin(one, say, wording),
        )
        for one in pack["statements"]
    ]
    return PaperTable(
        Phrase("Figures"),
        (Phrase("Figure"), Phrase("Value"), Phrase("Entries")),
        tuple(rows),
        Phrase("There is no figure."),
    )


def _describe_origin(one: dict[str, Any], say: Any, wording: Wording) -> str:
    if one["how"] == "document":
        return str(one["document"])
    if one["how"] == _NOT_COMPUTED:
        return str(say(Phrase("stated by the operator")))
    of = one["of"]
    if not of:
        return str(say(Phrase("no entry")))
    if len(of) <= 4:
        found = say(Phrase("no. {0}", ", ".join(map(str, of))))
    else:
        count = wording.number(len(of))
        found = say(Phrase("{0} entries, {1} to {2}", count, str(of[0]), str(of[-1])))
    if not one["late"]:
        return str(found)
    return f"{found}; {say(Phrase('recorded late: {0}', wording.number(one['late'])))}"


def _tabulate_late(
    pack: dict[str, Any], draft: PackDraft, source: PackSource, wording: Wording
) -> PaperTable:
    """Return the entries that were recorded late, each with when it happened and was recorded."""
    late = [
        one for one, proved in zip(draft.records, pack["entries"], strict=True)
        if verify.late_minutes(proved, pack)
    ]  # fmt: skip
    rows = tuple(
        (
            wording.say(Phrase(KINDS[one.kind].label)) if one.kind in KINDS else one.kind,
            source.name_site(one.site) if one.site else "",
            _describe_happening(one, wording),
            wording.instant(datetime.fromisoformat(one.content["recorded_at"])),
            str(one.seq),
        )
        for one in late
    )
    return PaperTable(
        Phrase(
            "Recorded late: more than {0} minutes after it happened, or after the end of its day",
            verify.LATE_MINUTES,
        ),
        (
            Phrase("What"), Phrase("Where"), Phrase("When"), Phrase("Recorded"), Phrase("Entry"),
        ),
        rows,
        Phrase("No entry was recorded late."),
    )  # fmt: skip


def _describe_happening(one: EvidenceRecord, wording: Wording) -> str:
    """Return when something happened, or was seen, or the day that it is about."""
    if isinstance(day := one.body.get("day"), str):
        return wording.day(date.fromisoformat(day))
    seen = one.body.get("seen_at")
    return wording.instant(datetime.fromisoformat(seen) if isinstance(seen, str) else one.at)


def _lay_out(table: PaperTable, wording: Wording) -> dict[str, Any]:
    say, rows = wording.say, table.rows
    rest = len(rows) - MOST_ROWS
    note = say(Phrase("{0} more rows stand in pack.json", wording.number(rest))) if rest > 0 else ""
    return {
        "heading": say(table.heading),
        "columns": [say(name) for name in table.columns],
        "wide": table.wide,
        "rows": [list(row) for row in rows[:MOST_ROWS]],
        "note": note if rows else say(table.empty),
    }


def _describe_check(pack: dict[str, Any], name: str, wording: Wording) -> dict[str, Any]:
    say, root = wording.say, pack["root"]
    lines = pack["checkpoint"].partition("\n\n")[2].splitlines()
    witnesses = [line.split(" ")[1] for line in lines[1:]]  # the first line is our own
    flag = " --lang fr" if wording.french else ""
    return {
        "heading": say(Phrase("How to verify this pack")),
        "steps": [
            say(Phrase(
                "Take verify.py, one file that needs Python 3.9 or newer and nothing else, and the"
                " ledger’s public key from where the operator publishes it, not from this file."
            )),
            say(Phrase(
                "The wheel and the source of Relève {0} hold the same verify.py, in"
                " releve/evidence. Wherever you take it, compare its SHA-256 with the one below,"
                " and with the one that the operator’s desk shows beside it.",
                pack["made_with"]["releve"],
            )),
            say(Phrase(
                "Put this file and its note, {0}, which came with it, into one folder, and run,"
                " with that key in place of PUBLICKEY:", f"{name}.note",
            )),
            say(Phrase(
                "It compares the file with the note, byte for byte, then computes each figure again"
                " from the entries inside and shows that each entry was under the signed root."
                " Compare the figures that it prints with those on these pages. Where bytes were"
                " added after issue, such as a signature, it says how many, and nothing more of"
                " them."
            )),
            *([say(Phrase(
                "Witnesses outside cosigned the root. For those that you trust, add --witness with"
                " the verifier key that each publishes, --origin with the name under which they"
                " know this ledger, and --quorum with how many are enough."
            ))] if witnesses else []),
            *([say(Phrase(
                "Of the kinds of entries that it names as complete, it shows that none was left"
                " out, apart from entries that it counts under names not shown: each root ends with"
                " a tally of the entries before it."
            ))] if pack["selections"] else []),
            say(Phrase(
                "If you were sent a root of this ledger earlier, add --root and its file: any root"
                " up to root {0} shows that the history was not rewritten since.", root["number"]
            )),
        ],
        "command": f"python verify.py {name} --key PUBLICKEY{flag}",
        "limits": say(Phrase(
            "This proves that what is recorded was recorded before the root was signed, and was"
            " not changed since. It does not prove that all that happened was recorded."
        )),
        "root": [
            [say(Phrase("Root")), f"{root['number']}"],
            [say(Phrase("Entries under it")), wording.number(root["size"])],
            [say(Phrase("Hash of its tree")), root["tree"]],
            [say(Phrase("Public key")), root["key"]],
            ["verify.py, SHA-256", pack["made_with"]["verifier_sha256"]],
            *([[say(Phrase("Cosigned by")), ", ".join(witnesses)]] if witnesses else []),
        ],
    }  # fmt: skip


def typeset(paper: Paper, attachments: Sequence[Attachment]) -> bytes:
    """Return the PDF of a paper; PackError where typst refuses it."""
    names = [one.name for one in attachments]
    inputs = {
        "paper": json.dumps(paper.content, ensure_ascii=False),
        "attached": json.dumps(names),
        **{
            f"file-{name}": one.content.decode()
            for name, one in zip(names, attachments, strict=True)
        },
    }
    try:
        found: bytes = typst.compile(
            _TEMPLATE.read_bytes(),
            format="pdf",
            font_paths=[str(_font_folder())],
            ignore_system_fonts=True,
            pdf_standards=[_STANDARD],
            sys_inputs=inputs,
            timestamp=paper.timestamp,
        )
    except RuntimeError as error:
        raise PackError(f"typst cannot set the paper: {error}") from error
    return found


def _font_folder() -> Path:
    """Return the folder of the Arabic font; the others are part of typst."""
    folder = Path(amiri.ROOT) / "files"
    if not any(folder.glob("*.ttf")):
        raise PackError(f"the font of Arabic letters is missing in {folder}: reinstall it")
    return folder


@cache
def describe_tools() -> dict[str, str]:
    """Return what makes the paper, by which another make can tell why bytes differ."""
    fonts = hashlib.sha256()
    for path in sorted(_font_folder().glob("*.ttf")):
        fonts.update(path.read_bytes())
    return {
        "fonts_sha256": fonts.hexdigest(),
        "template_sha256": hashlib.sha256(_TEMPLATE.read_bytes()).hexdigest(),
        "typst": version("typst"),
        "verifier_sha256": load_verifier().sha256,
    }
