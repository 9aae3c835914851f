"""Many quarters of outbreaks, outages and calls against a plan and its reliefs."""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "crashtest",
    commands={"crashtest": "releve.plugins.crashtest.commands"},
    apps=("releve.plugins.crashtest",),
    jobs={
        "crashtests": "releve.plugins.crashtest.crash_test_job.CRASH_TESTS",
        "outlooks": "releve.plugins.crashtest.crash_test_job.OUTLOOKS",
    },
    urls={"crashtest/": "releve.plugins.crashtest.pages.views"},
    menu=("releve.plugins.crashtest.pages.views.MENU",),
    template_libraries={
        "crashtest_decision": "releve.plugins.crashtest.pages.decision",
        "crashtest_words": "releve.plugins.crashtest.pages.page",
    },
    entry_kinds={
        "crashtest.removed": "Crash test removed",
        "outlook.made": "Outlook made",
        "outlook.seen": "Outlook seen",
    },
)
