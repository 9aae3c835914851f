"""Evidence packs, and the stand-alone verifier for third parties who check what was recorded.

``verify.py`` is one file that needs Python's standard library alone, and nothing of this package:
it is given away with a ledger's export, a proof or a pack. ``verify_draw.py`` stands beside it for
draws of visits. The other modules make packs: ``sources`` (what a request is answered from), a
module for each kind, ``statements``, ``pack``, ``paper`` and ``store``.
"""
