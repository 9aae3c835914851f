"""Routes of calls, and the adapters that publish them to the telephony.

A :class:`Generation` is the whole wanted state; an :class:`Adapter` plans, applies and observes it.
"""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.routing.adapter import (
        Adapter,
        ConvergenceState,
        ObservedRoute,
        PublishReceipt,
        RouteChange,
        RoutingCapabilities,
        RoutingPlan,
        RoutingSnapshot,
        build_adapters,
        find_tried,
        judge_convergence,
    )
    from releve.routing.generation import (
        EmptySet,
        Generation,
        Rejected,
        Route,
        RoutingError,
        Stale,
        Unreachable,
        compute_shares,
        list_addresses,
        list_dialled,
    )
else:
    __getattr__ = build_lazy_face(__name__)
