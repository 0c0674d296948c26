"""New deals in one transaction a chunk; a row that cannot be does not take the others with it."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.importing import Job, known
from crm.models.audit import Via
from crm.tables import Fault
from pipeline import moves
from pipeline.imports.drafts import Draft
from pipeline.models import Deal


def existing_deals(job: Job, external_ids: Iterable[str]) -> dict[str, Deal]:
    """External id → deal, deleted ones too."""
    ids = known.find(job.options.source, "deal", (each for each in external_ids if each))
    related = ("organization", "owner", "product", "source", "pipeline")
    rows = Deal.objects.select_related(*related).in_bulk(ids.values())
    return {external: rows[pk] for external, pk in ids.items() if pk in rows}


def create(job: Job, drafts: list[Draft]) -> None:
    """History is accepted in place of conditions, because these deals are new. What cannot be is a fault of its entry."""
    if not drafts:
        return
    try:
        with transaction.atomic():
            rows = [(draft.fields, draft.stays) for draft in drafts]
            made = moves.create_with_history(rows, by=job.by, via=Via.IMPORT, now=job.now)
            known.note(
                job.options.source,
                "deal",
                ((draft.external, deal.pk) for draft, deal in zip(drafts, made, strict=True)),
            )
    except (ValidationError, IntegrityError) as error:
        if len(drafts) == 1:
            drafts[0].entry.faults += _why(job, drafts[0], error)
            return
        for draft in drafts:
            create(job, [draft])


def refused_elsewhere(job: Job, draft: Draft, deal: Deal) -> bool:
    """A deal that is known is no longer where the file could change it: deleted, or in another pipeline."""
    if deal.deleted_at is not None:
        draft.refuse(job, "external_id", _("It was deleted here."), _("Restore it first, or take the row out."))
    elif draft.stage is not None and draft.stage.pipeline_id != deal.pipeline_id:
        reason = _("The deal of this id is in the pipeline “%(name)s”.") % {"name": deal.pipeline.name}
        draft.refuse(job, "external_id", reason, _("If the ids are those of another system, name it with --source."))
    return bool(draft.entry.faults)


def _why(job: Job, draft: Draft, error: ValidationError | IntegrityError) -> list[Fault]:
    if isinstance(error, ValidationError):
        return job.sheet.faults(draft.entry, error)
    return [Fault(_("Another import took this deal at the same time."), _("Import the file again."))]
