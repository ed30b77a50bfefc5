"""The command line speaks of its own options, and says everything once."""

import importlib.util
import logging
import math
import re
import sys
from pathlib import Path

import pytest
import typer

from smlmsim import cli
from smlmsim.cli.app import app
from smlmsim.cli.messages import Command, as_options

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KNOWN = {"camera_pixel_nm": True, "drop_bad_rows": False, "channel": True, "pixel_nm": True, "columns": True}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("give camera_pixel_nm=100, say", "give --camera-pixel-nm 100, say"),
        ("drop_bad_rows=True leaves them out", "--drop-bad-rows leaves them out"),
        ("pixel_nm: found -1", "--pixel-nm: found -1"),
        ("choose channel=647; the channel is bright", "choose --channel 647; the channel is bright"),
        ("choose channel='Alexa 647', or not", "choose --channel 'Alexa 647', or not"),
        ("as in columns=frame=1,x=2,y=3", "as in --columns frame=1,x=2,y=3"),
        ("give columns=x=Längs,channel=c.2; done", "give --columns x=Längs,channel=c.2; done"),
        ("first_frame=0 is no option here", "first_frame=0 is no option here"),
        ("/tmp/pixel_nm/a.csv is damaged", "/tmp/pixel_nm/a.csv is damaged"),
    ],
)
def test_settings_that_are_options_are_named_as_options(message, shown):
    assert as_options(message, KNOWN) == shown


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that runs the command line and gives what it says beside its results."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["smlmsim", *map(str, arguments)])
        with pytest.raises(SystemExit):
            cli.main()
        return capsys.readouterr()

    return command


def test_notes_can_be_silenced_and_are_said_once(run, tmp_path):
    (tmp_path / "t.csv").write_text(
        "frame,x [nm],y [nm]\n" + "".join(f"{i},{9 * i},5\n" for i in range(1, 90))
    )
    assert run("info", tmp_path / "t.csv").err.count("counted from 1") == 1
    assert run("--quiet", "info", tmp_path / "t.csv").err == ""


def test_the_version_is_that_of_the_package(run):
    import smlmsim

    assert run("--version").out == f"smlmsim {smlmsim.__version__}\n"


def test_every_setting_that_advice_names_is_an_option_of_the_commands_that_read_tables():
    """What a reader may advise, reconstruct, info, convert and locate-on-map can follow."""
    commands = typer.main.get_command(app).commands
    for name in ("reconstruct", "info", "convert", "locate-on-map"):
        options = {option for parameter in commands[name].params for option in parameter.opts}
        for wanted in (
            "--camera-pixel-nm", "--first-frame", "--channel", "--columns", "--drop-bad-rows", "--exposure-s",
            "--max-uncertainty-nm", "--min-photons", "--from-frame", "--to-frame", "--crop-nm", "--link-nm",
        ):  # fmt: skip
            assert wanted in options, (name, wanted)


def test_listening_twice_says_nothing_twice(capsys):
    from smlmsim.cli.messages import listen

    listen(logging.INFO)
    listen(logging.INFO)
    logging.getLogger("smlmsim.anything").info("once")
    assert capsys.readouterr().err == "note: once\n"


def _commands(group, name="smlmsim"):
    """All commands of a group and of those in it, with their names."""
    for word, command in getattr(group, "commands", {name: group}).items():
        if getattr(command, "commands", None):
            yield from _commands(command)
        else:
            yield word, command


def _apps():
    """The command line, and those of the scripts."""
    yield app
    for name in ("compare", "foreign", "robustness"):
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module.app


COMMANDS = [found for one in _apps() for found in _commands(typer.main.get_command(one))]


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_help_shows_every_default(name, command, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "400")
    command.main(["--help"], prog_name=name, standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for parameter in command.params:
        said = re.search(r"\[default: [^]]*\]", parameter.help or "")
        if said:
            assert said[0] in shown
        elif parameter.default is not None and parameter.default not in (False, "", ()):
            usual = getattr(parameter, "show_default", None)
            usual = usual if isinstance(usual, str) else str(parameter.default)
            assert re.search(rf"\[default: \(?{re.escape(usual)}\)?\]", shown), parameter.name


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_no_option_takes_what_is_infinite_or_no_number(name, command):
    assert isinstance(command, Command)
    context = command.make_context(name, [], resilient_parsing=True)
    for parameter in command.params:
        for value in (math.nan, math.inf, -math.inf):
            context.params = {parameter.name: value}
            with pytest.raises(
                ValueError, match=rf"^{parameter.opts[0]} must be a finite number, found -?(nan|inf)"
            ):
                command.invoke(context)
