"""The worker: it runs queued effects and the work that is due by the clock.

One thread decides (reliefs, and once a second what is due), others do the daily jobs, prepare the
running day and the switches, watch the telephony systems, file call records, read the replies by
mail and report that the worker runs; the rest run effects that wait for external systems. While the live chain
rests (:mod:`releve.live.quiet`) they wait for a change in the database (:mod:`releve.files.change_signal`), for what
is due at a known time, and for the next full minute; a signal that was lost costs :data:`SLOW_SECONDS`. A worker may
be killed at any instant: see :mod:`releve.live.effect_queue`. Kernels are compiled beside this, once after an
installation. Beside the server, :func:`warm` reads beforehand what the first page would wait for; nothing depends on
it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from threading import Thread

from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction

from releve.files.change_signal import ChangeWatch
from releve.files.kernel_cache import fill_in_background, is_compiling
from releve.files.plan_folder import PlanFolderError
from releve.ledger import chain as ledger
from releve.ledger.guards import LedgerBehind
from releve.ledger.rollback import require_complete
from releve.live import alerts, escalation, notifications, relief_handler, replies, self_test
from releve.live.alerts import follow_alerts
from releve.live.client_news import follow_client_news
from releve.live.clock import real_now
from releve.live.contacts import note_absent
from releve.live.coverage import compute_coverage
from releve.live.drills import list_running_streams
from releve.live.due_jobs import run_due_jobs, run_slow_jobs
from releve.live.effect_queue import DECIDE, OUTSIDE, claim_effect, find_next_due, queue_effects, run_effect
from releve.live.errors import LiveError
from releve.live.escalation import escalate_messages, send_to_new_addresses
from releve.live.event_service import build_relief_effect, record_due_events
from releve.live.house_faults import CERTIFICATE_SECONDS, HouseWatch
from releve.live.models import Effect
from releve.live.outside import queue_documents
from releve.live.path_faults import FAULT_SECONDS, follow_path_faults, raise_alarms
from releve.live.plans import find_displayed_plan, operator_now
from releve.live.quiet import Rest, find_rest
from releve.live.reply_mail import SECONDS as MAIL_SECONDS
from releve.live.reply_mail import read_reply_mail
from releve.live.routes import read_held_routes, refresh_routes, watch_routing
from releve.live.service_day import follow_calls
from releve.live.silence import record_silence
from releve.live.statement import run_daily_jobs
from releve.live.stream_state import Scene, load_scene
from releve.live.switches import prepare_switches
from releve.live.webhooks import deliver_events
from releve.live.worker_health import BEAT_SECONDS, has_room, note_beat, note_stop
from releve.registry import storage as registry

POLL_SECONDS = 0.05
"""Between two tries of an effect that another worker was quicker to claim."""
SLOW_SECONDS = 15.0
"""After so long the queue is read again, though no change was announced."""
TICK_SECONDS = 1.0
MINUTE = 60.0
CALLS_SECONDS = 30.0
SWITCHES_SECONDS = 5.0
OUTSIDE_SECONDS = 60.0
SAME_CAUSE_SECONDS = 60.0
_BEHIND_SECONDS = 5.0
_MOST_CAUSES = 100
_warned_at: dict[str, float] = {}
_completing, _warning = threading.Lock(), threading.Lock()
_log = logging.getLogger("releve.live")
_HANDLED_IN = (relief_handler, notifications, escalation, alerts, replies, self_test)
"""Modules with handlers of effects, imported to register them."""


class Worker:
    """The threads of a worker; ``stop`` lets every effect that has begun end."""

    def __init__(self, workers: int = 2) -> None:
        self.name = f"{socket.gethostname()[:24]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(lanes,), name=f"releve-{number}")
            for number, lanes in enumerate([(DECIDE,), *[(OUTSIDE,)] * workers])
        ]
        self._changes = ChangeWatch()
        self._rest: Rest | None = None
        self._threads.append(threading.Thread(target=self._watch_changes, name="releve-changes"))
        self._next_tick = 0.0
        self._started_at = self._decided_at = real_now()
        self._uptime_at_start = _read_uptime()
        self._house = HouseWatch()
        for name, step, seconds, slow in (
            ("warm", _warm_up_streams, TICK_SECONDS, 5 * MINUTE),
            ("switches", _prepare_switches, SWITCHES_SECONDS, 5 * MINUTE),
            ("daily", _run_jobs, TICK_SECONDS, MINUTE),
            ("slow", lambda: run_slow_jobs(real_now()), TICK_SECONDS, 5 * MINUTE),
            ("calls", lambda: follow_calls(self._stopping.is_set, self._do), CALLS_SECONDS, 0.0),
            ("faults", follow_path_faults, FAULT_SECONDS, 5 * MINUTE),
            ("events", lambda: deliver_events(self._stopping.is_set), TICK_SECONDS, MINUTE),
            ("replies", read_reply_mail, MAIL_SECONDS, 0.0),
            ("beat", self._beat, BEAT_SECONDS, 0.0),
            ("certificate", self._house.look_at_certificate, CERTIFICATE_SECONDS, 0.0),
            ("ledger", _read_outside, OUTSIDE_SECONDS, 0.0),
        ):
            own: tuple[Callable[[], object], float, float] = (step, seconds, slow)
            self._threads.append(threading.Thread(target=self._repeat, args=own, name=f"releve-{name}"))
        self._threads.append(threading.Thread(target=self._watch_routing, name="releve-routing"))

    def start(self) -> None:
        fill_in_background()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Claim no further effects, and wait for those that have begun."""
        self.ask_to_stop()
        self.wait()

    def ask_to_stop(self) -> None:
        """Claim no further effects; safe in a signal handler."""
        self._stopping.set()

    def wait(self) -> None:
        """Return when every thread has ended; store that this was on purpose."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(1.0)
        _run_guarded(lambda: note_stop(self.name))

    def _loop(self, lanes: Sequence[str]) -> None:
        name = f"{self.name}:{lanes[0]}:{threading.get_ident()}"[-64:]
        try:
            while not self._stopping.is_set():
                seen = self._changes.count
                busy = _run_guarded(lambda: _run_one_effect(lanes, name))
                if DECIDE in lanes:
                    self._tick()
                if busy is False:
                    self._wait_for_effect(lanes, seen)
        finally:
            connection.close()

    def _wait_for_effect(self, lanes: Sequence[str], seen: int) -> None:
        """Wait for a change or the next effect that is due; the deciding thread goes on with its ticks meanwhile."""
        while self._changes.count == seen and not self._stopping.is_set():
            found: list[datetime | None] = []
            if _run_guarded(lambda found=found: found.append(find_next_due(lanes))) is None:  # type: ignore[misc]
                return
            left = SLOW_SECONDS if found[0] is None else (found[0] - real_now()).total_seconds()
            until = time.monotonic() + min(max(left, POLL_SECONDS), SLOW_SECONDS)
            while self._changes.count == seen and time.monotonic() < until and not self._stopping.is_set():
                wake = min(until, self._next_tick) if DECIDE in lanes else until
                self._changes.wait(seen, wake - time.monotonic())
                if DECIDE in lanes:
                    self._tick()
            if found[0] is not None:
                return

    def _tick(self) -> None:
        """Once a second, run what is due by the clock, unless the live chain rests."""
        if time.monotonic() < self._next_tick:
            return
        at, seen = real_now(), self._changes.count
        if self._rest is None or self._rest.is_over(seen, at):
            self._rest = None
            done: list[bool | None] = []
            done.append(_run_guarded(lambda: run_tick(lambda step: done.append(_run_guarded(step)))))
            if None not in done:
                _run_guarded(lambda: self._note_rest(seen, at))
        self._next_tick = time.monotonic() + TICK_SECONDS
        self._decided_at = real_now()

    def _note_rest(self, seen: int, at: datetime) -> None:
        with registry.hold_version():
            self._rest = find_rest(seen, at)

    def _repeat(self, step: Callable[[], object], seconds: float, slow: float) -> None:
        """Run a step at once and then every so many seconds, until the worker stops.

        With ``slow``, while the live chain rests and the step does not ask for more: at each change and when the
        clock comes to a multiple of ``slow`` seconds.
        """
        try:
            while not self._stopping.is_set():
                seen = self._changes.count
                again = _run_guarded(step)
                self._stopping.wait(seconds)
                if slow and again is False and self._rest is not None and not self._stopping.is_set():
                    self._changes.wait(seen, slow - real_now().timestamp() % slow)
        finally:
            connection.close()

    def _watch_changes(self) -> None:
        try:
            self._changes.run(self._stopping.is_set)
        finally:
            connection.close()

    def _watch_routing(self) -> None:
        """Look at the telephony systems each second; read the database where one of them has changed, or that has."""
        known: object = None
        astray: bool | None = True
        next_round = 0.0
        try:
            while not self._stopping.is_set():
                held: object = None
                with suppress(Exception):  # of wrong settings the round says so
                    held = read_held_routes()
                found = (self._changes.count, held)
                if astray is not False or found != known or time.monotonic() >= next_round:
                    known, next_round = found, time.monotonic() + MINUTE / 2
                    astray = _run_guarded(watch_routing)
                self._stopping.wait(TICK_SECONDS)
        finally:
            connection.close()

    def _do(self, step: Callable[[], int]) -> int:
        return int(_run_guarded(step) or 0)

    def _beat(self) -> None:
        moved = real_now() - self._started_at - (_read_uptime() - self._uptime_at_start)
        faults = self._house.find_faults(real_now(), moved)
        note_beat(
            self.name,
            started_at=self._started_at,
            decided_at=self._decided_at,
            clock_moved=moved,
            room=has_room(),
            compiling=is_compiling(),
            faults=faults,
        )
        raise_alarms(faults, real_now())


def _read_uptime() -> timedelta:
    """Return the machine's uptime, which goes on where its clock is set or it sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the first on Linux alone
    return timedelta(seconds=time.clock_gettime(clock))


