"""The states of a run of the worker: tones and words, by code."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as lazy

STATE_TONES = {
    "waiting": "waiting",
    "running": "running",
    **dict.fromkeys(("stopping", "stopped", "broken"), "thin"),
    "failed": "missed",
    "done": "held",
}
STATE_WORDS = {
    "waiting": lazy("waiting for its turn"),
    "running": lazy("running"),
    "stopping": lazy("stopping"),
    "stopped": lazy("stopped"),
    "broken": lazy("broken off"),
    "failed": lazy("failed"),
    "done": lazy("done"),
}
