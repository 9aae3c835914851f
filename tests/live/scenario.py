"""A live stream for tests, its plans, and the acts of a continuity manager as short calls."""

from __future__ import annotations

import json
import os
import pickle
import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from releve import situation
from releve.live import api as live
from releve.live.models import Message, Relief, Routes
from releve.live.worker import run_until_idle
from releve.network import HOME, Operator, read_operator, sample_operator, to_utc, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanSettings, list_contingencies, plan_day
from releve.plan.week import require_day
from releve.registry.service import apply_changes, preview_changes
from tests.homes import TABLES


def choose_pack(stream: str = "live", **fields: Any) -> live.RecordResult:
    """Choose the health rules of 2020, from their first day unless another is given."""
    at, key = live.now(stream), uuid.uuid4().hex
    common: dict[str, Any] = {"id": key, "happened_at": at, "recorded_at": at, "actor": "tests"}
    given = {"pack": "health-2020", "valid_from": date(2020, 3, 20), **fields}
    return live.record(situation.PackChosen(**common, **given), key=key, stream=stream)


@dataclass
class Scenario:
    """One stream with its operator and plans; a drill unless another stream is named."""

    operator: Operator
    plans: Sequence[Plan]
    stream: str
    keys: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, operator: Operator, plans: Sequence[Plan], clock: str = "10:40") -> Scenario:
        """Import the operator, put the plans in force and start a drill on their first day."""
        apply_changes(preview_changes(operator), "tests")
        live.put_in_force(plans, by="tests")
        choose_pack()
        at = to_utc(datetime.fromisoformat(f"{plans[0].day}T{clock}"), operator.row.time_zone)
        drill = live.start_drill("Exercice", by="tests", at=at)
        return cls(operator, plans, drill.name)

    @property
    def site(self) -> str:
        return self.operator.sites[0].id

    def agents_at(self, site: str) -> list[str]:
        """Return the agents who are placed on a site on the first day, by id."""
        return sorted(row.agent for row in self.plans[0].placements if row.place == site)

    def act(self, kind: str, *, key: str = "", actor: str = "samira", **fields: Any) -> live.RecordResult:
        """Record an event that happens now."""
        at = live.now(self.stream)
        event = situation.KINDS[kind](
            **{"id": uuid.uuid4().hex, "happened_at": at, "recorded_at": at, "actor": actor, **fields}
        )
        self.keys.append(key or uuid.uuid4().hex)
        return live.record(event, key=self.keys[-1], stream=self.stream)

    def positive(self, agent: str, site: str = "", **fields: Any) -> live.RecordResult:
        return self.act(
            situation.CaseDeclared.kind, site=site or self.site, agent=agent, status="declared_case", **fields
        )

    def clear(self, agent: str) -> live.RecordResult:
        """Clear the case of an agent declared last."""
        (*_, case) = [c for c in live.situation_now(self.stream).cases if c.agent == agent]
        return self.act(situation.CaseDeclared.kind, site=case.site, agent=agent, status="cleared", case=case.event)

    def two_positives(self, site: str = "") -> live.RecordResult:
        """Declare two agents of a site: by the rule it closes."""
        first, second, *_ = self.agents_at(site or self.site)
        self.positive(first, site)
        return self.positive(second, site)

    def close(self, site: str = "", **fields: Any) -> live.RecordResult:
        given = {"cause": "hazard", "reason": "Crack in a pillar", **fields}
        return self.act(situation.SiteClosed.kind, site=site or self.site, **given)

    def power(self, site: str, *, up: bool = False) -> live.RecordResult:
        return self.act((situation.PowerUp if up else situation.PowerDown).kind, site=site)

    def carrier(self, name: str, *, up: bool = False) -> live.RecordResult:
        return self.act((situation.LinkUp if up else situation.LinkDown).kind, carrier=name)

    def check(self, *items: str) -> None:
        for item in items:
            self.act(situation.ReopeningChecked.kind, site=self.site, item=item)

    def approve(self, actor: str) -> live.RecordResult:
        return self.act(situation.ReopeningApproved.kind, site=self.site, actor=actor)

    def reopen(self, site: str = "") -> live.RecordResult:
        return self.act(situation.SiteReopened.kind, site=site or self.site)

    def later(self, **how: float) -> None:
        live.move_drill(self.stream, timedelta(**how), by="tests")

    def work(self) -> int:
        return run_until_idle()

    @property
    def messages(self) -> list[Message]:
        return list(Message.objects.filter(stream=self.stream, kind="agent"))

    @property
    def outbox(self) -> list[dict[str, str]]:
        """Return what was sent in the drill."""
        folder = settings.HOME / "drills" / self.stream.partition(":")[2] / "outbox"
        files = sorted(folder.glob("*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in files]

    @property
    def shares(self) -> dict[tuple[str, str], float]:
        """Return the share of each (programme, place) in the routes published last."""
        row = Routes.objects.filter(stream=self.stream).first()
        body = row.body if row else {}
        return {(programme, place): weight for programme, routes in body.items() for place, _, _, weight in routes}

    def people_at(self, place: str) -> set[str]:
        """Return who works in a place for the rest of the day."""
        scene = live.load_scene(self.stream)
        assert scene is not None
        rows = scene.list_placements(scene.days[0])
        return {row.agent for row in rows if row.place == place and row.end > scene.at}

    @property
    def at_home(self) -> set[str]:
        return self.people_at(HOME)


def overtake(message: Message) -> Message:
    """Let a newer message, of a relief after it, go to the same agent; return it."""
    newer, relief = Message.objects.get(pk=message.pk), Relief.objects.get(pk=message.relief_id)
    relief.pk, relief.generation = None, relief.generation + 1
    relief.save()
    newer.pk, newer.token, newer.relief = uuid.uuid4(), uuid.uuid4().hex, relief
    newer.save(force_insert=True)
    Message.objects.filter(pk=message.pk).update(replaced=True)
    return newer


Planned = tuple[Operator, tuple[Plan, ...]]


@cache
def three_days(agents: int = 60, sites: int = 3, seed: int = 5) -> Planned:
    """Return a sample operator and the plans of its first days, with the relief of each site.

    A carrier's loss is in none of them, and serves as the unforeseen loss.
    """
    name = f"three-days-{agents}-{sites}-{seed}"
    return keep_planned(name, lambda: _plan_three_days(agents, sites, seed))


def keep_planned(name: str, plan: Callable[[], Planned]) -> Planned:
    """Return an operator and its plans, planned once for all processes of ``scripts/test``.

    They are kept beside its file of tables; without one, every call plans.
    """
    tables = os.environ.get(TABLES)
    if not tables:
        return plan()
    path = Path(f"{tables}.{name}")
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            pickle.dump(plan(), stream)
        Path(stream.name).replace(path)
    found: Planned = pickle.loads(path.read_bytes())
    return found


def _plan_three_days(agents: int, sites: int, seed: int) -> Planned:
    made = sample_operator(agents, sites, seed, weeks_of_history=4)
    operator = read_operator(write_operator(made))
    lost = tuple(row for row in list_contingencies(operator) if row.kind == "site")
    days = (FIRST_DAY + timedelta(days=number) for number in range(3))
    return operator, tuple(
        plan_day(operator, require_day(operator, day), PlanSettings(), contingencies=lost) for day in days
    )
