"""May this call be placed? The law as dated rows, screening, the gate, campaigns."""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "outbound",
    commands={"outbound": "releve.plugins.outbound.commands.outbound"},
    apps=("releve.plugins.outbound", "releve.plugins.outbound.gate"),
    urls={"outbound/": "releve.plugins.outbound.pages.views"},
    permissions=("releve.plugins.outbound.pages.access.PERMISSIONS",),
    menu=("releve.plugins.outbound.pages.views.MENU",),
    template_libraries={"outbound_words": "releve.plugins.outbound.pages.page"},
    api=("releve.plugins.outbound.pages.api",),
    keys=("releve.plugins.outbound.gate.connections.INSTALLATION_KEY",),
    checks={"rules": "releve.plugins.outbound.gate.current_rules.check_law"},
    daily_jobs=("releve.plugins.outbound.gate.proofs.close_batches", "releve.plugins.outbound.gate.proofs.seal_facts"),
    call_records=("releve.plugins.outbound.gate.attempt_outcomes.file_outcomes",),
    acts={
        "facts": "releve.plugins.outbound.gate.journal.replay_facts",
        "erase.pseudonym": "releve.plugins.outbound.gate.erasure.repeat_erasure",
    },
    restore_notes=("the gate refuses calls until the registers are read: `releve outbound facts read`",),
    entry_kinds={
        "outbound.batch": "Calls sealed",
        "outbound.erased": "Rows and values of calls erased",
        "outbound.copied": "Copy of consents given",
        "outbound.facts": "Facts sealed",
        "outbound.looked": "Person looked at",
        "outbound.papers": "Papers of a campaign",
        "outbound.requested": "Request of a person recorded",
        "outbound.rights": "Right of a person answered",
        "outbound.tried": "Change of rules tried",
    },
    streams={"outbound": "Outbound calls"},
)
