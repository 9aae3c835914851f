"""Starting, stopping and resuming runs: what the desk does to them, by files alone."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from releve.accounts.grants import STREAM
from releve.desk.crashtest.durations import duration
from releve.desk.crashtest.home import Asked, Crashed, Home, now_text
from releve.desk.presenters.text import Text
from releve.files.plan_folder import PlanFolderError, list_plan_files
from releve.files.plan_store import open_plan_store
from releve.ledger.chain import append
from releve.live.api import PlanText, load_activation
from releve.network import Operator, write_operator
from releve.registry import storage as registry

__all__ = ["consequences", "home", "plan_sources", "plans_of", "remove", "resume", "start", "stop"]

FORCE, FOLDER = "force", "folder"
_started: list[subprocess.Popen[bytes]] = []


def home() -> Home:
    """Return the runs of this installation."""
    return Home(settings.HOME)


def plan_sources() -> dict[str, tuple[str, ...]]:
    """Return where plans are known from, each with its days: in force, and the plan folder."""
    found: dict[str, tuple[str, ...]] = {}
    force = load_activation()
    if force is not None:
        found[FORCE] = tuple(sorted(force.days))
    with contextlib.suppress(PlanFolderError):
        found[FOLDER] = tuple(
            day.isoformat() for day in open_plan_store(settings.PLAN_FOLDER).days()
        )
    return found


def start(form: Mapping[str, Any], operator: Operator, by: str) -> Path:
    """Write what a run needs, start its process and return its folder."""
    version = registry.get_current_version()
    assert version is not None
    asked = Asked(
        name=form["name"],
        by=by,
        at=now_text(),
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
    inputs = {"operator": write_operator(operator), "plan": plans_of(asked.plan)}
    if asked.beside:
        inputs[asked.beside] = plans_of(asked.beside)
    folder = home().add(asked, inputs)
    _spawn(folder)
    return folder


def plans_of(source: str) -> dict[str, bytes]:
    """Return the files of the plans of a source."""
    if source == FOLDER:
        assert settings.PLAN_FOLDER is not None
        return {
            path.name: path.read_bytes() for path in list_plan_files(settings.PLAN_FOLDER).values()
        }
    force = load_activation()
    assert force is not None
    texts = PlanText.objects.in_bulk(list(force.days.values()))
    return {f"plan-{day}.json": texts[key].text.encode() for day, key in force.days.items()}


def consequences(
    form: Mapping[str, Any], agents: int, sources: Mapping[str, Sequence[str]], text: Text
) -> tuple[str, ...]:
    """Say what starting a run means: how much is simulated, about how long, what it leaves out."""
    cases = len(form["policies"]) + bool(form["beside"])
    size = _("{cases} × {quarters} quarters of {days} days are simulated for {agents} agents.")
    said = [
        size.format(
            cases=text.number(cases),
            quarters=text.number(form["quarters"]),
            days=text.number(form["days"]),
            agents=text.number(agents),
        ),
        _how_long(cases * form["quarters"] * form["days"] * agents, text),
    ]
    weekdays = {date.fromisoformat(day).weekday() for day in sources[form["plan"]]}
    missing = [str(WEEKDAYS[day]) for day in range(7) if day not in weekdays]
    if missing and not form["nearest"]:
        said.append(_("Without a plan, so left out: {days}.").format(days=text.list(missing)))
    said.append(_("It runs beside the desk, one run at a time, and can be stopped and resumed."))
    return tuple(said)


def _how_long(work: int, text: Text) -> str:
    """Say about how long a run takes, by the last one that was done here."""
    done = (run for run in home().runs() if run.state == "done" and run.seconds > 0)
    last = next(done, None)
    if last is None:
        return _(
            "How long it takes is not known before a first run; it is said once parts are done."
        )
    return _("It takes about {time}, by the last run on this machine.").format(
        time=duration(last.seconds * work / last.asked.work, text)
    )


def stop(run: Crashed) -> None:
    """Ask a run to stop; what it has done so far stays."""
    (run.folder / "stop").touch()


def resume(run: Crashed) -> None:
    """Go on with a run that was stopped, broke off or failed."""
    for name in ("stop", "failed.json", "began"):
        (run.folder / name).unlink(missing_ok=True)
    _spawn(run.folder)


def remove(run: Crashed, by: str) -> bool:
    """Remove a run with its inputs, and record that it was; False when a process is at work."""
    with transaction.atomic():
        body = {"run": run.id, "name": run.asked.name, "state": run.state, "actor": by}
        append("crashtest.removed", body, stream=STREAM, recorded_at=timezone.now())
        done = home().remove(run)
        if not done:
            transaction.set_rollback(True)
    return done


def _spawn(folder: Path) -> None:
    """Start the process of a run: of its own session, so that it outlives this one."""
    _started[:] = [one for one in _started if one.poll() is None]
    (folder / "asked").touch()
    _started.append(
        subprocess.Popen(
            [sys.executable, "-m", "releve.desk.crashtest.work", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    )
