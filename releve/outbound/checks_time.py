"""Checks of the callee's clock: permitted hours, and local holidays that the text forgets."""

from __future__ import annotations

from datetime import datetime, timedelta

from releve.outbound.holidays import NO_DAYS
from releve.outbound.hours import WeekHours, find_closing, find_local_midnight, find_opening
from releve.outbound.judged_call import CallMoment, RowFailure
from releve.outbound.legal_rows import LegalRow

__all__ = [
    "build_row_hours",
    "check_hours",
    "check_local_holidays",
    "find_hours_change",
    "find_local_holidays_change",
]


def build_row_hours(row: LegalRow, moment: CallMoment) -> WeekHours:
    """Return the week and the holidays of a row as they are in force."""
    named = moment.in_force.by_id.get(row.parameters.get("holidays", ""), ())
    days = named[0].parameters["days"] if named else NO_DAYS
    return WeekHours(row.parameters["windows"], days)


def check_hours(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse outside the permitted hours of any territory where the callee may be."""
    week = build_row_hours(row, moment)
    for place in moment.case.places:
        if find_closing(week, (place.zone,), moment.at) is None:
            local = moment.local(place.zone)
            return (RowFailure({"territory": place.name, "local": local, "week": week,
                             "zones": moment.case.zones}),)  # fmt: skip
    return ()


def find_hours_change(row: LegalRow, moment: CallMoment) -> datetime | None:
    """Return when the answer changes next: the end of the window, or the next opening."""
    week = build_row_hours(row, moment)
    end = find_closing(week, moment.case.zones, moment.at)
    return find_opening(week, moment.case.zones, moment.at) if end is None else end


def check_local_holidays(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse on a local holiday of any territory where the callee may be."""
    for place in moment.case.places:
        day = moment.local(place.zone).date()
        rules = row.parameters["days"].get(place.code)
        if rules is not None and rules.is_holiday(day):
            quotes = {"territory": place.name, "day": day}
            return (RowFailure({**quotes, "unsure": len(moment.case.places) > 1}),)
    return ()


def find_local_holidays_change(row: LegalRow, moment: CallMoment) -> datetime | None:
    """Return the next local midnight: no later than the answer changes."""
    nights = [find_local_midnight(day + timedelta(days=1), name) for name, day in moment.days()]
    return min(nights, default=None)
