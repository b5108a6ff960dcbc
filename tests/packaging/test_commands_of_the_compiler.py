"""The compiler's commands are reached without reading entry points; what they announce is the same."""

from importlib.metadata import distribution

from firn_runtime.cli import COMPILER_COMMANDS, EXTERNAL


def test_the_table_is_what_the_compilers_entry_points_say() -> None:
    announced = {
        entry.name: entry.value for entry in distribution("firn-compiler").entry_points if entry.group == EXTERNAL
    }
    assert announced == {name: f"{module}:{name}_command" for name, module in COMPILER_COMMANDS.items()}
