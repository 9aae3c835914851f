"""What lifts a rule, and the legal basis of a call: a contract, a request, a consent, a slot.

A lift takes the row and a moment of the call and returns the basis (``contract:K1``) or an empty
text. A consent that no row of the text rejects makes the call legal; one that our policy does not
reject either makes it allowed. Where every consent is rejected, all reasons are reported: what each
row of the family has against one consent, its slot, its withdrawal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from releve.plugins.outbound.engine.facts import ITEMS, Callback, Consent, Contract
from releve.plugins.outbound.engine.hours import NO_DAYS, HolidayRules, add_working_days
from releve.plugins.outbound.engine.judged_call import CallMoment, JudgedCall, RowFailure
from releve.plugins.outbound.engine.legal_rows import LegalRow, find_legal_midnight, to_legal_day
from releve.plugins.outbound.engine.vocabulary import find_finer_words, get_vocabulary

TICK = timedelta(microseconds=1)
_ACTS = get_vocabulary("act").by_id


def select_express_consents(moment: CallMoment) -> Iterable[Consent]:
    """Yield the consents to this object that are given, proved, in time and not taken back."""
    for consent in moment.case.known.consents:
        given = consent.collected_at is not None and consent.collected_at <= moment.at
        in_time = consent.until is None or moment.day <= consent.until
        about_it = moment.covers(consent.objects)
        if given and in_time and about_it and consent.proof and not find_withdrawal(consent, moment):
            yield consent


def find_express_consent_changes(case: JudgedCall) -> Iterable[datetime]:
    """Yield when consents are given, when they end, and when they are taken back."""
    for consent in case.known.consents:
        if consent.collected_at is not None:
            yield consent.collected_at
        if consent.until is not None:
            yield find_legal_midnight(consent.until + timedelta(days=1))
    for event in case.known.withdrawals:
        yield event.at


def find_withdrawal(consent: Consent, moment: CallMoment) -> datetime | None:
    """Return when a consent was taken back by this moment, None when it stands.

    A withdrawal takes back every consent given before it, and a consent that it names whenever that
    was given. One that names an unknown consent takes back those given before it.
    """
    given, ids = consent.collected_at, {one.id for one in moment.case.known.consents}
    return min(
        (
            event.at
            for event in moment.case.known.withdrawals
            if event.at <= moment.at
            and (event.consent == consent.id or (event.consent not in ids and (given is None or given <= event.at)))
        ),
        default=None,
    )


def is_in_slot(row: LegalRow, consent: Consent, at: datetime) -> bool:
    """Return whether an instant is in a consent's slot, give or take the row's tolerance."""
    bounds = find_slot_bounds(row, consent)
    return bounds is not None and bounds[0] <= at <= bounds[1]


def find_slot_bounds(row: LegalRow, consent: Consent) -> tuple[datetime, datetime] | None:
    """Return the first and the last instant of a consent's slot, None when it has none."""
    if consent.slot_from is None:
        return None
    margin = timedelta(minutes=row.parameters["tolerance_minutes"])
    return consent.slot_from - margin, (consent.slot_to or consent.slot_from) + margin


def select_legal_consents(consents: Iterable[Consent], moment: CallMoment) -> Iterable[Consent]:
    """Yield the consents against which no row of the text speaks."""
    rows = (row for kind in CONSENT_KINDS for row in moment.bound.of_kind(kind))
    text = [row for row in rows if row.gate == "H"]
    return (consent for consent in consents if not find_row_failures(consent, text, moment))


def find_row_failures(consent: Consent, rows: list[LegalRow], moment: CallMoment) -> list[tuple[LegalRow, RowFailure]]:
    """Return the rows that speak against a consent, and how."""
    found = []
    for row in rows:
        failure = CONSENT_KINDS[row.kind](row, consent, moment)
        if failure is not None:
            found.append((row, failure))
    return found


def _build_failure(consent: Consent, **quotes: object) -> RowFailure:
    return RowFailure({"consent": consent.id, **quotes}, (consent.id,))


def _check_proof(row: LegalRow, consent: Consent, moment: CallMoment) -> RowFailure | None:
    return None if consent.proof else _build_failure(consent)


