"""The documentation keeps its word, the README's first ten minutes among it."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from releve.cli import main
from releve.cli.reference import cli_markdown, list_commands
from releve.environment import REPLACED
from releve.live.reply_gateways import GATEWAYS, name_secret
from releve.setting_names import SETTINGS, find_unknown_settings, settings_markdown
from tools.first_steps import ROOT, list_lines

DOCS_ROOT = Path(__file__).parents[1]
MADE = DOCS_ROOT / "docs" / "made"
"""Where ``scripts/docs`` writes the pages that are not kept."""
PAGES = sorted(page for page in (*DOCS_ROOT.glob("*.md"), *DOCS_ROOT.glob("docs/**/*.md")) if page.parent != MADE)
_WRITES = re.findall(r"^write (\S+) \$bin/(.+)$", (DOCS_ROOT / "scripts" / "docs").read_text("utf-8"), re.MULTILINE)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_SUBJECTS = "|".join(list_commands(main))
_WHOLE = re.compile(rf"(?<![\w/.@\"-])(releve (?:{_SUBJECTS})\b[^\n]*)")


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS_ROOT))


def code_of(page: Path) -> Iterator[str]:
    """Yield what a page shows as code to type: shell blocks, indented blocks, code in a line."""
    text = page.read_text(encoding="utf-8")
    for language, block in _FENCE.findall(text):
        if language in ("sh", "bash", "console"):
            yield from block.replace("\\\n", " ").splitlines()
    prose = _FENCE.sub("", text)
    yield from re.findall(r"^ {4}(\S.*)$", prose, re.MULTILINE)
    yield from (" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose))


def python_of(page: Path) -> list[str]:
    blocks = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [block for language, block in blocks if language == "python"]


PYTHON_PAGES = [page for page in PAGES if python_of(page)]
BEFORE_PYTHON = {"docs/registry.md": ["registry", "sample", "--agents", "60", "--sites", "2", "--yes"]}
"""The command that a page names before its Python, on a small operator."""


def words_of(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def releve_commands(page: Path) -> Iterator[list[str]]:
    for line in code_of(page):
        for found in _WHOLE.findall(line):
            if words := words_of(found.partition(" -> ")[0]):
                yield words[1:]


def faults_of(words: list[str]) -> str:
    """Return why a command cannot be the program's, or nothing."""
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        name, *words = words
        if name.startswith("-") or name in ("...", "SUBJECT", "COMMAND"):
            return ""
        below = list_commands(command)
        for one in name.split("|"):  # a line that shows several at once
            if one not in below:
                return f"there is no command {one!r}"
        command = below[one]
        if "|" in name:
            return ""
    known = {"-h", "--help"}
    known |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    unknown = [w for w in words if w.startswith("--") and w.partition("=")[0] not in known]
    return f"there is no option {', '.join(unknown)}" if unknown else ""


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made where Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


