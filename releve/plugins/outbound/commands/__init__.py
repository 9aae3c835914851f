"""``releve outbound``: rules, screening, facts, the gate, proofs."""
