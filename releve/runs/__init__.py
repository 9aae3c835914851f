"""Long work: ordered, started, watched, stopped and resumed; plans, uploads, and the kinds of plug-ins."""
