"""Organizations and the people in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.models import Record, RecordQuerySet, User
from leads import access


class OrganizationQuerySet(RecordQuerySet):
    def visible_to(self, user: User) -> Self:
        return self.existing().known_to(user)

    def known_to(self, user: User) -> Self:
        """Deleted ones too: to say that they are."""
        return self.filter(access.organizations_visible_to(user))

    def editable_by(self, user: User) -> Self:
        return self.existing().filter(access.organizations_editable_by(user))

    def deletable_by(self, user: User) -> Self:
        return self.existing().filter(access.owned_by(user))

    def deleted_and_known_to(self, user: User) -> Self:
        """Those that would be visible if they had not been deleted."""
        return self.known_to(user).deleted()

    def restorable_by(self, user: User) -> Self:
        """By whoever might delete it again. One that is there already is found too, and left as it is."""
        return self.unmerged().filter(access.owned_by(user))

    def the_one(self, pk: int | None) -> Self:
        """What a form shows already, beside what the user may choose."""
        return self.filter(pk=pk)


class Organization(Record):
    name = models.CharField(_("name"), max_length=200)
    # text.same_name_key of the name, for duplicates and the search: SQLite folds ASCII only. Written with the name.
    name_key = models.CharField(max_length=200, blank=True, default="", db_index=True, editable=False)
    website = models.URLField(_("website"), blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    industry = models.CharField(_("industry"), max_length=80, blank=True)
    employees = models.PositiveIntegerField(_("employees"), null=True, blank=True)
    street = models.CharField(_("street"), max_length=200, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    country = models.CharField(_("country"), max_length=60, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("part of")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="organizations", verbose_name=_("owner")
    )

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ["name", "pk"]
        indexes = [models.Index(Lower("name"), name="organization_name")]

    def __str__(self) -> str:
        return self.name


class ContactQuerySet(RecordQuerySet):
    def visible_to(self, user: User) -> Self:
        return self.existing().known_to(user)

    def known_to(self, user: User) -> Self:
        """Deleted ones too: to say that they are."""
        return self.filter(access.contacts_visible_to(user))

    def editable_by(self, user: User) -> Self:
        return self.existing().filter(access.contacts_editable_by(user))

    def deletable_by(self, user: User) -> Self:
        return self.existing().filter(access.owned_by(user))

    def deleted_and_known_to(self, user: User) -> Self:
        """Those that would be visible if they had not been deleted."""
        return self.known_to(user).deleted()

    def restorable_by(self, user: User) -> Self:
        """By whoever might delete it again. One that is there already is found too, and left as it is."""
        return self.unmerged().filter(access.owned_by(user))

    def of(self, organization: Organization) -> Self:
        return self.filter(organization=organization)

    def among(self, ids: Iterable[int]) -> Self:
        return self.filter(pk__in=ids)

    def not_on(self, ids: Any) -> Self:
        """Without these: a query for ids will do."""
        return self.exclude(pk__in=ids)


class Contact(Record):
    name = models.CharField(_("name"), max_length=200)
    name_key = models.CharField(max_length=200, blank=True, default="", db_index=True, editable=False)
    title = models.CharField(_("job title"), max_length=120, blank=True)
    email = models.EmailField(_("email"), blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="contacts", verbose_name=_("organization")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="contacts", verbose_name=_("owner")
    )

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["name", "pk"]
        indexes = [models.Index(Lower("name"), name="contact_name"), models.Index(Lower("email"), name="contact_email")]

    def __str__(self) -> str:
        return self.name
