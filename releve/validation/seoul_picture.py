"""The Seoul floor as a drawing: desks, cases, how often the model infected them, and the curve."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from releve.validation.seoul import Desk, Fit

__all__ = ["draw_seoul"]

_WIDTH, _HEIGHT, _MARGIN, _MAP_WIDTH = 960, 440, 40, 520


def draw_seoul(desks: Sequence[Desk], onsets: Sequence[int], fit: Fit) -> str:
    """Return the picture as SVG text.

    Left the desks of the 11th floor: darker the more often the model infected them, ringed where
    there was a case. Right the onsets by day, observed as bars, the middle 90 % of runs as a band.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' role="img" aria-labelledby="t d" font-family="sans-serif" font-size="13">',
        '<title id="t">Seoul call centre, 11th floor, 2020: observed and modelled</title>',
        f'<desc id="d">{escape(_describe(fit))}</desc>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *_draw_map(desks, fit),
        *_draw_curve(onsets, fit),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _describe(fit: Fit) -> str:
    return "; ".join(
        f"{one.name}: observed {one.observed:.3g}, model {one.low:.3g} to {one.high:.3g}"
        for one in fit.figures
    )


def _draw_map(desks: Sequence[Desk], fit: Fit) -> list[str]:
    """Return a circle a desk."""
    x = np.array([desk.x for desk in desks])
    y = np.array([desk.y for desk in desks])
    scale = min(
        (_MAP_WIDTH - 2 * _MARGIN) / max(np.ptp(x), 1.0), (_HEIGHT - 100) / max(np.ptp(y), 1.0)
    )
    out = [f'<text x="{_MARGIN}" y="24">Desks: fill = infected by the model, ring = case</text>']
    for desk, share in zip(desks, fit.infected, strict=True):
        at = (_MARGIN + scale * (desk.x - x.min()), 60 + scale * (desk.y - y.min()))
        ring = ' stroke="#b3261e" stroke-width="2.5"' if desk.case else ' stroke="#8a8a8a"'
        shade = round(255 - 175 * float(share))
        out.append(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{0.36 * scale:.1f}"'
            f' fill="rgb({shade},{shade},255)"{ring}/>'
        )
    return out


def _draw_curve(onsets: Sequence[int], fit: Fit) -> list[str]:
    """Return bars of the onsets, the band of the runs and the two axes."""
    days = min(len(onsets), fit.onsets.shape[1], 25)
    low, middle, high = np.quantile(fit.onsets[:, :days], [0.05, 0.5, 0.95], axis=0)
    top = max(max(onsets[:days]), float(high.max()), 1.0)
    left, base = _MAP_WIDTH + 50, _HEIGHT - 50
    step, rise = (_WIDTH - left - 20) / days, (base - 60) / top

    def points(values: Sequence[float], *, back: bool = False) -> list[str]:
        at = [f"{left + step * (k + 0.5):.1f},{base - rise * v:.1f}" for k, v in enumerate(values)]
        return at[::-1] if back else at

    band = " ".join(points(high.tolist()) + points(low.tolist(), back=True))
    bars = [
        f'<rect x="{left + step * (k + 0.2):.1f}" y="{base - rise * n:.1f}"'
        f' width="{0.6 * step:.1f}" height="{rise * n:.1f}" fill="#b3261e"/>'
        for k, n in enumerate(onsets[:days])
    ]
    return [
        f'<text x="{left}" y="24">Onsets by day: bars observed, band 90 % of runs</text>',
        f'<polygon points="{band}" fill="#c9c9ff"/>',
        *bars,
        f'<polyline points="{" ".join(points(middle.tolist()))}" fill="none" stroke="#50f"/>',
        f'<line x1="{left}" y1="{base}" x2="{_WIDTH - 20}" y2="{base}" stroke="#444"/>',
        f'<text x="{left}" y="{base + 18}">0</text>',
        f'<text x="{_WIDTH - 20}" y="{base + 18}" text-anchor="end">{days} days</text>',
        f'<text x="{left - 8}" y="{base - rise * top + 5:.1f}" text-anchor="end">{top:.0f}</text>',
    ]
