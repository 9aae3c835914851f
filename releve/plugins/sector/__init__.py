"""Many operators: bulletin, clerk, offers and requests of relief."""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "sector",
    commands={
        "network sector": "releve.plugins.sector.commands",
        "sector": "releve.plugins.sector.commands",
        "spare": "releve.plugins.sector.spare_commands",
    },
    apps=("releve.plugins.sector", "releve.plugins.sector.association"),
    urls={"association/": "releve.plugins.sector.association_pages", "contracts/": "releve.plugins.sector.valve_pages"},
    jobs={"clearings": "releve.plugins.sector.clearing_job.CLEARINGS"},
    menu=("releve.plugins.sector.valve_pages.MENU", "releve.plugins.sector.association_pages.MENU"),
    template_libraries={
        "association_words": "releve.plugins.sector.association_pages",
        "valve_words": "releve.plugins.sector.valve_pages",
    },
    checks={"clearings": "releve.plugins.sector.association.gates.check_clearings"},
    entry_kinds={
        "contract.client_decided": "Client’s decision on a contract of relief",
        "contract.countersigned": "Contract of relief countersigned",
        "contract.lent": "Agents named for a contract of relief",
        "contract.step": "Contract of relief moved on",
        "association.joined": "Association joined",
        "bulletin.checked": "Bulletin of the sector checked",
        "bulletin.published": "Bulletin of the sector published",
        "contribution.received": "Contribution of a member received",
        "contribution.sent": "Contribution to the bulletin sent",
        "contribution.switched_off": "Daily contribution switched off",
        "contribution.switched_on": "Daily contribution switched on",
        "design.published": "Design of the bulletin published",
        "gate.announced": "Clearing of relief announced",
        "gate.cleared": "Clearing of relief computed",
        "gate.closed": "Clearing of relief closed",
        "gate.failed": "Clearing of relief not computed",
        "member.registered": "Member of the association registered",
        "member.revoked": "Keys of a member revoked",
        "order.received": "Request or sealed offer of a member received",
        "order.sent": "Request or sealed offer sent",
        "result.received": "Result of a clearing received",
    },
    streams={
        "association": "Association",
        "relief": "Relief between operators",
        "relief-drill": "Relief between operators, drill",
    },
)
