"""What steps and states of a contract are called in a message: phrases, to be translated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from releve.errors import Phrase

__all__ = ["join_words", "name_state", "name_step"]

_STEPS: Mapping[str, Phrase] = {
    "ask": Phrase("ask"),
    "offer": Phrase("offer"),
    "match": Phrase("match"),
    "agree": Phrase("agree"),
    "decline": Phrase("decline"),
    "sign": Phrase("sign"),
    "start": Phrase("start"),
    "end": Phrase("end"),
    "settle": Phrase("settle"),
    "recall": Phrase("recall"),
}
_STATES: Mapping[str, Phrase] = {
    "new": Phrase("new"),
    "asked": Phrase("asked"),
    "offered": Phrase("offered"),
    "matched": Phrase("matched"),
    "client agreed": Phrase("client agreed"),
    "both signed": Phrase("both signed"),
    "started": Phrase("started"),
    "ended": Phrase("ended"),
    "settled": Phrase("settled"),
    "recalled": Phrase("recalled"),
    "declined": Phrase("declined"),
}


def name_step(kind: str) -> str:
    """Return the name of a step; of an unknown one its code."""
    return _STEPS.get(kind, kind)


def name_state(state: str) -> str:
    """Return the name of a state."""
    return _STATES[state]


def join_words(words: Iterable[str]) -> str:
    """Return words as alternatives: ``a or b or c``."""
    first, *others = words
    for other in others:
        first = Phrase("{0} or {1}", first, other)
    return first
