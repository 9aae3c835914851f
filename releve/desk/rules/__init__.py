"""The packs of rules: what each says, and which of them the operator has chosen."""
