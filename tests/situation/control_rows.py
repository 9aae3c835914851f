"""Audits and draws of the small operator, and a case for every refusal of their events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from releve.situation import DrawPlanned, build_frame
from releve.situation.draw_chains import bind_plan, build_chain, hash_plan, reveal_link
from tests.situation.rule_chain import START, Chain

DAY = START.date()
DUE = DAY + timedelta(days=10)
MINUTE = timedelta(minutes=1)
OPENED: dict[str, Any] = {
    "audit": "x1", "body": "Bureau (synthetic)", "sites": ("casa", "rabat"), "charter": "sector",
    "version": "1", "basis": "The two largest sites",
}  # fmt: skip
SEEN: dict[str, Any] = {
    "audit": "x1", "site": "casa", "measure": "masks", "method": "test", "seen_at": START,
    "verdict": "not_kept",
}  # fmt: skip
FINDING: dict[str, Any] = {"audit": "x1", "finding": "f1", "site": "casa", "measure": "masks"}
RAISED: dict[str, Any] = {**FINDING, "severity": "major", "due": DUE, "note": "No fresh masks"}
ANSWERED: dict[str, Any] = {
    **FINDING, "cause": "Supplier late", "action": "Second supplier", "owner": "site", "due": DUE,
}  # fmt: skip
VERIFIED: dict[str, Any] = {**FINDING, "effective": True, "actor": "auditor"}
CONCLUDED: dict[str, Any] = {"audit": "x1", "conclusion": "conforms_with_findings"}


def nothing(chain: Chain) -> None:
    """Nothing happened before."""


def open_audit(chain: Chain) -> None:
    chain.record("audit.opened", actor="auditor", **OPENED)


def observe(chain: Chain, **changes: Any) -> None:
    """Observe a measure now; of an audit that is open."""
    values = SEEN | {"seen_at": chain.now, "actor": "auditor"} | changes
    chain.record("audit.observed", **values)


def observed(chain: Chain) -> None:
    open_audit(chain)
    observe(chain)


def raised(chain: Chain, **changes: Any) -> None:
    """Open an audit, observe masks not kept at casa, and raise a major finding."""
    observed(chain)
    chain.record("finding.raised", actor="auditor", **RAISED | changes)


def answer(chain: Chain) -> None:
    """Answer the finding, as the site lead."""
    chain.record("finding.answered", actor="karim", **ANSWERED)


def verify(chain: Chain, *, effective: bool = True) -> None:
    """Verify the finding, as the auditor."""
    chain.record("finding.verified", **VERIFIED | {"effective": effective})


def answered(chain: Chain) -> None:
    raised(chain)
    answer(chain)


def answered_late(chain: Chain) -> None:
    raised(chain)
    chain.after(hours=1)
    answer(chain)


def long_ago(chain: Chain) -> None:
    """Go back to before the charter."""
    chain.after(days=-3000)


def closed(chain: Chain) -> None:
    answered(chain)
    verify(chain)


def refused_once(chain: Chain) -> None:
    answered(chain)
    verify(chain, effective=False)


def concluded(chain: Chain) -> None:
    raised(chain)
    chain.record("audit.concluded", actor="auditor", **CONCLUDED)


def with_later_check(chain: Chain) -> None:
    open_audit(chain)
    chain.after(hours=1)
    chain.record("check.done", site="casa", day=DAY, symptomatic=0)


def with_foreign_check(chain: Chain) -> None:
    open_audit(chain)
    chain.record("check.done", site="rabat", day=DAY, symptomatic=0)


ROWS: list[tuple[str, Callable[[Chain], None], str, dict[str, Any]]] = [
    ("audit.id_taken", open_audit, "audit.opened", OPENED),
    ("audit.sites", nothing, "audit.opened", OPENED | {"sites": ()}),
    ("audit.sites", nothing, "audit.opened", OPENED | {"sites": ("casa", "casa")}),
    ("audit.no_charter", long_ago, "audit.opened", OPENED),
    ("audit.charter", nothing, "audit.opened", OPENED | {"version": "0"}),
    ("audit.unknown", nothing, "audit.observed", SEEN),
    ("audit.site", open_audit, "audit.observed", SEEN | {"site": "lille"}),
    ("audit.before", open_audit, "audit.observed", SEEN | {"seen_at": START - MINUTE}),
    ("audit.seen_late", open_audit, "audit.observed", SEEN | {"seen_at": START + MINUTE}),
    ("audit.measure", open_audit, "audit.observed", SEEN | {"measure": "singing"}),
    ("photo.digest", open_audit, "audit.observed", SEEN | {"photos": ("x",)}),
    ("audit.no_evidence", open_audit, "audit.observed", SEEN | {"evidence": ("e9",)}),
    ("audit.late_evidence", with_later_check, "audit.observed", SEEN | {"evidence": ("e2",), "happened_at": START}),
    ("audit.other_evidence", with_foreign_check, "audit.observed", SEEN | {"evidence": ("e2",)}),
    ("event.same", observed, "audit.observed", SEEN),
    ("audit.concluded", concluded, "audit.observed", SEEN | {"verdict": "kept"}),
    ("audit.nothing_observed", open_audit, "audit.concluded", CONCLUDED),
    ("audit.findings_open", answered, "audit.concluded", CONCLUDED | {"conclusion": "conforms"}),
    ("audit.without_finding", observed, "audit.concluded", CONCLUDED),
    ("finding.taken", raised, "finding.raised", RAISED),
    ("finding.not_observed", observed, "finding.raised", RAISED | {"measure": "signs"}),
    ("finding.due", observed, "finding.raised", RAISED | {"due": DAY - timedelta(days=1)}),
    ("finding.nothing_said", observed, "finding.raised", RAISED | {"note": " "}),
    ("finding.unknown", raised, "finding.answered", ANSWERED | {"finding": "f2"}),
    ("finding.subject", raised, "finding.answered", ANSWERED | {"measure": "signs"}),
    ("finding.before", raised, "finding.answered", ANSWERED | {"happened_at": START - MINUTE}),
    ("finding.closed", closed, "finding.answered", ANSWERED),
    ("finding.due", raised, "finding.answered", ANSWERED | {"due": DAY - timedelta(days=1)}),
    ("finding.nothing_said", raised, "finding.answered", ANSWERED | {"action": ""}),
    ("finding.not_answered", raised, "finding.verified", VERIFIED),
    ("finding.not_answered", refused_once, "finding.verified", VERIFIED),
    ("finding.verified_before", answered_late, "finding.verified", VERIFIED | {"happened_at": START}),
    ("finding.same_person", answered, "finding.verified", VERIFIED | {"actor": "karim"}),
    ("finding.by_rule", answered, "finding.verified", VERIFIED | {"actor": "rule:x"}),
    ("correction.of_audit", raised, "event.corrected", {"corrects": "e3", "reason": "x"}),
]

DRAW_ROWS_DAY = START.date() + timedelta(days=1)
FIRST = {"operator": b"a" * 32, "commission": b"b" * 32}
PLAN: dict[str, Any] = {
    "plan": "p1",
    "first_day": DRAW_ROWS_DAY,
    "days": 30,
    "visits": 1,
    "operator_anchor": build_chain(FIRST["operator"], 30).hex(),
}
ROOT: dict[str, Any] = {"root_number": 1, "root_size": 2, "root_tree": "5e" * 32}


def bind(**changes: Any) -> bytes:
    """Return what the commission's chain is bound to: the plan and the root over it."""
    values: dict[str, Any] = {"id": "e", "actor": "a", "happened_at": START, "recorded_at": START}
    rule = DrawPlanned(**values | PLAN | changes).describe_rule()
    return bind_plan(hash_plan(rule), ROOT["root_size"], bytes.fromhex(ROOT["root_tree"]))