def _check_items(row: LegalRow, consent: Consent, moment: CallMoment) -> RowFailure | None:
    missing = tuple(item for item in ITEMS if item in row.parameters["items"] - consent.items)
    act = None if is_positive(consent.act, row) else consent.act
    return _build_failure(consent, missing=missing, act=act) if missing or act is not None else None


def is_positive(act: str, row: LegalRow) -> bool:
    """Return whether an act is a positive one: a word that the row does not rule out."""
    return act in _ACTS and act not in row.parameters["not_positive"]


def find_last_day(row: LegalRow, consent: Consent) -> date:
    """Return the last legal day of a consent: the day stated, or the eve of the row's period.

    The anniversary day, or the day after the days of the row, is too late. ValueError for a
    consent without a date.
    """
    if consent.collected_at is None:
        raise ValueError(f"consent {consent.id} has no date")
    longest = _find_expiry(row, to_legal_day(consent.collected_at)) - timedelta(days=1)
    return longest if consent.until is None else min(longest, consent.until)


def _find_expiry(row: LegalRow, given: date) -> date:
    """Return the first day after a row's period; from 29 February it is a 28th."""
    if "days" in row.parameters:
        return given + timedelta(days=row.parameters["days"])
    year = given.year + int(row.parameters["years"])
    leap_day = (given.month, given.day) == (2, 29)
    return given.replace(year=year, day=28 if leap_day else given.day)


def _check_period(row: LegalRow, consent: Consent, moment: CallMoment) -> RowFailure | None:
    last = find_last_day(row, consent)
    return _build_failure(consent, given=consent.collected_at, last=last) if moment.day > last else None


def _check_object(row: LegalRow, consent: Consent, moment: CallMoment) -> RowFailure | None:
    other = not moment.covers(consent.objects)
    consented = tuple(sorted(consent.objects)) if other else ()
    offered = moment.case.call.object if other else None
    slot: tuple[datetime, ...] = ()
    if consent.slot_from is not None and not is_in_slot(row, consent, moment.at):
        slot = (consent.slot_from, *filter(None, [consent.slot_to]))
    if not other and not slot:
        return None
    return _build_failure(consent, consented=consented, offered=offered, slot=slot)


def _check_withdrawal(row: LegalRow, consent: Consent, moment: CallMoment) -> RowFailure | None:
    when = find_withdrawal(consent, moment)
    return None if when is None else _build_failure(consent, withdrawn=when)


def _check_refusal(row: LegalRow, consent: Consent, moment: CallMoment) -> RowFailure | None:
    for refusal in moment.case.known.refusals:
        counted = refusal.kind not in row.parameters["not_counted"]
        on_consent = not refusal.basis or refusal.basis.startswith("consent")
        given = consent.collected_at
        if row.first is not None and to_legal_day(refusal.at) < row.first:
            continue
        if counted and on_consent and given is not None and given <= refusal.at <= moment.at:
            return _build_failure(consent, refused=refusal.at)
    return None


CONSENT_KINDS: dict[str, Callable[[LegalRow, Consent, CallMoment], RowFailure | None]] = {
    "consent_proof": _check_proof,
    "consent_items": _check_items,
    "consent_period": _check_period,
    "consent_object": _check_object,
    "consent_withdrawal": _check_withdrawal,
    "consent_refusal": _check_refusal,
}


