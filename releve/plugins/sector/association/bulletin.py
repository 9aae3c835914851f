"""Bulletins and contributions as members and the clerk see them, on paper and as files; drafts.

The paper is PDF/A-3 like the packs, with its JSON inside; the same bytes again. Offers and requests
are drafted from the plan in force, for a person to check and send.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from releve.demand.requirement import INTERVAL
from releve.errors import Phrase
from releve.files.atomic import write_file
from releve.ledger.digests import parse_canonical
from releve.live import api as live
from releve.live.plans import DayPlan, read_settings
from releve.network import day_bounds
from releve.plan import Contingency
from releve.plan.spare import count_spare, find_spare
from releve.plugins.evidence.language import Wording
from releve.plugins.evidence.paper import Attachment, Paper, typeset
from releve.plugins.sector.association.clerk import MemberState, list_due_days, list_states, wrap_bulletin
from releve.plugins.sector.association.figures import find_last_day, find_publication, load_shipped_bulletin_rules
from releve.plugins.sector.association.gate_member import load_gate, prepare_request
from releve.plugins.sector.association.gates import list_failed_gates
from releve.plugins.sector.association.membership import (
    find_due_day,
    find_membership,
    require_membership,
    wrap_contribution,
)
from releve.plugins.sector.association.models import DayBulletin, MonthlyDesign, OwnContribution, OwnOrder
from releve.plugins.sector.engine.bulletin import (
    TOTAL,
    Bulletin,
    BulletinCell,
    list_cells,
    parse_bulletin,
    write_bulletin_csv,
)
from releve.plugins.sector.engine.contribution import ALL, parse_contribution
from releve.plugins.sector.engine.gate_orders import GateNotice
from releve.plugins.sector.engine.needs import (
    ClientTerms,
    ReliefPackage,
    Row,
    SectorError,
    SectorOffer,
    SectorRequest,
    build_offers,
    build_requests,
    number_half_hours,
    read_terms,
)
from releve.plugins.sector.engine.panel import BulletinDesign, find_rule, parse_design

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


def _compose(bulletin: Bulletin, design: BulletinDesign, row: DayBulletin, wording: Wording) -> dict[str, object]:
    say = wording.say
    due = bulletin.day + timedelta(days=1)
    title = say(Phrase("Bulletin of the sector, {0}", wording.day(bulletin.day)))
    rule = design.rule.disclosure
    facts = [
        (Phrase("Association"), bulletin.association),
        (Phrase("Day"), wording.day(bulletin.day)),
        (Phrase("Appeared on"), wording.instant(find_publication(bulletin.day, design.rule))),
        (Phrase("Contributions"), say(Phrase("{0} of {1} members", len(bulletin.contributions), bulletin.members))),
        (Phrase("Rounded to"), wording.number(rule.rounding)),
    ]
    return {
        "language": wording.language,
        "title": title,
        "author": bulletin.association,
        "year": due.year,
        "month": due.month,
        "day": due.day,
        "facts": [[say(name), value] for name, value in facts],
        "tables": [_lay_out_cells(bulletin, design, wording), *_lay_out_corrections(bulletin, wording)],
        "check": _describe_check(bulletin, row, wording),
        "page": say(Phrase("page")),
        "attachments": say(Phrase("Inside this file: {0}", "bulletin.json")),
    }


def _lay_out_cells(bulletin: Bulletin, design: BulletinDesign, wording: Wording) -> dict[str, object]:
    say = wording.say
    rows = [
        [say(LABELS[measure]), _word_value(bulletin.find_cell(measure, group), wording), say(name_group(group))]
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
        note = say(Phrase("{0} contributions corrected this day.", len(one.contributions)))
        if not one.cells:
            note += " " + say(Phrase("The new figures are not shown: a member could be read in the difference."))
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


_SHOWN_DAYS = 31


@dataclass(frozen=True, slots=True)
class FigureCell:
    """A figure and its destination; ``state``: stated, hidden or not_reported."""

    measure: str
    group: str
    value: int | None
    state: str = "stated"


@dataclass(frozen=True, slots=True)
class BulletinSummary:
    """A bulletin: its day, how many of the members contributed, its cells."""

    day: date
    contributions: int
    members: int
    cells: tuple[FigureCell, ...]


@dataclass(frozen=True, slots=True)
class SentContribution:
    """A contribution that was sent; ``found``: in its bulletin, absent, second (two bulletins
    came), or empty (not out yet)."""

    day: date
    found: str
    digest: str


@dataclass(frozen=True, slots=True)
class MemberContribution:
    """A member's part: the day to contribute for, and what would go out, to the byte.

    ``on``: it is sent every day; ``panel``: members of the month's design, 0 before it has come;
    no ``figures`` of a masked contribution; ``by_file``: the clerk has no address.
    """

    association: str
    member: str
    on: bool
    masked: bool
    panel: int
    due: date | None
    figures: tuple[FigureCell, ...]
    content: str
    digest: str
    by_file: bool
    sent: tuple[SentContribution, ...]
    bulletin: BulletinSummary | None


@dataclass(frozen=True, slots=True)
class FailedClearing:
    """A closed clearing whose computation failed, when and why; it is tried again by itself."""

    gate: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ClerkDay:
    """A day at the clerk's; ``due``: its bulletin may appear now; ``design``: digest of the month's
    design; ``time_zone``: of the association; ``failed``: clearings that could not be computed."""

    day: date
    due: bool
    appears_at: datetime
    published: bool
    members: tuple[MemberState, ...]
    bulletins: tuple[BulletinSummary, ...]
    design: str
    time_zone: str
    failed: tuple[FailedClearing, ...]


def describe_contribution(now: datetime) -> MemberContribution | None:
    """Return a member's part; None where the operator is a member of no association."""
    membership = find_membership()
    if membership is None:
        return None
    due = find_due_day(now)
    row = None if due is None else OwnContribution.objects.filter(day=due, sent_at=None).first()
    found = MonthlyDesign.objects.filter(month=f"{find_last_day(now):%Y-%m}").first()
    design = None if found is None else parse_design(found.text)
    sent = OwnContribution.objects.exclude(sent_at=None).order_by("-day", "-pk")[:_SHOWN_DAYS]
    return MemberContribution(
        association=membership.association,
        member=membership.member,
        on=membership.sends_since is not None,
        masked=design is not None and design.mode == "masked",
        panel=0 if design is None else len(design.members),
        due=due,
        figures=() if row is None else _list_figures(row),
        content="" if row is None else wrap_contribution(row).content.decode(),
        digest="" if row is None else row.digest,
        by_file=not membership.clerk_url,
        sent=tuple(SentContribution(one.day, one.found, one.digest) for one in sent),
        bulletin=next(_list_bulletins(1), None),
    )


