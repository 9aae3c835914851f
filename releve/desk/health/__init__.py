"""The Health page: cases, clusters and contacts, under pseudonyms, for the health officer alone."""
