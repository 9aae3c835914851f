"""Completeness: the tallies that show that a pack leaves out no entry of its selections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from releve.evidence.records import EvidenceRecord, load_records
from releve.evidence.sources import PackSource
from releve.ledger.digests import parse_canonical
from releve.ledger.models import PersonalValue
from releve.ledger.proofs import disclose_values
from releve.ledger.tallies import KIND, name_count

__all__ = ["NO_SITE", "Selection", "find_tallies", "list_selections"]

NO_SITE = ""
"""Stands in ``sites`` for the entries about no site."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Every entry of some kinds in the period: of one client, of some sites, where given."""

    kinds: tuple[str, ...]
    client: str = ""
    sites: tuple[str, ...] | None = None

    def as_json(self, kinds: Collection[str]) -> dict[str, Any]:
        """Return the selection as a pack holds it, of those of its kinds that were tallied."""
        return {
            "client": self.client,
            "kinds": [kind for kind in self.kinds if kind in kinds],
            "sites": None if self.sites is None else sorted(self.sites),
        }


def find_tallies(source: PackSource) -> list[EvidenceRecord]:
    """Return the tallies up to the root that list what was recorded since the period began.

    One from before the period, where there is one, shows that none is left out between. Empty
    where the root does not end with a tally: it was signed without one.
    """
    found = load_records((KIND,), source.root, lambda one: True)
    if not found or found[-1].seq != source.root.size:
        return []
    later = (place for place, one in enumerate(found) if one.at >= source.start)
    return found[max(next(later) - 1, 0) :]


def list_selections(
    tallies: Sequence[EvidenceRecord], selections: Sequence[Selection]
) -> tuple[list[dict[str, Any]], list[EvidenceRecord]]:
    """Return the selections as a pack holds them, and the tallies with the lists they need.

    Of a kind that a tally does not list, or whose list a restore lost, nothing is claimed.
    """
    if not tallies:
        return [], []
    read = tallies if tallies[0].body["after"] == 0 else tallies[1:]
    rows = list(PersonalValue.objects.filter(entry__in=[one.seq for one in read]))
    lists = Counter(row.path for row in rows if row.path.startswith("counts."))
    kinds = {
        kind for one in selections for kind in one.kinds if lists[name_count(kind)] == len(read)
    }
    if not kinds:
        return [], []
    wanted = {name_count(kind) for kind in kinds}
    names = {
        "clients": {one.client for one in selections},
        "sites": {site for one in selections for site in one.sites or ()},
    }
    shown: dict[int, list[PersonalValue]] = {}
    for row in rows:
        group = row.path.partition(".")[0]
        if row.path in wanted or parse_canonical(row.value) in names.get(group, ()):
            shown.setdefault(row.entry_id, []).append(row)
    return (
        [one.as_json(kinds) for one in selections],
        [
            replace(one, values=tuple(disclose_values(shown[one.seq]))) if one.seq in shown else one
            for one in tallies
        ],
    )
