"""Importing a file: which of its columns is which field, what each row says, what became of it.

An app registers what can be imported (`register`): its fields, and how its rows are read. A door calls `run`.
"""

from crm.importing.columns import ImportField, Kind, Sheet
from crm.importing.report import Outcome, Report, Result
from crm.importing.run import Importable, Job, Options, Reader, Stop, by_chunks, importables, register, run

__all__ = [
    "ImportField",
    "Importable",
    "Job",
    "Kind",
    "Options",
    "Outcome",
    "Reader",
    "Report",
    "Result",
    "Sheet",
    "Stop",
    "by_chunks",
    "importables",
    "register",
    "run",
]
