"""``python -m bench.screen``: a list screened beside the bare join that only looks its facts up.

    python -m bench.screen                                   a million rows, 10 million consents
    python -m bench.screen --rows 100000 --share 0.1         a tenth of everything
    python -m bench.screen --check 0                         no rows one by one as well
    python -m bench.screen --office                          the list as an office writes it
    python -m bench.screen --home FOLDER                     keeps the data for the next run

Makes a synthetic list and synthetic facts (600 MB), then runs, each in a process of its own on
two threads: a DuckDB join that reads the list and fetches, for each row, the facts that a verdict
reads; and ``releve outbound screen``. Prints processor and wall time, memory, the ratio of the
two, and what was decided. All persons in the data are invented.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
AT = "2026-11-24T11:00:00+01:00"
NOW = datetime.fromisoformat(AT).astimezone(UTC)
CLIENT, CALLER, OBJECT = "CLIENT-A", "+33162000001", "electricity"
SECTOR = "energy-supply"
PEOPLE, CONSENTS, ATTEMPTS = 8_000_000, 10_000_000, 5_000_000
ITEMS = ["identity", "choice", "period", "withdrawal", "proof_access"]
FEEDS = ("consents", "withdrawals", "refusals", "attempts")
OWN = [sys.executable, "-m", "bench.screen"]
"""In a process of its own, whatever was made or joined before takes none of the memory measured."""
COMMAND = [sys.executable, "-m", "releve", "outbound", "screen"]
OPTIONS = ["--client", CLIENT, "--at", AT, "--object", OBJECT, "--caller", CALLER]
OPTIONS += ["--sector", SECTOR]
JOIN = """
SET threads = 2; SET preserve_insertion_order = false;
CREATE TABLE list AS SELECT * FROM read_csv('{list}', header = true, delim = ',',
    ignore_errors = true, auto_detect = false, quote = '"',
    columns = {{'number': 'VARCHAR', 'person': 'VARCHAR', 'note': 'VARCHAR'}});
CREATE TABLE held AS SELECT p.* FROM read_parquet('{facts}/people.parquet') p
    SEMI JOIN list USING (number);
CREATE TABLE whose AS SELECT DISTINCT person FROM held
    UNION SELECT DISTINCT person FROM list WHERE person <> '';
CREATE TABLE consents AS SELECT id, person, collected_at, known_at, objects, items, proof, act,
    until, slot_from, slot_to FROM read_parquet('{facts}/consents.parquet')
    SEMI JOIN whose USING (person) WHERE client = '{client}' AND known_at <= '{at}';
CREATE TABLE attempts AS SELECT id, person, "at", outcome FROM
    read_parquet('{facts}/attempts.parquet') SEMI JOIN whose USING (person)
    WHERE client = '{client}' AND known_at <= '{at}';
CREATE TABLE withdrawals AS SELECT person, "at", consent FROM
    read_parquet('{facts}/withdrawals.parquet') SEMI JOIN whose USING (person)
    WHERE client = '{client}' AND known_at <= '{at}';
CREATE TABLE refusals AS SELECT person, "at", kind, basis FROM
    read_parquet('{facts}/refusals.parquet') SEMI JOIN whose USING (person)
    WHERE client = '{client}' AND known_at <= '{at}';
CREATE TABLE contracts AS SELECT id, person, first, last, objects FROM
    read_parquet('{facts}/contracts.parquet') SEMI JOIN whose USING (person)
    WHERE client = '{client}' AND known_at <= '{at}';
