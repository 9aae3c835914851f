"""The states of a run of the worker, in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as lazy

__all__ = ["state_word"]

_STATES = {
    "waiting": ("waiting", lazy("waiting for its turn")),
    "running": ("running", lazy("running")),
    "stopping": ("thin", lazy("stopping")),
    "stopped": ("thin", lazy("stopped")),
    "broken": ("thin", lazy("broken off")),
    "failed": ("missed", lazy("failed")),
    "done": ("held", lazy("done")),
}


def state_word(state: str) -> tuple[str, str]:
    """Return a state of a run as a tone and in words."""
    tone, word = _STATES[state]
    return tone, str(word)
