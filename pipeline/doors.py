"""What the doors to a deal have in common: finding it for the person who asks."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from crm.models import User
from crm.visitors import Request
from pipeline.models import Deal, Task


def deal_to_see(request: Request, pk: int) -> Deal:
    """404 for a deal that this person does not see, or that was deleted."""
    return get_object_or_404(Deal.objects.visible_to(request.user).with_names(), pk=pk)


def deal_to_edit(request: Request, pk: int) -> Deal:
    """404 for what this person does not see, 403 for what they may only read."""
    deal = Deal.objects.editable_by(request.user).with_names().filter(pk=pk).first()
    if deal is None:
        deal_to_see(request, pk)
        raise PermissionDenied
    return deal


def deal_to_manage(request: Request, pk: int) -> Deal:
    """What only the managers of the owner may do: delete, correct, change the pipeline."""
    deal = deal_to_edit(request, pk)
    if not manages(request.user, deal):
        raise PermissionDenied
    return deal


def task_to_edit(request: Request, pk: int) -> Task:
    task = Task.objects.editable_by(request.user).filter(pk=pk).first()
    if task is None:
        get_object_or_404(Task.objects.visible_to(request.user), pk=pk)
        raise PermissionDenied
    return task


def deleted_deal(request: Request, pk: int) -> Deal:
    """A deal that this person would see if it had not been deleted or merged."""
    deal = Deal.objects.deleted_and_visible_to(request.user).with_names().filter(pk=pk).first()
    if deal is None:
        raise Http404
    return deal


def manages(user: User, deal: Deal) -> bool:
    """An editor of the deal who is a manager; a manager who is only a member of it may still not delete it."""
    return user.is_manager and Deal.objects.managed_by(user).filter(pk=deal.pk).exists()
