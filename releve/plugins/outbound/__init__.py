"""May this call be placed? The law as dated rows, screening, the gate, campaigns."""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "outbound",
    commands={"outbound": "releve.plugins.outbound.commands.outbound"},
    apps=("releve.plugins.outbound.gate",),
    urls={"outbound/": "releve.plugins.outbound.pages.views"},
    template_libraries={"outbound_words": "releve.plugins.outbound.pages.page"},
)
