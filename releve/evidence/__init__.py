"""What a stranger is handed to check what was recorded: the stand-alone verifier.

``verify.py`` is one file that needs Python's standard library alone, and nothing of this package:
it is given away with a ledger's export or a proof.
"""
