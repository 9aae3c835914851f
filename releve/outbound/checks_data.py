"""Checks of what must be known: an unknown value refuses, under an id of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from releve.network.clock import UTC
from releve.outbound.calls import Call
from releve.outbound.judged_call import CallMoment, RowFailure, UnknownWord
from releve.outbound.legal_basis import ConsentState
from releve.outbound.legal_rows import LegalRow, Words
from releve.outbound.phrases import word_label
from releve.outbound.vocabulary import find_sector, get_vocabulary

__all__ = ["check_consent_dates", "check_data"]


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
    "l'objet de l'appel ({object}) relève d'un autre secteur ({own}) que celui déclaré "
    "({declared})",
    "the object of the call ({object}) belongs to another sector ({own}) than the one declared "
    "({declared})",
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


def check_consent_dates(
    row: LegalRow, moment: CallMoment, state: ConsentState
) -> tuple[RowFailure, ...]:
    """Refuse when a consent is needed, none holds, and one has a date that cannot be trusted."""
    if not state.needed or state.legal is not None:
        return ()
    return tuple(
        RowFailure(
            {"consent": consent.id, "detail": consent.unreadable or "no-date"}, (consent.id,)
        )
        for consent in moment.case.known.consents
        if consent.collected_at is None
    )