def _run_guarded(step: Callable[[], object]) -> bool | None:
    """Run a step and return its truth; after an error, None: wait and let the next round try again.

    A database that is away or locked for a while, a file of rules with a fault, a full disk: all
    are mended outside, and a thread that ended would not go on afterwards. In a database that is
    behind its ledger nothing is done at all.
    """
    try:
        with _completing:  # those who come at the same time compare once
            require_complete()
        return bool(step())
    except LedgerBehind as error:
        _log.critical("the worker does nothing: %s", error)
        time.sleep(_BEHIND_SECONDS)
    except (OperationalError, InterfaceError, LiveError) as error:
        _warn_once(str(error))
    except Exception:  # whatever it is, it is shown, and the thread stays
        _log.exception("the worker waits")
    close_old_connections()
    time.sleep(POLL_SECONDS * 10)
    return None


def _warn_once(cause: str) -> None:
    """Log why the worker waits: one cause once in :data:`SAME_CAUSE_SECONDS`, by all threads together."""
    at = time.monotonic()
    with _warning:
        last = _warned_at.get(cause)
        if last is not None and at - last < SAME_CAUSE_SECONDS:
            return
        if len(_warned_at) >= _MOST_CAUSES:
            _warned_at.clear()
        _warned_at[cause] = at
    _log.warning("the worker waits: %s", cause)


