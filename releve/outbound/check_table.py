"""Which function checks which kind of row, when its answer may change, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from releve.outbound import (
    checks_basis,
    checks_caller,
    checks_data,
    checks_history,
    checks_time,
    consents,
)
from releve.outbound.exceptions import INSTANTS_OF_LIFTS
from releve.outbound.judged_call import CallMoment, JudgedCall, RowFailure
from releve.outbound.legal_rows import LegalRow
from releve.outbound.rule_kinds import KINDS

__all__ = ["CHECKS", "CLOCK_CHANGES", "INSTANTS", "PHASES", "Check"]

Check = Callable[[LegalRow, CallMoment], Sequence[RowFailure]]

CHECKS: dict[str, Check] = {
    "data": checks_data.data,
    "forbidden_object": checks_basis.forbidden_object,
    "list_opposition": checks_basis.list_opposition,
    "scrub": checks_basis.scrub,
    "automated_consent": checks_basis.automated_consent,
    "hours": checks_time.hours,
    "local_holidays": checks_time.local_holidays,
    "cap": checks_history.cap,
    "silence": checks_history.silence,
    "pause": checks_history.pause,
    "abandoned_rate": checks_history.abandoned_rate,
    "caller_shown": checks_caller.caller_shown,
    "caller_mandate": checks_caller.caller_mandate,
    "caller_link": checks_caller.caller_link,
    "caller_class": checks_caller.caller_class,
    "authentication": checks_caller.authentication,
}
"""Kind to check; the consent family is judged together, in :mod:`releve.outbound.legal_basis`."""

CLOCK_CHANGES: dict[str, Callable[[LegalRow, CallMoment], datetime | None]] = {
    "hours": checks_time.hours_change,
    "local_holidays": checks_time.local_holidays_change,
}
"""Kinds whose answer changes with the clock alone: when it changes next."""

INSTANTS: dict[str, Callable[[LegalRow, JudgedCall], Iterable[datetime]]] = {
    "automated_consent": consents.consent_instants,
    "list_opposition": checks_basis.list_instants,
    "scrub": checks_basis.scrub_instants,
    "cap": checks_history.cap_instants,
    "silence": checks_history.silence_instants,
    "pause": checks_history.pause_instants,
    "abandoned_rate": checks_history.abandoned_rate_instants,
    "caller_mandate": checks_caller.mandate_instants,
    "caller_link": checks_caller.mandate_instants,
    **dict.fromkeys(consents.CONSENT_KINDS, consents.consent_instants),
    "consent_required": consents.consent_instants,
    **INSTANTS_OF_LIFTS,
}
"""Kinds whose answer changes with facts: every instant at which it may."""

PHASES: dict[str, int] = {kind: number for number, kind in enumerate(KINDS)}
"""The order in which the findings are told: that of the kinds, which is the law's."""
