"""``releve plan``: text, JSON and folders; a hybrid week; a French workbook; rounds of verification; faults."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from dataclasses import replace
from datetime import date, timedelta
from datetime import time as datetime_time
from io import StringIO
from pathlib import Path
from typing import Any

import fastexcel
import pytest
from click.testing import CliRunner
from rich.console import Console

from releve.cli import main
from releve.cli.main import Speech, load_gettext
from releve.cli.plan import Stopwatch
from releve.cli.plan_text import (
    build_matrix_tables,
    build_verdict_table,
    list_harmless_lines,
    list_missing_lines,
    list_proof_lines,
)
from releve.cli.plan_verify import build_verification_json, list_verification_rows, print_verification
from releve.demand import Requirement
from releve.files.plan_folder import VERIFICATION_COLUMNS, read_plans
from releve.network import HOME, Operator
from releve.network.workbook import write_template
from releve.plan import Purchase, SolvedDay, WhatIsMissing, name_plan, solve_day
from releve.plan.plan_json import plan_from_json
from releve.plan.result import Plan
from releve.plan.week import VerifiedDay
from tests.cli.folders import run, sample, write_folder
from tests.network.test_cells import workbook
from tests.plan.tiny_operators import two_sites_one_client
from tests.plan.wave_day import verify_wave
from tests.plan.week.hybrid_case import DAYS, build_hybrid_case, build_operator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(sample(), tmp_path_factory.mktemp("plan") / "operator")


@pytest.fixture(scope="module")
def insecure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of an operator without home-ready agents."""
    operator = sample(150)
    agents = tuple(
        replace(
            row,
            home_ready=False,
            line_type="none",
            line_mbps=0.0,
            carrier="",
            home_days_min=0,
            home_days_max=0,
            home_wish=(),
        )
        for row in operator.agents
    )
    return write_folder(replace(operator, agents=agents), tmp_path_factory.mktemp("bad") / "operator")


def test_a_plan_is_printed_and_written(folder: Path, tmp_path: Path) -> None:
    result = run("plan", folder, "--day", "2026-12-01", "--out", tmp_path / "plan")
    assert result.exit_code == 0, result.output
    assert "Tuesday 01 December 2026 (synthetic data)" in result.stdout
    assert "N-1: " in result.stdout
    assert "Relief matrix" in result.stdout
    assert "Independent checker: no violation" in " ".join(result.stdout.split())
    assert "releve desk serve" in result.stdout
    (plan,) = read_plans(tmp_path / "plan")
    assert plan.day == date(2026, 12, 1)
    assert plan.violations == ()
    with (tmp_path / "plan" / "placements.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["agent"] for row in rows) == [row.agent for row in plan.placements]


@pytest.mark.slow
def test_json_is_alone_on_standard_output_and_is_the_plan(folder: Path, tmp_path: Path) -> None:
    result = run("plan", folder, "--json", "--out", tmp_path / "plan")
    assert result.exit_code == 0, result.stderr
    plan = plan_from_json(result.stdout)
    (written,) = read_plans(tmp_path / "plan")
    assert plan.day == written.day == date(2026, 11, 30)
    assert plan.placements == written.placements
    assert "usable seats" in result.stderr


def test_the_first_day_of_the_roster_is_planned_unless_one_is_named(folder: Path) -> None:
    result = run("plan", folder, "--json", "--no-missing", "--unprotected")
    assert plan_from_json(result.stdout).day == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("asked", "says"), [("unknown", "no client 'unknown'"), ("{client}@site:moon", "no contingency 'site:moon'")]
)
def test_what_cannot_be_explained_is_said_before_the_plan(folder: Path, tmp_path: Path, asked: str, says: str) -> None:
    wanted = asked.format(client=sample().clients[0].id)
    result = run("plan", folder, "--explain", wanted, "--out", tmp_path / "plan")
    assert result.exit_code == 2
    assert says in result.stderr
    assert "usable seats" not in result.stderr
    assert not (tmp_path / "plan").exists()


