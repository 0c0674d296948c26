"""What tests of imports count and compare."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from django.db.models import Model

from crm.models import Change, ExternalId, User
from leads.models import Contact, Organization
from pipeline.models import ColumnTotal, Deal, MoveAttempt, Pipeline, Product, Stage, StageVisit

Import = Callable[..., str]
TABLES: list[type[Model]] = [
    ColumnTotal,
    Deal,
    StageVisit,
    MoveAttempt,
    Organization,
    Contact,
    User,
    Pipeline,
    Stage,
    Product,
    ExternalId,
    Change,
]


def counts(said: str) -> str:
    """“1 created, 0 updated, 0 unchanged, 0 refused”"""
    return next(line for line in said.splitlines() if " created, " in line).partition(": ")[2].partition(".")[0]


def rows() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in TABLES}


def day(moment: datetime.datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


DEALS = "id,name,stage,amount,owner,create date,close date\n"
