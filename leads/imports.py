"""Importing organizations and contacts. Each row goes through the rules of `organizations` and `contacts`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import importing
from crm.importing import Importable, ImportField, Job, Kind, Outcome, Result, known
from crm.importing.columns import Entry
from crm.importing.owners import Owners
from crm.models.audit import Via
from crm.tables import Fault, Row
from leads import contacts, organizations
from leads.matching import OrganizationNames
from leads.models import Contact, Organization
from leads.writing import Conflict, name_key


class _Refuse(Exception):
    def __init__(self, reason: str, remedy: str = "", field: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.field = reason, remedy, field


class _Rows(ABC):
    """What both kinds have in common: the record that a row means, and one call of its rule."""

    object_type: str
    model: type[Organization] | type[Contact]
    rule: Any
    """The module that writes: `create` and `edit`."""

    def __init__(self, job: Job) -> None:
        self.job, self.sheet = job, job.sheet
        self.owners, self.names = Owners(job), OrganizationNames(job)
        self.first_line: dict[str, int] = {}

    def look(self, row: Row) -> None:
        self.owners.look(row)

    def ready(self) -> None:
        self.owners.ready()

    def results(self) -> Iterable[Result]:
        return importing.by_chunks(self.job, self.take)

    def take(self, rows: list[Row]) -> Sequence[Result | None]:
        with transaction.atomic():
            return [self.one(row) for row in rows]

    def one(self, row: Row) -> Result:
        entry = self.sheet.entry(row.line, self.sheet.texts(row))
        values = self.values(entry)
        try:
            if not entry.faults:
                with transaction.atomic():
                    return Result(row.line, self._write(entry, values))
        except _Refuse as refuse:
            entry.faults.append(self.sheet.fault(entry, refuse.field, refuse.reason, refuse.remedy))
        except ValidationError as error:
            entry.faults += self.sheet.faults(entry, error)
        except IntegrityError:
            entry.faults.append(Fault(_("Another import took this row at the same time."), _("Import the file again.")))
        return Result(row.line, Outcome.REFUSED, tuple(entry.faults))

    def values(self, entry: Entry) -> dict[str, Any]:
        """The fields of the record; what cannot be told is a fault of the entry."""
        values = {name: value for name, value in entry.values.items() if name not in ("external_id", "owner")}
        values.setdefault("name", "")
        owner = self.owners.of(entry)
        return values | ({"owner": owner} if owner else {})

    @abstractmethod
    def key(self, values: Mapping[str, Any]) -> str:
        """What tells records apart that have no id."""

    def alike(self, values: Mapping[str, Any]) -> list[Any]:
        """The records here that this row could mean."""
        return list(self.rule.same(values))

    def _write(self, entry: Entry, values: dict[str, Any]) -> Outcome:
        external = known.same_id(entry.values.get("external_id", ""))
        self._refuse_twice(entry.line, external, f"#{external}" if external else self.key(values))
        pk = known.find(self.source, self.object_type, [external]).get(external) if external else None
        record = self._by_id(pk) if pk else self._by_name(external, values)
        if record is None:
            record = self.rule.create(
                {"owner": self.owners.default, **values}, by=self.job.by, via=Via.IMPORT, now=self.job.now
            )
            outcome = Outcome.CREATED
        else:
            outcome = self._edit(record, values)
        if external and not pk:
            known.note(self.source, self.object_type, [(external, record.pk)])
        return outcome

    @property
    def source(self) -> str:
        return self.job.options.source

    def _refuse_twice(self, line: int, external: str, key: str) -> None:
        first = self.first_line.setdefault(key, line)
        if first != line:
            reason = _("Line %(line)d is the same one.") % {"line": first}
            raise _Refuse(reason, _("Keep one of the two."), "external_id" if external else "name")

    def _by_id(self, pk: int) -> Any:
        record: Any = self.model.objects.get(pk=pk)
        while record.merged_into is not None:
            record = record.merged_into
        if record.deleted_at is not None:
            raise _Refuse(_("It was deleted here."), _("Restore it first, or take the row out."), "external_id")
        return record

    def _by_name(self, external: str, values: Mapping[str, Any]) -> Any:
        """With an id: one that was entered by hand under that name takes the id, unless it has another already."""
        found = self.alike(values)
        if external:
            return None if len(found) != 1 or known.has_id(self.source, self.object_type, found[0].pk) else found[0]
        if len(found) > 1:
            reason = _("%(count)d records here are called this.") % {"count": len(found)}
            raise _Refuse(reason, _("Merge them, or import with a column of ids."), "name")
        return found[0] if found else None

    def _edit(self, record: Any, values: dict[str, Any]) -> Outcome:
        if all(getattr(record, name) == value for name, value in values.items()):
            return Outcome.UNCHANGED
        if not self.model.objects.editable_by(self.job.by).filter(pk=record.pk).exists():
            raise _Refuse(
                _("%(name)s may not change it.") % {"name": self.job.by.name}, _("Import as its owner: --by EMAIL.")
            )
        answer = self.rule.edit(record.pk, values, version=record.version, by=self.job.by, via=Via.IMPORT)
        if isinstance(answer, Conflict):
            raise _Refuse(_("Somebody changed it during the import."), _("Import the file again."))
        return Outcome.UPDATED if answer.changed else Outcome.UNCHANGED


class _Organizations(_Rows):
    object_type, model, rule = "organization", Organization, organizations

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.in_file: set[str] = set()
        self.waiting: list[Row] = []

    def look(self, row: Row) -> None:
        super().look(row)
        if "parent" in self.sheet.places:
            self.in_file |= {name_key(self.sheet.text(row, "name")), known.same_id(self.sheet.text(row, "external_id"))}

    def results(self) -> Iterable[Result]:
        """A row may name as its parent one that stands further down: it waits until that one is there."""
        yield from super().results()
        before = -1
        while self.waiting and len(self.waiting) != before:
            rows, self.waiting, before = self.waiting, [], len(self.waiting)
            yield from (result for result in self.take(rows) if result is not None)
        self.in_file = set()  # what still waits, waits for a row that was refused, or in a circle
        yield from (result for result in self.take(self.waiting) if result is not None)

    def take(self, rows: list[Row]) -> Sequence[Result | None]:
        with transaction.atomic():
            return [None if self._waits(row) else self.one(row) for row in rows]

    def _waits(self, row: Row) -> bool:
        parent = self.sheet.text(row, "parent")
        if not parent or self.names.knows(parent) or not self.in_file & {name_key(parent), known.same_id(parent)}:
            return False
        self.waiting.append(row)
        return True

    def values(self, entry: Entry) -> dict[str, Any]:
        values = super().values(entry)
        if "parent" in values:
            values["parent"] = self.names.of(entry, "parent")
        if "website" in values:
            values["website"] = _address(values["website"])
        return values

    def key(self, values: Mapping[str, Any]) -> str:
        return name_key(values["name"])


class _Contacts(_Rows):
    object_type, model, rule = "contact", Contact, contacts

    def values(self, entry: Entry) -> dict[str, Any]:
        values = super().values(entry)
        parts = [values.pop(name, "") for name in ("first_name", "last_name")]
        values["name"] = values["name"] or " ".join(part for part in parts if part)
        if "organization" in values:
            values["organization"] = self.names.of(entry, "organization")
        return values

    def key(self, values: Mapping[str, Any]) -> str:
        organization = values.get("organization")
        return (
            values.get("email", "").lower() or f"{name_key(values['name'])}|{organization.pk if organization else ''}"
        )

    def alike(self, values: Mapping[str, Any]) -> list[Contact]:
        """The one with the same email, whatever the name; else those of the same name in the same organization."""
        found, email = contacts.same(values), values.get("email", "").lower()
        same = [each for each in found if email and each.email.lower() == email]
        return same or [each for each in found if not (email and each.email)]


def _address(text: str) -> str:
    return text if "://" in text else f"https://{text}"


_OWNER = ImportField(
    "owner", gettext_lazy("Owner"), Kind.TEXT, ("owner id", "account owner", "contact owner", "company owner")
)

ORGANIZATIONS = Importable(
    "organizations", gettext_lazy("Organizations"),
    (
        ImportField(
            "name", gettext_lazy("Name"), Kind.TEXT,
            ("account name", "company name", "account", "company", "organization", "organization name"),
        ),
        ImportField(
            "external_id", gettext_lazy("Id"), Kind.TEXT, ("id", "record id", "account id", "company id", "organization id")
        ),
        ImportField("website", gettext_lazy("Website"), Kind.TEXT, ("website url", "url", "company domain name", "domain")),
        ImportField("phone", gettext_lazy("Phone"), Kind.TEXT, ("phone number",)),
        ImportField("industry", gettext_lazy("Industry"), Kind.TEXT, ("sector",)),
        ImportField("employees", gettext_lazy("Employees"), Kind.WHOLE, ("number of employees", "employee count", "headcount")),
        ImportField("street", gettext_lazy("Street"), Kind.TEXT, ("billing street", "street address", "address")),
        ImportField("postal_code", gettext_lazy("Postal code"), Kind.TEXT, ("billing postal code", "zip", "zip code", "postcode")),
        ImportField("city", gettext_lazy("City"), Kind.TEXT, ("billing city", "town")),
        ImportField("country", gettext_lazy("Country"), Kind.TEXT, ("billing country", "country region", "office location")),
        ImportField("parent", gettext_lazy("Part of"), Kind.TEXT, ("parent id", "parent account", "parent company", "subsidiary of")),
        _OWNER,
    ),
    needs=(("name",),), begin=_Organizations,
)  # fmt: skip

CONTACTS = Importable(
    "contacts", gettext_lazy("Contacts"),
    (
        ImportField("name", gettext_lazy("Name"), Kind.TEXT, ("full name", "contact name", "contact")),
        ImportField("first_name", gettext_lazy("First name"), Kind.TEXT, ("given name",)),
        ImportField("last_name", gettext_lazy("Last name"), Kind.TEXT, ("family name", "surname")),
        ImportField("external_id", gettext_lazy("Id"), Kind.TEXT, ("id", "record id", "contact id")),
        ImportField("title", gettext_lazy("Job title"), Kind.TEXT, ("position",)),
        ImportField("email", gettext_lazy("Email"), Kind.TEXT, ("email address", "e-mail", "mail")),
        ImportField("phone", gettext_lazy("Phone"), Kind.TEXT, ("phone number", "mobile phone", "mobile")),
        ImportField(
            "organization", gettext_lazy("Organization"), Kind.TEXT,
            ("account id", "account", "account name", "associated company", "company", "company name"),
        ),
        _OWNER,
    ),
    needs=(("name", "last_name", "first_name"),), begin=_Contacts,
)  # fmt: skip
