"""The legal basis of a call: an exception that dispenses with consent, or a consent.

A consent that no row of the text rejects makes the call legal; one that our policy does not reject
either makes it allowed. Where every consent is rejected, all reasons are reported.
"""

from __future__ import annotations

from dataclasses import dataclass

from releve.outbound.consents import CONSENT_KINDS, find_row_failures
from releve.outbound.exceptions import find_lift
from releve.outbound.facts import Consent
from releve.outbound.judged_call import CallMoment, RowFailure
from releve.outbound.legal_rows import LegalRow
from releve.outbound.vocabulary import find_finer_words

__all__ = ["ConsentState", "judge_consents"]


@dataclass(frozen=True, slots=True)
class ConsentState:
    """How the consents stand at a moment.

    ``lifted`` is the exception that dispenses with consent, with its basis. ``failures`` are the
    rows against the call. ``legal`` and ``policy`` are the consents that carry it, if any.
    """

    needed: bool = False
    lifted: tuple[LegalRow, LegalRow, str] | None = None
    legal: Consent | None = None
    policy: Consent | None = None
    failures: tuple[tuple[LegalRow, RowFailure], ...] = ()


def judge_consents(moment: CallMoment) -> ConsentState:
    """Return how the consents stand at a moment."""
    anchors = moment.bound.of_kind("consent_required")
    if not anchors:
        return ConsentState()
    for anchor in anchors:
        lift = find_lift(anchor, moment)
        if lift is not None:
            return ConsentState(lifted=(anchor, *lift))
    given = [
        consent
        for consent in moment.case.known.consents
        if consent.collected_at is not None and consent.collected_at <= moment.at
    ]
    if not given:
        failure = RowFailure({"coarse": _find_coarse_words(moment)})
        return ConsentState(needed=True, failures=tuple((row, failure) for row in anchors))
    return _judge_given(given, moment)


def _find_coarse_words(moment: CallMoment) -> tuple[tuple[str, str], ...]:
    """Return the coarse words for which no basis covers the call: table (empty: call) and word."""
    case = moment.case
    named = [("", case.call.object)]
    named += [("contracts", word) for one in case.known.contracts for word in sorted(one.objects)]
    named += [("callbacks", word) for one in case.known.callbacks for word in sorted(one.objects)]
    found = ((table, word) for table, word in named if word in case.offered)
    return tuple(dict.fromkeys(one for one in found if find_finer_words(one[1])))


def _judge_given(given: list[Consent], moment: CallMoment) -> ConsentState:
    rows = [row for kind in CONSENT_KINDS for row in moment.bound.of_kind(kind)]
    text = [row for row in rows if row.gate == "H"]
    ours = [row for row in rows if row.gate != "H"]
    reasons_of = {consent: find_row_failures(consent, text, moment) for consent in given}
    legal = [consent for consent, reasons in reasons_of.items() if not reasons]
    if not legal:
        failures = tuple(reason for reasons in reasons_of.values() for reason in reasons)
        return ConsentState(needed=True, failures=failures)
    more = {consent: find_row_failures(consent, ours, moment) for consent in legal}
    clean = [consent for consent, reasons in more.items() if not reasons]
    if clean:
        return ConsentState(needed=True, legal=clean[0], policy=clean[0])
    failures = tuple(reason for reasons in more.values() for reason in reasons)
    return ConsentState(needed=True, legal=legal[0], failures=failures)
