"""Lists and single records, the same for every kind: found by who asks, read and written by the rules of the kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.access import require_admin_scope
from crm.api.asking import Asked, Filter
from crm.api.paging import page_of
from crm.api.shapes import Shape
from crm.api.views import ApiView, tag_of, tag_of_content
from crm.models import Record, User
from crm.problems import Problem


def one_as_shown(
    shape: type[Shape], rows: Callable[[User], QuerySet[Any]]
) -> Callable[[User, int], dict[str, Any] | None]:
    """For what is told unasked: a record as this user would read it; None when they do not, or it is gone."""

    def one(user: User, pk: int) -> dict[str, Any] | None:
        found = rows(user).filter(pk=pk).first()
        return None if found is None else dict(shape(found, context={"user": user}).data)

    return one


class ListView(ApiView):
    shape: type[Shape]
    filters: Mapping[str, Filter] = {}
    orders: tuple[str, ...] = ("id",)
    order: str = "id"

    def rows(self) -> QuerySet[Any]:
        """Those that the user sees."""
        raise Http404

    def get(self, request: Request, **kwargs: Any) -> Response:
        asked = self.asked(self.filters, orders=self.orders, names=frozenset(self.shape.parts()), paged=True)
        rows = self.rows().filter(asked.where)
        page = page_of(rows, asked.order or self.order, asked.cursor, asked.size)
        results = self.shape(page.rows, many=True, only=asked.only, context={"user": self.user}).data
        data: dict[str, Any] = {
            "next": self._at(page.next, asked),
            "previous": self._at(page.previous, asked),
            "results": results,
        }
        if asked.count:
            data["count"] = rows.count()
        return Response(data, headers={"Page-Size": str(asked.size)})

    def _at(self, cursor: str, asked: Asked) -> str | None:
        if not cursor:
            return None
        query = self.request._request.GET.copy()
        query["cursor"] = cursor
        if asked.cut:
            query["limit" if "limit" in query else "page_size"] = str(asked.size)
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")

    def made(self, record: Record, shape: Shape) -> Response:
        where = self.request.build_absolute_uri(f"{self.request.path}{record.pk}/")
        return Response(shape.data, status=201, headers={"ETag": tag_of(record.version), "Location": where})

    def context(self) -> dict[str, Any]:
        return {"user": self.user}


class ObjectView(ApiView):
    """`visible` and `editable` are querysets of the user's rows, without limit to this one."""

    shape: type[Shape]

    def visible(self) -> QuerySet[Any]:
        raise Http404

    def editable(self) -> QuerySet[Any]:
        return self.visible().none()

    def to_see(self, pk: int) -> Any:
        found = self.visible().filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def to_edit(self, pk: int) -> Any:
        """404 for what this person does not see, 403 for what they may only read."""
        found = self.editable().filter(pk=pk).first()
        if found is None:
            self.to_see(pk)
            raise PermissionDenied
        return found

    def get(self, request: Request, pk: int) -> Response:
        asked = self.asked(names=frozenset(self.shape.parts()))
        return self.show(self.to_see(pk), only=asked.only)

    def show(self, record: Any, *, only: frozenset[str] | None = None, status: int = 200) -> Response:
        data = self.shape(record, only=only, context=self.context()).data
        tag = tag_of(record.version) if isinstance(record, Record) else tag_of_content(data)
        return Response(data, status=status, headers={"ETag": tag})

    def context(self) -> dict[str, Any]:
        return {"user": self.user}

    def hold(self, record: Any) -> Any:
        """The record under its lock, inside a transaction."""
        raise Http404

    def match(self, record: Any, tags: set[str] | None) -> None:
        """Under the lock, so that of two who read the same version one is told."""
        if record.deleted_at is not None:  # while this request waited for the lock
            raise Http404
        if tags is not None and tag_of(record.version) not in tags:
            detail = _("This was changed since you read it; read it again.")
            raise Problem(
                412, "precondition_failed", detail, headers={"ETag": tag_of(record.version)}, version=record.version
            )


class EditableView(ObjectView):
    """`change` has the record's rule write what was sent."""

    def change(self, record: Any, values: dict[str, Any]) -> None:
        raise Http404

    def patch(self, request: Request, pk: int) -> Response:
        tags = self.precondition()
        return self.once(lambda: self._patch(pk, tags))

    def _patch(self, pk: int, tags: set[str] | None) -> Response:
        self.asked()
        found, body = self.to_edit(pk), self.body()
        with transaction.atomic():
            record = self.hold(found)
            self.match(record, tags)
            self.change(record, self.shape(record, partial=True, context=self.context()).values(body))
        seen = self.visible().filter(pk=pk).first()
        # Whoever gives a record away may no longer see it.
        return self.show(seen) if seen is not None else Response(None, status=204)


class DeletableView(ObjectView):
    """`remove` has the record's rule take it out of the lists, or say in a ValidationError why it has to stay."""

    admin_scope = True
    """Whether a token needs the widest scope for it."""

    def deletable(self) -> QuerySet[Any]:
        return self.visible().none()

    def remove(self, record: Any) -> None:
        raise Http404

    def to_delete(self, pk: int) -> Any:
        """404 for what this person does not see, 403 for what is not theirs to delete."""
        found = self.deletable().filter(pk=pk).first()
        if found is None:
            self.to_see(pk)
            raise PermissionDenied
        return found

    def delete(self, request: Request, pk: int) -> Response:
        tags = self.precondition()
        return self.once(lambda: self._delete(pk, tags))

    def _delete(self, pk: int, tags: set[str] | None) -> Response:
        self.asked()
        found = self.to_delete(pk)
        if self.admin_scope:
            require_admin_scope(self.request, _("To delete something, a token needs the scope “admin”."))
        with transaction.atomic():
            record = self.hold(found)
            self.match(record, tags)
            try:
                self.remove(record)
            except ValidationError as error:
                raise Problem(409, "kept", " ".join(error.messages)) from error
        return Response(None, status=204)


class RestoreView(ObjectView):
    """`bring_back` has the record's rule undo its deletion, or say in a ValidationError why not yet. Twice is once."""

    http_method_names = ["post"]

    def restorable(self) -> QuerySet[Any]:
        """Deleted or not."""
        return self.visible().none()

    def deleted(self) -> QuerySet[Any]:
        """Those that the user would see if they had not been deleted."""
        raise Http404

    def bring_back(self, record: Any) -> None:
        raise Http404

    def to_restore(self, pk: int) -> Any:
        """404 for what this person would not see, 403 for what is not theirs to bring back."""
        found = self.restorable().filter(pk=pk).first()
        if found is None:
            if not self.deleted().filter(pk=pk).exists():
                self.to_see(pk)
            raise PermissionDenied
        return found

    def post(self, request: Request, pk: int) -> Response:
        return self.once(lambda: self._post(pk))

    def _post(self, pk: int) -> Response:
        self.asked()
        self.no_body()
        found = self.to_restore(pk)
        require_admin_scope(self.request, _("To bring something back, a token needs the scope “admin”."))
        try:
            self.bring_back(found)
        except ValidationError as error:
            raise Problem(409, "part", " ".join(error.messages)) from error
        return self.show(self.to_see(pk))
