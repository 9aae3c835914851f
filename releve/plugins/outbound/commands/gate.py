"""``releve outbound serve`` and the gate's facts, campaigns, outcomes and proofs."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click
import polars as pl

from releve.cli.database import open_database
from releve.cli.options import LANGUAGES
from releve.ledger import verify
from releve.plugins.outbound.commands.facts import (
    FACTS,
    MODE,
    OBJECT,
    ORIGIN,
    PURPOSE,
    SECTOR,
    Progress,
    WordType,
    describe_refusal,
    read_fact_folder,
    read_facts,
    report_taken,
    strict_option,
    write_feeds,
    zone_option,
)
from releve.plugins.outbound.engine.errors import OutboundError
from releve.plugins.outbound.engine.fact_files import CAMPAIGNS, TABLES, escape_cell
from releve.plugins.outbound.engine.facts import Watermark
from releve.plugins.outbound.engine.judged_call import fill_provider
from releve.plugins.outbound.engine.rule_impact import reverify_evidence
from releve.plugins.outbound.engine.vocabulary import get_vocabulary

if TYPE_CHECKING:
    from releve.plugins.outbound.campaign.packs import ProvedCall
    from releve.plugins.outbound.gate.campaigns import RegisterState


_P = ParamSpec("_P")
_R = TypeVar("_R")
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

by_option = click.option("--by", required=True, help="Who does so; it is written down.")


def on_the_gate(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Open the database first; say what goes wrong in a sentence."""

    @functools.wraps(command)
    def opened(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        open_database()
        from django.db import DatabaseError

        from releve.ledger.guards import LedgerError
        from releve.plugins.outbound.gate.errors import GateError

        try:
            return command(*args, **kwargs)
        except (GateError, LedgerError, OutboundError, DatabaseError, OSError) as error:
            lang = kwargs.get("lang")
            said = describe_refusal(error, lang if isinstance(lang, str) else None)
            raise click.ClickException(said) from error

    return opened


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8070, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that answer.")
def serve(host: str, port: int, workers: int) -> None:
    """Answer `may this call be placed?` over HTTP, and count the attempt, until interrupted.

    GET or POST /gate?to=NUMBER&cli=SHOWN&camp=CAMPAIGN&ci=CALL-ID&cs=CSEQ answers 200 `allow …`
    or a refusal with its reasons, within 800 ms. RELEVE_GATE_CALLERS names who may ask, each with a
    secret and its campaigns (docs/gate.md); without it only programs of this machine may, and
    another --host is refused.
    """
    open_database()
    from django.conf import settings

    from releve.environment import is_loopback
    from releve.plugins.outbound.gate.app import parse_callers
    from releve.plugins.outbound.gate.campaign_cache import store_current_rules
    from releve.plugins.outbound.gate.connections import ensure_gate_key
    from releve.plugins.outbound.gate.server import serve_gate

    callers = parse_callers(settings.GATE_CALLERS)
    if not callers and not is_loopback(host):
        raise click.ClickException(
            f"--host {host} is reached by other machines: name the callers of the gate in "
            "RELEVE_GATE_CALLERS, or leave --host out"
        )
    version = store_current_rules()[:12]
    ensure_gate_key()
    names = sorted({caller.name for caller in callers})
    known = f"callers {', '.join(names)}" if names else "no callers set: this machine alone"
    click.echo(f"gate: http://{host}:{port}/gate, rules {version}, {known} (Ctrl+C stops it)")
    serve_gate("releve.plugins.outbound.gate.server:application", host, port, workers)


@click.group()
def facts() -> None:
    """Take facts about people into the database of the gate."""


@facts.command("import")
@click.argument("folder", metavar="FOLDER", type=FACTS)
@click.option("--as-known", is_flag=True, help="Keep the tables' own known_at: a first load only.")
@click.option("--provider", default="", help="Whose attempts these are, where the table says none: "
              "the same id of another is another attempt [default: the table].")  # fmt: skip
@click.option("--read", "vouch", is_flag=True, help="Vouch that all registers were read to their "
              "end just now, as `facts read` does.")  # fmt: skip
@strict_option
@zone_option
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of what is said of faults "
              "[default: that of your locale, else of the files].")  # fmt: skip
