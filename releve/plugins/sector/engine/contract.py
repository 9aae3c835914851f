"""The contract of a match: its states, who may move it on, and the digest that both sides sign.

=============  ==========  ====================================================================
step           by          leads to
=============  ==========  ====================================================================
ask            asker       asked
offer          giver       offered
match          clerk       matched
agree          asker       client agreed: the client's agreement, with its reference
decline        asker       declined: the client does not agree
sign           both        both signed, once the second has
start          giver       started
end            either      ended
settle         asker       settled: the cents that were paid
recall         giver       recalled: with notice where the contract allows it, at once for a loss
=============  ==========  ====================================================================

Each step names the digest of all before it, so two records with the same last digest agree on
everything. Asker and giver may each act before the other's step has come, say sign: both branches
then stand in both records, see :func:`fold_steps`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from releve.errors import Phrase
from releve.network import is_known_zone, parse_sip_address
from releve.plugins.sector.engine.needs import SectorError

_STEPS: Mapping[str, Phrase] = {
    "ask": Phrase("ask"),
    "offer": Phrase("offer"),
    "match": Phrase("match"),
    "agree": Phrase("agree"),
    "decline": Phrase("decline"),
    "sign": Phrase("sign"),
    "start": Phrase("start"),
    "end": Phrase("end"),
    "settle": Phrase("settle"),
    "recall": Phrase("recall"),
}
_STATES: Mapping[str, Phrase] = {
    "new": Phrase("new"),
    "asked": Phrase("asked"),
    "offered": Phrase("offered"),
    "matched": Phrase("matched"),
    "client agreed": Phrase("client agreed"),
    "both signed": Phrase("both signed"),
    "started": Phrase("started"),
    "ended": Phrase("ended"),
    "settled": Phrase("settled"),
    "recalled": Phrase("recalled"),
    "declined": Phrase("declined"),
}


def name_step(kind: str) -> str:
    """Return the name of a step; of an unknown one its code."""
    return _STEPS.get(kind, kind)


def name_state(state: str) -> str:
    return _STATES[state]


def join_words(words: Iterable[str]) -> str:
    """Return words as alternatives: ``a or b or c``."""
    first, *others = words
    for other in others:
        first = Phrase("{0} or {1}", first, other)
    return first


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FORMAT = b"releve sector contract 1\n"
LOSS = "loss"
"""Reason of a recall: the giver has lost a place, and its own clients come first."""
NOTICE = "notice"
"""Reason of a recall: the giver takes its agents back, with the notice agreed."""


@dataclass(frozen=True)
class ContractTerms:
    """What the two sides agree: people, times, price and the clauses of the drafted text."""

    contract: str
    asker: str
    giver: str
    client: str
    skill: str
    destination: str
    agents: tuple[tuple[int, int], ...]
    """(half hour of the sector's day, agents), ascending."""
    price_cents: int
    starts_at: datetime
    ends_at: datetime
    notice_hours: int | None
    """Notice of a recall; None: firm, only a loss recalls."""
    quality_percent: int
    """Calls answered, of 100, that the giver promises."""
    liability_cap_cents: int
    annex: str
    law: str
    time_zone: str
    """Of the sector's day, whose half hours ``agents`` counts."""
    programme: str
    """The asker's own programme that the agents answer."""
    sip_address: str = ""
    """Where the giver takes the calls, as in the table of sites; empty: no calls are routed."""
    outbound_mandate: str = ""
    """Reference of the mandate to call under the asker's numbers; needed for outbound work."""

    def __post_init__(self) -> None:
        for name in ("starts_at", "ends_at"):
            if getattr(self, name).tzinfo is None:
                raise _fault(self.contract, Phrase("{0} needs a time zone", name))
        if self.starts_at >= self.ends_at:
            raise _fault(self.contract, Phrase("starts_at must be before ends_at"))
        if not 0 <= self.quality_percent <= 100:
            raise _fault(self.contract, Phrase("quality_percent must be from 0 to 100"))
        if self.liability_cap_cents < 0:
            raise _fault(self.contract, Phrase("liability_cap_cents must not be negative"))
        if not _NAME.fullmatch(self.contract):
            raise _fault(self.contract, Phrase("name it by 1 to 64 letters, digits, '.', '_' or '-'"))
        if not self.annex:
            raise _fault(self.contract, Phrase("annex on data protection is missing"))
        _check_place(self)
        if self.skill.startswith("outbound:") and not self.outbound_mandate:
            raise _fault(self.contract, Phrase(
                "outbound calls need the mandate of the client whose numbers are shown: fill in"
                " outbound_mandate"
            ))  # fmt: skip


def _check_place(terms: ContractTerms) -> None:
    if not is_known_zone(terms.time_zone):
        raise _fault(
            terms.contract, Phrase("time_zone {0!r} is not known: write one like Europe/Paris", terms.time_zone)
        )
    try:
        if terms.sip_address:
            parse_sip_address(terms.sip_address)
    except ValueError as error:
        raise _fault(
            terms.contract,
            Phrase("sip_address {0!r} is not an IP address and a port like 10.20.1.4:5060", terms.sip_address),
        ) from error


@dataclass(frozen=True)
class ContractStep:
    """One act; ``before`` is the digest of all acts before it."""

    kind: str
    by: str
    at: datetime
    before: str
    reason: str = ""
    reference: str = ""
    """Of the client's agreement, or of a payment."""
    cents: int | None = None


@dataclass(frozen=True)
class ReliefContract:
    """A contract after some steps; ``digest`` is what both sides sign."""

    terms: ContractTerms
    clerk: str
    state: str
    digest: str
    signed: frozenset[str] = frozenset()
    steps: tuple[ContractStep, ...] = ()
    """In the order of their digests; of two branches the asker's steps first."""


_FROM: Mapping[str, tuple[str, ...]] = {
    "ask": ("new",),
    "offer": ("asked",),
    "match": ("offered",),
    "agree": ("matched",),
    "decline": ("matched",),
    "sign": ("client agreed",),
    "start": ("both signed",),
    "end": ("started",),
    "settle": ("ended", "recalled"),
    "recall": ("matched", "client agreed", "both signed", "started"),
}
_TO: Mapping[str, str] = {
    "ask": "asked",
    "offer": "offered",
    "match": "matched",
    "agree": "client agreed",
    "decline": "declined",
    "start": "started",
    "end": "ended",
    "settle": "settled",
    "recall": "recalled",
}


_ORDER = ("matched", "client agreed", "both signed", "started", "ended", "recalled", "declined", "settled")
"""States in which both sides may act, and those that follow; the further one of two branches holds.

A client that does not agree was never served: nothing is settled, whatever the giver recalled.
"""


def open_contract(terms: ContractTerms, clerk: str) -> ReliefContract:
    """Return a contract without a step."""
    digest = _hash({"terms": asdict(terms), "clerk": clerk})
    return ReliefContract(terms, clerk, "new", digest)


def apply_step(contract: ReliefContract, step: ContractStep) -> ReliefContract:
    """Return the contract after a step; SectorError says why it may not be taken."""
    name = contract.terms.contract
    if step.kind not in _FROM:
        raise _fault(name, Phrase("{0} is not one of {1}", step.kind, ", ".join(_FROM)))
    if step.before != contract.digest:
        raise _fault(name, Phrase(
            "the step follows digest {0}, the contract stands at {1}: take over the partner’s steps"
            " first", step.before[:12], contract.digest[:12],
        ))  # fmt: skip
    if contract.state not in _FROM[step.kind]:
        raise _fault(name, Phrase(
            "its state is {0}: {1} follows {2}", name_state(contract.state), name_step(step.kind),
            join_words(map(name_state, _FROM[step.kind])),
        ))  # fmt: skip
    _check_actor(contract, step)
    _check_content(contract, step)
    signed, state = contract.signed, _TO.get(step.kind, contract.state)
    if step.kind == "sign":
        signed |= {step.by}
        if signed == {contract.terms.asker, contract.terms.giver}:
            state = "both signed"
    return replace(
        contract, state=state, signed=signed, digest=compute_step_digest(step), steps=(*contract.steps, step)
    )


def fold_steps(contract: ReliefContract, steps: Iterable[ContractStep]) -> ReliefContract:
    """Return a contract after further steps, which may come in any order.

    Where asker and giver have acted on the same digest, each step is judged by what its side knew,
    and both branches stand: every signature counts, and of the two states the one further in
    :data:`_ORDER`, so that a recall holds against a signature of the same moment. The digest covers
    both. SectorError for a step that follows none, and for two of one side on the same digest.
    """
    following: dict[str, list[ContractStep]] = {}
    for step in steps:
        following.setdefault(step.before, []).append(step)
    while contract.digest in following:
        found = following.pop(contract.digest)
        if len(found) == 1:
            contract = apply_step(contract, found[0])
            continue
        found.sort(key=lambda step: step.by != contract.terms.asker)
        if [step.by for step in found] != [contract.terms.asker, contract.terms.giver]:
            kinds = ", ".join(f"{step.kind} by {step.by}" for step in found)
            raise _fault(contract.terms.contract, Phrase(
                "{0} follow the same digest: one side takes one step; compare both ledgers with the"
                " partner", kinds,
            ))  # fmt: skip
        contract = _join_branches(contract, *(_follow_side(apply_step(contract, step), following) for step in found))
    for left in following.values():
        apply_step(contract, left[0])  # says what is wrong: it does not follow
    return contract


def list_next_steps(contract: ReliefContract, party: str) -> tuple[str, ...]:
    """Return the kinds of step that a party may take now."""
    return tuple(
        kind
        for kind, states in _FROM.items()
        if contract.state in states
        and party in _list_actors(contract, kind)
        and not (kind == "sign" and party in contract.signed)
    )


def compute_step_digest(step: ContractStep) -> str:
    """Return the digest of a step and, through ``before``, of all before it."""
    return _hash(asdict(step))


def _follow_side(branch: ReliefContract, following: dict[str, list[ContractStep]]) -> ReliefContract:
    """Return a branch after all steps that its side took before it knew of the other's."""
    side = [branch.steps[-1].by]
    while [step.by for step in following.get(branch.digest, ())] == side:
        branch = apply_step(branch, following.pop(branch.digest)[0])
    return branch


def _join_branches(base: ReliefContract, asker: ReliefContract, giver: ReliefContract) -> ReliefContract:
    """Return the contract after what asker and giver did at the same time."""
    state = max(asker.state, giver.state, key=_ORDER.index)
    signed = asker.signed | giver.signed
    if state == "client agreed" and signed == {base.terms.asker, base.terms.giver}:
        state = "both signed"
    return replace(
        base, state=state, signed=signed, digest=_hash({"branches": [asker.digest, giver.digest]}),
        steps=(*asker.steps, *giver.steps[len(base.steps):]),
    )  # fmt: skip


def _list_actors(contract: ReliefContract, kind: str) -> tuple[str, ...]:
    asker, giver = contract.terms.asker, contract.terms.giver
    return {
        "ask": (asker,),
        "offer": (giver,),
        "match": (contract.clerk,),
        "start": (giver,),
        "recall": (giver,),
        "sign": (asker, giver),
        "end": (asker, giver),
    }.get(kind, (asker,))


def _check_actor(contract: ReliefContract, step: ContractStep) -> None:
    allowed = _list_actors(contract, step.kind)
    if step.by not in allowed:
        raise _fault(contract.terms.contract, Phrase(
            "{0} is for {1}, not {2}", name_step(step.kind), join_words(allowed), step.by
        ))  # fmt: skip
    if step.kind == "sign" and step.by in contract.signed:
        raise _fault(contract.terms.contract, Phrase("{0} has signed already", step.by))


def _check_content(contract: ReliefContract, step: ContractStep) -> None:
    terms = contract.terms
    if step.at.tzinfo is None:
        raise _fault(terms.contract, Phrase("{0} needs a time zone", "at"))
    last = max(contract.steps, key=lambda one: one.at, default=step)
    if step.at < last.at:
        raise _fault(terms.contract, Phrase(
            "{0} is dated before {1}: set the clock of the member right", name_step(step.kind),
            name_step(last.kind),
        ))  # fmt: skip
    if step.kind == "agree" and not step.reference:
        raise _fault(terms.contract, Phrase("name the client’s agreement in reference (letter, date)"))
    if step.kind == "settle" and (step.cents is None or step.cents < 0):
        raise _fault(terms.contract, Phrase("settle needs the cents that were paid"))
    if step.kind == "recall":
        _check_recall(terms, contract.state, step)


def _check_recall(terms: ContractTerms, state: str, step: ContractStep) -> None:
    if step.reason not in (LOSS, NOTICE):
        raise _fault(terms.contract, Phrase("choose the reason of the recall: loss or notice"))
    if step.reason == LOSS or state in ("matched", "client agreed"):
        return
    if terms.notice_hours is None:
        raise _fault(terms.contract, Phrase("it is firm: only a loss recalls it"))
    if state == "both signed" and step.at + timedelta(hours=terms.notice_hours) > terms.starts_at:
        raise _fault(terms.contract, Phrase("notice is {0} h before the start", terms.notice_hours))


def _fault(contract: str, reason: Phrase) -> SectorError:
    return SectorError(Phrase("contract {0}: {1}", contract, reason))


def _hash(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=_write_instant)
    return hashlib.sha256(_FORMAT + text.encode()).hexdigest()


def _write_instant(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
