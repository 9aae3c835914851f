"""Two pictures of a sector as SVG: who could help whom, and calls lost with and without help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from xml.sax.saxutils import escape

import numpy as np

from releve.plan.lp import Floats
from releve.sector.crash import SectorCrash
from releve.sector.response import SectorAnswer

__all__ = ["PICTURE_WORDS", "draw_help", "draw_losses"]

PICTURE_WORDS = {
    "en": {
        "help": "Who could help whom",
        "help_of": "Agent half hours of a day that one operator lends another, {0} shut",
        "giver": "lends",
        "asker": "receives",
        "losses": "Calls lost a day",
        "losses_of": "{0}; mean and {1} % interval of {2} simulations",
        "alone": "each operator alone",
        "together": "with relief between operators",
        "day": "day",
        "closed": "{0}, days {1} to {2}",
    },
    "fr": {
        "help": "Qui pourrait aider qui",
        "help_of": "Demi-heures d’agent prêtées par jour d’un prestataire à l’autre, {0} fermé",
        "giver": "prête",
        "asker": "reçoit",
        "losses": "Appels perdus par jour",
        "losses_of": "{0}\u202f; moyenne et intervalle à {1}\u202f% de {2} simulations",
        "alone": "chacun pour soi",
        "together": "avec l’entraide entre prestataires",
        "day": "jour",
        "closed": "{0}, jours {1} à {2}",
    },
}
"""The words of the pictures by language."""
_ALONE, _TOGETHER, _INK, _FAINT = "#b3261e", "#1b5e9b", "#222222", "#888888"
_CELL, _LEFT, _TOP = 46, 110, 110
_WIDTH, _HEIGHT = 760, 420


def draw_help(
    names: Sequence[str], answer: SectorAnswer, destination: str, language: str = "en"
) -> str:
    """Return the matrix of givers (rows) and askers (columns), darker where more is lent."""
    words = PICTURE_WORDS[language]
    giver = {one.offer: one.giver for one in answer.openings.offers}
    asker = {one.request: one.asker for one in answer.openings.requests}
    lent = Counter[tuple[str, str]]()
    for match in answer.cleared.matches:
        lent[giver[match.offer], asker[match.request]] += match.agents
    most = max(lent.values(), default=1)
    width, height = _LEFT + _CELL * len(names) + 20, _TOP + _CELL * len(names) + 20
    subtitle = words["help_of"].format(destination)
    parts = [*_open(width, height, words["help"], subtitle)]
    for i, name in enumerate(names):
        middle = _CELL * i + _CELL / 2
        parts.append(_text(_LEFT - 8, _TOP + middle + 4, name, 11, "end"))
        parts.append(
            f'<text x="{_LEFT + middle:.0f}" y="{_TOP - 8}" font-size="11" fill="{_INK}"'
            f' transform="rotate(-45 {_LEFT + middle:.0f} {_TOP - 8})">{escape(name)}</text>'
        )
        for k, other in enumerate(names):
            count = lent[name, other]
            shade = 0.08 + 0.92 * count / most if count else 0.0
            x, y = _LEFT + _CELL * k, _TOP + _CELL * i
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}"'
                f' fill="{_TOGETHER}" fill-opacity="{shade:.2f}" stroke="#dddddd">'
                f"<title>{escape(name)} {words['giver']}, {escape(other)} {words['asker']}:"
                f" {count}</title></rect>"
            )
            if count:
                ink = "#ffffff" if shade > 0.5 else _INK
                parts.append(
                    _text(x + _CELL / 2 - 1, y + _CELL / 2 + 4, str(count), 11, "middle", ink)
                )
    return "\n".join([*parts, "</svg>", ""])


def draw_losses(crash: SectorCrash, language: str = "en") -> str:
    """Return the calls lost a day, all operators together, with and without help."""
    words = PICTURE_WORDS[language]
    windows = "; ".join(
        words["closed"].format(one.destination, one.first_day + 1, one.last_day + 1)
        for one in crash.windows
    ).replace("; ", "\u202f; " if language == "fr" else "; ")
    subtitle = words["losses_of"].format(windows, round(100 * crash.level), len(crash.alone))
    parts = [*_open(_WIDTH, _HEIGHT, words["losses"], subtitle)]
    alone, together = crash.alone.sum(axis=2), crash.together.sum(axis=2)
    edge = (1 - crash.level) / 2
    highest = float(np.quantile(np.maximum(alone, together), 1 - edge, axis=0).max())
    step = _round_step(highest / 4)
    top = step * max(1, ceil(highest / step))
    days = alone.shape[1]
    left, right, upper, lower = 80, _WIDTH - 20, 90, _HEIGHT - 60

    def at(day: float, lost: float) -> str:
        x = left + (right - left) * (day + 0.5) / days
        return f"{x:.1f},{lower - (lower - upper) * lost / top:.1f}"

    for count in range(0, top + 1, step):
        y = lower - (lower - upper) * count / top
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(_text(left - 8, y + 4, _write_number(count, language), 11, "end"))
    for day in range(0, days, 7):
        x = float(at(day, 0).split(",")[0])
        parts.append(_text(x, lower + 18, str(day + 1), 11, "middle"))
    parts.append(_text((left + right) / 2, lower + 36, words["day"], 11, "middle"))
    for lost, colour, name, y in (
        (alone, _ALONE, words["alone"], 66),
        (together, _TOGETHER, words["together"], 82),
    ):
        parts += _draw_band(lost, edge, at, colour)
        parts.append(f'<rect x="{left}" y="{y - 9}" width="14" height="10" fill="{colour}"/>')
        parts.append(_text(left + 20, y, name, 12, "start"))
    return "\n".join([*parts, "</svg>", ""])


def _round_step(least: float) -> int:
    """Return the least of 1, 2, 5, 10, 20, 50 ... that is not below a number."""
    tens = 1
    while 10 * tens < least:
        tens *= 10
    return next(tens * one for one in (1, 2, 5, 10) if tens * one >= least)


def _draw_band(
    lost: Floats, edge: float, at: Callable[[float, float], str], colour: str
) -> Iterator[str]:
    days = range(lost.shape[1])
    low, high = (np.quantile(lost, share, axis=0) for share in (edge, 1 - edge))
    corners = [at(d, high[d]) for d in days] + [at(d, low[d]) for d in reversed(days)]
    yield f'<polygon points="{" ".join(corners)}" fill="{colour}" fill-opacity="0.18"/>'
    line = " ".join(at(d, lost[:, d].mean()) for d in days)
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _open(width: int, height: int, title: str, subtitle: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        ' font-family="sans-serif">'
    )
    yield f"<title>{escape(title)}</title><desc>{escape(subtitle)}</desc>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield _text(20, 26, title, 17, "start")
    yield _text(20, 46, subtitle, 12, "start", _FAINT)


def _text(x: float, y: float, text: str, size: int, anchor: str, ink: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
        f' fill="{ink}">{escape(text)}</text>'
    )


def _write_number(value: float, language: str) -> str:
    text = f"{value:,.0f}"
    return text.replace(",", "\u202f") if language == "fr" else text