COPY (
    SELECT list.*, held.kind, c.consents, a.attempts, w.withdrawals, r.refusals, k.contracts
    FROM list LEFT JOIN held USING (number)
    LEFT JOIN (SELECT person, count(*) consents FROM consents GROUP BY person) c
        ON c.person = coalesce(nullif(list.person, ''), held.person)
    LEFT JOIN (SELECT person, count(*) attempts FROM attempts GROUP BY person) a
        ON a.person = coalesce(nullif(list.person, ''), held.person)
    LEFT JOIN (SELECT person, count(*) withdrawals FROM withdrawals GROUP BY person) w
        ON w.person = coalesce(nullif(list.person, ''), held.person)
    LEFT JOIN (SELECT person, count(*) refusals FROM refusals GROUP BY person) r
        ON r.person = coalesce(nullif(list.person, ''), held.person)
    LEFT JOIN (SELECT person, count(*) contracts FROM contracts GROUP BY person) k
        ON k.person = coalesce(nullif(list.person, ''), held.person)
) TO '{out}' (HEADER);
"""


def number_of(person: np.ndarray) -> pl.Series:
    """Return a number for each person: mainland fixed and mobile, overseas, a few neighbours."""
    starts = np.array(["+331", "+332", "+334", "+336", "+336", "+337", "+262692", "+590590", "+349"])
    digits = np.array([8, 8, 8, 8, 8, 8, 6, 6, 8])
    kind = person % 97 % 9
    kind = np.where((kind >= 6) & (person % 10 > 0), 3, kind)
    tail = pl.Series(person + 10_000_000).cast(pl.String)
    frame = pl.DataFrame({"start": starts[kind], "digits": digits[kind], "tail": tail})
    return frame.select(number=pl.col("start") + pl.col("tail").str.tail(pl.col("digits")))["number"]


def make(home: Path, rows: int, share: float) -> None:
    """Write the list and the folder of facts, the same for the same sizes."""
    draw, facts = np.random.default_rng(5), home / "facts"
    facts.mkdir(parents=True)
    people = int(PEOPLE * share)
    everyone = np.arange(people)
    frame = pl.DataFrame({"person": _name(everyone), "number": number_of(everyone)})
    kinds = np.where(everyone % 40 == 0, "business", "consumer")
    frame = frame.with_columns(kind=pl.Series(kinds), known_at=pl.lit(_ago(draw, 1, 900)[0]))
    postcodes = np.array(["75001", "13002", "67000", "69003", "97400", "33000", "", "59000"])
    frame = frame.with_columns(address=pl.Series(postcodes[everyone % 61 % 8]))
    frame.write_parquet(facts / "people.parquet")
    _consents(draw, people, int(CONSENTS * share)).write_parquet(facts / "consents.parquet")
    _attempts(draw, people, int(ATTEMPTS * share)).write_parquet(facts / "attempts.parquet")
    _rest(draw, people, facts)
    called = draw.integers(0, int(people * 1.02), rows)
    given = np.where(draw.random(rows) < 0.5, _name(called), "")
    written = pl.DataFrame({"number": number_of(called), "person": given, "note": _name(called)})
    written = written.with_columns(pl.col("person").replace("", None))
    lines = written.write_csv().splitlines()
    for place in draw.choice(rows, rows // 100, replace=False):
        lines[1 + int(place)] = "a line, with, too, many, cells"
    (home / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "office.csv").write_bytes(office(lines))


def office(lines: list[str]) -> bytes:
    """Return a list as a French office program writes it: cp1252, ``;``, an accent a row, CR LF."""
    given = ["Numéro;Personne;Note", *(f"{line.replace(',', ';')} été" for line in lines[1:])]
    return "\r\n".join([*given, ""]).encode("cp1252")


def _name(numbers: np.ndarray) -> np.ndarray:
    return pl.select(pl.lit("P") + pl.lit(pl.Series(numbers)).cast(pl.String)).to_series().to_numpy()


def _ago(draw: np.random.Generator, count: int, days: float) -> pl.Series:
    seconds = draw.uniform(60, 86400 * days, count).astype(np.int64)
    now = int(NOW.timestamp())
    return pl.Series((now - seconds) * 1_000_000).cast(pl.Datetime("us", "UTC"))


def _whose(draw: np.random.Generator, people: int, count: int) -> dict[str, Any]:
    client = np.where(draw.random(count) < 0.9, CLIENT, "CLIENT-B")
    return {"client": client, "person": _name(draw.integers(0, people, count))}


def _consents(draw: np.random.Generator, people: int, count: int) -> pl.DataFrame:
    at = _ago(draw, count, 450)
    objects = pl.Series([[OBJECT], [OBJECT, "gas"], ["gas"]])[draw.integers(0, 3, count)]
    items = pl.Series([ITEMS, ITEMS[:-1]])[(draw.random(count) < 0.02).astype(int)]
    slot = pl.Series(draw.random(count) < 0.001)
    frame = pl.DataFrame({"id": np.arange(count), **_whose(draw, people, count)})
    return frame.with_columns(
        id="C" + pl.col("id").cast(pl.String),
        collected_at=at,
        known_at=at,
        objects=objects,
        items=items,
        proof=pl.lit("sha256:") + pl.col("id").hash().cast(pl.String),
        act=pl.lit("ticked-box"),
        until=pl.lit(None, pl.Date),
        slot_from=pl.when(slot).then(at),
        slot_to=pl.lit(None, pl.Datetime("us", "UTC")),
        wording=pl.lit("form-7"),
        collector=pl.lit("web"),
        channel=pl.lit("web"),
    )


def _attempts(draw: np.random.Generator, people: int, count: int) -> pl.DataFrame:
    at = _ago(draw, count, 120)
    outcome = np.array(["", "no-answer", "conversation"])[draw.integers(0, 3, count)]
    frame = pl.DataFrame({"id": np.arange(count), **_whose(draw, people, count)})
    # Calls come in bursts: a quarter of the people get nearly all of them.
    busy = pl.Series(_name(draw.integers(0, max(people // 4, 1), count)))
    return frame.with_columns(
        id="A" + pl.col("id").cast(pl.String), person=busy, at=at, known_at=at,
        outcome=pl.Series(outcome), provider=pl.lit("own"),
    )  # fmt: skip


def _rest(draw: np.random.Generator, people: int, facts: Path) -> None:
    tenth = people // 10
    at = _ago(draw, tenth, 300)
    taken = pl.DataFrame(_whose(draw, people, tenth)).with_columns(
        at=at, known_at=at, consent=pl.lit(""), channel=pl.lit("spoken")
    )
    taken.write_parquet(facts / "withdrawals.parquet")
    kinds = np.array(["refusal", "not-now"])[draw.integers(0, 2, tenth)]
    refused = pl.DataFrame(_whose(draw, people, tenth)).with_columns(
        at=at, known_at=at, kind=pl.Series(kinds), basis=pl.lit("")
    )
    refused.write_parquet(facts / "refusals.parquet")
    first = pl.Series(draw.integers(0, 900, tenth))
    contracts = pl.DataFrame({"id": np.arange(tenth), **_whose(draw, people, tenth)}).with_columns(
        id="K" + pl.col("id").cast(pl.String),
        first=pl.lit(date(2026, 11, 1)) - pl.duration(days=first),
        last=pl.lit(None, pl.Date),
        known_at=pl.lit(NOW - timedelta(days=900)),
        objects=pl.lit(pl.Series([[OBJECT]])).first(),
    )
    contracts.write_parquet(facts / "contracts.parquet")
    asked = _ago(draw, max(tenth // 100, 1), 90)
    pl.DataFrame({"id": np.arange(len(asked)), **_whose(draw, people, len(asked))}).with_columns(
        id="R" + pl.col("id").cast(pl.String), requested_at=asked, known_at=asked,
        objects=pl.lit(pl.Series([[OBJECT]])).first(), proof=pl.lit("sha256:1"),
    ).write_parquet(facts / "callbacks.parquet")  # fmt: skip
    mandate = f"id,client,number,first\nM1,{CLIENT},{CALLER},2020-01-01\n"
    (facts / "mandates.csv").write_text(mandate, encoding="utf-8")
    read = (NOW - timedelta(minutes=1)).isoformat()
    feeds = "feed,read_at\n" + "".join(f"{feed},{read}\n" for feed in FEEDS)
    (facts / "feeds.csv").write_text(feeds, encoding="utf-8")
    (facts / "clients.csv").write_text(f"client,alias\n{CLIENT},\nCLIENT-B,\n", encoding="utf-8")
    (facts / "listings.csv").write_text("list,number,at\n", encoding="utf-8")
    heads = "campaign,day,abandoned,handled\n"
    (facts / "abandoned.csv").write_text(heads, encoding="utf-8")


def join(home: Path) -> None:
    """Run the bare join, in this process."""
    import duckdb

    given = {"list": home / "list.csv", "facts": home / "facts", "out": home / "join.csv"}
    with duckdb.connect() as base:
        base.execute(JOIN.format(client=CLIENT, at=NOW.isoformat(), **given))


def measured(command: list[str]) -> tuple[float, float, float]:
    """Return the processor seconds, wall seconds and most memory (MB) of a command."""
    environment = {**os.environ, "POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "2"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    del before
    return used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss / 1024


def checked(home: Path, count: int) -> int:
    """Return how many of some drawn rows were judged one by one, all with the verdict given."""
    from releve.plugins.outbound.commands.facts import read_facts
    from releve.plugins.outbound.engine.fact_tables import build_facts
    from releve.plugins.outbound.engine.judged_call import Call
    from releve.plugins.outbound.engine.rule_files import built_in_rules
    from releve.plugins.outbound.engine.verdict import judge_call

    kinds = {"rules": pl.String, "basis": pl.String, "person": pl.String, "number": pl.String}
    parts = [pl.read_csv(home / "out" / f"{n}.csv", schema_overrides=kinds, infer_schema=False)
             for n in ("callable", "refused")]  # fmt: skip
    rows = pl.concat(parts).sample(count, seed=3)
    frames, _ = read_facts(home / "facts")
    numbers = pl.concat([rows["number"], rows["international"]]).unique().implode()
    frames["people"] = frames["people"].filter(pl.col("number").is_in(numbers))
    people = pl.concat([frames["people"]["person"], rows["person"].drop_nulls()]).unique().implode()
    for name in ("consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts"):
        frames[name] = frames[name].filter(pl.col("person").is_in(people))
    facts, rules = build_facts(frames), built_in_rules()
    base = Call(CLIENT, "", NOW, OBJECT, CALLER, sector=SECTOR)
    for row in rows.iter_rows(named=True):
        call = replace(base, number=row["number"], person=row["person"] or "")
        one = judge_call(call, facts, rules, NOW)
        following = row["next_allowed"] and datetime.fromisoformat(row["next_allowed"])
        given = (row["allowed"], row["legal"], row["rules"] or "", row["basis"] or "", following)
        meant = (str(one.allowed).lower(), str(one.legal).lower(), "|".join(one.rules), one.basis)
        if given != (*meant, one.next_allowed):
            raise SystemExit(f"{row} was given, one by one it is {meant}, {one.next_allowed}")
    return rows.height


def main() -> None:
    """Read the command line, and compare."""
    parser = argparse.ArgumentParser(description="Screen a list beside the bare join.")
    parser.add_argument("--home", type=Path, help="folder of the synthetic data, kept")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--share", type=float, default=1.0, help="of the ten million consents")
    parser.add_argument("--check", type=int, default=10_000, help="rows judged one by one as well")
    parser.add_argument("--office", action="store_true", help="screen the list in cp1252 with ;")
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--join", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(options.home, options.rows, options.share)
    elif options.join:
        join(options.home)
    elif options.home:
        compare(options.home, options)
    else:
        with tempfile.TemporaryDirectory(prefix="releve-screen-") as home:
            compare(Path(home), options)


def compare(home: Path, options: argparse.Namespace) -> None:
    """Make the data where it is missing, run both, tell the ratio."""
    if not (home / "list.csv").exists():
        print("making the list and the facts", file=sys.stderr)
        sizes = ["--rows", str(options.rows), "--share", str(options.share)]
        subprocess.run([*OWN, "--home", str(home), "--make", *sizes], cwd=ROOT, check=True)
    shutil.rmtree(home / "out", ignore_errors=True)
    bare = measured([*OWN, "--home", str(home), "--join"])
    name = "office.csv" if options.office else "list.csv"
    place = [str(home / name), "--out", str(home / "out")]
    ours = measured([*COMMAND, *place, "--facts", str(home / "facts"), *OPTIONS])
    for name, (processor, wall, memory) in (("bare join", bare), ("screen", ours)):
        print(f"{name:<10} {processor:7.1f} s processor {wall:7.1f} s wall {memory:8,.0f} MB")
    print(f"ratio      {ours[0] / bare[0]:7.2f} processor   {ours[1] / bare[1]:7.2f} wall")
    summary = json.loads((home / "out" / "summary.json").read_text(encoding="utf-8"))
    print(summary["rows"], {name: given["rows"] for name, given in summary["by_rule"].items()})
    if options.check:
        print(f"{checked(home, options.check):,} rows judged one by one: the same")


if __name__ == "__main__":
    main()