def join_values(**changes: Any) -> dict[str, Any]:
    """Return the fields of the event by which the commission joins a plan."""
    binding, given = bind(**changes), PLAN | changes
    anchor = build_chain(FIRST["commission"], given["days"], binding).hex()
    return {"plan": given["plan"], "commission_anchor": anchor, **ROOT}


JOINED = join_values()


def link(party: str, day: date = DRAW_ROWS_DAY) -> str:
    """Return a party's link of a day."""
    binding = bind() if party == "commission" else b""
    return reveal_link(FIRST[party], 30, (day - DRAW_ROWS_DAY).days + 1, binding).hex()


def planned(chain: Chain, **changes: Any) -> None:
    chain.record("draw.planned", **PLAN | changes)


def plan(chain: Chain, **changes: Any) -> None:
    """Plan thirty days from tomorrow on, which the commission joins."""
    planned(chain, **changes)
    chain.record("draw.joined", **join_values(**changes))


def frame(chain: Chain, day: date = DRAW_ROWS_DAY) -> None:
    """Record the frame that the plan's rule gives."""
    planned = chain.situation.draws["p1"].planned
    units = build_frame(planned, chain.situation, chain.operator, day)
    chain.record("draw.framed", plan="p1", day=day, units=units)


def reveal(chain: Chain, *parties: str, day: date = DRAW_ROWS_DAY) -> None:
    """Reveal the links of a day."""
    for party in parties:
        chain.record("draw.revealed", plan="p1", day=day, party=party, link=link(party, day))


