"""Which organization a file means by an id or a name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.utils.translation import gettext as _

from crm.importing import Job, known
from crm.importing.columns import Entry, nearest
from leads.models import Organization
from leads.writing import name_key

ENOUGH = 20_000


class OrganizationNames:
    """Found ones are remembered; `load` asks for many at once."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.found: dict[str, list[Organization]] = {}

    def load(self, texts: Iterable[str]) -> None:
        if len(self.found) > ENOUGH:
            self.found.clear()
        wanted = {text for text in texts if text and text not in self.found}
        if not wanted:
            return
        external = [known.same_id(text) for text in wanted]
        ids = known.find_anywhere("organization", external) | known.find(
            self.job.options.source, "organization", external
        )
        visible = Organization.objects.visible_to(self.job.by)
        by_id = visible.in_bulk(ids.values())
        by_key: dict[str, list[Organization]] = defaultdict(list)
        for organization in visible.filter(name_key__in={name_key(text) for text in wanted}).order_by("pk"):
            by_key[organization.name_key].append(organization)
        for text in wanted:
            pk = ids.get(known.same_id(text))
            found = [by_id[pk]] if pk in by_id else by_key.get(name_key(text), [])
            if found:
                self.found[text] = found

    def knows(self, text: str) -> bool:
        self.load([text])
        return text in self.found

    def of(self, entry: Entry, field: str) -> Organization | None:
        """The one that is meant; none or several are a fault of the entry."""
        text = entry.values[field]
        self.load([text])
        found = self.found.get(text, [])
        if len(found) == 1:
            return found[0]
        if found:
            reason = _("%(count)d organizations have this name.") % {"count": len(found)}
            remedy = _("Merge them, or import organizations with their ids and name the id here.")
        else:
            reason = _("There is no such organization.")
            remedy = nearest(text, self._candidates(text)) or _("Import the organizations first.")
        entry.faults.append(self.job.sheet.fault(entry, field, reason, remedy))
        return None

    def _candidates(self, text: str) -> list[str]:
        """Names that begin alike, or a few thousand of them all where there are no more."""
        visible = Organization.objects.visible_to(self.job.by).order_by("pk")
        alike = visible.filter(name_key__startswith=name_key(text)[:2])
        return list(alike.values_list("name", flat=True)[:2000])
