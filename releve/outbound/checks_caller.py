"""Checks of the number shown: not hidden, mandated, of a permitted class, authenticated."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from releve.outbound.facts import Mandate
from releve.outbound.judged_call import HOUSE, CallMoment, JudgedCall, RowFailure
from releve.outbound.legal_rows import LegalRow, find_legal_midnight

__all__ = [
    "check_authentication",
    "check_caller_class",
    "check_caller_link",
    "check_caller_mandate",
    "check_caller_shown",
    "find_mandate",
    "find_mandate_changes",
]


def check_caller_shown(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse a hidden number."""
    return () if moment.caller is not None else (RowFailure(),)


def find_mandate(moment: CallMoment) -> Mandate | None:
    """Return the mandate in force by which the client may show the number."""
    if moment.caller is None:
        return None
    for mandate in moment.case.known.mandates:
        running = mandate.first <= moment.day and (
            mandate.last is None or moment.day <= mandate.last
        )
        if running and mandate.number == moment.caller.text:
            return mandate
    return None


def check_caller_mandate(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse a number that no mandate in force ties to the client; a hidden one is another's."""
    if moment.caller is None or find_mandate(moment) is not None:
        return ()
    return (RowFailure({"caller": moment.caller.text}),)


def find_mandate_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield when mandates start and end."""
    for mandate in case.known.mandates:
        yield find_legal_midnight(mandate.first)
        if mandate.last is not None:
            yield find_legal_midnight(mandate.last + timedelta(days=1))


def check_caller_link(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse a number whose holder is known to have no ties to the territory."""
    mandate = find_mandate(moment)
    if moment.caller is None or mandate is None or mandate.linked is not False:
        return ()
    concerned = moment.caller.number_class in row.parameters["classes"]
    return (RowFailure({"caller": moment.caller.text}, (mandate.id,)),) if concerned else ()


def check_caller_class(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse a number of a class that may not be shown."""
    caller, call = moment.caller, moment.case.call
    if caller is None or caller.number_class not in row.parameters["classes"]:
        return ()
    if row.parameters.get("unless_mobile_terminal", False) and call.mobile_terminal:
        return ()
    return (RowFailure({"caller_class": caller.number_class, "mode": call.mode}),)


def check_authentication(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse a number that the networks would cut.

    A row about calls from abroad binds where the call is known to enter the network elsewhere than
    in the callee's country; there an unknown authentication counts as none.
    """
    caller, call = moment.caller, moment.case.call
    if caller is None or caller.number_class not in row.parameters["classes"]:
        return ()
    here = moment.case.jurisdiction or HOUSE
    if row.parameters.get("abroad", False) and call.origin in ("", here):
        return ()
    unknown_passes = row.parameters["unknown"] == "passes"
    if call.authenticated or (call.authenticated is None and unknown_passes):
        return ()
    return (RowFailure({"origin": call.origin or here}),)