def draw(chain: Chain, day: date = DRAW_ROWS_DAY, withheld: str = "") -> tuple[str, ...]:
    """Draw a day's visits, and return them."""
    visits = chain.situation.draws["p1"].draw(day, withheld).chosen
    chain.record("draw.drawn", plan="p1", day=day, withheld=withheld, visits=visits)
    return visits


def framed(chain: Chain) -> None:
    plan(chain)
    frame(chain)


def revealed(chain: Chain) -> None:
    """Plan, frame and reveal both links on the morning of the day."""
    framed(chain)
    chain.after(days=1, hours=-2)
    reveal(chain, "operator", "commission")


def drawn(chain: Chain) -> None:
    revealed(chain)
    draw(chain)


def half_revealed(chain: Chain) -> None:
    framed(chain)
    chain.after(days=1, hours=-2)  # 7 h
    reveal(chain, "operator")


def missed(chain: Chain) -> None:
    drawn(chain)
    site = chain.situation.draws["p1"].list_visits(DRAW_ROWS_DAY)[0]
    for name in ("casa", "rabat", "lille"):
        if name == site:
            chain.record("draw.not_visited", plan="p1", day=DRAW_ROWS_DAY, site=name, reason="Snow")


def site_drawn() -> str:
    """Return the site that is drawn on the first day."""
    chain = Chain()
    drawn(chain)
    return chain.situation.draws["p1"].list_visits(DRAW_ROWS_DAY)[0]


OTHER = next(site for site in ("casa", "rabat", "lille") if site != site_drawn())
LINK: dict[str, Any] = {"plan": "p1", "day": DRAW_ROWS_DAY, "party": "operator", "link": link("operator")}
DRAW: dict[str, Any] = {"plan": "p1", "day": DRAW_ROWS_DAY, "visits": (site_drawn(),)}
LIST: dict[str, Any] = {
    "plan": "p1",
    "day": DRAW_ROWS_DAY,
    "site": "casa",
    "count": 6,
    "tests": 2,
    "list_hash": "0" * 64,
}
NOT_VISITED: dict[str, Any] = {"plan": "p1", "day": DRAW_ROWS_DAY, "site": site_drawn(), "reason": "Snow"}
FRAME: dict[str, Any] = {"plan": "p1", "day": DRAW_ROWS_DAY, "units": ()}
LATE = {"recorded_at": START + timedelta(days=1), "happened_at": START + timedelta(days=1)}

