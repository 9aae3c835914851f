"""The pages of the ledger: entries, proofs, the export, the verifier."""
