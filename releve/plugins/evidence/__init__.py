"""Evidence packs, and the programs with which third parties verify them alone.

``verify.py`` is one file that needs Python's standard library alone, and nothing of this package:
it is given away with a ledger's export, a proof or a pack. ``verify_draw.py`` stands beside it for
draws of visits. The other modules make packs: ``sources`` (what a request is answered from), a
module for each kind, ``pack``, ``paper`` and ``store``.
"""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "evidence",
    urls={"packs/": "releve.plugins.evidence.pages"},
    template_libraries={"pack_words": "releve.plugins.evidence.pages"},
)
