"""What an administrator changes goes through rules: a version each time, nothing stranded, nothing of the past deleted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.db.models import Model
from django.test import Client

from crm.models import Change, Company, Membership, OutgoingMail, Team, User
from leads.models import ActivityType
from pipeline import definition, moves
from pipeline.models import CloseReason, Deal, EntryCondition, Pipeline, Stage, Tag
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> User:
    user = factories.user("admin", name="Ada Admin")
    client.force_login(user)
    return user


@pytest.fixture
def pipeline(admin: User) -> Pipeline:
    return definition.load_template("standard", by=admin)


def filled(client: Client, address: str) -> dict[str, Any]:
    """What the form on the page would send, unchanged."""
    context = client.get(address).context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if value is True:
                data[bound.html_name] = "on"
            elif value is not None and value is not False:
                data |= _parts(bound, value)
    return data


def _parts(bound: Any, value: Any) -> dict[str, Any]:
    widget = bound.field.widget
    if not hasattr(widget, "decompress"):
        return {bound.html_name: value}
    return {
        f"{bound.html_name}_{place}": part for place, part in enumerate(widget.decompress(value)) if part is not None
    }


def send(client: Client, address: str, **changes: Any) -> Any:
    return client.post(address, {**filled(client, address), **changes})


def page_of(row: Model) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def errors(response: Any) -> str:
    return " ".join(
        re.sub(r"<[^>]+>", " ", found)
        for found in re.findall(r'(?s)<ul class="errorlist.*?</ul>', response.content.decode())
    )


def place_of(client: Client, pipeline: Pipeline, name: str) -> int:
    formset = next(
        each.formset
        for each in client.get(page_of(pipeline)).context["inline_admin_formsets"]
        if each.formset.prefix == "stages"
    )
    return next(number for number, form in enumerate(formset.forms) if form.instance.name == name)


# --- The process


def test_every_page_opens(client: Client, pipeline: Pipeline) -> None:
    rep = factories.user(team=factories.team())
    made = moves.create_deal(
        pipeline.stages.all()[0].pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="page"
    )
    assert isinstance(made, moves.Moved)
    for model, page in django_admin.site._registry.items():
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(base).status_code in (200, 302), base
        row = model._default_manager.first()
        if row is not None:
            assert client.get(page_of(row)).status_code == 200, model
        if page.has_add_permission(client.get(base).wsgi_request):
            assert client.get(f"{base}add/").status_code == 200, model


def test_saving_without_a_change_writes_no_version(client: Client, pipeline: Pipeline) -> None:
    for address in [page_of(pipeline), *(page_of(stage) for stage in pipeline.stages.all())]:
        response = send(client, address)
        assert response.status_code == 302, errors(response)
    assert pipeline.versions.count() == 1


def test_an_admin_adds_a_stage_and_a_version_says_so(client: Client, pipeline: Pipeline, admin: User) -> None:
    number = pipeline.stages.count()
    new = {"order": 10, "name": "Trial", "kind": "open", "probability": 55, "target_days": 10}
    row = {f"stages-{number}-{name}": value for name, value in new.items()}
    response = send(client, page_of(pipeline), **row, **{"stages-TOTAL_FORMS": number + 1, "note": "A trial first"})
    assert response.status_code == 302, errors(response)
    version = pipeline.versions.all()[0]
    assert (version.number, version.by, version.note) == (2, admin, "A trial first")
    assert "Trial" in [stage["name"] for stage in version.definition["stages"]]


def test_an_admin_orders_stages_by_their_numbers(client: Client, pipeline: Pipeline) -> None:
    send(client, page_of(pipeline), **{"stages-3-order": 5, "stages-4-order": 4})
    assert list(pipeline.stages.values_list("name", flat=True))[3:5] == ["Concerns", "Pitch"]


def test_an_admin_adds_a_condition_and_the_gate_obeys(client: Client, pipeline: Pipeline) -> None:
    stage = factories.stage(pipeline, "Qualifying")
    row = {
        "order": 2,
        "kind": "field",
        "field": "value",
        "operator": "at_least",
        "compared_with": "500",
        "label": "At least 500",
    }
    data = {f"conditions-1-{name}": value for name, value in {**row, "blocks": "on", "times": 1}.items()}
    response = send(client, page_of(stage), **data, **{"conditions-TOTAL_FORMS": 2})
    assert response.status_code == 302, errors(response)
    assert pipeline.versions.count() == 2
    rep = factories.user()
    made = moves.create_deal(stage.pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="page")
    assert isinstance(made, moves.Refused)
    assert "At least 500" in [verdict.condition.label for verdict in made.missing]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"kind": "activity"}, "“An activity took place” needs this."),
        ({"kind": "contact_role"}, "“A contact has a role” needs this."),
        ({"kind": "field", "operator": "filled"}, "“A field is filled or compares” needs this."),
        ({"kind": "field", "field": "value", "operator": "at_least"}, "Say what it is compared with."),
        (
            {"kind": "field", "field": "value", "operator": "at_least", "compared_with": "much"},
            "“much” is not a number",
        ),
        ({"kind": "field", "field": "source", "operator": "in_future"}, "“Source” cannot be compared in this way."),
        (
            {"kind": "field", "field": "horoscope", "operator": "filled"},
            "horoscope is not one of the available choices",
        ),
        ({"kind": "wish"}, "wish is not one of the available choices"),
    ],
)
def test_a_condition_without_its_object_is_refused_beside_the_field(
    client: Client, pipeline: Pipeline, row: dict[str, str], words: str
) -> None:
    stage = factories.stage(pipeline, "Qualifying")
    data = {
        f"conditions-1-{name}": value for name, value in {**row, "label": "New", "order": "2", "times": "1"}.items()
    }
    response = send(client, page_of(stage), **data, **{"conditions-TOTAL_FORMS": 2})
    assert response.status_code == 200
    assert words in errors(response)
    assert stage.conditions.count() == 1


def test_a_condition_keeps_only_what_its_kind_reads(client: Client, pipeline: Pipeline) -> None:
    stage = factories.stage(pipeline, "Qualifying")
    call = ActivityType.objects.get(key="call")
    send(
        client,
        page_of(stage),
        **{"conditions-0-kind": "activity", "conditions-0-activity_type": call.pk, "conditions-0-times": 2},
    )
    send(client, page_of(stage), **{"conditions-0-kind": "commitment"})
    condition = stage.conditions.get()
    assert (condition.kind, condition.activity_type, condition.times) == ("commitment", None, 1)


def test_a_broken_condition_is_named_on_the_page_of_its_stage(client: Client, pipeline: Pipeline) -> None:
    EntryCondition.objects.filter(kind="activity").update(activity_type=None)
    page = client.get(page_of(factories.stage(pipeline, "Concerns"))).content.decode()
    assert "“A presentation was held” is broken and keeps the stage closed" in page
    assert "is broken" not in client.get(page_of(factories.stage(pipeline, "Pitch"))).content.decode()


def test_an_activity_type_that_a_gate_asks_for_stays_in_use(client: Client, pipeline: Pipeline) -> None:
    presentation = ActivityType.objects.get(key="presentation")
    response = send(client, page_of(presentation), in_use="")
    assert "New business, Concerns: A presentation was held" in errors(response)
    assert ActivityType.objects.get(pk=presentation.pk).retired_at is None


def test_the_kind_of_a_stage_with_deals_stays_and_the_page_says_why(client: Client, pipeline: Pipeline) -> None:
    stage = factories.stage(pipeline, "To contact")
    rep = factories.user()
    moves.create_deal(stage.pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="page")
    for address, field in [(page_of(stage), "kind"), (page_of(pipeline), "stages-0-kind")]:
        response = send(client, address, **{field: "won"})
        assert "its kind is what they were then" in errors(response)
    stage.refresh_from_db()
    assert (stage.kind, pipeline.versions.count()) == ("open", 1)


def test_a_stage_with_deals_is_not_removed_and_the_page_says_why(client: Client, pipeline: Pipeline) -> None:
    stage = factories.stage(pipeline, "To contact")
    rep = factories.user()
    moves.create_deal(stage.pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="page")
    response = send(client, page_of(pipeline), **{"stages-0-DELETE": "on"})
    assert "retire it instead" in errors(response)
    assert Stage.objects.filter(pk=stage.pk).exists()


def test_a_pipeline_cannot_lose_its_only_won_stage(client: Client, pipeline: Pipeline) -> None:
    response = send(client, page_of(pipeline), **{f"stages-{place_of(client, pipeline, 'Won')}-DELETE": "on"})
    assert "no deal can be won" in errors(response)
    assert pipeline.versions.count() == 1


def test_only_one_stage_is_where_leads_enter(client: Client, pipeline: Pipeline) -> None:
    response = send(client, page_of(factories.stage(pipeline, "Pitch")), qualified_from_here="on")
    assert "one stage can be" in errors(response)
    response = send(client, page_of(pipeline), **{"stages-3-qualified_from_here": "on"})
    assert "one stage can be" in errors(response)
    response = send(
        client, page_of(pipeline), **{"stages-3-qualified_from_here": "on", "stages-2-qualified_from_here": ""}
    )
    assert response.status_code == 302, errors(response)
    assert pipeline.stages.get(qualified_from_here=True).name == "Pitch"


def test_retiring_a_stage_asks_where_its_deals_go(client: Client, pipeline: Pipeline, admin: User) -> None:
    stage, target = factories.stage(pipeline, "To contact"), factories.stage(pipeline, "Qualifying")
    rep = factories.user()
    moves.create_deal(stage.pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="page")
    address = f"/admin/pipeline/stage/{stage.pk}/retire/"
    assert "1 deal is in it." in client.get(address).content.decode()
    response = client.post(address, {"to_stage": ""})
    assert "say which stage they go to" in response.content.decode()
    assert client.post(address, {"to_stage": target.pk, "note": "Too early"}).status_code == 302
    deal = Deal.objects.get()
    assert (deal.stage, pipeline.versions.all()[0].note) == (target, "Too early")
    assert client.get(address).status_code == 404


def test_a_pipeline_with_open_deals_stays_in_use(client: Client, pipeline: Pipeline) -> None:
    rep = factories.user()
    stage = factories.stage(pipeline, "To contact")
    moves.create_deal(stage.pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="page")
    response = send(client, page_of(pipeline), in_use="")
    assert "1 open deals would be lost to sight" in errors(response)


def test_a_new_pipeline_begins_as_a_copy_of_a_template(client: Client, admin: User) -> None:
    data = {"name": "Partners", "currency": "GBP", "start": "b2b"}
    assert client.post("/admin/pipeline/pipeline/add/", data).status_code == 302
    made = Pipeline.objects.get(name="Partners")
    assert (made.currency, made.stages.count(), made.versions.get().by) == ("GBP", 6, admin)


def test_a_name_of_invisible_characters_is_no_name(client: Client, admin: User) -> None:
    response = client.post("/admin/pipeline/tag/add/", {"name": "\u200b\u200b"})
    assert "This field is required." in errors(response)
    assert not Tag.objects.exists()


# --- People


def test_a_new_user_gets_an_invitation_and_no_password_from_us(client: Client, admin: User) -> None:
    team = factories.team()
    data = {"email": "New@Example.com", "name": "Nina New", "role": "rep", "time_zone": "Europe/Paris", "team": team.pk}
    assert client.post("/admin/crm/user/add/", data).status_code == 302
    made = User.objects.get(email="new@example.com")
    assert not made.has_usable_password()
    assert OutgoingMail.objects.filter(user=made).count() == 1
    assert Membership.objects.get(user=made).team == team
    assert Change.objects.filter(object_type="user", object_id=made.pk, via="admin", by=admin).exists()


def test_a_changed_role_is_in_the_audit_trail(client: Client, admin: User) -> None:
    rep = factories.user("rep")
    assert send(client, page_of(rep), role="manager").status_code == 302
    change = Change.objects.get(object_type="user", object_id=rep.pk, field="role")
    assert (change.old, change.new, change.by) == ("rep", "manager", admin)


def test_the_last_administrator_stays_one(client: Client, admin: User) -> None:
    response = send(client, page_of(admin), role="rep")
    assert "This is the last administrator" in errors(response)
    response = client.post(f"/admin/crm/user/{admin.pk}/deactivate/", {"deals_to": factories.user().pk})
    assert "This is the last administrator" in response.content.decode()
    admin.refresh_from_db()
    assert admin.is_admin


def test_deactivating_asks_who_takes_over(client: Client, pipeline: Pipeline) -> None:
    rep, colleague = factories.user(), factories.user()
    stage = factories.stage(pipeline, "To contact")
    moves.create_deal(stage.pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="page")
    address = f"/admin/crm/user/{rep.pk}/deactivate/"
    assert "Say who takes over" in client.post(address, {"deals_to": ""}).content.decode()
    assert client.post(address, {"deals_to": colleague.pk}).status_code == 302
    rep.refresh_from_db()
    assert not rep.is_active
    assert Deal.objects.get().owner == colleague


def test_nobody_sets_the_password_or_the_email_of_another(client: Client, admin: User) -> None:
    rep = factories.user("rep")
    send(client, page_of(rep), email="mine@example.com", password="chosen for you", is_active="")
    before, rep = rep, User.objects.get(pk=rep.pk)
    assert (rep.email, rep.password, rep.is_active) == (before.email, before.password, True)


def test_a_team_is_not_part_of_itself(client: Client, admin: User) -> None:
    upper = factories.team()
    lower = factories.team(parent=upper)
    response = send(client, page_of(upper), parent=lower.pk)
    assert "cannot be part of itself" in errors(response)
    assert Team.objects.get(pk=upper.pk).parent is None


def test_company_settings_are_one_row_with_a_trail(client: Client, admin: User) -> None:
    response = send(client, "/admin/crm/company/1/change/", name="Brightwater", working_days=["0", "1", "2", "3"])
    assert response.status_code == 302, errors(response)
    company = Company.objects.get()
    assert (company.pk, company.name, company.working_days) == (1, "Brightwater", "0123")
    assert Change.objects.filter(object_type="company", field="name", new="Brightwater", by=admin).exists()
    assert client.get("/admin/crm/company/add/").status_code == 403
    assert client.get("/admin/crm/company/2/change/").status_code == 302


# --- What is only looked at


def test_history_is_neither_added_nor_changed_nor_deleted(client: Client, pipeline: Pipeline) -> None:
    rep = factories.user()
    stage = factories.stage(pipeline, "To contact")
    moves.create_deal(stage.pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="page")
    deal = Deal.objects.get()
    for row in [deal, deal.visits.get(), deal.attempts.get(), Change.objects.all()[0], pipeline.versions.get()]:
        base = page_of(row).removesuffix("change/")
        assert client.post(page_of(row), {"title": "Mine"}).status_code == 403
        assert client.post(f"{base}delete/", {"post": "yes"}).status_code == 403
        assert client.get(f"/admin/{row._meta.app_label}/{row._meta.model_name}/add/").status_code == 403
    assert Deal.objects.get().title == "A deal"


@pytest.mark.parametrize("model", [Pipeline, Stage, User, Team, ActivityType, CloseReason])
def test_what_history_refers_to_cannot_be_deleted(client: Client, pipeline: Pipeline, model: type[Model]) -> None:
    factories.team()
    row = model._default_manager.all()[0]
    assert client.post(f"{page_of(row).removesuffix('change/')}delete/", {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()
