"""What the doors to a deal have in common: finding it for the person who asks."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from crm.models import User
from crm.visitors import Request
from leads.models import Organization
from pipeline import merging
from pipeline.models import Deal, Task


def deal_to_see(request: Request, pk: int) -> Deal:
    """404 for a deal that this person does not see, or that was deleted."""
    return get_object_or_404(Deal.objects.visible_to(request.user).with_names(), pk=pk)


def deal_to_edit(request: Request, pk: int, *, named: bool = True) -> Deal:
    """404 for what this person does not see, 403 for what they may only read. Not `named` for who shows no names."""
    deals = Deal.objects.editable_by(request.user)
    deal = (deals.with_names() if named else deals).filter(pk=pk).first()
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


def organization_to_edit(request: Request, pk: int) -> Organization:
    organization = Organization.objects.editable_by(request.user).filter(pk=pk).first()
    if organization is None:
        get_object_or_404(Organization.objects.visible_to(request.user), pk=pk)
        raise PermissionDenied
    return organization


def deleted_deal(request: Request, pk: int) -> Deal:
    """A deal that this person would see if it had not been deleted or merged, or whose survivor they see."""
    deal = Deal.objects.deleted_and_visible_to(request.user).with_names().filter(pk=pk).first()
    if deal is None:
        deal, _survivor = merged_deal(request, pk)
    return deal


def merged_deal(request: Request, pk: int) -> tuple[Deal, Deal]:
    """A deal that is part of another one now, and that one: its history is for all who see the survivor."""
    found = merging.history_for(request.user, pk)
    if found is None:
        raise Http404
    return found


def manages(user: User, deal: Deal) -> bool:
    """An editor of the deal who is a manager; a manager who is only a member of it may still not delete it."""
    return user.is_manager and Deal.objects.managed_by(user).filter(pk=deal.pk).exists()