def _read_outside() -> None:
    """Compare the ledger with the folder of RELEVE_OUTSIDE: another copy may write there."""
    require_complete(outside=True)


def _run_one_effect(lanes: Sequence[str], name: str) -> bool:
    found = claim_effect(lanes, name)
    if found is None:
        return False
    run_effect(found)
    return True


def _run_jobs() -> bool:
    run_daily_jobs(real_now())
    return run_due_jobs(real_now())


def run_until_idle(name: str = "once") -> int:
    """Run everything that is due and all that follows, in this thread; return how many effects."""
    done = 0
    _run_jobs()
    run_slow_jobs(real_now())
    follow_path_faults()
    _run_guarded(read_reply_mail)  # a mailbox that is away keeps no relief from being made
    run_tick()
    while _run_one_effect((DECIDE, OUTSIDE), name):
        done += 1
    return done


def run_tick(do: Callable[[Callable[[], object]], object] = lambda step: step()) -> None:
    """Run the work that is due by the clock in every running stream.

    ``do`` runs one step; if it catches errors, a failing step, such as a drill's, does not keep
    the others from running.
    """
    do(partial(queue_documents, real_now()))
    if registry.get_current_version() is None:
        return
    for stream in list_running_streams():
        for step in (
            record_due_events,
            follow_alerts,
            follow_client_news,
            send_to_new_addresses,
            escalate_messages,
            record_silence,
            _follow_stream,
        ):
            do(partial(step, stream))


