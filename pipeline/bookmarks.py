"""Keeping a view of a board or a list by name. The filters were read by the door; they are read again when it is opened."""

from __future__ import annotations

import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock
from crm.models import User
from crm.text import clean_text
from pipeline.models import FirstView, Pipeline, SavedView

MOST = 50
"""Of one person: more would be no help to anybody."""


def keep(
    pipeline: Pipeline, shown: str, query: str, name: str, *, shared: bool, by: User, now: datetime.datetime | None = None
) -> SavedView:  # fmt: skip
    """A name that is there already gets these filters: saving twice is once. Raises ValidationError by field."""
    name = _checked(name, shared, by)
    if len(query) > 1000:
        raise ValidationError(_("There are too many filters to keep."))
    with transaction.atomic():
        User.objects.select_for_update().get(pk=by.pk)
        others = SavedView.objects.filter(by=by).exclude(name=name)
        if others.count() >= MOST:
            raise ValidationError(_("You keep %(most)d views already. Delete one first.") % {"most": MOST})
        given = {"pipeline": pipeline, "shown": shown, "query": query, "shared": shared}
        made, _new = SavedView.objects.update_or_create(
            by=by, name=name, defaults=given, create_defaults={**given, "created_at": now or clock.now()}
        )
        return made


def rename(view_id: int, name: str, *, shared: bool, by: User) -> SavedView:
    """Also shares it, or no longer. Raises ValidationError by field."""
    with transaction.atomic():
        view = SavedView.objects.select_for_update().get(pk=view_id)
        name = _checked(name, shared, by)
        if SavedView.objects.filter(by=view.by_id, name=name).exclude(pk=view.pk).exists():
            raise ValidationError({"name": _("Another view has this name.")})
        view.name, view.shared = name, shared
        view.save(update_fields=["name", "shared"])
        return view


def delete(view_id: int) -> None:
    SavedView.objects.filter(pk=view_id).delete()


def open_first(view: SavedView | None, *, by: User) -> None:
    """From now on the board opens with this view; None: with the board that was open last."""
    if view is None:
        FirstView.objects.filter(user=by).delete()
    else:
        FirstView.objects.update_or_create(user=by, defaults={"view": view})


def first_of(user: User) -> SavedView | None:
    """Unless it is out of sight or its pipeline out of use."""
    mine = FirstView.objects.filter(user=user).values("view")
    return SavedView.objects.visible_to(user).usable().filter(pk__in=mine).first()


def _checked(name: str, shared: bool, by: User) -> str:
    name = clean_text(name).strip()
    if not name or len(name) > 60:
        raise ValidationError({"name": _("Give it a name of at most 60 characters.")})
    if shared and not by.is_manager:
        raise ValidationError({"shared": _("Managers and administrators share views.")})
    return name
