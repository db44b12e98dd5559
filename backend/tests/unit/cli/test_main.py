"""The command line as a whole."""

import pytest

import backend.cli
from backend.cli import app, main, unsupported
from backend.core.errors import Invalid, Unavailable


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_linux_on_both_kinds_of_machine_is_supported(machine: str) -> None:
    assert unsupported("linux", machine) is None


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "riscv64")])
def test_elsewhere_there_is_one_clear_line(system: str, machine: str) -> None:
    line = unsupported(system, machine)
    assert line is not None
    assert line.startswith("hsi: runs on Linux")
    assert machine in line


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid("API__PORT: must be a port", code="settings.invalid"), 2),
        (Unavailable("port 8000 is in use", code="port.in_use"), 1),
    ],
)
def test_an_expected_error_is_one_line_and_a_status(
    error: Invalid | Unavailable,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(prog_name: str) -> None:
        raise error

    monkeypatch.setattr(backend.cli, "app", failing)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == status
    assert capsys.readouterr().err == f"hsi: {error}\n"


def test_every_command_says_what_it_does() -> None:
    commands = {command.name: command.callback for command in app.registered_commands}
    assert {"up", "worker", "logs", "test", "check", "reference"} <= set(commands)
    for name, callback in commands.items():
        assert callback, name
        assert callback.__doc__, name
