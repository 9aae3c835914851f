"""The page *Now*: sites, coverage of the clients, what is late, messages, what happened last."""
