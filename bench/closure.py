"""Closures lived through in a browser, on the operator of the demo: the time of each step, and whom messages reach.

    python -m bench.closure [--agents 400] [--sites 6] [--no 20] [--silent 10] [--json]

An open desk with a worker beside it; each scenario is a drill of its own, recorded with the forms of the desk in
Chromium: two positives whose people answer by their links (``no`` of them do not come, ``silent`` say nothing); an
earthquake of two sites; a carrier of home lines; a power cut at three
in the morning. Seconds from the last click: to the relief, to the last message, and until no answer is open. Of each:
messages to people whose work does not change (none may be), and the people counted by the page, its workbook, the
messages and the journal, which must agree.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import polars
from playwright.sync_api import Page, sync_playwright

from releve.files.plan_folder import write_plans
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanSettings, list_contingencies, plan_day
from releve.plan.week import require_day
from tests import processes
from tests.browser_tools import View, command, context, environ_of, served

__all__ = ["main"]

WAIT_SECONDS = 120.0


@dataclass
class Scenario:
    """What one drill took, in seconds from the last click, and whom it reached."""

    name: str
    relief_s: float | None = None
    messages_s: float | None = None
    settled_s: float | None = None
    people: int = 0
    asked: int = 0
    unchanged_written: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return len(set(self.counts.values())) <= 1


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


class Drill:
    """A drill in a browser of an open desk."""

    def __init__(self, page: Page, home: Path, title: str, at: str) -> None:
        self.page, self.home = page, home
        self.answered: set[str] = set()
        page.goto("/drills")
        page.fill("[name=title]", title)
        page.fill("[name=at]", at)
        page.locator("form[action$='/start'] button").click()
        page.wait_for_url("**/now")
        self.name = self.read("/now")["stream"]
        self.clicked = time.perf_counter()

    def read(self, path: str) -> dict[str, Any]:
        """Return a page as JSON."""
        mark = "&" if "?" in path else "?"
        found: dict[str, Any] = self.page.request.get(f"{path}{mark}format=json").json()
        return found

    def record(self, form: str, **fields: str | list[str]) -> None:
        """Fill a form in and send it, its consequences confirmed where they are shown."""
        self.page.goto(f"/record/{form}")
        for name, value in fields.items():
            for one in value if isinstance(value, list) else [value]:
                control = self.page.locator(f"[name={name}]")
                choice = self.page.locator(f"[name={name}][value='{one}']")
                if choice.count():
                    choice.first.check()
                elif control.first.evaluate("node => node.tagName") == "SELECT":
                    control.select_option(one)
                else:
                    control.fill(one)
        self.page.locator("form.form button[type=submit]").last.click()
        confirm = self.page.locator("button[name=confirmed]")
        self.page.wait_for_load_state()
        if confirm.count():
            confirm.click()
            self.page.wait_for_load_state()
        faults = self.page.locator(".errorlist, .fault").all_inner_texts()
        if faults:
            raise click.ClickException(f"{form}: {faults}")
        self.clicked = time.perf_counter()

    def wait(self, done: Callable[[], bool], what: str) -> float:
        """Return the seconds from the last click until something holds."""
        while not done():
            if time.perf_counter() - self.clicked > WAIT_SECONDS:
                raise click.ClickException(f"{self.name}: {what} did not come in {WAIT_SECONDS:.0f} s: {self.counts}")
            time.sleep(0.1)
        return round(time.perf_counter() - self.clicked, 2)

    @property
    def counts(self) -> dict[str, int]:
        found: dict[str, int] = self.read("/relief")["counts"]
        return found

    def has_relief(self, after: int = 0) -> bool:
        """Whether a relief later than a generation is in force, whose messages are written."""
        found = self.read("/relief")
        return (found["generation"] or 0) > after and bool(found["published"])

    def list_letters(self) -> dict[str, dict[str, str]]:
        """Return the newest message to each agent, by agent."""
        folder = self.home / "drills" / self.name.partition(":")[2] / "outbox"
        rows: dict[str, dict[str, str]] = {}
        for path in sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns):
            row = json.loads(path.read_text(encoding="utf-8"))
            if row["to"].startswith("a0"):
                rows[row["to"]] = row
        return rows

    def is_sent(self) -> bool:
        """Whether every message of the relief in force has left."""
        counts = self.counts
        return counts["notified"] > 0 and counts["sent"] + counts["unaddressed"] >= counts["notified"]

    def answer(self, choose: Callable[[str], str]) -> Counter[str]:
        """Answer each new message by its link as its agent does, empty: not; return how many did what."""
        done: Counter[str] = Counter()
        for agent, letter in self.list_letters().items():
            link = next((word for word in letter["text"].split() if "/ack/" in word), "")
            path = link[link.find("/ack/") :].split("?")[0]
            answer = choose(agent) if letter["calendar"] else "yes"  # without a shift there is only "read"
            new = link and answer and path not in self.answered
            if new and self.page.request.post(path, form={"answer": answer}).ok:
                self.answered.add(path)
                done[answer] += 1
        return done

    def move(self, hours: int) -> None:
        """Move the drill's clock forward."""
        number = self.name.partition(":")[2]
        self.page.goto("/drills")
        form = self.page.locator(f"form[action$='/{number}/move']")
        form.locator("[name=hours]").fill(str(hours))
        form.locator("button").click()
        self.page.wait_for_load_state()

    def compare(self, scenario: Scenario) -> None:
        """Count the people whose work changes by the page, its workbook, the messages and the journal."""
        page = self.read("/relief?show=all")
        changed = {row["agent"] for row in self._list_all(page["days"], "changes")}
        breaks = {row["agent"] for row in self._list_all(page["days"], "breaks")}
        written = set(self.list_letters())
        scenario.people, scenario.asked = sum(row["people"] for row in page["kinds"]), page["changed"]
        scenario.unchanged_written = len(written - changed - breaks)
        workbook: set[str] = set()
        for day in page["days"]:
            data = self.page.request.get(f"/relief.xlsx?day={day}&show=all").body()
            for table in polars.read_excel(io.BytesIO(data), sheet_id=0, raise_if_empty=False).values():
                if table.width > 2 and table.height and "Changement" in table.columns:
                    workbook |= set(table[table.columns[0]].to_list())
        scenario.counts = {
            "page": page["changed"],
            "list": len(changed),
            "workbook": len(workbook & changed),
            "messages": len(written & changed),
        }

    def _list_all(self, days: list[str], name: str) -> Iterator[dict[str, Any]]:
        for day in days:
            number, pages = 1, 1
            while number <= pages:
                found = self.read(f"/relief?day={day}&moves={number}")
                pages = found["changes_pages"] if name == "changes" else 1
                yield from found[name]
                number += 1


