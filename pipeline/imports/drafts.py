"""A deal as a file tells it, before anything is written: its fields checked, its references found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.importing import ImportField, Job, Kind, Stop, known
from crm.importing.columns import Entry, nearest
from crm.importing.owners import Owners
from crm.tables import Fault, Row
from crm.text import same_name_key
from leads import sources
from leads.matching import OrganizationNames
from pipeline import products
from pipeline.models import Stage
from pipeline.moves import Stay
from pipeline.moves.create import check_new

ID_LIMIT = 200
MOST = 500

ID = ImportField(
    "external_id", gettext_lazy("Id"), Kind.TEXT, ("opportunity id", "deal id", "record id", "case id", "id")
)
STAGE = ImportField("stage", gettext_lazy("Stage"), Kind.TEXT, ("deal stage", "stage name", "opportunity stage"))
FIELDS = (
    ImportField("title", gettext_lazy("Title"), Kind.TEXT, ("deal name", "opportunity name", "name")),
    ImportField(
        "organization", gettext_lazy("Organization"), Kind.TEXT,
        ("account id", "account", "account name", "associated company", "company", "company name", "customer"),
    ),
    ImportField("value", gettext_lazy("Value"), Kind.NUMBER, ("close value", "amount", "deal amount", "deal value")),
    ImportField("currency", gettext_lazy("Currency"), Kind.TEXT, ("currency iso code", "currency code", "deal currency code")),
    ImportField(
        "owner", gettext_lazy("Owner"), Kind.TEXT,
        ("sales agent", "owner id", "deal owner", "opportunity owner", "sales rep", "salesperson", "account executive"),
    ),
    ImportField("product", gettext_lazy("Product"), Kind.TEXT, ("product name",)),
    ImportField("source", gettext_lazy("Source"), Kind.TEXT, ("lead source", "deal source", "original source")),
)  # fmt: skip


@dataclass
class Draft:
    """`lines` are all rows of the file that tell of it. `fields` are those that the file gives."""

    entry: Entry
    external: str
    lines: list[int]
    fields: dict[str, Any] = field(default_factory=dict)
    stage: Stage | None = None  # where the file says it is
    stays: list[Stay] = field(default_factory=list)
    by_line: dict[int, tuple[Fault, ...]] = field(default_factory=dict)
    """Faults of single rows, where several tell of the deal."""

    def refuse(self, job: Job, name: str, reason: str, remedy: str = "") -> None:
        self.entry.faults.append(job.sheet.fault(self.entry, name, reason, remedy))


class Choices:
    """Products or sources: the different texts of a column; those that are new are added and said."""

    def __init__(
        self, job: Job, name: str, existing: Mapping[str, Any], add: Callable[[Iterable[str]], list[Any]]
    ) -> None:
        self.job, self.name, self.found, self.add = job, name, dict(existing), add
        self.new: dict[str, str] = {}

    def look(self, row: Row) -> None:
        text = self.job.sheet.text(row, self.name)
        key = same_name_key(text)
        if key and key not in self.found:
            self.new.setdefault(key, text)
        if len(self.new) > MOST:
            detail = {"column": self.job.sheet.column(self.name), "limit": MOST}
            raise Stop(_("“%(column)s” has more than %(limit)d different values; is it the right column?") % detail)

    def ready(self) -> None:
        made = []
        for key, text in self.new.items():
            try:
                self.found[key] = self.add([text])[0]
            except ValidationError:
                continue  # each row with it is refused
            made.append(text)
        if made:
            label = self.job.sheet.fields[self.name].label
            words = ngettext(
                "%(label)s: %(count)d added: %(names)s.", "%(label)s: %(count)d added: %(names)s.", len(made)
            )
            self.job.report.notes.append(words % {"label": label, "count": len(made), "names": ", ".join(made)})

    def of(self, entry: Entry) -> Any:
        found = self.found.get(same_name_key(entry.values[self.name]))
        if found is None:
            hint = nearest(entry.values[self.name], [each.name for each in self.found.values()])
            entry.faults.append(self.job.sheet.fault(entry, self.name, _("This cannot be used as a choice."), hint))
        return found


class DealFields:
    """The fields of a deal that an entry gives, with references found; what cannot be is a fault of the entry."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.owners, self.organizations = Owners(job), OrganizationNames(job)
        self.choices = [
            Choices(job, "product", products.by_name(), products.add),
            Choices(job, "source", sources.by_name(), sources.add),
        ]

    def look(self, row: Row) -> None:
        self.owners.look(row)
        for choices in self.choices:
            choices.look(row)

    def ready(self) -> None:
        self.owners.ready()
        for choices in self.choices:
            choices.ready()

    def load(self, entries: Iterable[Entry]) -> None:
        self.organizations.load(entry.values.get("organization", "") for entry in entries)

    def of(self, entry: Entry) -> dict[str, Any]:
        fields: dict[str, Any] = {
            name: entry.values[name] for name in ("title", "value", "expected_close") if name in entry.values
        }
        if "currency" in entry.values:
            fields["currency"] = entry.values["currency"].upper()
        if "organization" in entry.values:
            fields["organization"] = self.organizations.of(entry, "organization")
        for choices in self.choices:
            if choices.name in entry.values:
                fields[choices.name] = choices.of(entry)
        owner = self.owners.of(entry)
        return fields | ({"owner": owner} if owner else {})

    def of_new(self, draft: Draft) -> None:
        """Title, owner and currency are there whatever the file says; the fields then hold what will be stored."""
        fields = {"title": _title(draft), "owner": self.owners.default, **draft.fields}
        if draft.stage is not None and not draft.entry.faults:
            try:
                draft.fields = check_new(draft.stage.pipeline.currency, fields, self.owners.default)
            except ValidationError as error:
                draft.entry.faults += self.job.sheet.faults(draft.entry, error)


def external_id(job: Job, entry: Entry) -> str:
    """The file's id; without one, the title and the organization, by which the same file is known again."""
    external = known.same_id(entry.values.get("external_id", ""))
    if not external and "external_id" not in job.sheet.places:
        title, organization = (same_name_key(entry.values.get(name, "")) for name in ("title", "organization"))
        external = f"{title} | {organization}" if title else ""
        if len(external) > ID_LIMIT:
            external = hashlib.sha256(external.encode()).hexdigest()
    if not external:
        name = "external_id" if "external_id" in job.sheet.places else "title"
        entry.faults.append(job.sheet.fault(entry, name, _("Without it, the row would be another deal each time.")))
    elif len(external) > ID_LIMIT:
        entry.faults.append(
            job.sheet.fault(entry, "external_id", _("At most %(count)d characters.") % {"count": ID_LIMIT})
        )
    return external


def _title(draft: Draft) -> str:
    organization, product = draft.fields.get("organization"), draft.fields.get("product")
    parts = [each.name for each in (organization, product if organization else None) if each]
    return " – ".join(parts)[:200] or draft.external[:200]
