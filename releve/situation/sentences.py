"""Fill a sentence of a code with its parameters, in English.

The sentences of refusals, notices and event kinds are written once, in this package: they are the
sources of the desk's French catalogue, and each interface formats the parameters in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SHARES", "fill_sentence"]

SHARES = frozenset({"fill", "most"})
"""Parameters that are shares of 1, written as percentages."""


def fill_sentence(sentence: str, params: Mapping[str, object]) -> str:
    """Return a sentence with its braces filled; lists are joined by commas, times are in UTC."""
    return sentence.format_map(
        {name: _write_parameter(name, value) for name, value in params.items()}
    )


def _write_parameter(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0%}" if name in SHARES else f"{value:g}"
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)
