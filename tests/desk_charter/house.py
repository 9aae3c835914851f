"""A house for the browser: checks, an open audit, and a draw of today framed yesterday.

Run as ``python -m tests.desk_charter.house`` with the settings of the desk that will be served; it
prints today and the commission's link of it.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import django

FIRST = {"operator": b"a" * 32, "commission": b"b" * 32}


def fill() -> tuple[str, str]:
    """Store it all; return today and the commission's link of it."""
    from django.core.management import call_command
    from django.utils import timezone

    from releve.ledger.seal import seal_ledger
    from releve.live import api
    from releve.network import zone
    from releve.plugins.inspection import draws
    from releve.registry.service import apply_changes, preview_changes
    from releve.situation import KINDS, DrawJoined, DrawPlanned, DrawRevealed, MeasureFinding
    from releve.situation.draw_chains import bind_plan, build_chain, hash_plan, reveal_link
    from tests.situation.rule_chain import operator

    call_command("migrate", verbosity=0)
    made_up = replace(operator().row, synthetic=True)
    apply_changes(preview_changes(operator(row=made_up)), "tests")
    today = timezone.now().astimezone(zone("Africa/Casablanca")).date()

    def record(kind: str, **values: Any) -> None:
        name, at = uuid.uuid4().hex, api.now(api.LIVE)
        values = {"happened_at": at, "actor": "samira"} | values
        api.record(KINDS[kind](id=name, recorded_at=at, **values), key=name)

    def yesterday() -> datetime:
        return real() - timedelta(days=1)

    real = timezone.now
    with mock.patch.object(timezone, "now", yesterday):
        record("rules.chosen", pack="health-2020", valid_from=today - timedelta(days=1))
        anchor = build_chain(FIRST["operator"], 9).hex()
        plan = {"plan": "tirages-2026", "first_day": today, "days": 9, "visits": 1, "operator_anchor": anchor}
        draws.record_draw_event(DrawPlanned, plan, by="samira")
        root = json.loads(seal_ledger(timezone.now()).statement)
        rule = draws.find_draw_plan("tirages-2026").planned.describe_rule()
        binding = bind_plan(hash_plan(rule), root["size"], bytes.fromhex(root["tree"]))
        shown = {f"root_{name}": root[name] for name in ("number", "size", "tree")}
        own = build_chain(FIRST["commission"], 9, binding).hex()
        joined = {"plan": "tirages-2026", "commission_anchor": own, **shown}
        draws.record_draw_event(DrawJoined, joined, by="samira")
        draws.record_frame("tirages-2026", today, by="samira")
        seal_ledger(timezone.now())
    bound = {"operator": b"", "commission": binding}
    links = {party: reveal_link(first, 9, 1, bound[party]).hex() for party, first in FIRST.items()}
    values = {"plan": "tirages-2026", "day": today, "party": "operator", "link": links["operator"]}
    draws.record_draw_event(DrawRevealed, values, by="samira")
    charter = api.rules_now().charter(today)
    assert charter is not None
    for site, wanting in (("casa", "canteen"), ("rabat", "flows")):
        findings = tuple(
            MeasureFinding(measure=row.id, verdict="not_kept" if row.id == wanting else "kept")
            for row in charter.measures if row.daily
        )  # fmt: skip
        record("check.done", site=site, day=today - timedelta(days=2), findings=findings)
    record(
        "audit.opened", audit="audit-1", body="Bureau (synthétique)", sites=("casa", "rabat"),
        charter=charter.id, version=charter.version, basis="Les deux plus grands sites",
    )  # fmt: skip
    return today.isoformat(), links["commission"]


if __name__ == "__main__":
    django.setup()
    print(*fill())
