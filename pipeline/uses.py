"""Which parts of the process still ask for a row of a list."""

from __future__ import annotations

from django.db.models import Model

from pipeline.models import EntryCondition


def conditions_asking_for(row: Model) -> list[str]:
    column = {"activitytype": "activity_type", "source": "when_source", "tag": "when_tag"}[row._meta.model_name or ""]
    asking = (
        EntryCondition.objects.in_use()
        .filter(**{column: row}, stage__retired_at__isnull=True)
        .select_related("stage__pipeline")
    )
    return [f"{condition.stage.pipeline}, {condition.stage}: {condition.label}" for condition in asking]