def describe_clerk_day(day: date | None, now: datetime) -> ClerkDay:
    """Return a day at the clerk's; without one, that which is due, else the last that is over."""
    due = list_due_days(now)
    rule = find_rule(load_shipped_bulletin_rules(), now.date())
    day = day or (due[0] if due else find_last_day(now))
    design = MonthlyDesign.objects.filter(month=f"{day:%Y-%m}").first()
    return ClerkDay(
        day=day,
        due=day in due,
        appears_at=find_publication(day, rule),
        published=DayBulletin.objects.filter(day=day).exists(),
        members=tuple(list_states(day)),
        bulletins=tuple(_list_bulletins(_SHOWN_DAYS)),
        design="" if design is None else design.digest,
        time_zone=rule.time_zone,
        failed=tuple(
            FailedClearing(row.name, row.failed_at, row.failure)
            for row in list_failed_gates()
            if row.failed_at is not None
        ),
    )


def _list_figures(row: OwnContribution) -> tuple[FigureCell, ...]:
    """Return the figures of a plain contribution, in the order of the bulletin."""
    sent, order = parse_contribution(row.text), list(LABELS)
    figures = () if sent.masked else sent.figures.items()
    found = sorted(figures, key=lambda one: (order.index(one[0][0]), one[0][1]))
    return tuple(FigureCell(measure, group, count) for (measure, group), count in found)


def _list_bulletins(most: int) -> Iterator[BulletinSummary]:
    rows = list(DayBulletin.objects.order_by("-day")[:most])
    months = {f"{row.day:%Y-%m}" for row in rows}
    found = MonthlyDesign.objects.filter(month__in=months)
    designs = {row.month: parse_design(row.text) for row in found}
    for row in rows:
        yield _summarise_bulletin(row, designs[f"{row.day:%Y-%m}"])


