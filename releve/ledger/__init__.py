"""The append-only ledger: events stored, chained, proved, erasable."""
