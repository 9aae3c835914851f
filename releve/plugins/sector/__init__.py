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
    apps=("releve.plugins.sector.association",),
    urls={"association/": "releve.plugins.sector.association_pages", "contracts/": "releve.plugins.sector.valve_pages"},
    jobs={"clearings": "releve.plugins.sector.clearing_job.CLEARINGS"},
    template_libraries={
        "association_words": "releve.plugins.sector.association_pages",
        "valve_words": "releve.plugins.sector.valve_pages",
    },
    checks={"clearings": "releve.plugins.sector.association.gates.check_clearings"},
)