def find_consent_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield the instants at which a row of the family may change its answer."""
    for consent in case.known.consents:
        if consent.collected_at is None:
            continue
        yield consent.collected_at
        if row.kind == "consent_period":
            yield find_legal_midnight(find_last_day(row, consent) + timedelta(days=1))
        if row.kind == "consent_object":
            bounds = find_slot_bounds(row, consent)
            yield from () if bounds is None else (bounds[0], bounds[1] + TICK)
    yield from (event.at for event in case.known.withdrawals)
    yield from (refusal.at for refusal in case.known.refusals)


Lift = Callable[[LegalRow, CallMoment], str]
Instants = Callable[[LegalRow, JudgedCall], Iterable[datetime]]


def find_lift(row: LegalRow, moment: CallMoment) -> tuple[LegalRow, str] | None:
    """Return the exception that lifts a row at a moment, with the basis it grants."""
    for name in row.exceptions:
        for exception in moment.in_force.by_id.get(name, ()):
            lift = LIFTS.get(exception.kind)
            basis = "" if lift is None else lift(exception, moment)
            if basis:
                return exception, basis
    return None


def _lift_by_contract(row: LegalRow, moment: CallMoment) -> str:
    fits = (c for c in moment.case.known.contracts if _contract_holds(c, row, moment))
    found = next(fits, None)
    return f"contract:{found.id}" if found else ""


def _contract_holds(contract: Contract, row: LegalRow, moment: CallMoment) -> bool:
    if contract.first > moment.day:
        return False
    if row.parameters["related"] and not moment.covers(contract.objects):
        return False
    if not row.parameters["running"] or contract.last is None:
        return True
    return moment.day <= contract.last + timedelta(days=row.parameters["ended_within_days"])


def _find_contract_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    for contract in case.known.contracts:
        yield find_legal_midnight(contract.first)
        if contract.last is not None:
            days = 1 + int(row.parameters["ended_within_days"])
            yield find_legal_midnight(contract.last + timedelta(days=days))


def _lift_by_object(row: LegalRow, moment: CallMoment) -> str:
    found = moment.case.call.object
    return f"object:{found}" if moment.case.offers(row.parameters["objects"]) else ""


def _lift_by_callback(row: LegalRow, moment: CallMoment) -> str:
    for request in moment.case.known.callbacks:
        case = moment.case
        about_it = moment.covers(request.objects) and request.proof
        if case.offers(row.parameters.get("named_for", ())) and not _is_asked_for(request):
            continue
        if request.in_call and not row.parameters["made_in_call"]:
            continue
        end = _find_callback_end(row, request.requested_at, case)
        if about_it and request.requested_at <= moment.at < end:
            return f"callback:{request.id}"
    return ""


def _find_callback_end(row: LegalRow, requested_at: datetime, case: JudgedCall) -> datetime:
    """Return the first instant after the last working day in which the answer may come."""
    days = _find_holidays(row, case, to_legal_day(requested_at))
    last = add_working_days(to_legal_day(requested_at), row.parameters["working_days"], days)
    return find_legal_midnight(last + timedelta(days=1))


def _find_holidays(row: LegalRow, case: JudgedCall, day: date) -> HolidayRules:
    named = case.rules.in_force(row.jurisdiction, day).by_id.get(row.parameters["holidays"], ())
    found: HolidayRules = named[0].parameters["days"] if named else NO_DAYS
    return found


def _find_callback_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    for request in case.known.callbacks:
        yield request.requested_at
        yield _find_callback_end(row, request.requested_at, case)


def _lift_by_request(row: LegalRow, moment: CallMoment) -> str:
    for request in moment.case.known.callbacks:
        if not _is_asked_for(request) or not moment.covers(request.objects):
            continue
        if request.requested_at <= moment.at < _find_request_end(row, request.requested_at):
            return f"callback:{request.id}"
    return ""


def _is_asked_for(request: Callback) -> bool:
    """Return whether the person asked a distributor known by name, with proof, outside a call."""
    return request.named and not request.in_call and bool(request.proof)


def _find_request_end(row: LegalRow, requested_at: datetime) -> datetime:
    return find_legal_midnight(to_legal_day(requested_at) + timedelta(days=row.parameters["days"] + 1))


def _find_request_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    for request in case.known.callbacks:
        yield request.requested_at
        yield _find_request_end(row, request.requested_at)


def _lift_by_consent(row: LegalRow, moment: CallMoment) -> str:
    since = None
    if row.parameters["after_listing"]:
        since = max((listing.at for listing in moment.case.known.listings), default=None)
    for consent in select_express_consents(moment):
        if since is None or (consent.collected_at is not None and consent.collected_at > since):
            return f"consent:{consent.id}"
    return ""


def _lift_by_slot(row: LegalRow, moment: CallMoment) -> str:
    for consent in select_legal_consents(select_express_consents(moment), moment):
        if _is_precise(row, consent) and is_in_slot(row, consent, moment.at):
            return f"consent:{consent.id}"
    return ""


def _is_precise(row: LegalRow, consent: Consent) -> bool:
    """Return whether a slot is narrow enough to be a precise date and time."""
    if consent.slot_from is None:
        return False
    width = (consent.slot_to or consent.slot_from) - consent.slot_from
    return width <= timedelta(minutes=row.parameters["widest_minutes"])


def _find_slot_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    for consent in case.known.consents:
        bounds = find_slot_bounds(row, consent)
        if bounds is not None:
            yield bounds[0]
            yield bounds[1] + TICK
    yield from _find_consent_changes(row, case)


def _find_consent_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    return find_express_consent_changes(case)


LIFTS: dict[str, Lift] = {
    "exception_contract": _lift_by_contract,
    "exception_object": _lift_by_object,
    "exception_callback": _lift_by_callback,
    "exception_request": _lift_by_request,
    "exception_consent": _lift_by_consent,
    "exception_slot": _lift_by_slot,
}
INSTANTS_OF_LIFTS: dict[str, Instants] = {
    "exception_contract": _find_contract_changes,
    "exception_object": lambda row, case: (),
    "exception_callback": _find_callback_changes,
    "exception_request": _find_request_changes,
    "exception_consent": _find_consent_changes,
    "exception_slot": _find_slot_changes,
}


@dataclass(frozen=True, slots=True)
class ConsentState:
    """How the consents stand at a moment.

    ``lifted`` is the exception that dispenses with consent, with its basis. ``failures`` are the
    rows against the call. ``legal`` and ``policy`` are the consents that carry it, if any.
    """

    needed: bool = False
    lifted: tuple[LegalRow, LegalRow, str] | None = None
    legal: Consent | None = None
    policy: Consent | None = None
    failures: tuple[tuple[LegalRow, RowFailure], ...] = ()


def judge_consents(moment: CallMoment) -> ConsentState:
    """Return how the consents stand at a moment."""
    anchors = moment.bound.of_kind("consent_required")
    if not anchors:
        return ConsentState()
    for anchor in anchors:
        lift = find_lift(anchor, moment)
        if lift is not None:
            return ConsentState(lifted=(anchor, *lift))
    given = [
        consent
        for consent in moment.case.known.consents
        if consent.collected_at is not None and consent.collected_at <= moment.at
    ]
    if not given:
        failure = RowFailure({"coarse": _find_coarse_words(moment)})
        return ConsentState(needed=True, failures=tuple((row, failure) for row in anchors))
    return _judge_given(given, moment)


def _find_coarse_words(moment: CallMoment) -> tuple[tuple[str, str], ...]:
    """Return the coarse words for which no basis covers the call: table (empty: call) and word."""
    case = moment.case
    named = [("", case.call.object)]
    named += [("contracts", word) for one in case.known.contracts for word in sorted(one.objects)]
    named += [("callbacks", word) for one in case.known.callbacks for word in sorted(one.objects)]
    found = ((table, word) for table, word in named if word in case.offered)
    return tuple(dict.fromkeys(one for one in found if find_finer_words(one[1])))


def _judge_given(given: list[Consent], moment: CallMoment) -> ConsentState:
    rows = [row for kind in CONSENT_KINDS for row in moment.bound.of_kind(kind)]
    text = [row for row in rows if row.gate == "H"]
    ours = [row for row in rows if row.gate != "H"]
    reasons_of = {consent: find_row_failures(consent, text, moment) for consent in given}
    legal = [consent for consent, reasons in reasons_of.items() if not reasons]
    if not legal:
        failures = tuple(reason for reasons in reasons_of.values() for reason in reasons)
        return ConsentState(needed=True, failures=failures)
    more = {consent: find_row_failures(consent, ours, moment) for consent in legal}
    clean = [consent for consent, reasons in more.items() if not reasons]
    if clean:
        return ConsentState(needed=True, legal=clean[0], policy=clean[0])
    failures = tuple(reason for reasons in more.values() for reason in reasons)
    return ConsentState(needed=True, legal=legal[0], failures=failures)
