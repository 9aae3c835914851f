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


def test_every_package_has_words_and_every_word_a_package() -> None:
    drawn = [name for names in pictures.list_floors().values() for name in names]
    assert sorted(drawn) == sorted(pictures.PACKAGES)
