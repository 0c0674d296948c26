"""The one writer of who takes part in a deal: contacts with role and stance, colleagues with a role."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import records
from crm.models import User
from crm.records import PastChange
from leads.models import Contact
from pipeline import access, marking
from pipeline.models import ContactRole, Deal, DealContact, DealMember, MemberRole, Stance


def set_contact(
    deal: Deal, contact: Contact, *, by: User | None, via: str, now: datetime.datetime, role: str | None = None, stance: str | None = None,
    is_primary: bool | None = None,
) -> DealContact:  # fmt: skip
    """Add the contact or change what is given; the first contact of a deal is its main one. The caller holds the deal's lock."""
    if role not in (None, "", *ContactRole.values) or stance not in (None, *Stance.values):
        raise ValidationError({"role": _("Choose one of the roles.")})
    person = DealContact.objects.filter(deal=deal, contact=contact).first()
    if person is None:
        person = DealContact(
            deal=deal, contact=contact, is_primary=not DealContact.objects.filter(deal=deal, is_primary=True).exists()
        )
    old = None if person.pk is None else _shown(person)
    person.role = person.role if role is None else role
    person.stance = person.stance if stance is None else stance
    if is_primary and not person.is_primary:
        DealContact.objects.filter(deal=deal, is_primary=True).update(is_primary=False)
        person.is_primary = True
    if old != _shown(person):
        person.save()
        records.save(deal, {"contacts": (old, _shown(person))}, by=by, via=via, now=now, also=marking.card_of(deal))
    return person


def remove_contact(deal: Deal, contact_id: int, *, by: User, via: str, now: datetime.datetime) -> None:
    person = DealContact.objects.filter(deal=deal, contact=contact_id).first()
    if person is not None:
        old, was_primary = _shown(person), person.is_primary
        person.delete()
        following = DealContact.objects.filter(deal=deal).order_by("pk").first()
        if was_primary and following is not None:
            following.is_primary = True
            following.save(update_fields=["is_primary"])
        records.save(deal, {"contacts": (old, None)}, by=by, via=via, now=now, also=marking.card_of(deal))


def set_member(deal: Deal, user: User, role: str, *, by: User, via: str, now: datetime.datetime) -> DealMember:
    """A colleague with a role sees and edits the deal. The caller holds the deal's lock."""
    if role not in MemberRole.values:
        raise ValidationError({"role": _("Choose one of the roles.")})
    if not user.is_active:
        raise ValidationError({"user": _("%(name)s no longer works here.") % {"name": user.name}})
    member, created = DealMember.objects.get_or_create(deal=deal, user=user, role=role)
    if created:
        access.membership_changed(by)
        records.save(
            deal, {"members": (None, f"{user.pk} {role}")}, by=by, via=via, now=now, also=marking.card_of(deal)
        )
    return member


def remove_member(deal: Deal, member_id: int, *, by: User, via: str, now: datetime.datetime) -> None:
    member = DealMember.objects.filter(deal=deal, pk=member_id).first()
    if member is not None:
        old = f"{member.user_id} {member.role}"
        member.delete()
        access.membership_changed(by)
        records.save(deal, {"members": (old, None)}, by=by, via=via, now=now, also=marking.card_of(deal))


def carry_over(other: Deal, deal: Deal, *, by: User, via: str, now: datetime.datetime) -> None:
    """Who takes part in a deal that becomes part of another. The caller holds the locks of both.

    A role or a stance that is known here stays. The other's owner goes on as a seller, so that nobody who worked on it
    loses sight of it. The other keeps its rows: they tell who was there.
    """
    known = {person.contact_id: person for person in DealContact.objects.filter(deal=deal)}
    for theirs in DealContact.objects.filter(deal=other).select_related("contact").order_by("-is_primary", "pk"):
        mine = known.get(theirs.contact_id)
        role = theirs.role if mine is None or not mine.role else None
        stance = theirs.stance if mine is None or mine.stance == Stance.UNKNOWN else None
        set_contact(deal, theirs.contact, by=by, via=via, now=now, role=role, stance=stance)
    rows = DealMember.objects.filter(deal=other).select_related("user").order_by("pk")
    colleagues = [(member.user, member.role) for member in rows]
    joins = owner_who_joins(other, deal)
    if joins is not None:
        colleagues.append((joins, MemberRole.SELLER))
    for user, role in colleagues:
        if user.is_active and user.pk != deal.owner_id:
            set_member(deal, user, role, by=by, via=via, now=now)


def owner_who_joins(other: Deal, deal: Deal) -> User | None:
    """The owner of a deal that becomes part of another, unless they work on that one already or no longer here."""
    owner = other.owner
    taking_part = DealMember.objects.filter(deal__in=[deal, other], user=owner).exists()
    return None if owner.pk == deal.owner_id or taking_part or not owner.is_active else owner


def keep_past(contacts: Sequence[DealContact], members: Sequence[DealMember], *, via: str) -> None:
    """Many at once, there since their deal began. One main contact a deal is the caller's to see to."""
    DealContact.objects.bulk_create(contacts)
    DealMember.objects.bulk_create(members)
    named = [(each.deal, {"contacts": (None, _shown(each))}) for each in contacts]
    named += [(each.deal, {"members": (None, f"{each.user_id} {each.role}")}) for each in members]
    records.note_past(
        (PastChange(deal, 1, changed, deal.created_by, deal.created_at) for deal, changed in named), via=via
    )


def _shown(person: DealContact) -> str:
    return f"{person.contact_id} {person.role} {person.stance}{' main' if person.is_primary else ''}"
