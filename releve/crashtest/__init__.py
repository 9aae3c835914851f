"""Many simulated quarters against a plan: :mod:`releve.crashtest.outbreak` is the disease."""
