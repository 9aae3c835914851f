"""Checks of what was tried before: the cap on attempts, silence after a refusal, pauses, pacing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from releve.network.clock import zone
from releve.outbound.calls import PURPOSES
from releve.outbound.consents import find_express_consent_changes, select_express_consents
from releve.outbound.facts import Attempt
from releve.outbound.hours import find_local_midnight
from releve.outbound.judged_call import CallMoment, JudgedCall, RowFailure
from releve.outbound.legal_rows import LEGAL_ZONE, LegalRow, find_legal_midnight
from releve.outbound.pacing import compute_abandoned_share

__all__ = [
    "check_abandoned_rate",
    "check_cap",
    "check_pause",
    "check_silence",
    "counts_refusal",
    "find_abandoned_rate_changes",
    "find_cap_changes",
    "find_pause_changes",
    "find_silence_changes",
    "find_uncounted_purposes",
    "select_attempts_in_window",
]


_FILLING = ("prospecting",)
"""Purposes whose attempts fill a cap whose row does not name any."""


def select_attempts_in_window(row: LegalRow, moment: CallMoment) -> list[Attempt]:
    """Return the attempts that a cap counts at a moment, this call itself left out.

    Calendar days are the callee's; where two clocks are possible, the one that counts more.
    """
    call = moment.case.call
    own = (call.provider, call.id) if call.id else None
    known = (attempt for attempt in moment.case.known.attempts if attempt.at <= moment.at)
    past = [attempt for attempt in known if (attempt.provider, attempt.id) != own]
    if not past:  # most calls are the first
        return past
    apart = find_uncounted_purposes(row)
    past = [attempt for attempt in past if attempt.purpose not in apart]
    if "hours" in row.parameters:
        since = moment.at - timedelta(hours=row.parameters["hours"])
        return [attempt for attempt in past if attempt.at > since]
    counted = [
        [
            attempt
            for attempt in past
            if attempt.at >= find_local_midnight(_find_first_day(row, day), name)
        ]
        for name, day in moment.days()
    ]
    return max(counted, key=len, default=past)


def find_uncounted_purposes(row: LegalRow) -> frozenset[str]:
    """Return the purposes whose attempts a cap leaves out; one without a purpose always counts."""
    return frozenset(PURPOSES).difference(row.parameters.get("purposes", _FILLING))


def _find_first_day(row: LegalRow, day: date) -> date:
    return day - timedelta(days=row.parameters["days"] - 1)


def check_cap(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse one call more than the cap: the attempts made already fill it."""
    counted, most = select_attempts_in_window(row, moment), row.parameters["most"]
    if len(counted) < most:
        return ()
    zone_name = next(iter(moment.case.zones), LEGAL_ZONE)
    tried = tuple(attempt.at for attempt in counted)
    quotes = {"count": len(counted), "most": most, "zone": zone_name, "attempts": tried}
    return (RowFailure(quotes, tuple(attempt.id for attempt in counted)),)


def find_cap_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield when attempts enter the window and when they leave it."""
    for attempt in case.known.attempts:
        yield attempt.at
        if "hours" in row.parameters:
            yield attempt.at + timedelta(hours=row.parameters["hours"])
            continue
        for name in case.zones:
            day = attempt.at.astimezone(zone(name)).date()
            yield find_local_midnight(day + timedelta(days=row.parameters["days"]), name)


def check_silence(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse while the days after a refusal run; without days, for good.

    Where the row says ``until_consent``, a consent to this object given later ends it.
    """
    for refusal in reversed(moment.case.known.refusals):
        if refusal.at > moment.at or not counts_refusal(row, refusal.kind):
            continue
        if row.parameters.get("until_consent") and _has_consented_since(refusal.at, moment):
            continue
        if "days" not in row.parameters:
            return (RowFailure({"refused": refusal.at, "again": None}),)
        for name, day in moment.days():
            again = _find_day_allowed_again(row, refusal.at, name)
            if day < again:
                return (RowFailure({"refused": refusal.at, "again": again}),)
    return ()


def counts_refusal(row: LegalRow, kind: str) -> bool:
    """Return whether a silence counts a kind of refusal: all but some, or some only."""
    only = row.parameters.get("only", (kind,))
    return kind in only and kind not in row.parameters["not_counted"]


def _has_consented_since(refused_at: datetime, moment: CallMoment) -> bool:
    """Return whether a consent that stands was given after a refusal."""
    return any(
        consent.collected_at is not None and consent.collected_at > refused_at
        for consent in select_express_consents(moment)
    )


def _find_day_allowed_again(row: LegalRow, refused_at: datetime, zone_name: str) -> date:
    """Return the first day allowed again: refused on day D, D + days + 1."""
    days = int(row.parameters["days"])
    return refused_at.astimezone(zone(zone_name)).date() + timedelta(days=days + 1)


def find_silence_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield when refusals are made and when the silence after them ends."""
    for refusal in case.known.refusals:
        yield refusal.at
        if "days" in row.parameters:
            yield from (
                find_local_midnight(_find_day_allowed_again(row, refusal.at, z), z)
                for z in case.zones
            )
    if row.parameters.get("until_consent"):
        yield from find_express_consent_changes(case)


def check_pause(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse while the hours after an attempt with one of the row's outcomes run."""
    hours = row.parameters["hours"]
    since = moment.at - timedelta(hours=hours)
    met = [
        attempt.at
        for attempt in moment.case.known.attempts
        if attempt.outcome in row.parameters["outcomes"] and since < attempt.at <= moment.at
    ]
    return (RowFailure({"last": max(met), "hours": hours}),) if met else ()


def find_pause_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield when attempts are made and when the pause after them ends."""
    for attempt in case.known.attempts:
        yield attempt.at
        yield attempt.at + timedelta(hours=row.parameters["hours"])


def check_abandoned_rate(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse while the campaign's share of abandoned calls of the day is above the row's."""
    today = [count for count in moment.case.known.abandoned if count.day == moment.day]
    if not today:
        return ()
    share = 100 * compute_abandoned_share(today[-1].abandoned, today[-1].handled)
    most = row.parameters["most_percent"]
    return (RowFailure({"rate": share, "most": most}),) if share > most else ()


def find_abandoned_rate_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield the midnights between which a day's count matters."""
    for count in case.known.abandoned:
        yield find_legal_midnight(count.day)
        yield find_legal_midnight(count.day + timedelta(days=1))
