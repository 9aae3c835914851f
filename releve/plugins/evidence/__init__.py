"""Evidence packs, which third parties verify with ``releve/ledger/verify.py`` alone.

``sources`` is what a request is answered from; a module for each kind, ``pack``, ``paper`` and
``store`` make a pack.
"""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "evidence",
    apps=("releve.plugins.evidence",),
    commands={"evidence": "releve.plugins.evidence.commands"},
    urls={"packs/": "releve.plugins.evidence.pages"},
    menu=("releve.plugins.evidence.pages.MENU",),
    template_libraries={"pack_words": "releve.plugins.evidence.pages"},
    entry_kinds={"pack.made": "Evidence pack made", "pack.received": "Evidence pack received"},
    streams={"evidence": "Evidence packs"},
)