def _follow_stream(stream: str) -> None:
    """Request the missing relief, and publish routes when people come, leave or move."""
    scene = load_scene(stream)
    if scene is None:
        return
    if scene.unanswered or _asks_for_people(scene):
        _request_relief(scene)
    note_absent(scene.stream, scene.at, scene.absent)
    refresh_routes(scene)


def _asks_for_people(scene: Scene) -> bool:
    """Return whether absences ask for a relief, or one that was made for absences may end.

    A relief for a loss knew those that were stated by then: two cases that close a site move its people once.
    One that was prepared knew none: it is followed by another, but not for the cases that closed the site.
    """
    relief = scene.relief
    if scene.list_days_to_end() or any(scene.list_waiting(day) for day in scene.days):
        return True
    if not any(scene.away.values()):
        return False
    if relief is None or relief.source not in ("first", "planned", "optimum"):
        return True
    rows = [row for rows in scene.situation.absences.values() for row in rows]
    if any(row.stated_at is not None and row.stated_at > relief.from_at for row in rows):
        return True
    return relief.source == "planned" and (any(not row.by_rule for row in rows) or bool(operator_now().absences))


def _request_relief(scene: Scene) -> None:
    """Request a relief that no event requested: an absence, a new day, a new plan, an outage that lasts.

    Once for each gap and generation: a relief that failed for good is not requested again, nor one for the
    absences for which the relief in force was made.
    """
    wanted = {day.isoformat(): (loss.as_json(), scene.away[day]) for day, loss in scene.wanted.items()}
    ends = [day.isoformat() for day in scene.list_days_to_end()]
    back = [agent for day in scene.days for agent in scene.list_waiting(day)]
    gap = hashlib.sha256(json.dumps([wanted, ends, back]).encode()).hexdigest()[:16]
    generation = scene.relief.generation if scene.relief else 0
    kind = "gap" if scene.unanswered else "away"
    why = f"{kind}-{scene.activation.pk}-{generation}-{gap}"
    asked = Effect.objects.filter(stream=scene.stream, kind="relief")
    if asked.filter(key=f"relief:{scene.stream}:{why}").exists():
        return
    if kind == "away" and asked.filter(key__endswith=gap, result__generation=generation).exists():
        return
    if Effect.objects.filter(stream=scene.stream, kind="relief", state__in=(Effect.QUEUED, Effect.CLAIMED)).exists():
        return
    with transaction.atomic():
        place = ledger.lock_head()
        queue_effects([build_relief_effect(scene.stream, place.seq, why)])


def _warm_up_streams() -> None:
    """Prepare every stream's running day for unforeseen losses."""
    if registry.get_current_version() is not None:
        for stream in list_running_streams():
            relief_handler.warm_up(stream)


def _prepare_switches() -> None:
    """Keep every stream's switches worked out and rehearsed."""
    if registry.get_current_version() is not None:
        for stream in list_running_streams():
            prepare_switches(stream)


def warm_in_background() -> Thread:
    """Start to compile and to read, in threads that keep no process from ending; return the reading one."""
    fill_in_background()
    thread = Thread(target=_warm_and_close, name="releve-warm", daemon=True)
    thread.start()
    return thread


def warm() -> None:
    """Read what *Now*, the clients' pages and the verdict are made from; what fails is logged."""
    for read in (compute_coverage, find_displayed_plan):
        _try_to_read(read)


def _try_to_read(read: Callable[[], object]) -> None:
    try:
        read()
    except (LiveError, PlanFolderError):
        return  # nothing to read yet: the page itself says what is missing
    except Exception:  # whatever it is, the page that needs it meets it again
        _log.exception("what the first page needs could not be read beforehand")


def _warm_and_close() -> None:
    try:
        warm()
    finally:
        connection.close()
