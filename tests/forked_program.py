"""Stand for a program that the server of processes forks: ``python -ISE forked_program.py MODULE ARGUMENTS``.

A script that starts one product command after another would else pay two seconds of processor for
each. The socket named by ``TEST_STARTER`` is that of :func:`tests.processes.open_to_scripts`; what
the program writes goes where this would write, signals that end it are passed on, and its status is
this one's. Imports nothing of the product, for speed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress

NUMBERS = struct.Struct("!i")


def main() -> int:
    """Ask for the program, wait for it, and return its exit status as a shell gives it."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(os.environ["TEST_STARTER"])
        module, *arguments = sys.argv[1:]
        request = {"module": module, "arguments": arguments, "environ": dict(os.environ), "folder": os.getcwd()}
        content = json.dumps(request).encode()
        socket.send_fds(server, [NUMBERS.pack(len(content))], [1, 2])
        server.sendall(content)
        program = receive(server)

        def pass_on(number: int, _frame: object) -> None:
            with suppress(ProcessLookupError):  # it has ended
                try:
                    os.killpg(program, number)
                except ProcessLookupError:  # it leads no group yet
                    os.kill(program, number)

        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, pass_on)
        status = receive(server)
    return status if status >= 0 else 128 - status


def receive(server: socket.socket) -> int:
    """Return the next number; the program is lost where the server is gone."""
    content = server.recv(NUMBERS.size, socket.MSG_WAITALL)
    return int(NUMBERS.unpack(content)[0]) if content else 1


if __name__ == "__main__":
    sys.exit(main())
