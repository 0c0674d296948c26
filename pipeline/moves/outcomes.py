"""What goes into a move and what comes out: three outcomes, which each door translates once."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.core.exceptions import ValidationError

from crm.models import Team, User
from leads.activities import NewActivity
from leads.models import Contact
from pipeline.conditions import Verdict
from pipeline.files import NewFile
from pipeline.models import CloseReason, Deal, DealFile, Stage, StageVisit


@dataclass(frozen=True)
class Close:
    """Why a deal is won or lost. `come_back_on` plans a call for that day. Credit is for imports: else owner and team at the time."""

    reason: CloseReason | None = None
    note: str = ""
    come_back_on: datetime.date | None = None
    credited_owner: User | None = None
    credited_team: Team | None = None


@dataclass(frozen=True)
class NewCommitment:
    condition_id: int
    evidence: str = ""
    proof: DealFile | NewFile | None = None
    contact: Contact | None = None
    happened_at: datetime.datetime | None = None


@dataclass(frozen=True)
class NewPerson:
    """A contact or a colleague who takes a role on the deal. An empty role or stance leaves what there is.

    `details` are name, phone or email: of the contact, or of a new one where neither is given.
    """

    role: str
    contact: Contact | None = None
    user: User | None = None
    stance: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fill:
    """What was filled in on the way: saved together with the move or not at all."""

    changes: dict[str, Any] = field(default_factory=dict)
    commitments: list[NewCommitment] = field(default_factory=list)
    activities: list[NewActivity] = field(default_factory=list)
    people: list[NewPerson] = field(default_factory=list)
    tasks_done: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Stay:
    """One stay of an imported or corrected history; it ends where the next one begins."""

    stage: Stage
    entered_at: datetime.datetime
    precision: str = "exact"
    by: User | None = None
    close: Close | None = None


@dataclass(frozen=True)
class Moved:
    """`visit` is the stay that began; None: the deal was there already and nothing was written."""

    deal: Deal
    visit: StageVisit | None
    warnings: list[Verdict] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """Of a move that was taken back: what stays of what the process did with it."""


@dataclass(frozen=True)
class Stale:
    """Somebody was quicker. `deal` is as it is now."""

    deal: Deal
    by: User | None
    at: datetime.datetime


Code = Literal["conditions", "reason", "closed", "not_allowed", "jump", "stage_gone", "when", "late", "full", "invalid"]


@dataclass(frozen=True)
class Refused:
    """`message` says what to do, in the words of a salesperson; `missing` holds all verdicts that do not pass.

    `errors` are those of what was filled in, by field.
    """

    deal: Deal | None
    to_stage: Stage | None
    code: Code
    message: str
    missing: list[Verdict] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)


Outcome = Moved | Stale | Refused


def by_field(error: ValidationError) -> dict[str, list[str]]:
    return error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