def settle(drill: Drill, scenario: Scenario) -> None:
    """Note when the relief and the last message came."""
    scenario.relief_s = drill.wait(drill.has_relief, "the relief")
    scenario.messages_s = drill.wait(drill.is_sent, "the last message")
    drill.compare(scenario)


def two_positives(drill: Drill, plan: Plan, site: str, refusing: int, silent: int) -> Scenario:
    """Two positives, answers, those who do not come replaced, and those who say nothing."""
    found = Scenario("two positives")
    first, second = sorted(row.agent for row in plan.placements if row.place == site)[:2]
    for agent in (first, second):
        drill.record("case", site=site, agent=agent, status="declared_case")
    settle(drill, found)
    people = drill.list_letters()
    asked = sorted(agent for agent, letter in people.items() if letter["calendar"])
    refusing, silent = min(refusing, len(asked) // 2), min(silent, len(asked) // 4)
    said = dict.fromkeys(asked[:refusing], "no") | dict.fromkeys(asked[refusing : refusing + silent], "")
    began = drill.clicked = time.perf_counter()
    answers: Counter[str] = Counter()

    def is_settled() -> bool:
        answers.update(drill.answer(lambda agent: said.get(agent, "yes")))
        return drill.counts["waiting"] <= silent and drill.is_sent()

    drill.wait(is_settled, "an answer of each")
    found.settled_s = round(time.perf_counter() - began, 2)
    others = len(drill.list_letters().keys() - people)
    found.notes.append(f"answers {dict(answers)}, {silent} say nothing; {others} others are called in or moved")
    drill.move(2)
    drill.wait(lambda: drill.counts["exhausted"] + drill.counts["absent"] >= 1, "the end of the escalation")
    counts = drill.counts
    found.notes.append(f"after the escalation: {counts}")
    return found


@contextmanager
def installation(folder: Path, operator: Operator, plans: tuple[Plan, ...]) -> Iterator[tuple[Path, str]]:
    """An open desk with a worker, the plans in force and an address for each agent."""
    home, tables, plan = folder / "home", folder / "operator", folder / "plan"
    tables.mkdir()
    for name, data in write_operator(operator).items():
        (tables / name).write_bytes(data)
    contacts = folder / "contacts.csv"
    rows = "\n".join(f"agent,{row.id},file,{row.id},fr" for row in operator.agents)
    contacts.write_text(f"role,who,channel,address,language\n{rows}\n")
    command(home, "registry", "import", str(tables), "--yes")
    write_plans(plan, plans, stamp=datetime(2026, 11, 24, tzinfo=UTC), calendars=False)
    command(home, "live", "activate", str(plan))
    command(home, "live", "rules", "choose", "health-2020", "--from", "2020-03-20")
    command(home, "live", "contacts", str(contacts))
    with (
        served(home, str(plan), "--open", "--act") as address,
        processes.start("releve", "live", "work", environ=environ_of(home), quiet=True) as worker,
    ):
        try:
            yield home, address
        finally:
            worker.terminate()
            worker.wait(20)


@click.command()
@click.option("--agents", default=400, show_default=True)
@click.option("--sites", default=6, show_default=True)
@click.option("--no", "refusing", default=20, show_default=True, help="People who do not come.")
@click.option("--silent", default=10, show_default=True, help="People who do not answer.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(agents: int, sites: int, refusing: int, silent: int, as_json: bool) -> None:
    """Live through closures in a browser, and time each step."""
    say(f"{agents} agents, {sites} sites: planning three days ...")
    operator = read_operator(write_operator(sample_operator(agents, sites, 3, weeks_of_history=4)))
    lost = tuple(row for row in list_contingencies(operator) if row.kind == "site")
    days = [FIRST_DAY + timedelta(days=number) for number in range(3)]
    plans = tuple(plan_day(operator, require_day(operator, day), PlanSettings(), contingencies=lost) for day in days)
    found: list[Scenario] = []
    largest = sorted(operator.sites, key=lambda row: -sum(one.place == row.id for one in plans[0].placements))
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(Path(folder), operator, plans) as (home, address),
        sync_playwright() as player,
    ):
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        if path is None:
            raise click.ClickException("no chromium on this machine: apt-get install chromium")
        browser = player.chromium.launch(args=["--no-sandbox"], executable_path=path)
        with context(browser, address, View()) as visitor:
            page = visitor.new_page()
            morning, night = f"{FIRST_DAY}T10:40", f"{FIRST_DAY}T03:19"
            say("two positives ...")
            drill = Drill(page, home, "Two positives", morning)
            found.append(two_positives(drill, plans[0], largest[0].id, refusing, silent))
            say("an earthquake of two sites ...")
            quake = Scenario("earthquake of two sites")
            drill = Drill(page, home, "Earthquake", morning)
            drill.record("closure", site=largest[0].id, also=[largest[1].id], cause="hazard", reason="Earthquake")
            settle(drill, quake)
            found.append(quake)
            say("a carrier ...")
            carrier = Scenario("carrier of home lines")
            drill = Drill(page, home, "Carrier", morning)
            lines = sorted({row.carrier for row in operator.agents if row.carrier})
            drill.record("outage", what="carrier", carrier=lines[0], state="down")
            settle(drill, carrier)
            found.append(carrier)
            say("a power cut at night ...")
            cut = Scenario("power cut at 03:19")
            drill = Drill(page, home, "Night", night)
            drill.record("outage", what="power", site=largest[0].id, state="down")
            settle(drill, cut)
            found.append(cut)
    if as_json:
        print(json.dumps([asdict(row) | {"agrees": row.agrees} for row in found], indent=2))
    else:
        for row in found:
            times = [
                f"{value:.1f} s" if value is not None else "-"
                for value in (row.relief_s, row.messages_s, row.settled_s)
            ]
            print(f"{row.name}: relief {times[0]}, last message {times[1]}, settled {times[2]}")
            print(
                f"  {row.people} people's work changes, {row.asked} asked;"
                f" written to without a change {row.unchanged_written}"
            )
            print(f"  counts {row.counts} {'agree' if row.agrees else 'DIFFER'}")
            for note in row.notes:
                print(f"  {note}")
    if any(row.unchanged_written or not row.agrees for row in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
