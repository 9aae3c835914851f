"""A day of draws: sites and how likely each is, visits and findings, tests and what they can find.

Who is tested among those present: zones are strata, the order is by lot. The list of those present
holds a zone and a salted commitment each; its hash and length are recorded before the seed is
known. The list is erased on its date, and the hash then says nothing of any person.

Tests draw without replacement: the carriers among those tested follow the hypergeometric law, and
each is found with the test's sensitivity. Exact, in fractions.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from math import comb

from releve.network import Operator
from releve.situation.draw_chains import DrawError, compute_probabilities, hash_plan
from releve.situation.draws import DrawPlan
from releve.situation.events_audit import PARTIES, FrameUnit
from releve.situation.events_control import InspectionHeld
from releve.situation.lateness import find_late_record
from releve.situation.refusal import to_local_day
from releve.situation.situation import Situation

PERSON_TAG = b"releve draw person 1\n"
PRESENT_TAG = b"releve draw present 1\n"


def commit_person(agent: str, salt: bytes) -> str:
    """Return the commitment to a pseudonym, 64 hex digits; ``salt`` is 32 random bytes."""
    return hashlib.sha256(PERSON_TAG + salt + agent.encode()).hexdigest()


def hash_present_list(present: Sequence[tuple[str, str]]) -> str:
    """Return the hash of a list of (zone, commitment), in any order; DrawError for a double."""
    if len({commitment for _, commitment in present}) != len(present):
        raise DrawError("a person stands twice in the list of those present: keep one")
    lines = "".join(f"{commitment} {zone}\n" for commitment, zone in sorted((c, z) for z, c in present))
    return hashlib.sha256(PRESENT_TAG + lines.encode()).hexdigest()


def allocate_tests(present: Mapping[str, int], tests: int) -> dict[str, int]:
    """Return the tests of each zone, proportional to those present, by largest remainder.

    Equal remainders go to the zone that comes first by name. DrawError for more tests than people.
    """
    total = sum(present.values())
    if not 0 <= tests <= total:
        raise DrawError(f"{tests} tests among {total} present: plan at most as many as are there")
    if not total:
        return dict.fromkeys(present, 0)
    shares = {zone: Fraction(tests * count, total) for zone, count in present.items()}
    given = {zone: int(share) for zone, share in shares.items()}
    by_remainder = sorted(shares, key=lambda zone: (given[zone] - shares[zone], zone))
    for zone in by_remainder[: tests - sum(given.values())]:
        given[zone] += 1
    return given


def draw_people(seed: bytes, present: Sequence[tuple[str, str]], tests: int) -> list[str]:
    """Return the commitments of those to test, zone by zone, in the order of the lot."""
    hash_present_list(present)  # refuses doubles
    zones: dict[str, list[str]] = {}
    for zone, commitment in present:
        zones.setdefault(zone, []).append(commitment)
    counts = allocate_tests({zone: len(found) for zone, found in zones.items()}, tests)
    drawn: list[str] = []
    for zone in sorted(zones):
        order = sorted(zones[zone], key=lambda c: hmac.digest(seed, PERSON_TAG + c.encode(), "sha256"))
        drawn += order[: counts[zone]]
    return drawn


_NARROW = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class TestPower:
    """Chances that tests find at least one carrier, and at least two, which closes a site."""

    __test__ = False  # the name is not that of a test

    present: int
    carriers: int
    tests: int
    one: Fraction
    two: Fraction


def compute_test_power(present: int, carriers: int, tests: int, *, sensitivity_permille: int = 1000) -> TestPower:
    """Return what ``tests`` among ``present`` people find of ``carriers``."""
    if not 0 <= carriers <= present or not 0 <= tests <= present:
        raise DrawError(f"carriers and tests must lie between 0 and the {present} present, got {carriers} and {tests}")
    if not 0 <= sensitivity_permille <= 1000:
        raise DrawError(f"the sensitivity lies between 0 and 1000 per mille, got {sensitivity_permille}")
    missed = Fraction(1000 - sensitivity_permille, 1000)
    none = single = Fraction(0)
    for met in range(max(0, tests - (present - carriers)), min(carriers, tests) + 1):
        chance = Fraction(comb(carriers, met) * comb(present - carriers, tests - met), comb(present, tests))
        none += chance * missed**met
        if met:
            single += chance * met * (1 - missed) * missed ** (met - 1)
    return TestPower(present, carriers, tests, 1 - none, 1 - none - single)


def count_tests_needed(
    present: int, carriers: int, *, find: int, percent: int, sensitivity_permille: int = 1000
) -> int | None:
    """Return the fewest tests that find ``find`` (1 or 2) carriers with a chance; None = never."""
    if find not in (1, 2):
        raise DrawError(f"find must be 1 or 2, got {find}")

    def reaches(tests: int) -> bool:
        power = compute_test_power(present, carriers, tests, sensitivity_permille=sensitivity_permille)
        return 100 * (power.one if find == 1 else power.two) >= percent

    if not reaches(present):
        return None
    low, high = 0, present
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle + 1, high)
    return low


def compute_visit_power(breach_permille: int, visits: int) -> Fraction:
    """Return the chance that visits on days drawn by lot see a breach of a share of the days."""
    if not 0 <= breach_permille <= 1000 or visits < 0:
        raise DrawError(f"a share of 0 to 1000 and visits, got {breach_permille} and {visits}")
    return 1 - Fraction(1000 - breach_permille, 1000) ** visits


def describe_test_power(power: TestPower, language: str) -> str:
    """Return the power of tests in words, French (``fr``) or English."""
    one, two = _to_times(power.one), _to_times(power.two)
    if language == "fr":
        return (
            f"Si {power.carriers} personnes sur {power.present} étaient porteuses, {power.tests}"
            f" tests en trouveraient au moins une {one} fois sur 100, au moins deux {two} fois sur"
            " 100. Aucun cas trouvé ne prouve pas qu’il n’y en a pas."
        )
    return (
        f"If {power.carriers} of {power.present} people were carriers, {power.tests} tests would"
        f" find at least one {one} times out of 100, at least two {two} times out of 100. Finding"
        " no case does not prove that there is none."
    )


def describe_visit_power(breach_permille: int, visits: int, language: str) -> str:
    """Return the power of visits in words, French (``fr``) or English."""
    times, share = _to_times(compute_visit_power(breach_permille, visits)), breach_permille / 10
    if language == "fr":
        percent = f"{share:g}".replace(".", ",")
        return (
            f"Un manquement présent {percent}{_NARROW}% des jours serait vu au moins une fois par"
            f" {visits} visites {times} fois sur 100."
        )
    return (
        f"A breach on {share:g}% of the days would be seen at least once by {visits} visits {times} times out of 100."
    )


def _to_times(chance: Fraction) -> int:
    """Return a chance in hundredths; 0 and 100 only where they are exact."""
    times = round(100 * chance)
    if 0 < chance < 1:
        return min(max(times, 1), 99)
    return times


@dataclass(frozen=True, slots=True)
class DrawnVisit:
    """A visit that was drawn: held, missed (with the reason) or waiting.

    ``recorded_late`` is when that was recorded, where it is late.
    ``present`` and ``to_test`` are what was fixed before the draw of people, ``tested`` how many
    were tested on the visit; None where nothing of it is on record.
    """

    site: str
    state: str
    inspection: InspectionHeld | None = None
    reason: str = ""
    present: int | None = None
    to_test: int | None = None
    tested: int | None = None
    recorded_late: datetime | None = None


@dataclass(frozen=True, slots=True)
class DrawDay:
    """A day: ``units`` and ``probabilities`` by site (empty before the frame), links ``revealed``.

    ``withheld`` are the parties without whose link the day was drawn; ``drawn``: a draw is on
    record, with its ``visits``.
    """

    plan: DrawPlan
    day: date
    units: tuple[FrameUnit, ...]
    probabilities: dict[str, Fraction]
    revealed: tuple[str, ...]
    withheld: tuple[str, ...]
    drawn: bool
    visits: tuple[DrawnVisit, ...]

    @property
    def state(self) -> str:
        """Return older, offered (to the commission), planned, framed, revealed or drawn.

        A plan is older where an earlier version drew by it; revealed are both links.
        """
        if self.plan.is_older:
            return "older"
        if self.plan.joined is None:
            return "offered"
        if self.drawn:
            return "drawn"
        if len(self.revealed) == len(PARTIES):
            return "revealed"
        return "framed" if self.units else "planned"


def find_draw_plans(situation: Situation, day: date) -> tuple[DrawPlan, ...]:
    plans = situation.draws.values()
    return tuple(plan for plan in plans if 1 <= plan.number_day(day) <= plan.planned.days)


def build_draw_day(plan: DrawPlan, situation: Situation, operator: Operator, day: date) -> DrawDay:
    frame, planned = plan.frames.get(day), plan.planned
    probabilities = (
        compute_probabilities(
            {unit.site: unit.weight for unit in frame.units},
            planned.visits,
            most_permille=planned.most_permille,
            least_permille=planned.least_permille,
        )
        if frame
        else {}
    )
    draws = [held for (at, _party), held in plan.draws.items() if at == day]
    return DrawDay(
        plan,
        day,
        frame.units if frame else (),
        dict(probabilities),
        tuple(party for party in PARTIES if plan.find_link(party, day)),
        tuple(held.withheld for held in draws if held.withheld),
        bool(draws),
        tuple(_join_visit(plan, situation, operator, day, site) for site in plan.list_visits(day)),
    )


def _join_visit(plan: DrawPlan, situation: Situation, operator: Operator, day: date, site: str) -> DrawnVisit:
    held = next(
        (visit for visit in situation.inspections if visit.site == site
         and to_local_day(visit.happened_at, site, operator) == day), None,
    )  # fmt: skip
    missed, present = plan.missed.get((day, site)), plan.present.get((day, site))
    tests = [row.tested for row in situation.tests if held and row.inspection == held.id]
    return DrawnVisit(
        site,
        "held" if held else "missed" if missed else "waiting",
        held,
        missed.reason if missed and not held else "",
        present.count if present else None,
        present.tests if present else None,
        sum(tests) if tests else None,
        find_late_record(known, operator) if (known := held or missed) else None,
    )


_CARRIERS = 4
_BREACH_PERMILLE = 200


@dataclass(frozen=True, slots=True)
class FramedSite:
    """A site of the frame, with what its weight is made of and its probability.

    ``days`` since the last visit, at most 366.
    """

    site: str
    name: str
    weight: int
    agents: int
    days: int
    findings: int
    probability: float


@dataclass(frozen=True, slots=True)
class VisitSummary:
    """A drawn visit (``state``: held, missed or waiting) and what became of it.

    ``recorded_late`` is when that was recorded, where it is late.
    """

    site: str
    name: str
    state: str
    at: datetime | None
    authority: str
    reason: str
    present: int | None
    to_test: int | None
    tested: int | None
    recorded_late: datetime | None


@dataclass(frozen=True, slots=True)
class DrawSummary:
    """A day of one plan.

    ``state``: older (of a plan by which an earlier version drew), offered (the commission's anchor
    is missing), planned, framed, revealed (both links) or drawn; ``revealed`` are the parties whose
    link is on record, ``withheld`` those without whose link it was drawn. ``waiting`` counts the
    visits that are neither made nor explained, also those that are not among ``visits``. The
    commission's anchor and the root that binds it are empty and 0 before it has joined.
    """

    plan: str
    plan_hash: str
    operator_anchor: str
    commission_anchor: str
    root: int
    root_tree: str
    visits_a_day: int
    deadline_hour: int
    state: str
    revealed: tuple[str, ...]
    withheld: tuple[str, ...]
    frame: tuple[FramedSite, ...]
    visits: tuple[VisitSummary, ...]
    waiting: int

    @property
    def hidden(self) -> int:
        """Visits that wait and are not shown."""
        return self.waiting - sum(row.state == "waiting" for row in self.visits)

    @property
    def awaits_draw(self) -> bool:
        """Whether the frame is on record, nothing is drawn yet, and the plan allows it."""
        return self.state not in ("drawn", "older") and bool(self.frame)


def summarise_draw_day(found: DrawDay, operator: Operator, *, shown: bool) -> DrawSummary:
    """Return a day of a plan; visits that wait are only counted unless they may be ``shown``."""
    planned, joined = found.plan.planned, found.plan.joined
    return DrawSummary(
        plan=planned.plan,
        plan_hash=hash_plan(planned.describe_rule()).hex(),
        operator_anchor=planned.operator_anchor,
        commission_anchor=joined.commission_anchor if joined else "",
        root=joined.root_number if joined else 0,
        root_tree=joined.root_tree if joined else "",
        visits_a_day=planned.visits,
        deadline_hour=planned.deadline_hour,
        state=found.state,
        revealed=found.revealed,
        withheld=found.withheld,
        frame=tuple(_describe_unit(unit, found, operator) for unit in found.units),
        visits=tuple(_describe_visit(row, operator) for row in found.visits if shown or row.state != "waiting"),
        waiting=sum(row.state == "waiting" for row in found.visits),
    )


def describe_powers(found: DrawSummary, language: str) -> Iterator[str]:
    """Yield what the tests of the visits, planned or made, can find, and what visits can see."""
    for row in found.visits:
        tests = row.to_test if row.tested is None else row.tested
        if row.present and tests is not None:
            power = compute_test_power(row.present, min(_CARRIERS, row.present), min(tests, row.present))
            yield f"{row.name}. {describe_test_power(power, language)}"
    yield describe_visit_power(_BREACH_PERMILLE, 5, language)
    yield describe_visit_power(_BREACH_PERMILLE, 10, language)


def _describe_unit(unit: FrameUnit, found: DrawDay, operator: Operator) -> FramedSite:
    return FramedSite(
        site=unit.site,
        name=_name_site(unit.site, operator),
        weight=unit.weight,
        agents=unit.agents,
        days=unit.days,
        findings=unit.findings,
        probability=float(found.probabilities[unit.site]),
    )


def _describe_visit(row: DrawnVisit, operator: Operator) -> VisitSummary:
    held = row.inspection
    return VisitSummary(
        site=row.site,
        name=_name_site(row.site, operator),
        state=row.state,
        at=None if held is None else held.happened_at,
        authority="" if held is None else held.authority,
        reason=row.reason,
        present=row.present,
        to_test=row.to_test,
        tested=row.tested,
        recorded_late=row.recorded_late,
    )


def _name_site(site: str, operator: Operator) -> str:
    found = operator.site.get(site)
    return site if found is None else found.name
