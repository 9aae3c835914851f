"""The kinds of rules: which parameters a row of each kind takes, and what its sentence may quote.

A new rule of a known kind is a new row; only a new *kind* is code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from releve.plugins.outbound.engine.vocabulary import get_vocabulary

GATES = ("H", "P", "I", "N")
SURE = ("P", "Pq", "S2", "S", "M", "I")
DATA = ("number", "zone", "person", "object", "caller", "consent", "stale", "jurisdiction", "word", "sector")
"""What may be unknown."""

Type = Literal["count", "number", "flag", "word", "words", "week", "days", "days-by-place", "minutes", "row"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its type, whether a row must give it, and the words it may hold (if closed)."""

    type: Type
    required: bool = True
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rule. ``role``: test (can fail), lift (an exception), definition or text."""

    role: Literal["test", "lift", "definition", "text"]
    parameters: dict[str, Parameter]
    quotes: frozenset[str] = frozenset()


def _build_test_kind(parameters: dict[str, Parameter], *quotes: str) -> Kind:
    return Kind("test", parameters, frozenset(quotes))


_LIST = Parameter("word", of=get_vocabulary("list").ids)
_FLAG = Parameter("flag")
_OPTIONAL_FLAG = Parameter("flag", required=False)
_COUNT = Parameter("count")
_OPTIONAL_COUNT = Parameter("count", required=False)
_WORDS = Parameter("words")
_ITEMS = Parameter("words", of=get_vocabulary("item").ids)
_NO_REFUSALS = Parameter("words", of=("not-now",))
_OPTIONAL_REFUSALS = Parameter("words", required=False, of=get_vocabulary("refusal-kind").ids)
_OBJECTS = Parameter("words", of=get_vocabulary("object").ids)
_OUTCOMES = Parameter("words", of=get_vocabulary("outcome").ids)
_ACTS = Parameter("words", of=get_vocabulary("act").ids)
_CALLEES = Parameter("words", of=get_vocabulary("person-kind").ids)
_PURPOSES = Parameter("words", of=get_vocabulary("purpose").ids)

KINDS: dict[str, Kind] = {
    # releve.plugins.outbound.engine.judged_call, releve.plugins.outbound.engine.checks
    "scope": Kind("definition", {"callees": _CALLEES, "purposes": _PURPOSES}),
    "object_match": Kind("definition", {"reach": Parameter("word", of=("nature", "family"))}),
    "data": _build_test_kind(
        {"what": Parameter("word", of=DATA), "max_minutes": Parameter("minutes", required=False)},
        "detail",
        "consent",
        "registers",
        "minutes",
        "unknown",
        "place",
        "similar",
        "vocabulary",
    ),
    "duty": Kind("text", {}),
    "note": Kind("text", {}),
    # releve.plugins.outbound.engine.checks
    "forbidden_object": _build_test_kind({"objects": _OBJECTS}, "object"),
    "list_opposition": _build_test_kind({"list": _LIST}, "list", "since"),
    "scrub": _build_test_kind({"list": _LIST, "days": _COUNT}, "list", "days", "scrubbed"),
    "automated_consent": _build_test_kind({}, "mode"),
    # releve.plugins.outbound.engine.consents
    "consent_required": _build_test_kind({}, "coarse"),
    "consent_proof": _build_test_kind({}, "consent"),
    "consent_items": _build_test_kind({"items": _ITEMS, "not_positive": _ACTS}, "consent", "missing"),
    "consent_period": _build_test_kind({"days": _OPTIONAL_COUNT, "years": _OPTIONAL_COUNT}, "consent", "given", "last"),
    "consent_object": _build_test_kind({"tolerance_minutes": _COUNT}, "consent", "outside"),
    "consent_withdrawal": _build_test_kind({}, "consent", "withdrawn"),
    "consent_refusal": _build_test_kind({"not_counted": _NO_REFUSALS}, "consent", "refused"),
    # releve.plugins.outbound.engine.exceptions
    "exception_contract": Kind("lift", {"running": _FLAG, "related": _FLAG, "ended_within_days": _COUNT}),
    "exception_object": Kind("lift", {"objects": _OBJECTS}),
    "exception_callback": Kind(
        "lift",
        {
            "working_days": _COUNT,
            "holidays": Parameter("row"),
            "named_for": Parameter("words", required=False, of=get_vocabulary("object").ids),
            "made_in_call": _FLAG,
        },
    ),
    "exception_request": Kind("lift", {"days": _COUNT}),
    "exception_consent": Kind("lift", {"after_listing": _FLAG}),
    "exception_slot": Kind("lift", {"tolerance_minutes": _COUNT, "widest_minutes": _COUNT}),
    # releve.plugins.outbound.engine.checks
    "holidays": Kind("definition", {"days": Parameter("days")}),
    "hours": _build_test_kind(
        {"windows": Parameter("week"), "holidays": Parameter("row", required=False)},
        "territory",
        "local",
        "why",
        "hours",
        "opens",
    ),
    "local_holidays": _build_test_kind({"days": Parameter("days-by-place")}, "territory", "day", "holiday", "unsure"),
    # releve.plugins.outbound.engine.checks
    "cap": _build_test_kind(
        {
            "most": _COUNT,
            "days": _OPTIONAL_COUNT,
            "hours": _OPTIONAL_COUNT,
            "purposes": Parameter("words", required=False, of=get_vocabulary("purpose").ids),
        },
        "count",
        "most",
        "attempts",
        "days",
        "hours",
        "again",
    ),
    "silence": _build_test_kind(
        {
            "not_counted": _NO_REFUSALS,
            "only": _OPTIONAL_REFUSALS,
            "days": _OPTIONAL_COUNT,
            "until_consent": _OPTIONAL_FLAG,
        },
        "refused",
        "days",
        "again",
    ),
    "pause": _build_test_kind({"hours": _COUNT, "outcomes": _OUTCOMES}, "last", "hours", "again"),
    "abandoned_rate": _build_test_kind({"most_percent": Parameter("number")}, "rate", "most"),
    # releve.plugins.outbound.engine.checks
    "caller_shown": _build_test_kind({}),
    "caller_mandate": _build_test_kind({}, "caller"),
    "caller_link": _build_test_kind({"classes": _WORDS}, "caller"),
    "caller_class": _build_test_kind(
        {"classes": _WORDS, "unless_mobile_terminal": _OPTIONAL_FLAG}, "caller_class", "mode"
    ),
    "authentication": _build_test_kind(
        {"classes": _WORDS, "abroad": _OPTIONAL_FLAG, "unknown": Parameter("word", of=("passes", "refuses"))}, "origin"
    ),
}
