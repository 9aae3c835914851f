"""The function that checks each kind of row, and the one that says when its answer may change.

They stand by subject: what was tried before (cap, silence, pauses, pacing), what must be known,
the number shown, what may be sold and on which ground, and the callee's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta

from releve.network.moments import UTC, zone
from releve.plugins.outbound.engine.exceptions import (
    CONSENT_KINDS,
    INSTANTS_OF_LIFTS,
    ConsentState,
    find_consent_changes,
    find_express_consent_changes,
    select_express_consents,
    select_legal_consents,
)
from releve.plugins.outbound.engine.facts import Attempt, Mandate, compute_abandoned_share
from releve.plugins.outbound.engine.hours import NO_DAYS, WeekHours, find_closing, find_local_midnight, find_opening
from releve.plugins.outbound.engine.judged_call import (
    HOUSE,
    PURPOSES,
    Call,
    CallMoment,
    JudgedCall,
    RowFailure,
    UnknownWord,
)
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE, LegalRow, Words, find_legal_midnight, to_legal_day
from releve.plugins.outbound.engine.phrases import word_label
from releve.plugins.outbound.engine.rule_kinds import KINDS
from releve.plugins.outbound.engine.vocabulary import find_sector, get_vocabulary

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
        [attempt for attempt in past if attempt.at >= find_local_midnight(_find_first_day(row, day), name)]
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
            yield from (find_local_midnight(_find_day_allowed_again(row, refusal.at, z), z) for z in case.zones)
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


def check_data(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse when what the row names is unknown; consents are looked at elsewhere."""
    what = row.parameters["what"]
    if what == "stale":
        return _check_registers(row, moment)
    if what == "word":
        return tuple(map(_report_unknown_word, moment.case.strange_words))
    fault = _FAULTS[what](moment) if what in _FAULTS else ""
    return (RowFailure({"detail": fault}),) if fault else ()


def _report_unknown_word(found: UnknownWord) -> RowFailure:
    near = get_vocabulary(found.vocabulary).near(found.text) if found.text else ()
    quotes = {"word": found.text, "column": found.column, "vocabulary": found.vocabulary}
    return RowFailure({**quotes, "near": tuple(near)})


def _find_sector_fault(moment: CallMoment) -> Words | str:
    """Return what is wrong with the sector that is declared, empty when it is the object's."""
    call = moment.case.call
    if not call.sector:
        return _UNDECLARED
    own = find_sector(call.object)
    return _name_sectors(own, call) if own and own != call.sector else ""


def _name_sectors(own: str, call: Call) -> Words:
    """Return that a call's object belongs to a sector of its own, not to the declared one."""
    french, english = (
        _OTHER_SECTOR.of(language).format(
            object=word_label("object", call.object, language),
            own=word_label("sector", own, language),
            declared=word_label("sector", call.sector, language),
        )
        for language in ("fr", "en")
    )
    return Words(french, english)


def _find_caller_fault(moment: CallMoment) -> str:
    caller = moment.caller
    return "" if caller is None or caller.number_class else caller.fault


_UNDECLARED = Words("il n'est pas déclaré", "it is not declared")
_OTHER_SECTOR = Words(
    "l'objet de l'appel ({object}) relève d'un autre secteur ({own}) que celui déclaré ({declared})",
    "the object of the call ({object}) belongs to another sector ({own}) than the one declared ({declared})",
)
_FAULTS: dict[str, Callable[[CallMoment], Words | str]] = {
    "zone": lambda moment: moment.case.place_fault,
    "person": lambda moment: moment.case.person_fault,
    "object": lambda moment: "" if moment.case.call.object else "empty",
    "caller": _find_caller_fault,
    "sector": _find_sector_fault,
}


