"""Visits and draws that no party can steer; the charter and its audits."""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "inspection",
    commands={"charter": "releve.plugins.inspection.commands", "inspection": "releve.plugins.inspection.commands"},
    apps=("releve.plugins.inspection",),
    event_checks=("releve.plugins.inspection.draws.build_draw_check",),
    urls={"charter/": "releve.plugins.inspection.charter.views", "draws/": "releve.plugins.inspection.draw_pages"},
    menu=("releve.plugins.inspection.charter.views.MENU",),
    template_libraries={
        "charter_words": "releve.plugins.inspection.charter.views",
        "draw_words": "releve.plugins.inspection.draw_pages",
    },
)