@by_option
@on_the_gate
def import_facts(
    folder: Path, as_known: bool, provider: str, vouch: bool, strict: bool, zone: str, lang: str | None, by: str
) -> None:
    """Load the tables of a FOLDER or workbook (docs/outbound.md); all count at once, or none.

    The same again writes nothing; one that was killed goes on when it is started again. Every
    faulty file, row and word is named in one go, and then nothing is loaded. How many rows of each
    table were taken is said. A table of campaigns may stand among them; they are recorded last.
    """
    from releve.plugins.outbound.gate.campaigns import record_campaigns
    from releve.plugins.outbound.gate.fact_import import find_load_faults, load_frames

    read, digest = read_fact_folder(folder, whole=False, strict=strict, zone=zone, campaigns=True)
    read.check(partial(find_load_faults, known_only=not read.lost))
    read.refuse()
    report_taken(read)
    frames, campaigns = read.frames, read.frames.pop(CAMPAIGNS, None)
    if campaigns is None and not any(frame.height for frame in frames.values()):
        wanted = ", ".join(f"{name}.csv" for name in TABLES)
        raise click.UsageError(f"{folder} holds no row of facts; its files are {wanted}")
    frames["attempts"] = fill_provider(frames["attempts"], provider)
    filled = {name: frame for name, frame in frames.items() if frame.height}
    named = [] if campaigns is None else campaigns["campaign"].to_list()
    found = load_frames(filled, source=f"folder {folder.name}"[:200], by=by, digest=digest,
                        as_known=as_known, campaigns=named, progress=Progress("{0}: {1:,} of {2:,} rows"))  # fmt: skip
    for name in filled:
        if name == "clients":
            continue
        click.echo(f"{name}: {found.written[name]} written, {found.there[name]} there already")
    if campaigns is not None:
        click.echo(f"campaigns: {record_campaigns(campaigns, by=by)} recorded")
    if vouch:
        vouch_registers(by)


def vouch_registers(by: str, names: Sequence[str] = ()) -> None:
    """Record that registers were read to their end just now, all where none is named."""
    from releve.live.clock import read_clock
    from releve.plugins.outbound.gate.campaigns import read_register_state
    from releve.plugins.outbound.gate.fact_import import load_facts

    now = read_clock()
    states = [read_register_state(feed) for feed in names or get_vocabulary("feed").ids]
    marks = [Watermark(state.feed, now, state.last_event_at) for state in states]
    load_facts(marks, source="registers read", by=by)
    _report_registers(states, now)


def _report_registers(states: Iterable[RegisterState], now: datetime) -> None:
    for state in states:
        last = "none" if state.last_event_at is None else state.last_event_at.isoformat()
        click.echo(f"{state.feed}: rows {state.rows}, last event {last}, read at {now.isoformat()}")


@facts.command()
@click.argument("client")
@click.argument("who")
@click.option("--consent", default="", help="Of this consent alone [default: of all].")
@click.option("--channel", default="oral", show_default=True, help="How it was said.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True,
              help="Language of the gate's reasons.")  # fmt: skip
@by_option
@on_the_gate
def withdraw(client: str, who: str, consent: str, channel: str, lang: str, by: str) -> None:
    """Record that WHO takes the consent to calls for a CLIENT back, as of now.

    WHO is a person's id or a telephone number, which stands for all who hold it. Prints the persons
    it matched, and the gate's answer now for each campaign of the client. Exit status 1, and
    nothing recorded, where the client, the person or the consent is not known.
    """
    from releve.live.clock import read_clock
    from releve.plugins.outbound.gate.attempt_outcomes import preview_numbers, record_withdrawal
    from releve.plugins.outbound.gate.current_rules import load_current_rules

    found = record_withdrawal(client, who, read_clock(), consent=consent, channel=channel, by=by)
    click.echo(f"matched: {', '.join(found.persons)}, client {found.client}")
    click.echo(f"consents taken back: {', '.join(found.consents) or 'none is known'}")
    for answer in preview_numbers(found, load_current_rules(), read_clock()):
        word = "allow" if answer.allowed else "refuse"
        click.echo(f"{answer.campaign}, {answer.number}: the gate now answers {word}")
        if answer.allowed:
            click.echo(f"  on {answer.verdicts[0].basis}: record a refusal to stop these calls too")
        for says in dict.fromkeys(f"{one.id} {one.says(lang)}" for one in answer.findings):
            click.echo(f"  {says}")


@facts.command()
@click.argument("feeds", nargs=-1, type=WordType("feed"))
@click.option("--folder", type=_FOLDER, help="Vouch for the tables of this folder instead "
              "of the database: its feeds.csv is written.")  # fmt: skip
