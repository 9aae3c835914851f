"""Order a crash test from a form, and say before what that means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from releve.crashtest.outbreak.population import (
    ASSUMED_AIR_CHANGES,
    ASSUMED_M3_PER_SEAT,
    ASSUMED_PITCH_M,
    count_assumed_places,
)
from releve.desk.crashtest.sentences import duration
from releve.desk.text import Text
from releve.network import Operator
from releve.registry import storage as registry
from releve.runs.crash_test_job import CrashTestOrder
from releve.runs.installation import estimate_seconds
from releve.runs.job_store import current_stamp
from releve.runs.orders import start_crash_test


def order_crash_test(form: Mapping[str, Any], operator: Operator, by: str) -> Path:
    """Start the crash test of a filled form and return its folder."""
    version = registry.get_current_version()
    assert version is not None
    order = CrashTestOrder(
        name=form["name"],
        by=by,
        at=current_stamp(),
        version=version.number,
        agents=len(operator.agents),
        plan=form["plan"],
        beside=form["beside"],
        policies=tuple(form["policies"]),
        quarters=form["quarters"],
        days=form["days"],
        seed=form["seed"],
        hazards=form["hazards"],
        nearest=form["nearest"],
    )
    return start_crash_test(order, operator)


def list_consequences(
    form: Mapping[str, Any], operator: Operator, sources: Mapping[str, Sequence[str]], text: Text
) -> tuple[str, ...]:
    """Say what starting a run means: how much is simulated, about how long, what it leaves out."""
    agents = len(operator.agents)
    cases = len(form["policies"]) + bool(form["beside"])
    size = _("{cases} × {quarters} quarters of {days} days are simulated for {agents} agents.")
    lines = [
        size.format(
            cases=text.number(cases),
            quarters=text.number(form["quarters"]),
            days=text.number(form["days"]),
            agents=text.number(agents),
        ),
        _say_duration(cases * form["quarters"] * form["days"] * agents, text),
    ]
    weekdays = {date.fromisoformat(day).weekday() for day in sources[form["plan"]]}
    missing = [str(WEEKDAYS[day]) for day in range(7) if day not in weekdays]
    if missing and not form["nearest"]:
        lines.append(_("Without a plan, so left out: {days}.").format(days=text.list(missing)))
    assumed = count_assumed_places(operator)
    if assumed.zones:
        lines.append(
            _(
                "Air is not given for every zone: {volume} m³ a seat and {changes} air change an"
                " hour are assumed."
            ).format(
                volume=text.plain(ASSUMED_M3_PER_SEAT), changes=text.plain(ASSUMED_AIR_CHANGES)
            )
        )
    if assumed.seats:
        lines.append(
            _("Seats without x and y are taken to stand in rows, {pitch} m apart.").format(
                pitch=text.plain(ASSUMED_PITCH_M)
            )
        )
    lines.append(_("It runs beside the desk, one run at a time, and can be stopped and resumed."))
    return tuple(lines)


def _say_duration(work: int, text: Text) -> str:
    """Say about how long a run takes, by the last one that was done here."""
    seconds = estimate_seconds(work)
    if seconds is None:
        return _(
            "How long it takes is not known before a first run; it is said once parts are done."
        )
    return _("It takes about {time}, by the last run on this machine.").format(
        time=duration(seconds, text)
    )
