"""The measured effect of telework, and the operations that are right for home."""

from __future__ import annotations

from releve.plugin import Plugin

PLUGIN = Plugin(
    "telework",
    commands={"effect": "releve.plugins.telework.commands"},
    apps=("releve.plugins.telework",),
    urls={"telework/": "releve.plugins.telework.pages"},
    menu=("releve.plugins.telework.pages.MENU",),
    template_libraries={"telework_words": "releve.plugins.telework.pages"},
)
