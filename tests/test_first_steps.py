"""The README's first ten minutes, read as commands."""

from __future__ import annotations

from tools.first_steps import ROOT, list_lines


def test_the_first_ten_minutes_are_commands_on_files_that_they_make() -> None:
    lines = list(list_lines((ROOT / "README.md").read_text(encoding="utf-8")))
    assert "./scripts/setup" in lines
    assert [line for line in lines if "desk serve" in line] == [
        "releve desk serve --open",
        "releve desk serve --open --act",
        "releve desk serve",
    ]
    assert not any("calls.csv" in line for line in lines), "a file of the reader's own"
    assert lines.index("releve init") < lines.index("releve desk serve --open")


def test_the_sample_is_of_today_and_its_plan_is_in_force_before_the_desk_is_served() -> None:
    lines = list(list_lines((ROOT / "README.md").read_text(encoding="utf-8")))
    (made,) = [line for line in lines if "network sample" in line]
    assert made.endswith('--start "$(date +%F)"')
    (planned,) = [line for line in lines if line.startswith("releve plan") and "my-plan" in line]
    served = [at for at, line in enumerate(lines) if "desk serve" in line]
    assert lines.index(planned) < lines.index("releve live activate my-plan") < min(served)
