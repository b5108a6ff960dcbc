"""The whole table of step types, for those who check all of them: a run asks for single rows instead."""

from firn_schemas.steps import StepType, control, data, files, messages, programs
from firn_schemas.table import Table

_ALL = data.ROWS | files.ROWS | messages.ROWS | programs.ROWS | control.ROWS

STEPS: Table[str, StepType] = Table(dict(sorted(_ALL.items())))
"""Every step type, by name."""