@pytest.mark.slow
def test_what_is_missing_is_listed_with_its_price_and_in_the_json(insecure: Path) -> None:
    text = run("plan", insecure)
    assert text.exit_code == 0, text.output
    assert "What is missing: EUR" in text.stdout
    assert "laptops at" in text.stdout
    plan = plan_from_json(run("plan", insecure, "--json").stdout)
    assert plan.missing is not None
    assert plan.missing.checked
    bought = sum(one.count * one.unit_price for one in plan.missing.purchases)
    assert f"EUR {bought:,.0f}" in text.stdout
    assert plan_from_json(run("plan", insecure, "--json", "--no-missing").stdout).missing is None


def test_a_day_without_shifts_is_refused_and_says_what_to_do(folder: Path) -> None:
    result = run("plan", folder, "--day", "2030-01-01", "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "no agent is rostered on 2030-01-01" in result.stderr
    assert "choose a day of the roster or add shifts" in result.stderr


def test_a_day_that_is_none_is_refused(folder: Path) -> None:
    result = run("plan", folder, "--day", "tomorrow")
    assert result.exit_code == 2
    assert "'tomorrow' does not match the format" in result.stderr


def test_the_first_faults_of_a_bad_folder_are_named(folder: Path, tmp_path: Path) -> None:
    """A dozen agents, each of an unknown site, are one cause that counts its rows."""
    bad = tmp_path / "bad"
    bad.mkdir()
    for file in folder.iterdir():
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        if file.name == "agents.csv":
            site = lines[1].split(",")[1]
            for i in range(1, 13):
                lines[i] = lines[i].replace(f",{site},", f",atlantis-{i},", 1)
            assert sum("atlantis" in line for line in lines) == 12
        (bad / file.name).write_text("".join(lines), encoding="utf-8")
    result = run("plan", bad)
    assert result.exit_code == 1
    assert result.stderr.count("is not an id of the table sites") == 1
    assert "12 rows (for example row 2)" in result.stderr
    assert "Home site “atlantis-1”, “atlantis-2”, " in result.stderr
    assert "“atlantis-12”: " in result.stderr, "no misspelling hides behind another"


def test_a_folder_that_is_no_operator_is_refused(tmp_path: Path) -> None:
    result = run("plan", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_a_folder_of_other_files_is_refused_before_the_plan_is_made(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releve.plan.week.request.solve_day", None)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("kept", encoding="utf-8")
    result = run("plan", folder, "--no-missing", "--out", tmp_path / "letters")
    assert result.exit_code == 1
    assert "dear.txt" in result.stderr
    assert "name a new or empty folder" in result.stderr
    assert (tmp_path / "letters" / "dear.txt").read_text(encoding="utf-8") == "kept"


@pytest.mark.slow
def test_a_higher_quantile_asks_for_more_people(folder: Path) -> None:
    mean, high = (
        plan_from_json(run("plan", folder, "--json", "--no-missing", *more).stdout).required
        for more in ((), ("--quantile", "0.9"))
    )
    assert high.sum() > mean.sum()


@pytest.mark.slow
def test_on_the_second_day_people_keep_their_place_and_programme(folder: Path) -> None:
    """Most who work both days, home or site; the same days planned apart keep fewer."""
    result = run("plan", folder, "--days", "2", "--json", "--no-missing")
    assert result.exit_code == 0, result.stderr
    first, second = (plan_from_json(json.dumps(one)) for one in json.loads(result.stdout))
    apart = plan_from_json(run("plan", folder, "--day", second.day, "--json", "--no-missing").stdout)
    was = {row.agent: (row.place, row.programme) for row in first.placements}
    counts = []
    for plan in (second, apart):
        now = {row.agent: (row.place, row.programme) for row in plan.placements}
        both = was.keys() & now.keys()
        counts.append(sum(was[agent] == now[agent] for agent in both) / len(both))
    together, alone = counts
    print(f"kept: {together:.1%} in two days planned together, {alone:.1%} apart")
    assert together >= alone
    assert together >= 0.6
    assert any(place == HOME for place, _ in was.values())
    assert {plan.violations for plan in (first, second)} == {()}


def test_a_plan_in_french_says_no_line_in_english(folder: Path, tmp_path: Path) -> None:
    words = ("--lang", "fr", "--days", "2", "--unprotected", "--out", tmp_path / "plan")
    result = run("plan", folder, "--day", "2026-12-05", *words)
    assert result.exit_code == 0, result.output
    said = f"{result.stdout} {result.stderr}".replace(str(tmp_path), "")
    assert "06/12/2026\u202f: aucun besoin ce jour-là" in " ".join(said.split(" "))
    assert "Durée\u202f: " in said
    assert not re.search(r"\b(is|the|of|and|Written|Time|seats|planned|with|by)\b", said), said


def test_a_day_on_which_nothing_is_required_is_named_and_left_out_of_a_week(folder: Path) -> None:
    result = run("plan", folder, "--day", "2026-12-05", "--days", "2", "--json", "--no-missing")
    assert result.exit_code == 0, result.stderr
    assert "2026-12-06: nothing is required that day; left out" in result.stderr
    assert plan_from_json(result.stdout).day == date(2026, 12, 5)


def test_a_target_that_is_still_missed_is_named_with_its_loss_and_by_how_much() -> None:
    case = two_sites_one_client()
    plan = name_plan(case.operator, solve_day(case.operator, case.requirement, case.settings))
    laptop = Purchase("laptop", 1, 600.0, "a", agents=("a2",))
    left = WhatIsMissing((laptop,), 600.0, 500.0, (), (("site:b", "k", 0.05),))
    lines = list_missing_lines(replace(plan, missing=left))
    assert lines[0].endswith("planned again with it, targets still missed: 1)")
    assert lines[-1] == ("  K still misses its target under site:b by 5 % of its day, 0.4 agent half hours")
    assert lines[-1] in list_missing_lines(replace(plan, missing=replace(left, purchases=())))


def test_the_matrix_rounds_a_coverage_as_every_face() -> None:
    case = two_sites_one_client()
    plan = name_plan(case.operator, solve_day(case.operator, case.requirement, case.settings))
    cells = tuple(replace(cell, worst_coverage=0.639) for cell in plan.cells)
    out = StringIO()
    tables = build_matrix_tables(replace(plan, cells=cells), Speech("en"))
    Console(width=200, file=out).print(*tables)
    (row,) = [line for line in out.getvalue().splitlines() if " K " in line]
    assert set(re.findall(r"\d+", row)) == {"64"}


def test_a_plan_is_summed_up_in_french_with_french_numbers() -> None:
    case = two_sites_one_client()
    plan = name_plan(case.operator, solve_day(case.operator, case.requirement, case.settings))
    laptops = Purchase("laptop", 2, 600.0, "a", agents=("a1", "a2"))
    missing = WhatIsMissing((laptops,), 1200.0, 1000.0, (), (("site:b", "k", 0.05),))
    plan = replace(plan, missing=missing)
    speech = Speech("fr")
    out = StringIO()
    console = Console(width=200, file=out)
    console.print(build_verdict_table(plan, speech), *build_matrix_tables(plan, speech))
    lines = [*list_harmless_lines(plan), *list_proof_lines(plan), *list_missing_lines(plan)]
    text = "\n".join((out.getvalue(), *map(speech.say, lines))).replace("\u202f", " ")
    for said in (
        "donneurs d’ordre tenus quel que soit le lieu perdu : 0 sur 1",
        "Matrice de relève",
        "Contrôle indépendant : aucune violation",
        "Ce qui manque : 1 200 € (au moins 1 000 € ; replanifié avec ces achats",
        "2 ordinateurs portables à a, 1 200 €",
    ):
        assert said in text, text
    assert not re.search(r"\b(client|missing|solver|penalty|covered|under)\b", text), text


def test_the_verdict_is_printed_and_written_before_what_is_missing_is_looked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That search takes longer than the plan."""

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("releve.plan.week.request.add_missing", interrupted)
    result = run("plan", folder, "--day", "2026-12-01", "--out", tmp_path / "plan")
    assert result.exit_code != 0
    assert "Relief matrix" in result.stdout
    assert "Proof, for breaks at 5 places at most a shift: no plan is better than" in " ".join(result.stdout.split())
    assert [plan.missing for plan in read_plans(tmp_path / "plan")] == [None]


def test_the_first_day_is_written_before_the_others_are_planned(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo serves it meanwhile."""
    solve, out = solve_day, tmp_path / "plan"
    found: list[list[date]] = []

    def noted(operator: Operator, need: Requirement, *rest: Any, **more: Any) -> SolvedDay:
        found.append([plan.day for plan in read_plans(out)] if out.exists() else [])
        return solve(operator, need, *rest, **more)

    monkeypatch.setattr("releve.plan.week.request.solve_day", noted)
    result = run("plan", folder, "--days", "2", "--out", out, "--unprotected")
    assert result.exit_code == 0, result.output
    assert found == [[], [date(2026, 11, 30)]]
    assert f"2026-11-30 is planned and written to {out}" in "".join(result.stderr.splitlines())
    assert len(read_plans(out)) == 2


def test_the_time_of_a_plan_is_all_of_it(folder: Path) -> None:
    started = time.perf_counter()
    result = run("plan", folder, "--day", "2026-12-01", "--unprotected")
    took = time.perf_counter() - started
    line = " ".join(result.stdout.split()).partition("Time: ")[2]
    whole, *parts = (float(figure) for figure in re.findall(r"(\d+\.\d) s", line))
    assert len(parts) == 3  # reading, forecast, planning
    assert sum(parts) == pytest.approx(whole, abs=0.2)
    assert 0.8 * took - 0.5 < whole <= took + 0.1


def test_a_stage_that_comes_again_is_added_to() -> None:
    moments = iter([0.0, 1.0, 3.0, 7.0, 7.5])
    clock = Stopwatch("reading", now=lambda: next(moments))
    for stage in ("planning", "simulation", "planning"):
        clock.start(stage)
    assert clock.line(Speech("en")) == "Time: 7.5 s (reading 1.0 s, planning 2.5 s, simulation 4.0 s)."


TABLE = "hybrid-week.csv"
Planned = tuple[Path, Path, str]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """The folder of the operator, that of its week, and what was printed."""
    root = tmp_path_factory.mktemp("hybrid")
    folder = write_folder(build_operator(), root / "operator")
    done = run("plan", folder, "--days", DAYS, "--hybrid", "--no-missing", "--out", root / "week", "--lang", "fr")
    assert done.exit_code == 0, done.output
    return folder, root / "week", done.output


def read_table(week: Path) -> dict[str, dict[str, str]]:
    """Return the cells of a week by agent and column."""
    with (week / TABLE).open(encoding="utf-8", newline="") as stream:
        return {row["agent"]: row for row in csv.DictReader(stream)}


def list_people(plan: Plan) -> set[str]:
    """Return everybody who is at work or in reserve on a day."""
    return {*(row.agent for row in plan.placements), *plan.reserve}


def test_the_week_is_printed_and_its_folder_holds_the_same(planned: Planned) -> None:
    _, week, said = planned
    case = build_hybrid_case()
    assert "Semaine hybride" in said
    assert all(team.id in said for team in case.operator.teams)
    plans = read_plans(week)
    assert [plan.day for plan in plans] == list(case.found.week.days)
    cells = read_table(week)
    for plan in plans:
        home = {row.agent for row in plan.placements if row.place == HOME}
        assert home <= set(plan.home_days)
        column = plan.day.isoformat()
        assert set(plan.home_days) & list_people(plan) == {
            agent for agent, row in cells.items() if row[column] == "home"
        }


@pytest.mark.slow
def test_an_absence_plans_the_rest_of_the_week_and_keeps_the_days_before(planned: Planned, tmp_path: Path) -> None:
    folder, week, _ = planned
    first, second, *rest = read_plans(week)
    leaders = {team.supervisor for team in build_operator().teams}
    agent = min(list_people(second) - leaders)
    until = rest[-1].day
    done = run(
        "plan", folder, "--day", second.day, "--days", DAYS - 1, "--hybrid", "--no-missing",
        "--last-week", week / TABLE, "--absent", f"{agent}@{second.day}..{until}",
        "--out", tmp_path / "rest",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    again = read_plans(tmp_path / "rest")
    assert [plan.day for plan in again] == [second.day, *(plan.day for plan in rest)]
    assert all(agent not in list_people(plan) for plan in again)
    assert agent in list_people(first)
    others = {plan.day: list_people(plan) - {agent} for plan in (second, *rest)}
    assert {plan.day: list_people(plan) for plan in again} == others


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--absent", "a@2026-01-01"), "need --hybrid"),
        (("--hybrid", "--verify"), "leave out --hybrid"),
        (("--hybrid", "--absent", "a99999@2026-01-01"), "is not an agent"),
        (("--hybrid", "--absent", "{agent}@tomorrow"), "write a00042@2026-12-02..2026-12-04"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(planned: Planned, words: tuple[str, ...], reason: str) -> None:
    agent = build_operator().agents[0].id
    done = run("plan", planned[0], *(word.format(agent=agent) for word in words))
    assert done.exit_code == 2
    assert reason in done.output


def test_a_week_table_that_cannot_be_read_is_refused_by_its_row(planned: Planned, tmp_path: Path) -> None:
    folder, week, _ = planned
    text = (week / TABLE).read_text(encoding="utf-8").replace(",home", ",moon", 1)
    (tmp_path / TABLE).write_text(text, encoding="utf-8")
    done = run("plan", folder, "--hybrid", "--days", 2, "--last-week", tmp_path / TABLE)
    assert done.exit_code == 1
    assert "moon" in done.output


DAY = date(2026, 11, 30)
SITES = (
    ("CASA", "Casablanca", "Maroc", "Casablanca", "Africa/Casablanca", 33.57, -7.59, 40),
    ("TUN", "Tunis Lac", "Tunisie", "Tunis", "Africa/Tunis", 36.84, 10.24, 30),
    ("LIL", "Lille", "France", "Lille", "Europe/Paris", 50.63, 3.06, 30),
)
WORK = (
    ("sinistres", "azur", "Sinistres auto", 320, 14),
    ("accueil", "azur", "Accueil", 150, 16),
    ("support", "box", "Support technique", 420, 10),
    ("ventes", "mode", "Service commandes", 240, 8),
)


def typed_rows() -> dict[str, list[dict[str, object]]]:
    """Return what a person types, sheet by sheet, under the headers of the template."""
    names = [row[0] for row in WORK]
    agents = [
        {
            "Code du téléconseiller": f"tc{n:03}",
            "Site de rattachement": SITES[n % 3][0],
            "Compétences": f"{names[n % 4]}, {names[(n + 1) % 4]}",
            "Prêt au télétravail": "oui" if n % 3 else "non",
            "Ligne à domicile": "fibre" if n % 3 else None,
            "Opérateur de la ligne": ("Orange", "Inwi")[n % 2] if n % 3 else None,
            "Transport personnel": "oui",
        }
        for n in range(80)
    ]
    heads = ("Code du site", "Nom", "Pays", "Ville", "Fuseau horaire", "Latitude", "Longitude")
    return {
        "Prestataire": [{"Nom": "Atlas Relation Client"}],
        "Sites": [dict(zip((*heads, "Nombre de positions"), row, strict=True)) for row in SITES],
        "Donneurs d’ordre": [
            {"Code du donneur d’ordre": code, "Nom": code.title()} for code in ("azur", "box", "mode")
        ],
        "Opérations": [
            {
                "Code de l’opération": code,
                "Donneur d’ordre": client,
                "Nom": name,
                "Type": "appels entrants",
                "Horaires d’ouverture": "Lun-Ven 9h-17h",
                "DMT (s)": aht,
                "Lieu de travail": "télétravail possible",
            }
            for code, client, name, aht, _ in WORK
        ],
        "Téléconseillers": agents,
        "Vacations": [
            {
                "Téléconseiller": agent["Code du téléconseiller"],
                "Date": DAY,
                "Début": datetime_time(9),
                "Fin": datetime_time(17),
            }
            for agent in agents
        ],
        "Historique": [
            {
                "Opération": code,
                "Date": day,
                "Début": datetime_time(hour, minute),
                "Reçus": calls + (hour + day.day) % 3,
            }
            for code, *_, calls in WORK
            for day in (DAY - timedelta(days=n) for n in range(28, 0, -1))
            if day.weekday() < 5
            for hour in range(9, 17)
            for minute in (0, 30)
        ],
    }


def fill_template(rows: dict[str, list[dict[str, object]]]) -> bytes:
    """Return the template with rows under its own headers."""
    book = fastexcel.read_excel(write_template("fr", load_gettext("fr")))
    sheets = {}
    for name in book.sheet_names[1:]:
        header = book.load_sheet(name, header_row=None, dtypes="string").to_polars().row(0)
        assert {key for row in rows.get(name, ()) for key in row} <= set(header), name
        typed = [[row.get(key) for key in header] for row in rows.get(name, ())]
        sheets[name] = [list(header), *typed]
    return workbook(sheets)


@pytest.mark.slow
def test_a_workbook_of_80_agents_is_checked_and_planned_with_no_other_file(tmp_path: Path) -> None:
    file = tmp_path / "atlas.xlsx"
    file.write_bytes(fill_template(typed_rows()))
    checked = CliRunner().invoke(main, ["network", "check", str(file)])
    assert checked.exit_code == 0, checked.output
    assert "100" in next(line for line in checked.output.splitlines() if "  positions" in line)
    planned = CliRunner().invoke(main, ["plan", str(file), "--no-missing", "--json"])
    assert planned.exit_code == 0, planned.output
    assert '"CASA"' in planned.stdout
    assert '"usable_seats"' in planned.stdout


def rendered_text(found: VerifiedDay) -> str:
    stream = io.StringIO()
    print_verification(found, Console(file=stream, width=200))
    return stream.getvalue()


@pytest.fixture(scope="module")
def held() -> VerifiedDay:
    return verify_wave(30)


def test_the_text_says_what_was_promised_found_and_paid(held: VerifiedDay) -> None:
    text = rendered_text(held)
    (client,) = build_verification_json(held)["clients"]
    before, after = client["before"], client["after"]
    assert f"{before['promised']:.1%}" in text
    assert f"{after['found']:.1%}" in text
    assert f"{before['missed']} -> 0" in text
    more = after["required_hours"] - before["required_hours"]
    assert more > 0
    assert f"It takes {more:,.1f} agent hours more to be required" in text
    assert "Every half hour simulated holds its targets, within 1 point of them." in text
    assert "Where Erlang errs by more than 5 points (no relief is planned again):" in text
    assert "  site:a" in text


def test_the_json_is_plain_and_names_half_hours_by_their_start(held: VerifiedDay) -> None:
    document = json.loads(json.dumps(build_verification_json(held)))
    assert document["ended"] == "held"
    assert document["clients"][0]["before"]["worst_interval"].endswith("Z")
    assert document["clients"][0]["after"]["worst_interval"] is None
    named = {name for one in document["erlang_errs"] for name in one["scenarios"]}
    assert {"site:a"} <= named <= {"base", "site:a", "site:b", "carrier:Red"}


def test_where_people_lack_it_ends_and_says_so() -> None:
    found = verify_wave(14, rounds=20)
    assert found.why in ("no people", "no better")
    assert found.round < 20
    assert found.after.badness <= found.before.badness
    text = rendered_text(found)
    assert "NOT met, and it ends here because" in text
    assert "fewer people than required" in text


def test_a_programme_without_a_forecast_is_said_not_to_be_simulated(held: VerifiedDay) -> None:
    need = replace(held.solved.need, unknown={"mail": "no history"})
    changed = replace(held, solved=replace(held.solved, need=need))
    assert "mail is not simulated: no history" in rendered_text(changed)
    assert build_verification_json(changed)["unknown"] == {"mail": "no history"}


def test_no_round_at_all_only_simulates() -> None:
    found = verify_wave(30, rounds=0)
    assert (found.round, found.why) == (0, "rounds")
    assert found.after is found.before
    assert "no more rounds were allowed" in rendered_text(found)
    assert "agent hours more" not in rendered_text(found)


def test_the_command_writes_it_beside_the_plan_and_into_the_json(tmp_path: Path) -> None:
    folder = write_folder(sample(), tmp_path / "operator")
    result = run(
        "plan", folder, "--unprotected", "--no-missing", "--json", "--out", tmp_path / "plan",
        "--verify", "--rounds", 0, "--replications", 20,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert plan_from_json(result.stdout).day.isoformat() == "2026-11-30"
    clients = document["verification"]["clients"]
    with (tmp_path / "plan" / "verification.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["client"] for row in rows] == [one["client"] for one in clients]
    assert float(rows[0]["found_after"]) == clients[0]["after"]["found"]
    assert "round 0: calls" in result.stderr


def test_the_rows_have_the_columns_of_the_plan_folder(held: VerifiedDay) -> None:
    (row,) = list_verification_rows(held)
    assert len(row) == len(VERIFICATION_COLUMNS)
    named = dict(zip(VERIFICATION_COLUMNS, row, strict=True))
    assert named["missed_after"] == 0
    assert named["worst_start_utc"] is None
