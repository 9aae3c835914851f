"""Do the README's first ten minutes literally, and look at every page that they lead to.

    python -m tools.first_steps [--clone]

Each ``sh`` block of the section is run line by line in a fresh folder. A line that serves the desk
is started, every page reachable from its start is fetched, and it is stopped again. Blocks about
files of the reader's own are passed over. The time of each line and the pages are printed; the
status is 1 when a command fails, or a page is empty or answers 4xx or 5xx.

``--clone`` begins with a fresh clone of this checkout and its own ``./scripts/setup``; without it
the environment at hand is used.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECTION = "## The first ten minutes"
OWN_FILES = ("calls.csv",)
"""Names in lines that need a file of the reader's own."""
SHORTEST_PAGE = 200
"""Characters of the main part below which a page counts as empty."""
MOST_PAGES, MOST_CELLS = 400, 40
_SKIPPED = re.compile(r"^/(account|language|static|api)\b|\.(zip|xlsx|csv)$|/ack/")


@dataclass
class Walk:
    """The pages that were fetched, and what is wrong with any of them."""

    seen: int = 0
    faults: list[str] = field(default_factory=list)


def list_lines(readme: str) -> Iterator[str]:
    """Yield the commands of the section, in order; those on the reader's own files are left out."""
    section = readme.split(SECTION, 1)[1].split("\n## ", 1)[0]
    for block in re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL):
        for line in block.strip().splitlines():
            if not any(name in line for name in OWN_FILES):
                yield line


def walk_pages(port: int) -> Walk:
    """Fetch every page reachable by links from the start of a desk."""
    found, known, waiting = Walk(), {"/"}, deque(["/", "/now", "/rehearsal/", "/planning/"])
    cells = 0
    while waiting and found.seen < MOST_PAGES:
        path = waiting.popleft()
        answer, body = _fetch(port, path)
        found.seen += 1
        if answer.status in (301, 302):
            links = [answer.headers["Location"]]
        elif answer.status >= 400:
            found.faults.append(f"{path}: {answer.status}")
            continue
        elif "html" not in answer.headers["Content-Type"]:
            continue
        else:
            main = body.partition("<main")[2].partition("</main>")[0]
            if len(re.sub(r"<[^>]+>|\s+", " ", main).strip()) < SHORTEST_PAGE // 8:
                found.faults.append(f"{path}: empty")
            links = re.findall(r'href="(/[^"#]*)', body)
        for link in links:
            link = link.replace("&amp;", "&")
            cells += link.startswith("/cell/") and link not in known
            if link.startswith("/cell/") and cells > MOST_CELLS:
                known.add(link)
            if link not in known and not _SKIPPED.search(link.partition("?")[0]):
                known.add(link)
                if "format=json" not in link:
                    waiting.append(link)
    return found


def _fetch(port: int, path: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def run_steps(folder: Path, environ: dict[str, str]) -> int:
    """Run every line in a folder; return the number of faults."""
    faults, behind, total = 0, [], 0.0
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in list_lines(readme):
        if line.startswith((". ", "./scripts/setup")):
            continue
        began = time.monotonic()
        if line.endswith("&"):
            behind.append(_start(line.rstrip(" &"), folder, environ))
            said = "started"
        elif "desk serve" in line:
            found = _serve(line, folder, environ)
            faults += len(found.faults)
            said = "; ".join([f"{found.seen} pages", *found.faults])
        else:
            done = subprocess.run(["bash", "-c", line], cwd=folder, env=environ, input=b"y\ny\n", capture_output=True)
            faults += done.returncode != 0
            said = "ok" if done.returncode == 0 else done.stderr.decode()[-800:]
        total += time.monotonic() - began
        print(f"{time.monotonic() - began:7.1f} s  {line}\n           {said}", flush=True)
    for process in behind:
        process.terminate()
        process.wait(60)
    print(f"{total:7.1f} s  in all; {faults} faults")
    return faults


def _start(line: str, folder: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["bash", "-c", f"exec {line}"], cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _serve(line: str, folder: Path, environ: dict[str, str]) -> Walk:
    """Serve a desk on a free port, walk it and stop it."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {line} --port 0"],
        cwd=folder,
        env={**environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        try:
            return Walk(0, ["it did not start"]) if port is None else walk_pages(int(port[1]))
        finally:
            process.terminate()
            process.wait(60)


def main() -> None:
    """Run the steps in a folder of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clone", action="store_true", help="begin with a clone and its set-up")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="first-steps-"))
    venv = Path(sys.executable).parent
    try:
        if asked.clone:
            began = time.monotonic()
            subprocess.run(["git", "clone", "-q", str(ROOT), str(folder / "clone")], check=True)
            folder = folder / "clone"
            subprocess.run(["./scripts/setup", "run"], cwd=folder, check=True)
            venv = folder / ".venv" / "bin"
            print(f"{time.monotonic() - began:7.1f} s  clone and set-up", flush=True)
        environ = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
        environ |= {"PATH": f"{venv}:{os.environ['PATH']}", "RELEVE_HOME": str(folder / "home")}
        status = run_steps(folder, environ)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if status else 0)


if __name__ == "__main__":
    main()
