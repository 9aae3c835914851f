"""The colours of a status: each has its icon, and is read in both themes."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

import releve.desk
from releve.plan.service_status import Status, Tone, find_tone

DESK = Path(releve.desk.__file__).parent
CSS = (DESK / "static/desk/desk.css").read_text("utf-8")
READABLE = 4.5
"""Least contrast of text by WCAG AA."""


def read_colours(dark: bool) -> dict[str, str]:
    """Return the colours of a theme, those of the dark one over the light one."""
    light, night = CSS.split("prefers-color-scheme: dark", 1)
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", night.split("*,", 1)[0])) if dark else found


def measure_luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def measure_contrast(one: str, other: str) -> float:
    low, high = sorted(map(measure_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("tone", Tone)
def test_a_tone_is_read_on_its_ground_and_on_the_page(tone: Tone, dark: bool) -> None:
    colours = read_colours(dark)
    for ground in (f"{tone}-ground", "sheet", "paper"):
        assert measure_contrast(colours[tone], colours[ground]) >= READABLE, ground


@pytest.mark.parametrize("tone", Tone)
def test_a_tone_has_a_class_and_an_icon(tone: Tone) -> None:
    assert f".is-{tone} {{" in CSS
    assert f'id="i-{tone}"' in (DESK / "templates/desk/_icons.html").read_text("utf-8")


def test_the_grounds_of_what_is_short_grow_darker_without_colour() -> None:
    """Who does not tell red from green tells them by how dark they are, and by icon and word."""
    colours = read_colours(dark=False)
    steps = (Tone.NEAR, Tone.THIN, Tone.LOW, Tone.MISSED)
    grounds = [measure_luminance(colours[f"{tone}-ground"]) for tone in steps]
    assert all(before > after * 1.04 for before, after in pairwise(grounds))


def test_98_percent_has_not_the_colour_of_63() -> None:
    assert find_tone(Status.SHORT_NOW, 0.98, 0.05, 0.8) is not find_tone(Status.SHORT_NOW, 0.63, 0.05, 0.8)
