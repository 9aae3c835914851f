"""Calls out through a proxy and a gate: none that is refused gets out, and what the gate adds.

    python -m bench.routing_outbound [--calls N] [--rate R] [--gate-rates 100,200,400] [--json]

First ``--calls`` calls of which a fifth is refused, while the gate is slow by 20 and 100 ms,
frozen and killed, and a second dialler attacks the proxy; a line under ``faults`` is something that
must not be. Once the proxy's records are read, the attempts counted are the calls at the carrier;
``withdrawn`` are those of calls that the proxy gave up before the gate's answer came. Then the time
from INVITE to the first answer beyond 100, at the dialler, at each of ``--gate-rates`` calls/s,
with the gate and through the same proxy without one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from releve.cli.database import open_new_database
from tests.homes import make_test_home

__all__ = ["main"]


@click.command()
@click.option("--calls", default=100_000, show_default=True, type=click.IntRange(0, 100_000))
@click.option("--rate", default=150, show_default=True, type=click.IntRange(1))
@click.option("--gate-rates", default="100,200,400", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(calls: int, rate: int, gate_rates: str, as_json: bool) -> None:
    """Place calls out through a proxy and a gate, and print what came of them."""
    faults = 0
    with tempfile.TemporaryDirectory() as home:
        os.environ["RELEVE_HOME"] = str(make_test_home(Path(home) / "home"))
        open_new_database()
        from tests.routing.outbound_run import SECONDS, measure_times, run_calls, running_gate

        if calls:
            (Path(home) / "run").mkdir()
            found = run_calls(Path(home) / "run", calls, rate)
            faults = len(found.faults)
            say({
                "calls": calls, "answers": dict(found.statuses), "at_the_carrier": found.carried,
                "withdrawn": found.withdrawn, "attacks": found.attacks, "faults": found.faults,
            }, as_json)  # fmt: skip
        for number, text in enumerate(gate_rates.split(",") if gate_rates else []):
            count = int(text) * SECONDS
            with running_gate(Path(home) / f"gate-{number}", count) as gate:
                for asks in (False, True):
                    folder = Path(home) / f"times-{number}-{asks:d}"
                    say(measure_times(folder, gate, int(text), asks=asks), as_json)
    sys.exit(1 if faults else 0)


def say(result: dict[str, Any], as_json: bool) -> None:
    """Print one result."""
    print(json.dumps(result) if as_json else ", ".join(f"{k}: {v}" for k, v in result.items()))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
