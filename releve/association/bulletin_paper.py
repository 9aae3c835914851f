"""The bulletin on paper: PDF/A-3 of the packs' kind, with its JSON inside; the same bytes again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from releve.association.models import DayBulletin, MonthlyDesign
from releve.association.rules import find_publication
from releve.errors import Phrase
from releve.evidence.language import Wording
from releve.evidence.paper import Attachment, Paper, typeset
from releve.ledger.digests import parse_canonical
from releve.sector import (
    ALL,
    TOTAL,
    Bulletin,
    BulletinCell,
    BulletinDesign,
    list_cells,
    parse_bulletin,
    parse_design,
)

__all__ = ["GROUPS", "LABELS", "name_group", "print_bulletin"]

LABELS: Mapping[str, Phrase] = {
    "agents_on_site": Phrase("Agents on site"),
    "agents_at_home": Phrase("Agents at home"),
    "sites_open": Phrase("Sites open"),
    "sites_closed": Phrase("Sites closed"),
    "relief_spare": Phrase("Agents that could help others"),
    "relief_wanted": Phrase("Agents asked of others"),
    "calls_offered": Phrase("Calls offered"),
    "calls_answered": Phrase("Calls answered"),
}
"""Measure -> its name."""
GROUPS: Mapping[str, Phrase] = {
    ALL: Phrase("Whole sector"),
    TOTAL: Phrase("Total"),
    "other": Phrase("Other destinations"),
}
"""Group -> its name, where it is not a destination of its own."""


def name_group(group: str) -> str:
    """Return the name of a group: a phrase, or the code of the country."""
    return GROUPS.get(group, group)


def print_bulletin(row: DayBulletin, language: str) -> bytes:
    """Return the PDF of a bulletin in French (``fr``) or English (``en``)."""
    bulletin = parse_bulletin(row.text)
    design = parse_design(MonthlyDesign.objects.get(digest=bulletin.design).text)
    wording = Wording(language, design.rule.time_zone)
    due = find_publication(bulletin.day, design.rule)
    paper = Paper(_compose(bulletin, design, row, wording), int(due.timestamp()))
    return typeset(paper, [Attachment("bulletin.json", bulletin.text.encode())])


def _compose(
    bulletin: Bulletin, design: BulletinDesign, row: DayBulletin, wording: Wording
) -> dict[str, object]:
    say = wording.say
    due = bulletin.day + timedelta(days=1)
    title = say(Phrase("Bulletin of the sector, {0}", wording.day(bulletin.day)))
    rule = design.rule.disclosure
    facts = [
        (Phrase("Association"), bulletin.association),
        (Phrase("Day"), wording.day(bulletin.day)),
        (Phrase("Appeared on"), wording.instant(find_publication(bulletin.day, design.rule))),
        (Phrase("Contributions"), say(Phrase("{0} of {1} members", len(bulletin.contributions),
                                             bulletin.members))),
        (Phrase("Rounded to"), wording.number(rule.rounding)),
    ]  # fmt: skip
    return {
        "language": wording.language,
        "title": title,
        "author": bulletin.association,
        "year": due.year,
        "month": due.month,
        "day": due.day,
        "facts": [[say(name), value] for name, value in facts],
        "tables": [
            _lay_out_cells(bulletin, design, wording),
            *_lay_out_corrections(bulletin, wording),
        ],
        "check": _describe_check(bulletin, row, wording),
        "page": say(Phrase("page")),
        "attachments": say(Phrase("Inside this file: {0}", "bulletin.json")),
    }


def _lay_out_cells(
    bulletin: Bulletin, design: BulletinDesign, wording: Wording
) -> dict[str, object]:
    say = wording.say
    rows = [
        [
            say(LABELS[measure]),
            _word_value(bulletin.find_cell(measure, group), wording),
            say(name_group(group)),
        ]
        for measure, group in list_cells(design)
    ]
    return {
        "wide": 0,
        "heading": say(Phrase("Figures")),
        "columns": [say(Phrase("Figure")), say(Phrase("Value")), say(Phrase("Destination"))],
        "rows": rows,
        "note": say(Phrase(
            "A figure is hidden where a member could be read in it, alone or beside the other"
            " figures and the bulletins before. It is not reported where no member sent it, or too"
            " few sent a zero."
        )),
    }  # fmt: skip


def _word_value(cell: BulletinCell | None, wording: Wording) -> str:
    if cell is None:
        return wording.say(Phrase("not reported"))
    if cell.value is None:
        return wording.say(Phrase("hidden"))
    return wording.number(cell.value)


def _lay_out_corrections(bulletin: Bulletin, wording: Wording) -> list[dict[str, object]]:
    say = wording.say
    tables: list[dict[str, object]] = []
    for one in bulletin.corrections:
        note = say(Phrase(
            "{0} contributions corrected this day.", len(one.contributions)
        ))  # fmt: skip
        if not one.cells:
            note += " " + say(Phrase(
                "The new figures are not shown: a member could be read in the difference."
            ))  # fmt: skip
        tables.append({
            "wide": 0,
            "heading": say(Phrase("Correction of {0}", wording.day(one.day))),
            "columns": [say(Phrase("Figure")), say(Phrase("Value")), say(Phrase("Destination"))],
            "rows": [
                [say(LABELS[cell.measure]), _word_value(cell, wording),
                 say(name_group(cell.group))]
                for cell in one.cells
            ],
            "note": note,
        })  # fmt: skip
    return tables


def _describe_check(bulletin: Bulletin, row: DayBulletin, wording: Wording) -> dict[str, object]:
    say = wording.say
    proof = parse_canonical(row.proof)["root"] if row.proof else {}
    return {
        "heading": say(Phrase("How a member verifies this bulletin")),
        "steps": [
            say(Phrase("Take the signed bulletin from the clerk, not from this file.")),
            say(Phrase("Give it to the member’s own installation:")),
            say(Phrase(
                "It checks the clerk’s signature, that the digest of the own contribution is in,"
                " and that the day was closed once, with the whole panel."
            )),
            say(Phrase("Compare the figures with those on these pages.")),
        ],
        "command": "releve sector contribute check bulletin.json",
        "limits": say(Phrase(
            "This proves which contributions the figures were made of. It does not prove that what"
            " a member contributed is right."
        )),
        "root": [
            [say(Phrase("Digest")), bulletin.digest],
            [say(Phrase("Design of the month")), bulletin.design],
            [say(Phrase("Closing")), row.closing],
            [say(Phrase("Root")), str(proof.get("number", "–"))],
        ],
    }  # fmt: skip
