"""The append-only ledger: events stored, chained, proved, erasable.

``chain`` writes and reads entries, ``seal`` and ``roots`` sign a root over them, ``proofs`` proves
entries and growth, ``erasure`` erases values, ``export`` writes the file for the stand-alone
verifier, ``witnesses`` has roots cosigned. ``docs/ledger.md`` documents the format.
"""
