"""The paper of a pack: PDF/A-3 typeset by typst, with its tables of closures and outages.

Fonts come with packages. System fonts, the clock and the time zone of the machine are not used, so
the same paper is the same bytes everywhere; other versions of typst give other bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from releve.errors import BilingualPhrase, Phrase
from releve.extras import LazyModule
from releve.ledger import verify
from releve.ledger.account_names import ACCOUNT_PREFIX
from releve.ledger.own_ledger import load_verifier
from releve.live.api import LIVE
from releve.live.current_rules import load_installed_rules
from releve.network.cell_text import isolate_name
from releve.plugins.evidence.language import Wording
from releve.plugins.evidence.records import EvidenceRecord, PackError, Statement
from releve.plugins.evidence.sources import FigureOf, PackDraft, PackSource, PaperTable, Passage
from releve.situation import KINDS, ReopeningRule

typst: Any = LazyModule("typst")
amiri: Any = LazyModule("fontpkg_amiri")
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
        cls, title: Phrase, source: PackSource, draft: PackDraft, pack: dict[str, Any], wording: Wording
    ) -> Paper:
        """Return the paper of a pack whose figures are computed."""
        say, root, request = wording.say, source.root, source.request
        sealed = wording.instant(root.sealed_at)
        period = Phrase("{0} to {1}", wording.day(request.first), wording.day(request.last))
        facts = [
            (Phrase("Incident") if request.kind == "incident" else Phrase("For"), draft.recipient),
            (Phrase("From"), isolate_name(source.operator.row.name)),
            (Phrase("Period"), say(period)),
            (Phrase("As of"), say(Phrase("root {0} of the ledger, signed on {1}", root.number, sealed))),
            (Phrase("Times"), say(Phrase("those of {0}", wording.zone_name))),
        ]
        if source.until is not None:
            facts.insert(3, (Phrase("Until"), say(_describe_until(source.until, wording))))
        if source.stream != LIVE:
            title = Phrase("Drill: {0}", title)
            facts.insert(0, (Phrase("Drill"), say(Phrase("nothing of it happened; times are of the drill’s clock"))))
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
            "passages": [_tell(passage, pack, wording) for passage in draft.passages],
            "tables": [
                _lay_out(table, wording)
                for table in (
                    *(draft.tables if draft.passages else ()),
                    _tabulate_figures(pack, wording),
                    *(() if draft.passages else draft.tables),
                    _tabulate_late(pack, draft, source, wording),
                )
            ],
            "check": _describe_check(pack, request.file_name, wording),
            "page": say(Phrase("page")),
            "attachments": say(
                Phrase("Inside this file: {0}", ", ".join(["pack.json", *(row["name"] for row in pack["documents"])]))
            ),
        }
        return cls(content, int(root.sealed_at.timestamp()))


def _describe_until(until: datetime, wording: Wording) -> Phrase:
    return Phrase(
        "{0}, when its root was signed. The last day was not over: what followed is not in this pack.",
        wording.instant(until),
    )


def _tell(passage: Passage, pack: dict[str, Any], wording: Wording) -> dict[str, Any]:
    """Return a passage with the figures that its sentences name."""
    figures = {one["id"]: wording.value(one["value"], one["unit"]) for one in pack["statements"]}
    return {
        "heading": wording.say(passage.heading),
        "sentences": [
            wording.say(
                sentence.with_params(
                    *(figures[one.id] if isinstance(one, FigureOf) else one for one in sentence.params)
                )
            )
            for sentence in passage.sentences
        ],
    }


def _tabulate_figures(pack: dict[str, Any], wording: Wording) -> PaperTable:
    say = wording.say
    rows = [
        (one[wording.language], wording.value(one["value"], one["unit"]), _describe_origin(one, say, wording))
        for one in pack["statements"]
    ]
    return PaperTable(
        Phrase("Figures"),
        (Phrase("Figure"), Phrase("Value"), Phrase("Entries")),
        tuple(rows),
        Phrase("There is no figure."),
    )


def _describe_origin(one: dict[str, Any], say: Any, wording: Wording) -> str:
    if one["document"]:
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


def _tabulate_late(pack: dict[str, Any], draft: PackDraft, source: PackSource, wording: Wording) -> PaperTable:
    """Return the entries that were recorded late, each with when it happened and was recorded."""
    late = [
        one for one, proved in zip(draft.records, pack["entries"], strict=True) if verify.late_minutes(proved, pack)
    ]
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
            "Recorded late: more than {0} minutes after it happened, or after the end of its day", verify.LATE_MINUTES
        ),
        (Phrase("What"), Phrase("Where"), Phrase("When"), Phrase("Recorded"), Phrase("Entry")),
        rows,
        Phrase("No entry was recorded late."),
    )


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
                " releve/ledger. Wherever you take it, compare its SHA-256 with the one"
                " below, and with the one that the operator’s desk shows beside it.",
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
        **{f"file-{name}": one.content.decode() for name, one in zip(names, attachments, strict=True)},
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


CLOSURE_KINDS = ("site.closed", "closure.extended", "reopening.checked", "reopening.approved", "site.reopened")
OUTAGE_KINDS = ("link.down", "link.up", "power.down", "power.up")
_CAUSES: Mapping[str, Phrase] = {
    "rule": Phrase("by a rule"),
    "authority": Phrase("by an authority"),
    "hazard": Phrase("by a hazard"),
    "operator": Phrase("by the operator"),
}
_WORDS: Mapping[str, Phrase] = {
    "site.closed": Phrase("Site closed"),
    "closure.extended": Phrase("Closure extended"),
    "reopening.checked": Phrase("Item of the reopening checked"),
    "reopening.approved": Phrase("Reopening approved"),
    "site.reopened": Phrase("Site reopened"),
    "link.down": Phrase("Link down"),
    "link.up": Phrase("Link up"),
    "power.down": Phrase("Power down"),
    "power.up": Phrase("Power up"),
}


@dataclass(frozen=True, slots=True)
class ClosureSpan:
    """A closure with its reopening, None while it lasts."""

    closed: EvidenceRecord
    reopened: EvidenceRecord | None

    def overlaps(self, source: PackSource) -> bool:
        over = self.reopened is not None and self.reopened.at <= source.start
        return self.closed.at < source.end and not over


def is_of_sites(one: EvidenceRecord, sites: Collection[str]) -> bool:
    """Return whether an entry is about one of some sites, or about no site (a carrier)."""
    return not one.site or one.site in sites


def name_event(kind: str) -> Phrase:
    """Return what an event of a closure or an outage says happened."""
    return _WORDS[kind]


def name_measure(measure: str, day: date) -> Phrase:
    """Return what a measure asks, by the charter of a day; its id where that has none of it."""
    charter = load_installed_rules().charter(day)
    found = charter.measure.get(measure) if charter is not None else None
    return BilingualPhrase(*((found.text, found.text_fr) if found else (measure, measure)))


def _name_item(item: str, day: date) -> Phrase:
    """Return what an item of the reopening asks; its id where no rule has it.

    A rule in force on the day comes first, one that began later last.
    """
    rules = load_installed_rules()
    rows = sorted((*rules.rows, *rules.offered), key=lambda row: (not row.holds_on(day), row.valid_from > day))
    asked = (row.parameters for row in rows)
    items = (one for row in asked if isinstance(row, ReopeningRule) for one in row.checklist)
    found = next((one for one in items if one.id == item), None)
    return BilingualPhrase(*((found.text, found.text_fr) if found else (item, item)))


def find_closures(records: Sequence[EvidenceRecord]) -> list[ClosureSpan]:
    """Return the closures that some entries tell of, in order; corrected ones do not count."""
    gone = {one.body.get("corrects") for one in records if one.kind == "event.corrected"}
    begun: dict[str, EvidenceRecord] = {}
    found: list[ClosureSpan] = []
    for one in sorted(records, key=lambda row: (row.at, row.seq)):
        if one.id in gone:
            continue
        if one.kind == "site.closed":
            begun.setdefault(one.site, one)
        elif one.kind == "site.reopened" and one.site in begun:
            found.append(ClosureSpan(begun.pop(one.site), one))
    found += [ClosureSpan(one, None) for one in begun.values()]
    return sorted(found, key=lambda span: (span.closed.at, span.closed.seq))


def state_closures(source: PackSource, closures: Sequence[ClosureSpan]) -> Iterator[Statement]:
    """Yield how many closures began in the period, and how long each that ended lasted."""
    yield Statement("closures", "count", Phrase("Closures of sites that began in the period"), kinds=("site.closed",))
    for span in closures:
        if span.reopened is not None:
            yield Statement(
                f"closure-{span.closed.seq}",
                "span",
                Phrase("{0}: time from the closure to the reopening", source.name_site(span.closed.site)),
                unit="min",
                path="happened_at",
                of=(span.closed.seq, span.reopened.seq),
            )
    yield Statement(
        "outages",
        "count",
        Phrase("Outages of links and power that began in the period"),
        kinds=("link.down", "power.down"),
    )


def describe_happenings(source: PackSource, records: Sequence[EvidenceRecord], wording: Wording) -> PaperTable:
    """Return the table of closures and outages, each with who decided and its entry."""
    corrections = {one.body.get("corrects"): one for one in records if one.kind == "event.corrected"}
    rows = [
        (
            wording.instant(one.at),
            wording.say(_WORDS[one.kind]),
            source.name_site(one.site) if one.site else str(one.body.get("carrier", "")),
            describe_decision(one, wording) + _describe_correction(corrections.get(one.id), wording),
            str(one.seq),
        )
        for one in sorted(records, key=lambda row: (row.at, row.seq))
        if one.kind in _WORDS
    ]
    return PaperTable(
        Phrase("What happened, and who decided"),
        (Phrase("When"), Phrase("What"), Phrase("Where"), Phrase("Decision"), Phrase("Entry")),
        tuple(rows),
        Phrase("No closure and no outage is recorded in the period."),
        wide=3,
    )


def _describe_correction(one: EvidenceRecord | None, wording: Wording) -> str:
    """Return when, by whom and why an entry was corrected, in brackets; empty where it was not."""
    if one is None:
        return ""
    who = describe_actor(one, wording) or wording.say(Phrase("a rule"))
    said = Phrase("corrected on {0} by {1}, because: {2}", wording.instant(one.at), who, str(one.body["reason"]) or "–")
    return f" ({wording.say(said)})"


def describe_actor(one: EvidenceRecord, wording: Wording) -> str:
    """Return the person who recorded an entry; empty for a rule."""
    return name_account(str(one.body.get("actor", "")), wording)


def name_account(actor: str, wording: Wording) -> str:
    """Return an account as packs write it, by its pseudonym; empty for a rule."""
    if actor.startswith(ACCOUNT_PREFIX):
        return wording.say(Phrase("account {0}", actor.removeprefix(ACCOUNT_PREFIX)))
    return "" if actor.startswith("rule:") else actor


def describe_decision(one: EvidenceRecord, wording: Wording) -> str:
    body = one.body
    cause = _CAUSES.get(str(body.get("cause", "")))
    parts = [wording.say(cause)] if cause else []
    parts += [str(body[name]) for name in ("rule", "authority", "reference") if body.get(name)]
    if body.get("item"):
        parts.append(wording.say(_name_item(str(body["item"]), one.at.date())).rstrip("."))
    parts += [found for found in (describe_actor(one, wording),) if found]
    return ", ".join(parts)
