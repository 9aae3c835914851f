"""The drawing of what happened before and after people moved home, month by month."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from releve.demand.telework import EffectStep
from releve.desk.crashtest.svg import Label, Picture, Shape
from releve.desk.text import Text

_WIDTH, _HEIGHT = 400, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 10, 28
_LEAST = 0.05
"""Share of the work that the axis shows at least on either side: little looks like little."""
_MOST_LABELS = 12


def draw_steps(
    key: str, steps: Sequence[EffectStep], text: Text, title: str, description: str
) -> Picture:
    """Draw each month's difference with its interval; those before the move are hollow."""
    ends = [math.expm1(v) for s in steps for v in (s.value, s.low, s.high) if v is not None]
    top = max(_LEAST, *(abs(end) for end in ends)) if ends else _LEAST
    unit = next(u for u in (0.05, 0.1, 0.2, 0.5, 1.0, 5.0, math.inf) if top <= 2 * u)
    reach = unit * math.ceil(top / unit - 1e-9) if unit < math.inf else top
    place = {step.month: at for at, step in enumerate(steps)}
    wide = (_WIDTH - _LEFT - _RIGHT) / max(1, len(steps))

    def x(month: int) -> float:
        return _LEFT + wide * (place[month] + 0.5)

    def y(share: float) -> float:
        share = max(-reach, min(reach, share))
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (reach - share) / (2 * reach)

    shapes = [Shape("zero", f"M{_LEFT} {y(0):.1f}H{_WIDTH - _RIGHT}")]
    first = next((step.month for step in steps if step.month >= 0), None)
    if first is not None and place[first]:
        at = _LEFT + wide * place[first]
        shapes.append(Shape("move", f"M{at:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"))
    for step in steps:
        across, up = x(step.month), y(math.expm1(step.value))
        if step.low is not None and step.high is not None:
            low, high = y(math.expm1(step.low)), y(math.expm1(step.high))
            caps = f"M{across - 4:.1f} {low:.1f}h8M{across - 4:.1f} {high:.1f}h8"
            shapes.append(Shape("whisker", f"M{across:.1f} {low:.1f}V{high:.1f}{caps}"))
        ring = f"M{across - 4:.1f} {up:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z"
        shapes.append(Shape("dot before" if step.month < 0 else "dot", ring))
    return Picture(
        key,
        title,
        description,
        tuple(shapes),
        labels=(*_label_shares(reach, y, text), *_label_months(steps, x, text)),
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
    )


def _label_shares(reach: float, y: Callable[[float], float], text: Text) -> list[Label]:
    found = []
    for part in (-1.0, -0.5, 0.0, 0.5, 1.0):
        share = reach * part
        digits = 0 if abs(100 * share - round(100 * share)) < 1e-9 else 1
        sign = "+" if share > 0 else ""
        words = sign + text.percent(share, digits)
        found.append(Label("y", _LEFT, round(y(share), 1), words))
    return found


def _label_months(
    steps: Sequence[EffectStep], x: Callable[[int], float], text: Text
) -> list[Label]:
    """Return the months: -1 the last before the move, 1 the first at home."""
    every = math.ceil(len(steps) / _MOST_LABELS)
    return [
        Label(
            "x",
            round(x(step.month), 1),
            _HEIGHT - _BOTTOM + 18,
            text.number(step.month + (step.month >= 0)),
        )
        for at, step in enumerate(steps)
        if at % every == 0
    ]
