"""The service of the day: calls against forecast on *Now*, the wall view, statements of clients."""
