"""Consent: whether one covers the call, and why each that was given does not.

Each row of this family names a reason against one consent. A consent against which no row of the
text speaks makes the call legal; one against which our policy does not speak either makes it
allowed. Where none is clean, every reason against every consent is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from releve.outbound.case import Case, Failure, Moment
from releve.outbound.exceptions import in_slot, lift_of, slot_bounds, withdrawn
from releve.outbound.facts import ITEMS, Consent
from releve.outbound.rows import Row, legal_day, legal_midnight

__all__ = [
    "CONSENT_KINDS",
    "ConsentState",
    "consent_instants",
    "consent_state",
    "last_day",
    "legal_consents",
]

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ConsentState:
    """How the consents stand at a moment.

    ``lifted`` is the exception that dispenses with consent, with its basis. ``failures`` are the
    rows against the call. ``legal`` and ``policy`` are the consents that carry it, if any.
    """

    needed: bool = False
    lifted: tuple[Row, Row, str] | None = None
    legal: Consent | None = None
    policy: Consent | None = None
    failures: tuple[tuple[Row, Failure], ...] = ()


def consent_state(moment: Moment) -> ConsentState:
    """Return how the consents stand at a moment."""
    anchors = [row for row in moment.rows if row.kind == "consent_required"]
    if not anchors:
        return ConsentState()
    for anchor in anchors:
        lift = lift_of(anchor, moment)
        if lift is not None:
            return ConsentState(lifted=(anchor, *lift))
    given = [
        consent
        for consent in moment.case.known.consents
        if consent.collected_at is not None and consent.collected_at <= moment.at
    ]
    if not given:
        return ConsentState(needed=True, failures=tuple((row, Failure()) for row in anchors))
    return _judged(given, moment)


def legal_consents(consents: Iterable[Consent], moment: Moment) -> Iterable[Consent]:
    """Yield the consents against which no row of the text speaks."""
    text = [row for row in moment.rows if row.kind in CONSENT_KINDS and row.gate == "H"]
    return (consent for consent in consents if not _against(consent, text, moment))


def _judged(given: list[Consent], moment: Moment) -> ConsentState:
    rows = [row for row in moment.rows if row.kind in CONSENT_KINDS]
    text = [row for row in rows if row.gate == "H"]
    ours = [row for row in rows if row.gate != "H"]
    against = {consent: _against(consent, text, moment) for consent in given}
    legal = [consent for consent, reasons in against.items() if not reasons]
    if not legal:
        failures = tuple(reason for reasons in against.values() for reason in reasons)
        return ConsentState(needed=True, failures=failures)
    more = {consent: _against(consent, ours, moment) for consent in legal}
    clean = [consent for consent, reasons in more.items() if not reasons]
    if clean:
        return ConsentState(needed=True, legal=clean[0], policy=clean[0])
    failures = tuple(reason for reasons in more.values() for reason in reasons)
    return ConsentState(needed=True, legal=legal[0], failures=failures)


def _against(consent: Consent, rows: list[Row], moment: Moment) -> list[tuple[Row, Failure]]:
    found = []
    for row in rows:
        failure = CONSENT_KINDS[row.kind](row, consent, moment)
        if failure is not None:
            found.append((row, failure))
    return found


def _failure(consent: Consent, **quotes: object) -> Failure:
    return Failure({"consent": consent.id, **quotes}, (consent.id,))


def _proof(row: Row, consent: Consent, moment: Moment) -> Failure | None:
    return None if consent.proof else _failure(consent)


def _items(row: Row, consent: Consent, moment: Moment) -> Failure | None:
    missing = [item for item in ITEMS if item in row.parameters["items"] - consent.items]
    if consent.act in row.parameters["not_positive"]:
        missing.append("positive_act")
    return _failure(consent, missing=tuple(missing)) if missing else None


def last_day(row: Row, consent: Consent) -> date:
    """Return the last legal day of a consent: the day stated, or the row's days from collection.

    The anniversary day is already too late. ValueError for a consent without a date.
    """
    if consent.collected_at is None:
        raise ValueError(f"consent {consent.id} has no date")
    longest = legal_day(consent.collected_at) + timedelta(days=row.parameters["days"] - 1)
    return longest if consent.until is None else min(longest, consent.until)


def _period(row: Row, consent: Consent, moment: Moment) -> Failure | None:
    last = last_day(row, consent)
    return _failure(consent, last=last) if moment.day > last else None


def _object(row: Row, consent: Consent, moment: Moment) -> Failure | None:
    outside = []
    if moment.case.call.object not in consent.objects:
        outside.append("object")
    if consent.slot_from is not None and not in_slot(row, consent, moment.at):
        outside.append("slot")
    return _failure(consent, outside=tuple(outside)) if outside else None


def _withdrawal(row: Row, consent: Consent, moment: Moment) -> Failure | None:
    when = withdrawn(consent, moment)
    return None if when is None else _failure(consent, withdrawn=when)


def _refusal(row: Row, consent: Consent, moment: Moment) -> Failure | None:
    for refusal in moment.case.known.refusals:
        counted = refusal.kind in row.parameters["counts"]
        on_consent = not refusal.basis or refusal.basis.startswith("consent")
        given = consent.collected_at
        if counted and on_consent and given is not None and given <= refusal.at <= moment.at:
            return _failure(consent, refused=refusal.at)
    return None


CONSENT_KINDS: dict[str, Callable[[Row, Consent, Moment], Failure | None]] = {
    "consent_proof": _proof,
    "consent_items": _items,
    "consent_period": _period,
    "consent_object": _object,
    "consent_withdrawal": _withdrawal,
    "consent_refusal": _refusal,
}


def consent_instants(row: Row, case: Case) -> Iterable[datetime]:
    """Yield the instants at which a row of the family may change its answer."""
    for consent in case.known.consents:
        if consent.collected_at is None:
            continue
        yield consent.collected_at
        if row.kind == "consent_period":
            yield legal_midnight(last_day(row, consent) + timedelta(days=1))
        if row.kind == "consent_object":
            bounds = slot_bounds(row, consent)
            yield from () if bounds is None else (bounds[0], bounds[1] + _TICK)
    yield from (event.at for event in case.known.withdrawals)
    yield from (refusal.at for refusal in case.known.refusals)
