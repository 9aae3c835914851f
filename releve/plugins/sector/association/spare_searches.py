"""Searches for own agents who can be lent, requested at the desk and made by the worker.

:func:`releve.plan.spare.find_spare` solves a linear programme over the plan in force and all its
reliefs: seconds at a few hundred agents, longer at thousands. A page stores the request and answers
at once; the worker prepares the sealed offer, or names the agents of a contract. A repeated search
replaces the one before, even while that one runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Q

from releve.errors import Phrase, ReleveError, encode_phrase
from releve.files.change_signal import announce_change
from releve.ledger.chain import lock_head
from releve.plugins.sector.association.agents import find_agents_to_lend, lend_agents, require_giver
from releve.plugins.sector.association.bulletin import draft_offers
from releve.plugins.sector.association.contracts import DRILL, RELIEF
from releve.plugins.sector.association.gate_member import load_gate, prepare_commit
from releve.plugins.sector.association.keys import AssociationError
from releve.plugins.sector.association.models import LentAgent, SpareSearch
from releve.plugins.sector.engine.needs import read_packages

OFFER, LEND = "offer", "lend"
LEASE = timedelta(minutes=10)
"""A search whose worker was killed runs again after this time; none may take longer."""


@dataclass(frozen=True, slots=True)
class SearchState:
    """A search for agents who can be lent: waiting, running (for ``seconds``), failed or done.

    ``error`` is the template of why it failed, with its values; ``lent``: agents named for the
    contract.
    """

    kind: str
    state: str
    asked_at: datetime
    seconds: int
    error: str
    error_values: tuple[Any, ...]
    lent: int

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "running")


_log = logging.getLogger("releve.plugins.sector.association")
_Rows = Sequence[Mapping[str, str | None]]


def ask_for_offer(gate: str, packages: _Rows, now: datetime) -> None:
    """Ask for the offer of what can be spared at a gate; SectorError for wrong packages."""
    load_gate(gate)
    read_packages(packages)
    _ask(OFFER, gate, now, drill=False, packages=[dict(row) for row in packages])


def ask_for_agents(contract: str, now: datetime, *, stream: str = RELIEF) -> None:
    """Ask for the agents of a contract; SectorError unless this installation is the giver."""
    require_giver(contract, stream)
    _ask(LEND, contract, now, drill=stream == DRILL, packages=[])


def find_search(kind: str, name: str, *, drill: bool = False) -> SpareSearch | None:
    """Return the last search that was asked for; None where there was none."""
    return SpareSearch.objects.filter(kind=kind, name=name, drill=drill).first()


def describe_search(kind: str, name: str, now: datetime, *, drill: bool = False) -> SearchState | None:
    """Return how far the last search is that was asked for; None where there was none."""
    search = find_search(kind, name, drill=drill)
    if search is None:
        return None
    state = "waiting" if search.begun_at is None else "running"
    if search.done_at is not None:
        state = "failed" if search.error else "done"
    lent = LentAgent.objects.filter(contract=name, drill=drill).count() if kind == LEND else 0
    return SearchState(
        kind=kind,
        state=state,
        asked_at=search.asked_at,
        seconds=max(0, int((now - (search.begun_at or now)).total_seconds())),
        error=search.error,
        error_values=tuple(search.error_values),
        lent=lent,
    )


def run_searches(now: datetime) -> None:
    """Make the searches that wait, one after the other; a job of every round."""
    while SpareSearch.objects.filter(done_at=None).exists() and (search := _claim(now)) is not None:
        try:
            finish = _OF_KIND[search.kind](search, now)
            _store(search, now, finish)
        except ReleveError as error:
            _store(search, now, error=error)
        except OperationalError:
            raise  # the database is busy: the lease brings the search back
        except Exception:  # whatever it is, it is shown, and the next search runs
            _log.exception("the search %s failed", search)
            _store(search, now, error=AssociationError(Phrase("the search failed: ask for it again")))


def _ask(kind: str, name: str, now: datetime, *, drill: bool, packages: list[Any]) -> None:
    SpareSearch.objects.update_or_create(
        kind=kind, name=name, drill=drill,
        defaults={"packages": packages, "asked_at": now, "begun_at": None, "done_at": None,
                  "error": "", "error_values": []},
    )  # fmt: skip
    announce_change()


@transaction.atomic
def _claim(now: datetime) -> SpareSearch | None:
    """Take the search that waits longest, unless another worker is at one: two could name the same
    agents."""
    lock_head()
    waiting = SpareSearch.objects.filter(done_at=None)
    running = Q(begun_at__gt=now - LEASE, begun_at__lte=now)
    if waiting.filter(running).exists():
        return None
    search = waiting.order_by("asked_at", "pk").first()
    if search is not None:
        search.begun_at = now
        search.save(update_fields=["begun_at"])
    return search


def _store(
    search: SpareSearch, now: datetime, finish: Callable[[], object] = lambda: None, error: ReleveError | None = None
) -> None:
    """Store what a search came to, unless it was asked for again since it began."""
    said = "" if error is None else error.args[0] if error.args else str(error)
    template, values = (said.template, said.params) if isinstance(said, Phrase) else (said, ())
    with transaction.atomic():
        lock_head()
        held = SpareSearch.objects.filter(
            pk=search.pk, asked_at=search.asked_at, begun_at=search.begun_at, done_at=None
        )
        if held.update(done_at=now, error=template, error_values=list(map(encode_phrase, values))):
            finish()


def _search_offer(search: SpareSearch, now: datetime) -> Callable[[], object]:
    packages = read_packages(search.packages)
    offers, _without_package = draft_offers(load_gate(search.name), packages, now)
    return lambda: prepare_commit(search.name, offers, now)


def _search_agents(search: SpareSearch, now: datetime) -> Callable[[], object]:
    stream = DRILL if search.drill else RELIEF
    agents = find_agents_to_lend(search.name, stream)
    return lambda: lend_agents(search.name, agents, now, stream=stream)


_OF_KIND = {OFFER: _search_offer, LEND: _search_agents}
