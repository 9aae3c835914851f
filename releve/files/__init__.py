"""Files on disk: the formats of operator and plan folders, one atomic writer, locks."""