def _summarise_bulletin(row: DayBulletin, design: BulletinDesign) -> BulletinSummary:
    bulletin, cells = parse_bulletin(row.text), []
    for measure, group in list_cells(design):
        cell = bulletin.find_cell(measure, group)
        value = None if cell is None else cell.value
        state = "not_reported" if cell is None else "hidden" if value is None else "stated"
        cells.append(FigureCell(measure, group, value, state))
    return BulletinSummary(row.day, len(bulletin.contributions), bulletin.members, tuple(cells))


def load_planned_day(day: date) -> DayPlan:
    """Return a day of the plan in force; SectorError where it has not the day."""
    found = live.list_days_in_force(day, day).get(day)
    if found is None:
        raise SectorError(Phrase("no plan in force has {0}: put one in force first", day))
    return found.load()


def list_planned_contingencies(day: date) -> tuple[Contingency, ...]:
    """Return the losses that the plan in force has a relief for on a day; none without the day."""
    try:
        return load_planned_day(day).plan.contingencies
    except SectorError:
        return ()


def draft_offers(
    notice: GateNotice, packages: Sequence[ReliefPackage], now: datetime
) -> tuple[tuple[SectorOffer, ...], tuple[tuple[str, str], ...]]:
    """Return what the plan in force can spare at a gate, and (skill, destination) without package.

    Half hours that are over are left out. SectorError without a plan of the day, or for a package
    that is out of date.
    """
    found = load_planned_day(notice.day)
    plan = found.plan
    half_hours = number_half_hours(plan.starts, notice.day, notice.time_zone)
    spare = find_spare(found.operator, plan, found.need, read_settings(plan))
    counts = {
        key: {half_hours[t]: count for t, count in by_time.items() if t in half_hours}
        for key, by_time in count_spare(spare.agents).items()
    }
    member = require_membership().member
    return build_offers(packages, member, counts, _number_now(notice, now), notice.day)


def draft_requests(
    notice: GateNotice, contingency: str, terms: Mapping[str, ClientTerms], now: datetime
) -> tuple[tuple[SectorRequest, ...], frozenset[tuple[str, str, str]]]:
    """Return what the plan in force lacks under a contingency, and whom its clients approve.

    SectorError without a plan of the day, or without the contingency.
    """
    found = load_planned_day(notice.day)
    return build_requests(
        found.operator, found.plan, contingency, terms, asker=require_membership().member,
        half_hours=number_half_hours(found.plan.starts, notice.day, notice.time_zone),
        asked_at=_number_now(notice, now),
    )  # fmt: skip


def prepare_relief_request(
    gate: str, contingency: str, tables: tuple[Iterable[Row], Iterable[Row], Iterable[Row]], now: datetime
) -> OwnOrder:
    """Store a request for what the plan in force lacks; it names no client, and is not sent yet.

    ``tables``: the clients' ceilings, approvals and exclusions. SectorError names what is wrong in
    them, and where there is no plan of the day or no such contingency.
    """
    notice = load_gate(gate)
    terms = read_terms(*tables, notice.day)
    return prepare_request(gate, *draft_requests(notice, contingency, terms, now), now)


def _number_now(notice: GateNotice, now: datetime) -> int:
    """Return the half hour of the sector's day that runs when the gate has been cleared."""
    first, last = day_bounds(notice.day, notice.time_zone)
    ready = max(now, notice.opens_until, first)
    return int((min(ready, last) - first) // INTERVAL)


def write_bulletin_files(row: DayBulletin, folder: Path, language: str) -> list[Path]:
    name = f"bulletin-{row.day}"
    files: dict[str, str | bytes] = {
        f"{name}.json": wrap_bulletin(row).content,
        f"{name}.csv": write_bulletin_csv(parse_bulletin(row.text)),
        f"{name}.pdf": print_bulletin(row, language),
        f"{name}.checkpoint.txt": row.checkpoint,
        f"{name}.proof.json": row.proof,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        write_file(folder / file, content)
    return [folder / file for file in files]
