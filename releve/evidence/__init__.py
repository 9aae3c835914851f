"""The stand-alone verifier, for third parties who check what was recorded.

``verify.py`` is one file that needs Python's standard library alone, and nothing of this package:
it is given away with a ledger's export or a proof.
"""
