"""The doors of programs to webhooks: of administrators with scope “admin”, as the page of the administration."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.access import require_admin_scope
from crm.api.asking import TEXT, Filter, choice, same, words
from crm.api.description import Described
from crm.api.resources import EditableView, ListView, ObjectView
from crm.api.shapes import (
    BIGGEST_ID,
    Choice,
    Moment,
    Part,
    Reference,
    Shape,
    Text,
    Whole,
    Yes,
    not_there,
    read_id,
    wrong,
)
from crm.api.views import ApiView, tag_of_content
from crm.models import Team, Webhook, WebhookDelivery
from crm.models.audit import Via
from crm.problems import Problem
from crm.webhooks import keeping, kinds


class Events(Part):
    """Names of events, each once."""

    @property
    def kind(self) -> dict[str, Any]:  # type: ignore[override]
        return {"type": "array", "items": {"type": "string", "enum": list(kinds.known())}}

    def to_internal_value(self, data: Any) -> list[str]:
        known = kinds.known()
        if not isinstance(data, list) or not all(isinstance(each, str) for each in data):
            raise wrong(_("A list of events is expected, such as [“deal.won”]."))
        unknown = [each for each in data if each not in known]
        if unknown:
            raise wrong(_("There is no event “%(name)s”.") % {"name": unknown[0][:40]}, "choice")
        return data


class PipelineId(Part):
    """This app does not know pipelines; it is told which may be chosen."""

    kind = {"type": "integer", "minimum": 1, "maximum": BIGGEST_ID}

    def to_internal_value(self, data: Any) -> int:
        pk = read_id(data)
        if pk not in dict(kinds.pipelines()):
            raise not_there()
        return pk


class Secret(Text):
    def get_attribute(self, instance: Any) -> Any:
        return self.context["secret"]


class WebhookShape(Shape):
    id = Whole(read_only=True)
    name = Text(longest=80)
    url = Text(longest=500, says=_("Begins with https:// and has a name on the internet."))
    events = Events()
    pipeline = PipelineId(required=False, allow_null=True, says=_("Only what belongs to this pipeline."))
    team = Reference(
        lambda user: Team.objects.all(), required=False, allow_null=True, says=_("Only records that people of this team own.")
    )  # fmt: skip
    with_imports = Yes(required=False)
    owner = Reference(read_only=True, says=_("What this person may not see is not sent."))
    paused_at = Moment(read_only=True, allow_null=True)
    paused_reason = Text(read_only=True)
    tried_at = Moment(read_only=True, allow_null=True)
    created_at = Moment(read_only=True)
    example = {
        "name": "Bookkeeping",
        "url": "https://example.com/hooks/stagecraft",
        "events": ["deal.won", "deal.lost"],
    }


class WebhookWithSecretShape(WebhookShape):
    secret = Secret(read_only=True, allow_null=True, says=_("Shown this once: keep it, it signs what is sent."))


class PauseShape(Shape):
    reason = Text(required=False, longest=200)
    example = {"reason": "The receiver is moving"}


class DeliveryShape(Shape):
    id = Whole(read_only=True)
    webhook = Reference(read_only=True)
    event = Text(read_only=True)
    event_id = Text(read_only=True, says=_("The same each time it is sent."))
    sequence = Whole(read_only=True)
    happened_at = Moment(read_only=True)
    state = Choice(WebhookDelivery.State.values, read_only=True)
    attempts = Whole(read_only=True)
    status = Whole(read_only=True, allow_null=True, says=_("Of the receiver's last answer."))
    last_error = Text(read_only=True)
    not_before = Moment(read_only=True)
    sent_at = Moment(read_only=True, allow_null=True)


class ForAdministrators(ApiView):
    """404 for others where one webhook is named, so that nobody learns how many there are."""

    def demand(self) -> None:
        words = _("Webhooks are for administrators, with a token of scope “admin”.")
        require_admin_scope(self.request, words)

    def hooks(self) -> QuerySet[Webhook]:
        return Webhook.objects.seen_by(self.user).select_related("owner")

    def deliveries(self) -> QuerySet[WebhookDelivery]:
        return WebhookDelivery.objects.filter(webhook__in=Webhook.objects.seen_by(self.user))


class OfAll(ForAdministrators, ListView):
    def get(self, request: Request, **kwargs: Any) -> Response:
        self.admit()
        return super().get(request, **kwargs)

    def admit(self) -> None:
        if not self.user.is_admin:
            raise PermissionDenied
        self.demand()


class WebhookList(OfAll):
    shape = WebhookShape
    orders = ("id", "name", "created_at")
    described = {
        "get": Described("List webhooks", gives=WebhookShape, many=True, says=_("Of an administrator, with scope “admin”.")),
        "post": Described(
            "Add a webhook", takes=WebhookShape, gives=WebhookWithSecretShape, status=201,
            says=_("Of an administrator, with scope “admin”. The secret stands in this answer and nowhere else: sent again with"
                   " the same Idempotency-Key, the answer has null there, and a new secret is made with “secret”."),
        ),
    }  # fmt: skip

    def rows(self) -> QuerySet[Any]:
        return self.hooks()

    def post(self, request: Request) -> Response:
        self.admit()
        return self.once(self._post, secret="secret")  # noqa: S106  (the name of the field)

    def _post(self) -> Response:
        self.asked()
        values = self.shape(context=self.context()).values(self.body())
        made, secret = keeping.make(values, by=self.user, via=Via.API)
        where = self.request.build_absolute_uri(f"{self.request.path}{made.pk}/")
        return with_secret(made, secret, 201, {"Location": where})


def with_secret(hook: Webhook, secret: str, status: int, headers: dict[str, str]) -> Response:
    data = WebhookWithSecretShape(hook, context={"secret": secret}).data
    return Response(data, status=status, headers={**headers, "ETag": tag_of_content(WebhookShape(hook).data)})


class OfOne(ForAdministrators, ObjectView):
    shape: type[Shape] = WebhookShape

    def visible(self) -> QuerySet[Any]:
        return self.hooks()

    def to_see(self, pk: int) -> Any:
        found = super().to_see(pk)
        self.demand()
        return found


class WebhookObject(OfOne, EditableView):
    described = {
        "get": Described("Read a webhook", gives=WebhookShape),
        "patch": Described(
            "Change a webhook", takes=WebhookShape, gives=WebhookShape, versioned=True, changes={"events": ["deal.won"]}
        ),
    }  # fmt: skip

    def to_edit(self, pk: int) -> Any:
        return self.to_see(pk)

    def hold(self, record: Webhook) -> Webhook:
        return Webhook.objects.select_for_update().get(pk=record.pk)

    def match(self, record: Webhook, tags: set[str] | None) -> None:
        tag = tag_of_content(self.shape(record, context=self.context()).data)
        if tags is not None and tag not in tags:
            detail = _("This was changed since you read it; read it again.")
            raise Problem(412, "precondition_failed", detail, headers={"ETag": tag})

    def change(self, record: Webhook, values: dict[str, Any]) -> None:
        keeping.change(record.pk, values, by=self.user, via=Via.API)


class _Act(OfOne):
    """Something done with one of them; answered with what it is then."""

    http_method_names = ["post"]

    def post(self, request: Request, pk: int) -> Response:
        found = self.to_see(pk)
        return self.once(lambda: self._post(found))

    def _post(self, found: Any) -> Response:
        self.asked()
        self.act(found)
        return self.show(self.to_see(found.pk))

    def act(self, found: Any) -> None:
        raise PermissionDenied


class Pause(_Act):
    described = {
        "post": Described(
            "Pause a webhook", takes=PauseShape, gives=WebhookShape,
            says=_("Nothing is sent, and what happens meanwhile is not told. What waits already goes out when it is resumed."),
        )
    }  # fmt: skip

    def act(self, found: Webhook) -> None:
        values = PauseShape().values(self.body())
        reason = values.get("reason") or _("Paused by %(name)s.") % {"name": self.user.name}
        keeping.pause(found.pk, reason, by=self.user, via=Via.API)


class Resume(_Act):
    described = {"post": Described("Resume a webhook", gives=WebhookShape)}

    def act(self, found: Webhook) -> None:
        self.no_body()
        keeping.resume(found.pk, by=self.user, via=Via.API)


class NewSecret(OfOne):
    http_method_names = ["post"]
    described = {
        "post": Described(
            "Make a new secret", gives=WebhookWithSecretShape,
            says=_("It stands in this answer and nowhere else. The one before holds for a day beside it."),
        )
    }  # fmt: skip

    def post(self, request: Request, pk: int) -> Response:
        found = self.to_see(pk)
        return self.once(lambda: self._post(found), secret="secret")  # noqa: S106  (the name of the field)

    def _post(self, found: Webhook) -> Response:
        self.asked()
        self.no_body()
        secret = keeping.new_secret(found.pk, by=self.user, via=Via.API)
        return with_secret(self.to_see(found.pk), secret, 200, {})


class Resend(OfOne):
    http_method_names = ["post"]
    described = {
        "post": Described(
            "Send again what was given up",
            gives={"type": "object", "properties": {"sent_again": {"type": "integer"}}, "required": ["sent_again"]},
            says=_("All of this webhook that was given up after five attempts, each with the id that it had."),
        )
    }  # fmt: skip

    def post(self, request: Request, pk: int) -> Response:
        found = self.to_see(pk)
        return self.once(lambda: self._post(found))

    def _post(self, found: Webhook) -> Response:
        self.asked()
        self.no_body()
        return Response({"sent_again": keeping.send_parked_again(found.pk)})


class DeliveryList(OfAll):
    shape = DeliveryShape
    filters = {
        "webhook": same("webhook"),
        "state": choice("state", *WebhookDelivery.State.values),
        "event": Filter(words, lambda value: Q(event=value), TEXT, _("Such as deal.won.")),
    }
    orders = ("id", "happened_at")
    order = "-id"
    described = {
        "get": Described(
            "List what webhooks were sent", gives=DeliveryShape, many=True,
            says=_("And what waits, or was given up. Of an administrator, with scope “admin”."),
        )
    }  # fmt: skip

    def rows(self) -> QuerySet[Any]:
        return self.deliveries()


class DeliveryObject(OfOne):
    shape = DeliveryShape
    described = {"get": Described("Read what a webhook was sent", gives=DeliveryShape)}

    def visible(self) -> QuerySet[Any]:
        return self.deliveries()


class ResendOne(_Act):
    shape = DeliveryShape
    described = {
        "post": Described(
            "Send an event again", gives=DeliveryShape,
            says=_("With the id that it had, and five new attempts. What waits to be sent is left as it is."),
        )
    }  # fmt: skip

    def visible(self) -> QuerySet[Any]:
        return self.deliveries()

    def act(self, found: WebhookDelivery) -> None:
        self.no_body()
        keeping.send_again(found.pk)
