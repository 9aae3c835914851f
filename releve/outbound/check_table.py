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
    "data": checks_data.check_data,
    "forbidden_object": checks_basis.check_forbidden_object,
    "list_opposition": checks_basis.check_list_opposition,
    "scrub": checks_basis.check_scrub,
    "automated_consent": checks_basis.check_automated_consent,
    "hours": checks_time.check_hours,
    "local_holidays": checks_time.check_local_holidays,
    "cap": checks_history.check_cap,
    "silence": checks_history.check_silence,
    "pause": checks_history.check_pause,
    "abandoned_rate": checks_history.check_abandoned_rate,
    "caller_shown": checks_caller.check_caller_shown,
    "caller_mandate": checks_caller.check_caller_mandate,
    "caller_link": checks_caller.check_caller_link,
    "caller_class": checks_caller.check_caller_class,
    "authentication": checks_caller.check_authentication,
}
"""Kind to check; the consent family is judged together, in :mod:`releve.outbound.legal_basis`."""

CLOCK_CHANGES: dict[str, Callable[[LegalRow, CallMoment], datetime | None]] = {
    "hours": checks_time.find_hours_change,
    "local_holidays": checks_time.find_local_holidays_change,
}
"""Kinds whose answer changes with the clock alone: when it changes next."""

INSTANTS: dict[str, Callable[[LegalRow, JudgedCall], Iterable[datetime]]] = {
    "automated_consent": consents.find_consent_changes,
    "list_opposition": checks_basis.find_listing_changes,
    "scrub": checks_basis.find_scrub_changes,
    "cap": checks_history.find_cap_changes,
    "silence": checks_history.find_silence_changes,
    "pause": checks_history.find_pause_changes,
    "abandoned_rate": checks_history.find_abandoned_rate_changes,
    "caller_mandate": checks_caller.find_mandate_changes,
    "caller_link": checks_caller.find_mandate_changes,
    **dict.fromkeys(consents.CONSENT_KINDS, consents.find_consent_changes),
    "consent_required": consents.find_consent_changes,
    **INSTANTS_OF_LIFTS,
}
"""Kinds whose answer changes with facts: every instant at which it may."""

PHASES: dict[str, int] = {kind: number for number, kind in enumerate(KINDS)}
"""The order of the findings: that of the kinds, which follows the law."""
