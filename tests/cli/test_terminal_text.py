"""What may reach a terminal."""

from __future__ import annotations

from releve.cli.options import replace_unprintable


def test_french_spaces_stay_and_control_characters_go() -> None:
    assert replace_unprintable("Ville\u202f: «\xa0Lyon\xa0»") == "Ville\u202f: «\xa0Lyon\xa0»"
    assert replace_unprintable("a\x1b[2Jb\rc\u202e") == "a\ufffd[2Jb\ufffdc\ufffd"
