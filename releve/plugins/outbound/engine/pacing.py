"""Dialler pacing: the share of abandoned calls, by the formula that the rule quotes.

abandoned ÷ (abandoned + live calls handed to an agent). Answering machines are excluded; a person
taken for a machine and hung up on was abandoned, so an estimate of those is added.
"""

from __future__ import annotations


def compute_abandoned_share(abandoned: float, handled: float) -> float:
    """Return the share of live calls that were abandoned, 0 to 1; 0 when there was none."""
    if abandoned < 0 or handled < 0:
        raise ValueError(f"counts from 0 up are needed: abandoned {abandoned}, handled {handled}")
    answered = abandoned + handled
    return abandoned / answered if answered else 0.0


def estimate_abandoned(abandoned: float, machines: float, false_positive_share: float) -> float:
    """Return the abandoned calls with the people among the calls taken for machines.

    ``machines``: calls ended because a machine was heard. ``false_positive_share``: the share of
    them that were people, measured by listening to a sample.
    """
    if not 0 <= false_positive_share <= 1:
        raise ValueError(f"false_positive_share is 0 to 1, not {false_positive_share}")
    return abandoned + machines * false_positive_share
