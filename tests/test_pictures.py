"""The picture of the house shows the house."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import pictures

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("language", pictures.LANGUAGES)
def test_the_picture_of_the_house_is_current(language: str) -> None:
    suffix = "" if language == "en" else f".{language}"
    drawn = (ROOT / "docs" / "pictures" / f"house{suffix}.svg").read_text(encoding="utf-8")
    assert drawn == pictures.draw_house(language)


def test_the_picture_shows_every_package_once() -> None:
    drawn = [package[0] for floor in pictures.FLOORS for package in floor[2]]
    packages = [path.parent.name for path in (ROOT / "releve").glob("*/__init__.py")]
    assert sorted(drawn) == sorted(packages)
