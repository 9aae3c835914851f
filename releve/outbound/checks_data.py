"""Checks of what must be known: what is unknown refuses, under an id of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from releve.outbound.judged_call import Case, Failure, Moment, StrangeWord
from releve.outbound.legal_basis import ConsentState
from releve.outbound.legal_rows import Row, Words
from releve.outbound.vocabulary import sector_of, vocabulary

__all__ = ["data", "data_instants", "unreadable_consents"]


def data(row: Row, moment: Moment) -> tuple[Failure, ...]:
    """Refuse when what the row names is unknown; consents are looked at elsewhere."""
    what = row.parameters["what"]
    if what == "stale":
        return _stale(row, moment)
    if what == "word":
        return tuple(map(_unknown_word, moment.case.strange_words))
    fault = _FAULTS[what](moment) if what in _FAULTS else ""
    return (Failure({"detail": fault}),) if fault else ()


def _unknown_word(found: StrangeWord) -> Failure:
    near = vocabulary(found.vocabulary).near(found.text) if found.text else ()
    quotes = {"word": found.text, "column": found.column, "vocabulary": found.vocabulary}
    return Failure({**quotes, "near": tuple(near)})


def _sector_fault(moment: Moment) -> Words | str:
    """Return what is wrong with the sector that is declared, empty when it is the object's."""
    call = moment.case.call
    if not call.sector:
        return _UNDECLARED
    own = sector_of(call.object)
    return _OTHER_SECTOR if own and own != call.sector else ""


def _caller_fault(moment: Moment) -> str:
    caller = moment.caller
    return "" if caller is None or caller.number_class else caller.fault


_UNDECLARED = Words("il n'est pas déclaré", "it is not declared")
_OTHER_SECTOR = Words(
    "l'objet de l'appel relève d'un autre secteur",
    "the object of the call belongs to another sector",
)
_FAULTS: dict[str, Callable[[Moment], Words | str]] = {
    "zone": lambda moment: moment.case.place_fault,
    "person": lambda moment: moment.case.person_fault,
    "object": lambda moment: "" if moment.case.call.object else "empty",
    "caller": _caller_fault,
    "sector": _sector_fault,
}


def _stale(row: Row, moment: Moment) -> tuple[Failure, ...]:
    """Refuse registers read too long ago: before the call, or before it was judged."""
    case, found = moment.case, []
    asked = min(moment.case.call.at, case.known_at)
    most: dict[str, int] = row.parameters.get("max_minutes", {})
    for feed, minutes in sorted(most.items()):
        mark = case.known.watermarks.get(feed)
        if mark is None or asked - mark.read_at > timedelta(minutes=minutes):
            found.append((feed, None if mark is None else mark.read_at))
    minutes = min((most[feed] for feed, _ in found), default=0)
    return (Failure({"registers": tuple(found), "minutes": minutes}),) if found else ()


def unreadable_consents(row: Row, moment: Moment, state: ConsentState) -> tuple[Failure, ...]:
    """Refuse when a consent would be needed, none holds, and one has a date nobody can trust."""
    if not state.needed or state.legal is not None:
        return ()
    return tuple(
        Failure({"consent": consent.id, "detail": consent.unreadable or "no-date"}, (consent.id,))
        for consent in moment.case.known.consents
        if consent.collected_at is None
    )


def data_instants(row: Row, case: Case) -> Iterable[datetime]:
    """Yield nothing: what is unknown stays so until something is learnt."""
    return ()
