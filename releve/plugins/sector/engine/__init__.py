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

from releve.plugins.sector.engine.bulletin import (
    TOTAL,
    Bulletin,
    BulletinCell,
    ClosedDay,
    build_bulletin,
    check_contribution,
    check_one_closing,
    hash_closing,
    list_cells,
    mask_figures,
    parse_bulletin,
    sum_groups,
    unmask_sums,
    write_bulletin_csv,
)
from releve.plugins.sector.engine.contract import (
    ContractStep,
    ContractTerms,
    ReliefContract,
    apply_step,
    compute_step_digest,
    fold_steps,
    list_next_steps,
    open_contract,
)
from releve.plugins.sector.engine.contribution import (
    ALL,
    MEASURES,
    Contribution,
    ContributionError,
    draw_help,
    draw_losses,
    hash_contribution,
    parse_contribution,
    sign_text,
    verify_text,
)
from releve.plugins.sector.engine.crash import (
    ClosureWindow,
    SectorCrash,
    SectorCrashSettings,
    simulate_sector,
)
from releve.plugins.sector.engine.disclosure import (
    compute_clearing_digest,
    disclose_to_auditor,
    disclose_to_member,
    rerun,
)
from releve.plugins.sector.engine.gate_orders import (
    GateNotice,
    GateOrder,
    OfferRefusal,
    OpenedOffers,
    SealedOffer,
    SectorGate,
    derive_seed,
    hash_secret,
    hide_requests,
    open_offers,
    parse_gate,
    parse_order,
    seal_offer,
)
from releve.plugins.sector.engine.matches import (
    SHARES,
    Clearing,
    Payment,
    ReliefMatch,
    check_clearing,
    clear,
    describe_clearing,
    read_delivered,
    recall,
    settle,
)
from releve.plugins.sector.engine.needs import (
    ClientTerms,
    Openings,
    ReliefPackage,
    SectorError,
    SectorOffer,
    SectorRequest,
    build_offers,
    build_requests,
    number_half_hours,
    parse_rows,
    read_openings,
    read_packages,
    read_terms,
)
from releve.plugins.sector.engine.panel import (
    BulletinDesign,
    BulletinRule,
    PanelMember,
    find_rule,
    load_bulletin_rules,
    merge_destinations,
    parse_design,
)
from releve.plugins.sector.engine.response import (
    SectorAnswer,
    SectorMember,
    answer_closure,
    answer_destination,
    find_closed,
)

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
