"""Closures lived through in a browser, on the operator of the demo: the time of each step, and whom messages reach.

    python -m bench.closure [--agents 400] [--sites 6] [--no 20] [--silent 10] [--json]

An open desk with a worker beside it; each scenario is a drill of its own, recorded with the forms of the desk in
Chromium: two positives, and one of the two tests corrected, the closure lifted by a second person; an earthquake of two
sites; a carrier of home lines; a power cut at three in the morning. In each, people answer by their links: ``no`` of
them do not come, ``silent`` say nothing, but at most one in two and one in four. Seconds from the last click: to the
relief, to the last message, and until each person has answered or is replaced. Of each: messages to people whose work
does not change (none may be), and the people counted by the page, its workbook, the messages, the ledger and the
incident's pack, which must agree. The pack is made in the browser and verified by the verifier alone.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click
import polars
from playwright.sync_api import Page, sync_playwright

from releve.accounts.permissions import Role
from releve.files.plan_folder import write_plans
from releve.ledger import verify
from releve.network import HOME, Operator, read_operator, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanSettings, list_contingencies, plan_day
from releve.plan.week import require_day
from tests import processes
from tests.browser_tools import View, command, context, environ_of, follow, served

__all__ = ["main"]

ROLE_COOKIE = "releve_role"
QUIET_SECONDS = 10.0
BUSY, MOST_SENDS = "occupée", 3
"""What a form says while other work holds the database, and how often it is sent then."""


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
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """By what is counted, and who counts it."""
    notes: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return all(len(set(row.values())) == 1 for row in self.counts.values())

    def __str__(self) -> str:
        steps = {"relief": self.relief_s, "last message": self.messages_s, "settled": self.settled_s}
        times = ", ".join(f"{name} {value:.1f} s" for name, value in steps.items() if value is not None)
        return "\n".join(
            (
                f"{self.name}: {times}",
                f"  {self.people} people's work changes, {self.asked} asked;"
                f" written to without a change {self.unchanged_written}",
                *(
                    f"  {what}: {counts}{'' if len(set(counts.values())) == 1 else ' DIFFER'}"
                    for what, counts in self.counts.items()
                ),
                *(f"  {note}" for note in self.notes),
            )
        )


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


class Drill:
    """A drill in a browser of an open desk."""

    def __init__(self, page: Page, home: Path, address: str, wait_seconds: float, title: str, at: str) -> None:
        self.page, self.home, self.address, self.wait_seconds = page, home, address, wait_seconds
        self.answered: set[str] = set()
        self.last_answers: dict[str, str] = {}
        self.silent: frozenset[str] = frozenset()
        self.room = ""
        self.look_as(Role.CONTINUITY)
        page.goto("/drills")
        page.fill("[name=title]", title)
        page.fill("[name=at]", at)
        page.locator("form[action$='/start'] button").click()
        page.wait_for_url("**/now")
        self.name = self.read("/now")["stream"]
        self.clicked = time.perf_counter()

    def look_as(self, role: Role, place: str = "") -> None:
        """Go on as another role of the open desk, which is another person."""
        self.page.context.add_cookies([{"name": ROLE_COOKIE, "value": f"{role.value}:{place}", "url": self.address}])

    def read(self, path: str) -> dict[str, Any]:
        """Return a page as JSON."""
        mark = "&" if "?" in path else "?"
        found: dict[str, Any] = self.page.request.get(f"{path}{mark}format=json").json()
        return found

    def record(self, form: str, **fields: str | list[str]) -> None:
        """Fill a form in and send it, its consequences confirmed where they are shown; again where it was busy."""
        for _ in range(MOST_SENDS):
            if not (faults := self._send(form, fields)):
                return
            if not any(BUSY in fault for fault in faults):
                break
            say(f"{form}: busy, sent again ...")
        raise click.ClickException(f"{form}: {faults}")

    def _send(self, form: str, fields: Mapping[str, str | list[str]]) -> list[str]:
        """Fill a form in and send it; return what the page says is wrong."""
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
        self.clicked = time.perf_counter()
        return self.page.locator(".errorlist, .fault").all_inner_texts()

    def wait(self, done: Callable[[], bool], what: str) -> float:
        """Return the seconds from the last click until something holds."""
        while not done():
            if time.perf_counter() - self.clicked > self.wait_seconds:
                raise click.ClickException(
                    f"{self.name}: {what} did not come in {self.wait_seconds:.0f} s: {self.counts}"
                )
            time.sleep(0.1)
        return round(time.perf_counter() - self.clicked, 2)

    def rest(self, act: Callable[[], object] = lambda: None) -> float:
        """Act until nothing has changed for ten seconds; return the seconds from the last click to the last change."""
        known, changed = None, time.perf_counter()
        while time.perf_counter() - changed < QUIET_SECONDS:
            act()
            relief = self.read("/relief")
            found = relief["generation"], relief["counts"], len(self.list_outbox())
            if found != known:
                known, changed = found, time.perf_counter()
            if changed - self.clicked > self.wait_seconds:
                raise click.ClickException(f"{self.name}: no rest in {self.wait_seconds:.0f} s: {self.counts}")
            time.sleep(0.2)
        return round(changed - self.clicked, 2)

    @property
    def counts(self) -> dict[str, int]:
        found: dict[str, int] = self.read("/relief")["counts"]
        return found

    def has_relief(self, after: int = 0) -> bool:
        """Whether a relief later than a generation is in force, whose messages are written."""
        found = self.read("/relief")
        return (found["generation"] or 0) > after and bool(found["published"])

    def list_outbox(self) -> dict[str, dict[str, str]]:
        """Return the messages to agents by their files, the oldest first."""
        folder = self.home / "drills" / self.name.partition(":")[2] / "outbox"
        files = sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)
        rows = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in files}
        return {name: row for name, row in rows.items() if row["to"].startswith("a0")}

    def list_letters(self) -> dict[str, dict[str, str]]:
        """Return the newest message to each agent, by agent."""
        return {row["to"]: row for row in self.list_outbox().values()}

    def list_entries(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the values of the drill's entries of a kind, as the ledger's page has them."""
        before = ""
        while before is not None:
            found = self.read(f"/ledger/?stream={self.name}&kind={kind}&before={before}")
            for row in found["entries"]:
                yield {one["name"]: one["value"] for one in row["fields"]}
            before = found["older"]

    def open_room(self, *sites: str) -> None:
        """Open the incident's room, of some sites or of the operator as a whole."""
        self.page.goto(f"/incident/?site={sites[0] if sites else ''}")
        if "/incident/?" in self.page.url:
            self.page.fill("[name=open-title]", "Incident")
            self.page.select_option("[name=open-site]", sites[0] if sites else "")
            follow(self.page.locator("form.act button[type=submit]"))
        self.room = self.page.url.rpartition("/")[2]
        for site in sites[1:]:
            self.page.locator("details:has([name=place-place]) summary").click()
            self.page.select_option("[name=place-place]", site)
            follow(self.page.locator("form:has([name=place-place]) button[type=submit]"))

    def read_pack(self) -> dict[str, Any]:
        """Make the incident's pack, verify it as a stranger does; return its figures by name."""
        self.page.goto(f"/packs/?what=incident:{self.room}")
        follow(self.page.locator("form.form button.main"))
        faults = self.page.locator(".errorlist, .fault").all_inner_texts()
        if faults:
            raise click.ClickException(f"pack: {faults}")
        pack = self.read(self.page.url.removeprefix(self.address))
        data = self.page.request.get(f"{self.page.url}/file.pdf").body()
        found = verify.check_noted(data, pack["note"], verify.Keys([pack["key"]]), [], "en").faults
        if found:
            raise click.ClickException(f"pack: {found}")
        *_signed, document = verify.read_pack_note(pack["note"])
        return {
            row["id"]: row["value"] for row in verify.read_line(verify.find_packed(data)[document.sha256])["statements"]
        }

    def is_sent(self) -> bool:
        """Whether every message of the relief in force that asks for an answer is written and has left."""
        newest = next(self.list_entries("people.notified"), {"generation": 0})  # before the page, which then has them
        relief = self.read("/relief")
        counts = relief["counts"]
        left = counts["sent"] + counts["unaddressed"] >= counts["notified"]
        return bool(left and newest["generation"] == relief["generation"])

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
                self.last_answers[agent] = answer
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
        """Count the people asked for an answer by the page, its workbook, the messages, the ledger and the pack.

        None has answered yet. The ledger counts messages: of them those count that no newer one replaced.
        """
        page = self.read("/relief?show=all")
        changed, breaks = (set(self.list_agents(page["days"], name)) for name in ("changes", "breaks"))
        written = set(self.list_letters())
        scenario.people, scenario.asked = sum(row["people"] for row in page["kinds"]), page["changed"]
        scenario.unchanged_written = len(written - changed - breaks)
        workbook: set[str] = set()
        for day in page["days"]:
            data = self.page.request.get(f"/relief.xlsx?day={day}&show=all").body()
            for table in polars.read_excel(io.BytesIO(data), sheet_id=0, raise_if_empty=False).values():
                if table.width > 2 and table.height and "Changement" in table.columns:
                    workbook |= set(table[table.columns[0]].to_list())
        entries, pack = list(self.list_entries("people.notified")), self.read_pack()
        scenario.counts["asked"] = {
            "page": page["changed"],
            "list": len(changed),
            "workbook": len(workbook - (breaks - changed)),
            "messages": len(written - (breaks - changed)),
            "ledger": sum(row["agents"] - len(row["replaces"]) for row in entries),
            "pack": pack["waiting"],
        }

    def list_agents(self, days: list[str], name: str) -> Iterator[str]:
        """Yield the agents of the page's rows of some days, those whose work or whose break alone changes."""
        for row in self._list_all(days, name):
            yield row["agent"]

    def list_next(self) -> list[str]:
        """Return who has a changed shift of the first day ahead, who begins first before the others."""
        page = self.read("/relief")
        rows = [row for row in self._list_all(page["days"][:1], "changes") if row["after"]]
        ahead = {row["agent"]: row["after"]["start"] for row in rows if row["after"]["start"] > page["at"]}
        return sorted(ahead, key=lambda agent: (ahead[agent], agent))

    def _list_all(self, days: list[str], name: str) -> Iterator[dict[str, Any]]:
        for day in days:
            number, pages = 1, 1
            while number <= pages:
                found = self.read(f"/relief?day={day}&moves={number}")
                pages = found["changes_pages"] if name == "changes" else 1
                yield from found[name]
                number += 1


