"""Consent: what each row of the family has against one consent, its slot, its withdrawal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from releve.plugins.outbound.engine.facts import ITEMS, Consent
from releve.plugins.outbound.engine.judged_call import CallMoment, JudgedCall, RowFailure
from releve.plugins.outbound.engine.legal_rows import LegalRow, find_legal_midnight, to_legal_day
from releve.plugins.outbound.engine.vocabulary import get_vocabulary

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
