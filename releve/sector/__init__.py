"""The sector: relief between operators, and a bulletin of them all, computed again by anyone.

=================  ===============================================================================
``packages``       what an operator would lend, prepared, dated and priced; offers made from it
``needs``          requests from what a plan lacks, with the receivers that each client approved
``sealed_offers``  commitments before the gate closes, opened to the clerk afterwards
``gate_orders``    what a member sends for a clearing, and the gate that the clerk announces
``openings``       offers, requests and approvals, read from rows with every fault named
``matches``        who works for which request: regret, then volume, cost and number of partners;
                   by ``equal_shares`` where that takes too much work
``disclosure``     what a member and an auditor see of a clearing
``contract``       the states of a match's contract, and the digest that both sides sign
``settlement``     what each pair owes, from what was delivered
``response``       a closure answered across operators
``crash``          weeks of closures, with and without relief between operators
``picture``        who could help whom, and the calls lost, as SVG
``contribution``   a member's counts of a day, signed; ``mask`` hides them from the clerk, too
``panel``          the monthly design of the bulletin: members, groups of destinations, rules
``suppression``    which cells may be published so that no member's figure can be read
``bulletin``       the bulletin of a day, the same bytes whenever it is made
=================  ===============================================================================
"""

from releve.sector.bulletin import (
    ClosedDay,
    build_bulletin,
    check_contribution,
    list_cells,
    sum_groups,
)
from releve.sector.bulletin_format import (
    TOTAL,
    Bulletin,
    BulletinCell,
    parse_bulletin,
    write_bulletin_csv,
)
from releve.sector.contract import (
    ContractStep,
    ContractTerms,
    ReliefContract,
    apply_step,
    compute_step_digest,
    fold_steps,
    list_next_steps,
    open_contract,
)
from releve.sector.contribution import (
    ALL,
    MEASURES,
    Contribution,
    ContributionError,
    hash_contribution,
    parse_contribution,
    sign_text,
    verify_text,
)
from releve.sector.crash import ClosureWindow, SectorCrash, SectorCrashSettings, simulate_sector
from releve.sector.disclosure import (
    compute_clearing_digest,
    disclose_to_auditor,
    disclose_to_member,
    rerun,
)
from releve.sector.gate_orders import (
    GateNotice,
    GateOrder,
    derive_seed,
    hash_secret,
    hide_requests,
    parse_gate,
    parse_order,
)
from releve.sector.mask import check_one_closing, hash_closing, mask_figures, unmask_sums
from releve.sector.matches import (
    SHARES,
    Clearing,
    ReliefMatch,
    check_clearing,
    clear,
    describe_clearing,
    recall,
)
from releve.sector.needs import ClientTerms, build_requests, read_terms
from releve.sector.openings import (
    Openings,
    SectorError,
    SectorOffer,
    SectorRequest,
    parse_rows,
    read_openings,
)
from releve.sector.packages import ReliefPackage, build_offers, number_half_hours, read_packages
from releve.sector.panel import (
    BulletinDesign,
    BulletinRule,
    PanelMember,
    find_rule,
    load_bulletin_rules,
    merge_destinations,
    parse_design,
)
from releve.sector.picture import draw_help, draw_losses
from releve.sector.response import (
    SectorAnswer,
    SectorMember,
    answer_closure,
    answer_destination,
    find_closed,
)
from releve.sector.sealed_offers import (
    OfferRefusal,
    OpenedOffers,
    SealedOffer,
    SectorGate,
    open_offers,
    seal_offer,
)
from releve.sector.settlement import Payment, read_delivered, settle

__all__ = [
    "ALL",
    "MEASURES",
    "SHARES",
    "TOTAL",
    "Bulletin",
    "BulletinCell",
    "BulletinDesign",
    "BulletinRule",
    "Clearing",
    "ClientTerms",
    "ClosedDay",
    "ClosureWindow",
    "ContractStep",
    "ContractTerms",
    "Contribution",
    "ContributionError",
    "GateNotice",
    "GateOrder",
    "OfferRefusal",
    "OpenedOffers",
    "Openings",
    "PanelMember",
    "Payment",
    "ReliefContract",
    "ReliefMatch",
    "ReliefPackage",
    "SealedOffer",
    "SectorAnswer",
    "SectorCrash",
    "SectorCrashSettings",
    "SectorError",
    "SectorGate",
    "SectorMember",
    "SectorOffer",
    "SectorRequest",
    "answer_closure",
    "answer_destination",
    "apply_step",
    "build_bulletin",
    "build_offers",
    "build_requests",
    "check_clearing",
    "check_contribution",
    "check_one_closing",
    "clear",
    "compute_clearing_digest",
    "compute_step_digest",
    "derive_seed",
    "describe_clearing",
    "disclose_to_auditor",
    "disclose_to_member",
    "draw_help",
    "draw_losses",
    "find_closed",
    "find_rule",
    "fold_steps",
    "hash_closing",
    "hash_contribution",
    "hash_secret",
    "hide_requests",
    "list_cells",
    "list_next_steps",
    "load_bulletin_rules",
    "mask_figures",
    "merge_destinations",
    "number_half_hours",
    "open_contract",
    "open_offers",
    "parse_bulletin",
    "parse_contribution",
    "parse_design",
    "parse_gate",
    "parse_order",
    "parse_rows",
    "read_delivered",
    "read_openings",
    "read_packages",
    "read_terms",
    "recall",
    "rerun",
    "seal_offer",
    "settle",
    "sign_text",
    "simulate_sector",
    "sum_groups",
    "unmask_sums",
    "verify_text",
    "write_bulletin_csv",
]
