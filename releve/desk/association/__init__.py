"""The bulletin of the sector: the member's page, the clerk's page, and the clerk's addresses."""