def settle(drill: Drill, scenario: Scenario, *sites: str) -> None:
    """Note when the relief and the last message came; then open the room of the sites, and count."""
    scenario.relief_s = drill.wait(drill.has_relief, "the relief")
    scenario.messages_s = drill.wait(drill.is_sent, "the last message")
    drill.open_room(*sites)
    drill.compare(scenario)


def answer(drill: Drill, found: Scenario, refusing: int, silent: int) -> tuple[Counter[str], Callable[[], None]]:
    """Answer as the people asked do, until each has answered or is replaced; those who say nothing are left.

    Return the answers so far, and what gives those that later messages ask for.
    """
    people = drill.list_letters()
    asked = sorted(agent for agent, letter in people.items() if letter["calendar"] and "/ack/" in letter["text"])
    refusing, silent = min(refusing, len(asked) // 2), min(silent, len(asked) // 4)
    quiet = drill.list_next()[:silent]
    drill.silent = frozenset(quiet)
    said = dict.fromkeys(quiet, "") | dict.fromkeys([one for one in asked if one not in quiet][:refusing], "no")
    answers: Counter[str] = Counter()

    def act() -> None:
        answers.update(drill.answer(lambda agent: said.get(agent, "yes")))

    drill.clicked = time.perf_counter()
    found.settled_s = drill.rest(act)
    others = len(drill.list_letters().keys() - people)
    found.notes.append(f"answers {dict(answers)}, {len(quiet)} say nothing; {others} others are called in or moved")
    found.counts["people who do not come"] = {
        "said": Counter(drill.last_answers.values())["no"],
        "page": drill.counts["declined"],
    }
    return answers, act


def two_positives(drill: Drill, site: str, cases: tuple[str, str], refusing: int, silent: int) -> Scenario:
    """Two positives, answers, those who do not come replaced, and those who say nothing."""
    found = Scenario("two positives")
    for agent in cases:
        drill.record("case", site=site, agent=agent, status="declared_case")
    settle(drill, found, site)
    answers, act = answer(drill, found, refusing, silent)
    if drill.silent:
        drill.move(2)
        drill.clicked = time.perf_counter()
        seconds = drill.rest(act)
        found.notes.append(f"the drill's clock two hours on, the silent are replaced in {seconds} s")
    counts, pack = drill.counts, drill.read_pack()
    found.notes.append(f"in the end: {counts}")
    words = list(drill.list_entries("message.acknowledged"))
    found.counts["answers that one does not come"] = {
        "said": answers["no"],
        "ledger": sum(row.get("answer") == "no" for row in words),
        "pack": pack["answer-no"],
    }
    found.counts["silent, counted as absent"] = {
        "page": counts["silent"],
        "ledger": len(list(drill.list_entries("message.absent"))),
        "pack": pack["silent"],
    }
    found.counts["no answer yet"] = {"page": counts["waiting"], "pack": pack["waiting"]}
    return found


def wrong_test(drill: Drill, site: str, wrong: str) -> Scenario:
    """One of the tests was another person's: its correction, the closure lifted, and all notified once more."""
    found = Scenario("wrong test corrected, site open again")
    drill.look_as(Role.HEALTH)
    drill.page.goto("/health/")
    follow(drill.page.get_by_role("link", name=wrong, exact=True).first)
    follow(drill.page.locator("a[href*='/record/corrections/']").first)
    drill.page.check("[name=truth][value=withdrawn]")
    drill.page.fill("[name=reason]", "The sample was another person's")
    follow(drill.page.locator("form.form button.main"))
    foreseen = drill.page.locator("dl.facts dd").all_inner_texts()[-3:]
    follow(drill.page.locator("button[name=confirmed]"))
    drill.clicked = time.perf_counter()
    drill.look_as(Role.CONTINUITY)
    drill.rest()
    before, files, number = drill.list_letters(), drill.list_outbox().keys(), drill.read("/relief")["generation"]
    drill.look_as(Role.SITE, site)
    drill.page.goto(f"/record/reopening/{site}")
    impact = drill.read(f"/record/reopening/{site}")["ground"]["impact"]
    follow(drill.page.locator("button[value=lift]"))
    drill.clicked = time.perf_counter()
    drill.look_as(Role.CONTINUITY)
    found.relief_s = drill.wait(lambda: drill.has_relief(number), "the plan again")
    found.messages_s = drill.wait(drill.is_sent, "the last message")
    if drill.read(f"/sites/{site}")["closure"] is not None:
        raise click.ClickException(f"{site} is still closed")
    # who stayed silent stays so: a yes would end the absence, and a further relief follow
    found.settled_s = drill.rest(lambda: drill.answer(lambda agent: "" if agent in drill.silent else "yes"))
    notified = Counter(row["to"] for name, row in drill.list_outbox().items() if name not in files)
    page = drill.read("/relief?show=all")
    now = {agent for name in ("changes", "breaks") for agent in drill.list_agents(page["days"], name)}
    found.people, found.asked = impact["back"], impact["agents"]
    found.unchanged_written = len(notified.keys() - before.keys() - now - {wrong})  # who is released works again
    entries = [row for row in drill.list_entries("people.notified") if row["generation"] > number]
    pack = drill.read_pack()
    names = [f"{kind}-{row['generation']}" for kind in ("agents", "breaks") for row in entries]
    found.counts["notified once more"] = {
        "foreseen": impact["agents"],
        "people": len(notified),
        "messages": notified.total(),
        "ledger": sum(row["agents"] + row["breaks"] for row in entries),
        "pack": sum(pack[name] for name in names),
    }
    found.notes.append(
        f"shown before the correction: {foreseen}; corrections and liftings in the pack: {pack['corrections']}"
    )
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
@click.option("--wait", default=120.0, show_default=True, help="Seconds that each step may take.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(agents: int, sites: int, refusing: int, silent: int, wait: float, as_json: bool) -> None:
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
            start = partial(Drill, page, home, address, wait)
            say("two positives ...")
            drill = start("Two positives", morning)
            rows = sorted({row.agent for row in plans[0].placements if row.place == largest[0].id})
            found.append(two_positives(drill, largest[0].id, (rows[0], rows[1]), refusing, silent))
            say("a wrong test ...")
            found.append(wrong_test(drill, largest[0].id, rows[1]))
            say("an earthquake of two sites ...")
            quake = Scenario("earthquake of two sites")
            drill = start("Earthquake", morning)
            drill.record("closure", site=largest[0].id, also=[largest[1].id], cause="hazard", reason="Earthquake")
            settle(drill, quake, largest[0].id, largest[1].id)
            answer(drill, quake, refusing, silent)
            found.append(quake)
            say("a carrier ...")
            carrier = Scenario("carrier of home lines")
            drill = start("Carrier", morning)
            at_home = [operator.agent[row.agent].carrier for row in plans[0].placements if row.place == HOME]
            drill.record("outage", what="carrier", carrier=Counter(at_home).most_common(1)[0][0], state="down")
            settle(drill, carrier)
            answer(drill, carrier, refusing, silent)
            found.append(carrier)
            say("a power cut at night ...")
            cut = Scenario("power cut at 03:19")
            drill = start("Night", night)
            drill.record("outage", what="power", site=largest[0].id, state="down")
            settle(drill, cut, largest[0].id)
            answer(drill, cut, refusing, silent)
            found.append(cut)
    if as_json:
        print(json.dumps([asdict(row) | {"agrees": row.agrees} for row in found], indent=2))
    else:
        print("\n".join(map(str, found)))
    if any(row.unchanged_written or not row.agrees for row in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
