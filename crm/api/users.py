"""Colleagues by name: those whose records one sees, and those one works with in a team."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from crm import access
from crm.api.asking import TEXT, Filter, words
from crm.api.description import Described
from crm.api.resources import ListView, ObjectView
from crm.api.shapes import Shape, Text, Whole, Yes


class UserShape(Shape):
    id = Whole(read_only=True)
    name = Text(read_only=True)
    is_active = Yes(read_only=True, says=_("Whether the person still works here."))


class UserList(ListView):
    shape = UserShape
    filters = {"name": Filter(words, lambda value: Q(name__icontains=value), TEXT, _("Part of the name."))}
    orders = ("id", "name")
    order = "name"
    described = {"get": Described("List colleagues", gives=UserShape, many=True)}

    def rows(self) -> QuerySet[Any]:
        return access.known_users(self.user)


class UserObject(ObjectView):
    shape = UserShape
    described = {"get": Described("Read a colleague", gives=UserShape)}

    def visible(self) -> QuerySet[Any]:
        return access.known_users(self.user)
