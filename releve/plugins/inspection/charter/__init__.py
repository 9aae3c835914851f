"""The charter on the desk: where its measures and the label stand, and the audits of it."""