DRAW_ROWS: list[tuple[str, Callable[[Chain], None], str, dict[str, Any]]] = [
    ("draw.plan_taken", plan, "draw.planned", PLAN),
    ("draw.anchor", nothing, "draw.planned", PLAN | {"operator_anchor": "x"}),
    ("draw.anchor_used", plan, "draw.planned",
     PLAN | {"plan": "p2", "operator_anchor": JOINED["commission_anchor"]}),
    ("draw.anchor_used", plan, "draw.planned", PLAN | {"plan": "p2"}),
    ("draw.anchor_used", planned, "draw.joined",
     JOINED | {"commission_anchor": PLAN["operator_anchor"]}),
    ("draw.anchor", planned, "draw.joined", JOINED | {"commission_anchor": "x"}),
    ("draw.root", planned, "draw.joined", JOINED | {"root_tree": "x"}),
    ("draw.joined_again", plan, "draw.joined", JOINED | {"commission_anchor": "0" * 64}),
    ("draw.first_day", planned, "draw.joined", JOINED | LATE),
    ("draw.plan_unknown", nothing, "draw.joined", JOINED),
    ("draw.not_joined", planned, "draw.framed", FRAME),
    ("draw.first_day", nothing, "draw.planned", PLAN | {"first_day": START.date()}),
    ("draw.bounds", nothing, "draw.planned", PLAN | {"visits": 3}),
    ("draw.plan_unknown", nothing, "draw.framed", FRAME),
    ("draw.day", plan, "draw.framed", FRAME | {"day": START.date()}),
    ("draw.day", plan, "draw.framed", FRAME | {"day": DRAW_ROWS_DAY + timedelta(days=30)}),
    ("draw.frame_late", plan, "draw.framed", FRAME | LATE),
    ("draw.frame_again", framed, "draw.framed", FRAME),
    ("draw.frame_differs", plan, "draw.framed", FRAME),
    ("draw.reveal_early", framed, "draw.revealed",
     LINK | {"day": DRAW_ROWS_DAY + timedelta(days=1), "link": link("operator", DRAW_ROWS_DAY + timedelta(days=1))}),
    ("draw.no_frame", plan, "draw.revealed", LINK),
    ("draw.no_frame", plan, "draw.drawn", DRAW),
    ("draw.link", framed, "draw.revealed", LINK | {"link": link("commission")}),
    ("draw.link", framed, "draw.revealed", LINK | {"link": "x"}),
    ("draw.link_again", revealed, "draw.revealed", LINK),
    ("draw.tests", framed, "draw.present", LIST | {"tests": 7}),
    ("photo.digest", framed, "draw.present", LIST | {"list_hash": "x"}),
    ("draw.list_late", revealed, "draw.present", LIST),
    ("draw.not_revealed", framed, "draw.drawn", DRAW | {"withheld": "operator"}),
    ("draw.not_revealed", half_revealed, "draw.drawn", DRAW),
    ("draw.not_withheld", half_revealed, "draw.drawn", DRAW | {"withheld": "commission"}),
    ("draw.not_withheld", revealed, "draw.drawn", DRAW | {"withheld": "commission"} | LATE),
    ("draw.again", drawn, "draw.drawn", DRAW),
    ("draw.differs", revealed, "draw.drawn", DRAW | {"visits": (OTHER,)}),
    ("draw.not_drawn", drawn, "draw.not_visited", NOT_VISITED | {"site": OTHER}),
    ("draw.settled", missed, "draw.not_visited", NOT_VISITED),
    ("draw.no_reason", drawn, "draw.not_visited", NOT_VISITED | {"reason": " "}),
    ("correction.of_draw", framed, "event.corrected", {"corrects": "e2", "reason": "x"}),
]  # fmt: skip
