"""Checks of what may be sold and on which ground: forbidden objects, opposition lists, automata."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from releve.outbound.consents import select_express_consents, select_legal_consents
from releve.outbound.judged_call import CallMoment, JudgedCall, RowFailure
from releve.outbound.legal_rows import LegalRow, find_legal_midnight, to_legal_day

__all__ = [
    "check_automated_consent",
    "check_forbidden_object",
    "check_list_opposition",
    "check_scrub",
    "find_listing_changes",
    "find_scrub_changes",
]


def check_forbidden_object(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse an object that may not be prospected."""
    found = moment.case.call.object
    return (RowFailure({"object": found}),) if moment.case.offers(row.parameters["objects"]) else ()


def check_list_opposition(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse a number that stands on an opposition list."""
    wanted, at = row.parameters["list"], moment.at
    since = [
        listing.at
        for listing in moment.case.known.listings
        if listing.list == wanted
        and listing.at <= at
        and (listing.until is None or at < listing.until)
    ]
    return (RowFailure({"list": wanted, "since": min(since)}),) if since else ()


def find_listing_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield when listings start and end."""
    for listing in case.known.listings:
        yield listing.at
        if listing.until is not None:
            yield listing.until


def check_scrub(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse when the file was not scrubbed against a list within the row's days."""
    wanted, days = row.parameters["list"], row.parameters["days"]
    done = [
        scrub.at
        for scrub in moment.case.known.scrubs
        if scrub.list == wanted and scrub.at <= moment.at
    ]
    last = max(done, default=None)
    if last is not None and moment.day <= to_legal_day(last) + timedelta(days=days):
        return ()
    return (RowFailure({"list": wanted, "days": days, "scrubbed": last}),)


def find_scrub_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield when scrubs are made and when they are too old."""
    for done in case.known.scrubs:
        yield done.at
        yield find_legal_midnight(
            to_legal_day(done.at) + timedelta(days=row.parameters["days"] + 1)
        )


def check_automated_consent(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse an automaton that no consent to it covers; a contract does not stand in for one."""
    covered = next(iter(select_legal_consents(select_express_consents(moment), moment)), None)
    return () if covered else (RowFailure({"mode": moment.case.call.mode}),)
