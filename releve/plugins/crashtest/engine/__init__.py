"""Many simulated quarters of outbreaks, outages and calls against a plan; see docs/crashtest.md.

``CrashTest(operator, plans, needs, scenario, ...)`` → ``build_run_arrays`` → ``run`` →
``build_result``.
"""