def _check_registers(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse when a register was read too long before the call, or before it was judged."""
    case, found = moment.case, []
    asked = min(at.astimezone(UTC) for at in (case.call.at, case.known_at))
    most: dict[str, int] = row.parameters.get("max_minutes", {})
    for feed, minutes in sorted(most.items()):
        mark = case.known.watermarks.get(feed)
        if mark is None or asked - mark.read_at > timedelta(minutes=minutes):
            found.append((feed, None if mark is None else mark.read_at))
    if not found:
        return ()
    minutes = min(most[feed] for feed, _ in found)
    return (RowFailure({"registers": tuple(found), "minutes": minutes}),)


def check_consent_dates(row: LegalRow, moment: CallMoment, state: ConsentState) -> tuple[RowFailure, ...]:
    """Refuse when a consent is needed, none holds, and one has a date that cannot be trusted."""
    if not state.needed or state.legal is not None:
        return ()
    return tuple(
        RowFailure({"consent": consent.id, "detail": consent.unreadable or "no-date"}, (consent.id,))
        for consent in moment.case.known.consents
        if consent.collected_at is None
    )


def check_caller_shown(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse a hidden number."""
    return () if moment.caller is not None else (RowFailure(),)


def find_mandate(moment: CallMoment) -> Mandate | None:
    """Return the mandate in force by which the client may show the number."""
    if moment.caller is None:
        return None
    for mandate in moment.case.known.mandates:
        running = mandate.first <= moment.day and (mandate.last is None or moment.day <= mandate.last)
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
        if listing.list == wanted and listing.at <= at and (listing.until is None or at < listing.until)
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
    done = [scrub.at for scrub in moment.case.known.scrubs if scrub.list == wanted and scrub.at <= moment.at]
    last = max(done, default=None)
    if last is not None and moment.day <= to_legal_day(last) + timedelta(days=days):
        return ()
    return (RowFailure({"list": wanted, "days": days, "scrubbed": last}),)


def find_scrub_changes(row: LegalRow, case: JudgedCall) -> Iterable[datetime]:
    """Yield when scrubs are made and when they are too old."""
    for done in case.known.scrubs:
        yield done.at
        yield find_legal_midnight(to_legal_day(done.at) + timedelta(days=row.parameters["days"] + 1))


def check_automated_consent(row: LegalRow, moment: CallMoment) -> tuple[RowFailure, ...]:
    """Refuse an automaton that no consent to it covers; a contract does not stand in for one."""
    covered = next(iter(select_legal_consents(select_express_consents(moment), moment)), None)
    return () if covered else (RowFailure({"mode": moment.case.call.mode}),)


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
            return (RowFailure({"territory": place.name, "local": local, "week": week, "zones": moment.case.zones}),)
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


Check = Callable[[LegalRow, CallMoment], Sequence[RowFailure]]

CHECKS: dict[str, Check] = {
    "data": check_data,
    "forbidden_object": check_forbidden_object,
    "list_opposition": check_list_opposition,
    "scrub": check_scrub,
    "automated_consent": check_automated_consent,
    "hours": check_hours,
    "local_holidays": check_local_holidays,
    "cap": check_cap,
    "silence": check_silence,
    "pause": check_pause,
    "abandoned_rate": check_abandoned_rate,
    "caller_shown": check_caller_shown,
    "caller_mandate": check_caller_mandate,
    "caller_link": check_caller_link,
    "caller_class": check_caller_class,
    "authentication": check_authentication,
}
"""Kind to check; the consent family is judged together, in ``exceptions``."""

CLOCK_CHANGES: dict[str, Callable[[LegalRow, CallMoment], datetime | None]] = {
    "hours": find_hours_change,
    "local_holidays": find_local_holidays_change,
}
"""Kinds whose answer changes with the clock alone: when it changes next."""

INSTANTS: dict[str, Callable[[LegalRow, JudgedCall], Iterable[datetime]]] = {
    "automated_consent": find_consent_changes,
    "list_opposition": find_listing_changes,
    "scrub": find_scrub_changes,
    "cap": find_cap_changes,
    "silence": find_silence_changes,
    "pause": find_pause_changes,
    "abandoned_rate": find_abandoned_rate_changes,
    "caller_mandate": find_mandate_changes,
    "caller_link": find_mandate_changes,
    **dict.fromkeys(CONSENT_KINDS, find_consent_changes),
    "consent_required": find_consent_changes,
    **INSTANTS_OF_LIFTS,
}
"""Kinds whose answer changes with facts: every instant at which it may."""

PHASES: dict[str, int] = {kind: number for number, kind in enumerate(KINDS)}
"""The order of the findings: that of the kinds, which follows the law."""