@by_option
@on_the_gate
def read(feeds: tuple[str, ...], folder: Path | None, by: str) -> None:
    """Vouch that the registers FEEDS were read to their end just now [default: all four].

    A register whose last reading is older than 15 minutes refuses every call that it bears on. Run
    this after each import, at least every 15 minutes. Says how many rows of each are known and when
    the last event was.
    """
    from releve.live.clock import read_clock
    from releve.plugins.outbound.gate.campaigns import summarize_register

    if folder is None:
        vouch_registers(by, feeds)
        return
    now, names = read_clock(), feeds or get_vocabulary("feed").ids
    frames, _ = read_facts(folder)
    states = [summarize_register(frames, feed) for feed in names]
    write_feeds(folder, frames["feeds"], states, now)
    _report_registers(states, now)


@click.command()
@click.argument("name")
@click.option("--client", required=True, help="Who orders the calls.")
@click.option("--object", required=True, type=OBJECT, help="What is offered, like electricity.")
@click.option("--sector", required=True, type=SECTOR, help="Trade of the campaign, like energy-supply.")
@click.option("--mode", type=MODE, default="manual", show_default=True, help="How it is dialled.")
@click.option("--purpose", type=PURPOSE, default="prospecting", show_default=True, help="What the calls are for.")
@click.option("--origin", default="", type=ORIGIN, help="Country where the calls enter the public network.")
@click.option("--authenticated/--unauthenticated", default=None, help="Whether an operator signs.")
@click.option("--mobile-terminal", is_flag=True, help="Dialled by one person on a mobile.")
@click.option("--first", type=click.DateTime(["%Y-%m-%d"]), help="First day.")
@click.option("--last", type=click.DateTime(["%Y-%m-%d"]), help="Last day; closes it.")
@click.option("--provider", default="", help="Who dials.")
@click.option("--site", default="", help="Where.")
@by_option
@on_the_gate
def campaign(name: str, first: datetime | None, last: datetime | None, by: str, **terms: Any) -> None:
    """Record what the campaign NAME stands for, from now on; diallers name it in each question."""
    from releve.plugins.outbound.gate.campaigns import record_campaign
    from releve.plugins.outbound.gate.fact_reader import CampaignTerms

    row = CampaignTerms(first=_to_day(first), last=_to_day(last), **terms)
    click.echo("recorded" if record_campaign(name, row, by=by) else "as it was")


def _to_day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


@click.command()
@click.argument("records", type=click.Path(exists=True, path_type=Path))
@click.option("--columns", default="", help="Columns of a line, by commas [default: docs/gate.md].")
@click.option("--unknown-after", type=click.IntRange(1),
              help="Minutes after which an attempt without outcome gets `unknown`.")  # fmt: skip
@click.option("--every", type=click.FloatRange(0.1), help="Read again after so many seconds.")
@click.option(
    "--map",
    "mapping",
    default="",
    metavar="called=COLUMN,at=COLUMN,caller=COLUMN",
    help="Columns of a carrier's record, which is then compared with the decisions.",
)
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Compare only these rows of a carrier's record.")
@click.option(
    "--zone",
    "time_zone",
    default="Europe/Paris",
    show_default=True,
    help="Time zone of a carrier's instants without an offset.",
)
@click.option(
    "--within",
    default=120,
    show_default=True,
    type=click.IntRange(1, 3600),
    help="Seconds between a decision and the call in a carrier's record, at most.",
)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path),
              help="CSV to write, a row for each call that the gate did not allow.")  # fmt: skip
@on_the_gate
def outcomes(
    records: Path, columns: str, unknown_after: int | None, every: float | None, mapping: str,
    where: tuple[str, ...], time_zone: str, within: int, report: Path | None,
) -> None:  # fmt: skip
    """File what the proxy's acc files in the folder RECORDS say came of the calls.

    Once, or on and on. Where RECORDS is a file, it is the record that a carrier or a dialler keeps
    of its calls (CSV, XLSX or Parquet, with --map): calls that never asked the gate are counted by
    client, and the status is 1 where there are any.
    """
    if not records.is_dir():
        _compare_record(records, mapping, where, time_zone, within, report)
        return
    if mapping or where or report:
        raise click.UsageError("--map, --where and --report are for the file of a carrier's record")
    _file_outcomes(records, columns, unknown_after, every)