def print_made(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a line of scripts/docs prints."""
    program, *words = command.split()
    if program == "releve":
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output
        return result.output
    assert words[0] == "-m"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [words[1]])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the module may be loaded already
            runpy.run_module(words[1], run_name="__main__")
    return capsys.readouterr().out


@pytest.mark.parametrize(("name", "command"), _WRITES, ids=[name for name, _ in _WRITES])
def test_each_page_of_the_script_can_be_made_and_its_links_lead_somewhere(
    name: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = print_made(command, capsys)
    assert text.startswith("#")
    place = (DOCS_ROOT / "docs" / name).parent
    links = [link.partition("#")[0] for link in _LINK.findall(text) if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in links if not Path(os.path.normpath(place / link)).exists()] == []
    lists = (DOCS_ROOT / "docs" / "lists.md").read_text("utf-8")
    if name.startswith("made/"):
        assert f"docs/{name}" in lists
        shown = _FENCE.findall(lists.partition(f"docs/{name}")[2])[0][1].splitlines()
        plain = text.replace("    releve", "releve")
        assert [line for line in shown if line.removeprefix("- ") not in plain] == []


def test_every_setting_that_the_program_reads_is_listed() -> None:
    assert re.findall(r"^\| `(RELEVE_\w+)` \|", settings_markdown(), re.MULTILINE) == list(SETTINGS)
    sources = "".join(path.read_text(encoding="utf-8") for path in (DOCS_ROOT / "releve").rglob("*.py"))
    read = set(re.findall(r"""["'`](RELEVE_[A-Z0-9_]*[A-Z0-9])[`"']""", sources))
    assert read - SETTINGS.keys() - REPLACED.keys() == {"RELEVE_OUTSIDE", "RELEVE_WEBHOOK"} - SETTINGS.keys()
    of_prefixes = {f"{name}_{end}" for name in ("RELEVE_OUTSIDE", "RELEVE_WEBHOOK") for end in ("SECRET", "PRIVATE")}
    of_prefixes |= {name_secret(gateway) for gateway in GATEWAYS}
    assert of_prefixes <= SETTINGS.keys()
    assert SETTINGS.keys() - of_prefixes <= read, "a setting that the program does not read"
    assert find_unknown_settings([*SETTINGS, "PATH", "RELEVE_HOMME"]) == {"RELEVE_HOMME": "RELEVE_HOME"}


def test_the_reference_of_the_command_line_has_every_option() -> None:
    page = cli_markdown(main)
    assert len(re.findall(r"^## releve ", page, re.MULTILINE)) == len(list(leaves(main)))
    assert "\n## releve plan\n" in page
    assert "`--days` INTEGER from 1 to 14" in page
    assert "`--missing` / `--no-missing`" in page
    assert "`--at` INSTANT" in page.partition("## releve relief")[2]


def leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for below in list_commands(command).values():
            yield from leaves(below)
    else:
        yield command


def test_every_command_and_option_says_what_it_is() -> None:
    commands = list(leaves(main))
    assert len(commands) >= 9
    silent = [c.name for c in commands if not (c.help or "").strip()]
    options = [(c.name, o) for c in commands for o in c.params if isinstance(o, click.Option)]
    silent += [f"{name} {option.opts[0]}" for name, option in options if not option.help]
    assert silent == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_shown_exists(page: Path) -> None:
    commands = list(releve_commands(page))
    faults = {" ".join(words): faults_of(list(words)) for words in commands}
    assert {words: fault for words, fault in faults.items() if fault} == {}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_script_and_module_shown_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [
        name
        for name in re.findall(r"(?<![\w/])(?:\./)?(scripts/[\w-]+)", text)
        if not (DOCS_ROOT / name).is_file() or not os.access(DOCS_ROOT / name, os.X_OK)
    ]
    for module in re.findall(r"python -m ((?:releve|bench|tests)[\w.]*)", text):
        path = DOCS_ROOT / Path(*module.split("."))
        if not path.with_suffix(".py").is_file() and not (path / "__main__.py").is_file():
            missing.append(module)
    if page.name != "CHANGELOG.md":  # which names what was there
        missing += [
            path
            for path in re.findall(r"(?<![\w/.-])(?:releve|tests|tools|bench)/[\w./-]*\w(?![*\w])", text)
            if not (DOCS_ROOT / path).exists()
        ]
    assert missing == []


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=name_of(page),
            marks=[pytest.mark.database, pytest.mark.django_db]
            if name_of(page) == "docs/registry.md"
            else [pytest.mark.slow],
        )
        for page in PYTHON_PAGES
        if name_of(page) != "docs/plugins.md"  # its modules run from their own wheel: test_plugins
    ],
)
def test_the_python_of_a_page_runs_from_its_first_block_to_its_last(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one namespace, as a reader types it."""
    monkeypatch.chdir(tmp_path)
    if command := BEFORE_PYTHON.get(name_of(page)):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
    names: dict[str, object] = {}
    for number, block in enumerate(python_of(page), start=1):
        exec(compile(block, f"{name_of(page)}, Python block {number}", "exec"), names)


def test_each_engine_starts_in_ten_lines() -> None:
    page = DOCS_ROOT / "docs" / "notebook.md"
    assert len(page.read_text("utf-8").split("\n## ")) - 1 == len(python_of(page)) == 8
    lengths = [len([line for line in block.splitlines() if line.strip()]) for block in python_of(page)]
    assert max(lengths) <= 10, lengths


def test_a_page_without_python_prepares_none() -> None:
    assert BEFORE_PYTHON.keys() <= {name_of(page) for page in PYTHON_PAGES}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_python_hides_from_the_test_that_runs_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = _FENCE.findall(text)
    assert len(re.findall(r"^\s*(?:```|~~~)", text, re.MULTILINE)) == 2 * len(blocks), (
        "a fence of code is three backticks at the start of a line, with its language alone"
    )
    named = {language for language, _ in blocks if re.match("i?py", language, re.IGNORECASE)}
    assert named <= {"python"}
    other = [block for language, block in blocks if language != "python"]
    other += re.findall(r"^ {4}.*$", _FENCE.sub("", text), re.MULTILINE)
    hidden = re.findall(r"^\s*(?:>>> .*|import \w+|from [\w.]+ import .*)$", "\n".join(other), re.M)
    assert hidden == [], "write it as a block of python"


def test_every_test_that_the_threat_model_names_exists() -> None:
    text = (DOCS_ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)`: ((?:`test_\w+`(?:, )?)+)", text)
    assert named
    for file, tests in named:
        found = (DOCS_ROOT / file).read_text(encoding="utf-8")
        for test in re.findall(r"`(\w+)`", tests):
            assert re.search(rf"^def {test}\(", found, re.MULTILINE), f"{file} lacks {test}"


def test_the_index_has_four_parts_and_every_page_in_one_of_them_once() -> None:
    index = DOCS_ROOT / "docs" / "README.md"
    text = index.read_text(encoding="utf-8")
    parts = [part.partition("\n")[0].partition(":")[0] for part in text.split("\n## ")[1:]]
    assert parts == ["Tutorials", "How to", "Reference", "Explanation"]
    listed = [index.parent / link for link in _LINK.findall(text.partition("\n## ")[2])]
    pages = [page for page in PAGES if page.is_relative_to(index.parent) and page != index]
    assert sorted(listed) == sorted(pages)


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len((DOCS_ROOT / "README.md").read_text(encoding="utf-8").split()) <= 1300


def test_the_french_way_without_a_terminal_names_what_the_desk_shows() -> None:
    text = (DOCS_ROOT / "README.fr.md").read_text(encoding="utf-8")
    way = text.partition("\n## Sans terminal\n")[2].partition("\n## ")[0]
    shown = re.findall(r"(?<!\*)\*{1,2}([^*\n]+)\*{1,2}", way)
    french = DOCS_ROOT / "releve" / "desk" / "locale" / "fr" / "LC_MESSAGES" / "django.po"
    texts = set(re.findall(r'^msgstr "(.+)"$', french.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(shown) >= 8
    assert set(shown) <= texts


def test_the_readme_shows_the_main_commands() -> None:
    shown = {tuple(words[:2]) for words in releve_commands(DOCS_ROOT / "README.md")}
    for start in (("network", "check"), ("network", "sample"), ("demand", "import")):
        assert start in shown
    assert {words[0] for words in shown} >= {"network", "demand", "plan", "relief", "desk"}


def test_a_command_that_does_not_exist_is_found_out() -> None:
    assert faults_of(["network", "draw", "x"]) == "there is no command 'draw'"
    assert faults_of(["plan", "x", "--nothing", "--out", "y"]) == "there is no option --nothing"
    assert faults_of(["plan", "x", "--no-missing", "--out=y"]) == ""


def test_no_registry_is_named_anywhere_in_the_set_up() -> None:
    """Where packages come from is for the user's own pip configuration to say."""
    files = [*(DOCS_ROOT / "requirements").iterdir(), *(DOCS_ROOT / "scripts").iterdir()]
    files += [DOCS_ROOT / "pyproject.toml", DOCS_ROOT / ".ci" / "run"]
    naming = [
        str(path)
        for path in files
        if path.is_file()
        and re.search(
            r"https?://|--(extra-)?index-url[= ]|--find-links[= ]",
            path.read_text(encoding="utf-8")
            .replace("--no-emit-find-links", "")
            .replace("http://127.0.0.1:", ""),  # the desk's own address
        )
    ]
    assert naming == []


def test_the_first_ten_minutes_are_commands_on_files_that_they_make() -> None:
    lines = list(list_lines((ROOT / "README.md").read_text(encoding="utf-8")))
    assert "./scripts/setup" in lines
    assert [line for line in lines if "desk serve" in line] == [
        "releve desk serve --open",
        "releve desk serve --open --act",
        "releve desk serve",
    ]
    assert not any("calls.csv" in line for line in lines), "a file of the reader's own"
    assert lines.index("releve init") < lines.index("releve desk serve --open")


def test_the_sample_is_of_today_and_its_plan_is_in_force_before_the_desk_is_served() -> None:
    lines = list(list_lines((ROOT / "README.md").read_text(encoding="utf-8")))
    (made,) = [line for line in lines if "network sample" in line]
    assert made.endswith('--start "$(date +%F)"')
    (planned,) = [line for line in lines if line.startswith("releve plan") and "my-plan" in line]
    served = [at for at, line in enumerate(lines) if "desk serve" in line]
    assert lines.index(planned) < lines.index("releve live activate my-plan") < min(served)
