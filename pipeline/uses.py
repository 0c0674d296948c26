"""Which parts of the process still ask for a row of a list, and which deals for a record."""

from __future__ import annotations

from django.db.models import Model, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leads.models import Activity, Contact, Organization
from pipeline.models import Commitment, Deal, EntryCondition, Task


def conditions_asking_for(row: Model) -> list[str]:
    column = {"activitytype": "activity_type", "source": "when_source", "tag": "when_tag"}[row._meta.model_name or ""]
    asking = (
        EntryCondition.objects.in_use()
        .filter(**{column: row}, stage__retired_at__isnull=True)
        .select_related("stage__pipeline")
    )
    return [f"{condition.stage.pipeline}, {condition.stage}: {condition.label}" for condition in asking]


def open_deals_with(record: Organization | Contact) -> list[str]:
    """Closed deals are history: they go on naming whom they were made with."""
    theirs = Q(organization=record) if isinstance(record, Organization) else Q(people__contact=record)
    count = Deal.objects.existing().open().filter(theirs).count()
    return [ngettext("%(count)d open deal", "%(count)d open deals", count) % {"count": count}] if count else []


def open_tasks_for(organization: Organization) -> list[str]:
    """Those of its deals are told with the deals."""
    count = Task.objects.open().of_organization(organization).count()
    return [ngettext("%(count)d open task", "%(count)d open tasks", count) % {"count": count}] if count else []


def agreed_in(activity: Activity) -> list[str]:
    """What the buyer agreed to in it and nobody has withdrawn."""
    standing = Commitment.objects.standing().filter(activity=activity).select_related("condition")
    return [_("the commitment “%(label)s”") % {"label": each.condition.label} for each in standing]
