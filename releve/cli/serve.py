"""``releve serve``: the desk, the worker and the gate of one machine, under one parent; ``releve warm``."""

from __future__ import annotations

import os
import signal
import sys
import time

import click

from releve.files.kernel_cache import fill_kernel_cache
from releve.runs.process_supervisor import Part, ProcessSupervisor

_PARTS = ("desk", "worker", "gate")
_port = click.IntRange(1, 65535)


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(_PARTS))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the desk.")
@click.option("--port", default=8000, show_default=True, type=_port, help="Port of the desk.")
@click.option("--threads", default=12, show_default=True, type=click.IntRange(1, 64),
              help="Requests that the desk answers at a time.")  # fmt: skip
@click.option("--gate-host", default="127.0.0.1", show_default=True, help="Address of the gate.")
@click.option("--gate-port", default=8070, show_default=True, type=_port, help="Port of the gate.")
@click.option("--gate-workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes of the gate.")
def serve(
    parts: tuple[str, ...], host: str, port: int, threads: int, gate_host: str, gate_port: int, gate_workers: int
) -> None:
    """Run PARTS (desk, worker, gate) on this machine until interrupted [default: desk worker].

    A part that ends is started again after a wait that grows up to a minute; where one cannot start
    at all, the others end too, with its exit status. SIGTERM lets each end what it has begun.
    """
    commands = {
        "desk": ("desk", "serve", "--host", host, "--port", str(port), "--threads", str(threads)),
        "worker": ("live", "work"),
        "gate": ("outbound", "serve", "--host", gate_host, "--port", str(gate_port), "--workers", str(gate_workers)),
    }
    chosen = [name for name in _PARTS if name in (parts or ("desk", "worker"))]
    supervisor = ProcessSupervisor(
        [Part(name, (sys.executable, "-P", "-m", "releve", *commands[name])) for name in chosen],
        lambda text: click.echo(text, err=True),
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.ask_to_stop())
    sys.exit(supervisor.run())


@click.command()
def warm() -> None:
    """Compile what plans and reliefs need, so that the first closure waits for no compiler.

    At installation and before an upgrade is started, as the user and with the RELEVE_CACHE_DIR of the
    desk and the worker; it needs no home. It takes a minute of processor, where all is compiled seconds.
    """
    began = time.monotonic()

    def say(step: str) -> None:
        click.echo(f"{time.monotonic() - began:5.0f} s  {step}", err=True)

    fill_kernel_cache(say)
    click.echo(f"compiled kernels are in {os.environ['NUMBA_CACHE_DIR']}")