def _compare_record(
    file: Path, mapping: str, where: tuple[str, ...], time_zone: str, within: int, report: Path | None
) -> None:
    from releve.files.atomic import write_file
    from releve.plugins.outbound.gate.carrier_records import compare_record, parse_record_mapping, render_report

    columns = parse_record_mapping(mapping, where, time_zone)
    found = compare_record(file.name, file.read_bytes(), columns, timedelta(seconds=within))
    if report is not None:
        write_file(report, render_report(found).encode())
    click.echo(f"{found.calls} calls, {found.allowed} allowed by the gate, "
               f"{len(found.unasked)} not, {len(found.broken)} unreadable rows")  # fmt: skip
    for client, (unasked, refused) in found.by_client().items():
        click.echo(f"{client or 'no client known'}: {unasked} never asked, {refused} refused")
    if found.broken:
        rows = ", ".join(map(str, found.broken[:10]))
        click.echo(f"unreadable: row {rows}{' …' if len(found.broken) > 10 else ''}", err=True)
    if found.unasked or found.broken:
        raise SystemExit(1)


def _file_outcomes(folder: Path, columns: str, unknown_after: int | None, every: float | None) -> None:
    from releve.plugins.outbound.gate.attempt_outcomes import COLUMNS, mark_unknown, read_outcomes

    named = tuple(columns.split(",")) if columns else COLUMNS
    while True:
        found = read_outcomes(folder, named)
        silent = 0
        if unknown_after is not None:
            silent = mark_unknown(datetime.now(UTC) - timedelta(minutes=unknown_after))
        if every is None or any(astuple(found)) or silent:
            click.echo(f"{found.filed} filed, {found.refused} refused, "
                       f"{found.withdrawn} withdrawn, {found.strange} without an attempt, "
                       f"{found.broken} broken lines, {silent} unknown")  # fmt: skip
        if every is None:
            return
        time.sleep(every)


@click.command()
@on_the_gate
def close() -> None:
    """Put what was decided and what was known under roots in the ledger, and erase what is due.

    Once a day; the worker of `releve live work` does so too.
    """
    from releve.plugins.outbound.gate.erasure import erase_due
    from releve.plugins.outbound.gate.proofs import close_batches, seal_facts

    now = datetime.now(UTC)
    batches, facts = close_batches(now), seal_facts(now)
    rows = sum(batch.decisions + batch.attempts for batch in batches)
    erased = erase_due(now.date(), now)
    click.echo(f"{rows} rows in {len(batches)} batches; {facts} facts; {erased} erased")


@click.command()
@click.argument("person")
@on_the_gate
def forget(person: str) -> None:
    """Erase what says who a PERSON is; what forbids calling them goes on doing so."""
    from releve.ledger.erasure import scrub_files
    from releve.plugins.outbound.gate.erasure import erase_person

    count = erase_person(person, datetime.now(UTC))
    clean = scrub_files(("gate_personal",))
    click.echo(f"{count} values erased")
    if not clean:
        click.echo("another connection may still see them: run it again to clean the files", err=True)


_DAY = click.DateTime(["%Y-%m-%d"])
_SHOWN = 20
FACTS_FORMAT = "releve outbound facts 1"
"""The format of a file of consents or of a sheet's facts (``campaign.proved_facts``)."""
_ROW_TAG = b"releve gate row 1\n"


