"""The append-only ledger: events stored, chained, proved, erasable.

=============  =====================================================================================
``chain``      ``append``, ``append_all``, ``entries``, ``head``, ``lock``: writing and reading
``seal``       ``seal_ledger``: the tally of what is new (``tallies``), then the root
``roots``      the signed root over all entries so far; its file that leaves the house
``proofs``     ``prove`` one entry without the others; ``prove_growth`` from one root to a later one
``erasure``    ``erase_due``, ``erase_subject``, ``set_erase_on``, ``scrub``
``export``     the whole ledger as one file for the stand-alone verifier
``labels``     what kinds, streams and fields of entries are called
``checkpoints``  the forms that tools of others verify; ``witnesses`` cosign them
=============  =====================================================================================

Below them: ``digests`` (what is hashed, byte for byte), ``merkle`` (the tree, pure), ``tree`` (its
stored nodes), ``keys`` (the signing key), ``models`` and ``guards`` (the tables, and the triggers
that keep them append-only). The format is documented in ``docs/ledger.md``.
"""
