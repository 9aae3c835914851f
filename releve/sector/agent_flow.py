"""Whether agents, taken one by one, can give every request its least: a maximum flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from releve.extras import OptionalModule
from releve.sector.openings import SectorOffer, SectorRequest

if TYPE_CHECKING:
    from scipy import sparse
    from scipy.sparse import csgraph
else:
    sparse = OptionalModule("scipy.sparse")
    csgraph = OptionalModule("scipy.sparse.csgraph")

__all__ = ["AgentFlow"]

SOURCE, SINK = 0, 1


class AgentFlow:
    """The flow from each offer in a half hour, through a request in that half hour, to the request.

    ``columns``: who may serve whom, and when.
    """

    def __init__(self, columns: Sequence[tuple[SectorOffer, SectorRequest, int]]) -> None:
        nodes: dict[tuple[str, str, int], int] = {}
        edges: dict[tuple[int, int], int] = {}

        def number(kind: str, name: str, half_hour: int = -1) -> int:
            return nodes.setdefault((kind, name, half_hour), len(nodes) + 2)

        agents = {offer.offer: dict(offer.agents) for offer, _, _ in columns}
        needs = {request.request: dict(request.agents) for _, request, _ in columns}
        self._requests: dict[str, int] = {}
        for offer, request, at in columns:
            giving, taking = number("offer", offer.offer, at), number("need", request.request, at)
            whole = self._requests.setdefault(request.request, number("request", request.request))
            given, needed = agents[offer.offer][at], needs[request.request][at]
            edges[SOURCE, giving] = given
            edges[giving, taking] = min(given, needed)
            edges[taking, whole] = needed
        self._edges, self._size = edges, len(nodes) + 2

    def can_serve(self, least: Mapping[str, int]) -> bool:
        """Return whether every request can have its least at once."""
        wanted = {name: count for name, count in least.items() if count > 0}
        if not wanted.keys() <= self._requests.keys():
            return False
        last = {(self._requests[name], SINK): count for name, count in wanted.items()}
        return self._find_most(last) == sum(wanted.values())

    def _find_most(self, last: Mapping[tuple[int, int], int]) -> int:
        edges: dict[tuple[int, int], int] = {**self._edges, **last}
        if not last:
            return 0
        at = np.array(list(edges), dtype=np.int64)
        values = np.array(list(edges.values()), dtype=np.int32)
        graph: Any = sparse.csr_matrix((values, (at[:, 0], at[:, 1])), (self._size, self._size))
        return int(csgraph.maximum_flow(graph, SOURCE, SINK).flow_value)