@click.command()
@click.argument("campaign")
@click.option("--from", "first", required=True, type=_DAY, help="First legal day.")
@click.option("--to", "last", required=True, type=_DAY, help="Last legal day, included.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="An empty or new folder.")
@on_the_gate
def proof(campaign: str, first: datetime, last: datetime, out: Path) -> None:
    """Write what a client is owed of a CAMPAIGN: each call, why it was allowed, and its proof.

    calls.csv and calls.parquet are for people; proof.jsonl can be judged again by anybody
    (`releve outbound reprove`). Persons and numbers are pseudonyms. Rows are proved against the
    last signed root of the ledger: close and seal first.
    """
    from releve.ledger.roots import load_last_root
    from releve.plugins.outbound.campaign.packs import COLUMNS, iter_proved_calls, proof_header

    if out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty; name a new folder")
    out.mkdir(parents=True, exist_ok=True)
    root, days = load_last_root(), (first.date(), last.date())
    calls = iter_proved_calls(campaign, *days, None if root is None else root.number)
    head = proof_header(campaign, *days, datetime.now(UTC))
    count, proved, intact = _write(out, head, COLUMNS, calls)
    if root is not None:
        (out / "root.json").write_text(root.text, encoding="utf-8")
    click.echo(f"{count} calls, {proved} proved against the ledger, {intact} with their evidence")


def _write(out: Path, head: str, columns: tuple[str, ...], calls: Iterator[ProvedCall]) -> tuple[int, int, int]:
    """Write the table and the file; return how many calls, proved ones, intact ones."""
    count = proved = intact = 0
    progress = Progress()
    with (
        (out / "calls.csv").open("w", encoding="utf-8", newline="") as table,
        (out / "proof.jsonl").open("w", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(table, columns, lineterminator="\n")
        writer.writeheader()
        file.write(f"{head}\n")
        for call in calls:
            writer.writerow({key: escape_cell(value) for key, value in call.columns.items()})
            file.write(f"{call.line()}\n")
            count, proved = count + 1, proved + (call.proof is not None)
            intact += bool(call.columns["evidence_intact"])
            progress(0.0, count)
    texts = dict.fromkeys(columns, pl.String)
    pl.read_csv(out / "calls.csv", schema=texts).write_parquet(out / "calls.parquet")
    return count, proved, intact


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", "keys", multiple=True, help="Public key of the ledger, got another way than "
              "this file: checks the signed roots too.")  # fmt: skip
@click.option("--rotation", "rotations", multiple=True, help="Rotation of the ledger's key.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
def reprove(file: Path, keys: tuple[str, ...], rotations: tuple[Path, ...]) -> None:
    """Judge every call of a FILE of evidence again, from that file alone.

    Also checks that each sealed row is under the root that its proof names. Of a file of facts (of
    `releve outbound consents` or `sheet`): that its columns are those of the sealed text, and its
    proof. Exit status 0 when every answer follows and every proof holds, 1 when one does not, 2
    when it is not a proof file.
    """
    try:
        with file.open(encoding="utf-8") as lines:
            faults = _judge_lines(lines)
        with file.open(encoding="utf-8") as lines:
            trusted = verify.Keys([verify.read_key(key) for key in keys])
            for path in rotations:
                verify.read_rotation(str(path), trusted)
            proved, more = _check_proofs(lines, trusted)
    except (OutboundError, ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"{file}: {error}") from error
    faults += more
    click.echo(f"{proved} proved under a root of the ledger" + ("" if keys else " (no key given: "
               "its signature was not checked)"))  # fmt: skip
    for fault in faults[:_SHOWN]:
        click.echo(f"! {fault}")
    if faults:
        raise SystemExit(1)


def _judge_lines(lines: Iterable[str]) -> list[str]:
    """Say what follows from the evidence of a file, and return what does not."""
    whole = iter(lines)
    first = next(whole, "")
    if json.loads(first or "{}").get("format") == FACTS_FORMAT:
        return _compare_sealed(whole)
    found = reverify_evidence(chain([first], whole))
    click.echo(f"{found.lines} calls of {found.campaign}, {found.allowed} allowed")
    click.echo(f"{found.same} judged again with the same answer, {len(found.differences)} not")
    return [f"line {d.line}, {d.call}: {d.reason}" for d in found.differences]


def _compare_sealed(lines: Iterable[str]) -> list[str]:
    """Print how many facts agree with their sealed text, and return those that do not."""
    count, faults = 0, []
    for number, line in enumerate(lines, 2):
        row = json.loads(line)
        sealed, shown = json.loads(row["text"]), row["stated"]
        wrong = [name for name in shown.keys() & sealed.keys() if shown[name] != sealed[name]]
        if wrong:
            names = ", ".join(sorted(wrong))
            faults.append(f"line {number}: {names} differs from the sealed text")
        count += 1
    click.echo(f"{count} facts, {count - len(faults)} in agreement with their sealed text")
    return faults


def _check_proofs(lines: Any, keys: verify.Keys) -> tuple[int, list[str]]:
    """Return how many rows are proved, and what is wrong with the proofs of others."""
    proved, faults = 0, []
    for number, line in enumerate(lines, 1):
        document = json.loads(line)
        if number == 1 or document["proof"] is None:
            continue
        fault = _find_fault(document, keys)
        faults += [f"line {number}: {fault}"] if fault else []
        proved += not fault
    return proved, faults


def _find_fault(document: dict[str, Any], keys: verify.Keys) -> str:
    given = document["proof"]
    if given["text"] != document["text"]:
        return "the proof is that of another row"
    row = hashlib.sha256(_ROW_TAG + document["text"].encode()).hexdigest()
    root = given["entry"]["entry"]["body"]["root"]
    if not verify.is_included(row, given["place"] + 1, given["size"], given["path"], root):
        return "the row is not under the root that the ledger holds"
    if keys.known:
        try:
            verify.check_proof(given["entry"], keys, [])
        except verify.VerifyError as error:
            return str(error)
    return ""
