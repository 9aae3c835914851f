"""What lifts a rule, and the legal basis of a call: a contract, a request, a consent, a slot.

A lift takes the row and a moment of the call and returns the basis (``contract:K1``) or an empty
text. A consent that no row of the text rejects makes the call legal; one that our policy does not
reject either makes it allowed. Where every consent is rejected, all reasons are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from releve.plugins.outbound.engine.consents import (
    CONSENT_KINDS,
    TICK,
    find_express_consent_changes,
    find_row_failures,
    find_slot_bounds,
    is_in_slot,
    select_express_consents,
    select_legal_consents,
)
from releve.plugins.outbound.engine.facts import Callback, Consent, Contract
from releve.plugins.outbound.engine.hours import NO_DAYS, HolidayRules, add_working_days
from releve.plugins.outbound.engine.judged_call import CallMoment, JudgedCall, RowFailure
from releve.plugins.outbound.engine.legal_rows import LegalRow, find_legal_midnight, to_legal_day
from releve.plugins.outbound.engine.vocabulary import find_finer_words

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
