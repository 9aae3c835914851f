"""Many quarters of outbreaks, outages and calls against a plan and its reliefs."""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "crashtest",
    commands={"crashtest": "releve.plugins.crashtest.commands"},
    jobs={
        "crashtests": "releve.plugins.crashtest.crash_test_job.CRASH_TESTS",
        "outlooks": "releve.plugins.crashtest.outlook_job.OUTLOOKS",
    },
    urls={"crashtest/": "releve.plugins.crashtest.pages.views"},
    template_libraries={"crashtest_words": "releve.plugins.crashtest.pages.page"},
)
