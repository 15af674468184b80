"""The help of every command fits 80 columns, says what each option does, and is never cut."""

from __future__ import annotations

from io import BytesIO, TextIOWrapper

import pytest
import typer.main
from typer.testing import CliRunner

from tripcurve.cli import COMMANDS, app, main

GROUP = typer.main.get_group(app)


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "80", "TERM": "dumb"})
    assert done.exit_code == 0
    return done.output


def test_a_terminal_without_a_character_gets_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    written = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(written, encoding="ascii"))
    monkeypatch.setattr("sys.argv", ["tripcurve", "--version"])
    with pytest.raises(SystemExit):
        main()
    print("1 ± 2", flush=True)
    assert written.getvalue().endswith(b"1 ? 2\n")


def test_no_line_of_the_overview_is_cut() -> None:
    assert [line for line in shown().splitlines()[1:] if line.endswith("...") or len(line) > 80] == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_help_of_a_command_fits_80_columns(command: str) -> None:
    assert [line for line in shown(command).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_overview_shows_the_first_sentence_of_a_commands_help(command: str) -> None:
    made = GROUP.commands[command]
    assert made.name == command
    assert COMMANDS[command].summary.rstrip(".") == str(made.help).partition(". ")[0].rstrip(".")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_and_argument_has_a_help(command: str) -> None:
    parameters = GROUP.commands[command].params
    assert [parameter.name for parameter in parameters if not getattr(parameter, "help", None)] == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("tripcurve ru", {"run", "runs"}),
        ("tripcurve run q", {"quick", "quota"}),
        ("tripcurve run --scenario st", {"steady", "step-load"}),
        ("tripcurve run no-such-lab", set()),
    ],
)
def test_the_shell_completes_commands_and_built_in_names(words: str, found: set[str]) -> None:
    asked = {"_TRIPCURVE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = CliRunner().invoke(app, [], env=asked, prog_name="tripcurve")
    assert set(done.output.split()) == found
