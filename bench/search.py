"""Finding anything among 500,000 names: whole requests as the search window sends them, middleware and session included.

The deals are those of `bench/seed.py`, which are all called almost the same: the worst case for an index of trigrams.
Organizations and contacts get names made of words, by a formula: the same each time.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.urls import reverse

from bench import measure
from crm import database_rules
from crm.models import User
from leads.models import Contact, Organization
from pipeline.models import Deal

ORGANIZATIONS, CONTACTS = 100_000, 170_000
EMAIL = "anna.silverer2"
ASKED = {
    "nothing typed": "",
    "1 letter": "s",
    "2 letters": "su",
    "3 letters": "sum",
    "5 letters": "summi",
    "12 letters": "summit orcha",
    "two words, other order": "orchard summit",
    "in all deals": "monitoring",
    "an email address": EMAIL,
    "misspelt": "sumit orhcard",
    "misspelt, in all deals": "enrgy monitorng",
    "not there": "qwxyzv",
    "signs": "%_%\\",
}
WORDS = (
    "alder amber anchor apex arbor arctic ash atlas aurora autumn bay beacon birch blue border bridge brook canyon castle"
    " cedar chalk cliff cloud coast cobalt copper coral crest crown dawn delta dune eagle echo elm ember falcon fern field"
    " fjord flint forge fox frost garden glacier glen golden granite grove gull harbor hawk hazel heath heron hill horizon"
    " indigo island ivy jade juniper keystone lake lantern larch laurel lily linden lion lunar maple marble marsh meadow"
    " mercury mill mint mirror mist moon moss mountain nordic oak oasis ocean olive onyx opal orchard orion osprey otter"
    " palm pearl pebble phoenix pine pioneer planet polar poplar prairie quarry quartz rain raven reef ridge river robin"
    " rock rose rowan ruby saffron sage sail sapphire scarlet sequoia shadow shore silver sky slate snow solar spring"
    " spruce star steel stone storm stream summit sun swan swift temple terra thistle thunder tide timber topaz tower"
    " trail tundra valley velvet vine violet vista walnut water wave willow wind winter wolf yarrow zenith zephyr"
)
FIRST = (
    "anna ben carla david elena frank greta hugo irene jonas karin lukas maria nils olga peter rosa stefan tina victor"
)
FIELDS = "logistics foods energy systems retail consulting engineering software"
FORMS = "ltd gmbh ag inc sarl"


def search() -> dict[str, Any]:
    _fill()
    rows = {model.__name__: model._default_manager.count() for model in (Deal, Organization, Contact)}
    people = {"admin": User.objects.get(role="admin"), "rep": User.objects.filter(role="rep").order_by("pk")[0]}
    address, headers = reverse("search"), {"HX-Request": "true"}
    figures = {
        who: {said: measure.page(address, user, {"q": text}, headers) for said, text in ASKED.items()}
        for who, user in people.items()
    }
    return {"rows": rows, **figures}


def _fill() -> None:
    """Adds what is missing to the number of rows; `bench/seed.py` made the first ones."""
    rep = User.objects.filter(role="rep").order_by("pk").values_list("pk", flat=True)[0]
    with connection.cursor() as cursor:
        done = Organization.objects.count()
        if done >= ORGANIZATIONS:
            return
        database_rules.uninstall()
        for statement in _statements(done, Contact.objects.count(), rep):
            cursor.execute(statement)
        database_rules.install()
        cursor.execute("VACUUM ANALYZE")


def _statements(organizations: int, contacts: int, rep: int) -> list[str]:
    words, count = _array(WORDS), len(WORDS.split())
    two = f"{words}[1 + (n * 7919) % {count}] || ' ' || {words}[1 + (n / {count}) % {count}]"
    person = f"{_array(FIRST)}[1 + n % 20] || ' ' || {words}[1 + (n * 7919 / 20) % {count}] || (ARRAY['er','mann','son','ski'])[1 + n % 4]"
    shared = "version, created_at, updated_at, name, name_key, phone, owner_id"
    values = f"1, now(), now(), initcap(k), k, '', {rep} + n % 200"
    return [
        f"""INSERT INTO leads_organization (id, {shared}, website, industry, street, postal_code, city, country)
            SELECT n, {values}, 'https://' || replace(k, ' ', '-') || '.example', '', '', '',
              initcap({words}[1 + n % {count}]) || ' Town', ''
            FROM (SELECT n, {two} || ' ' || {_array(FIELDS)}[1 + n % 8] || ' ' || {_array(FORMS)}[1 + n % 5] AS k
                  FROM generate_series({organizations + 1}, {ORGANIZATIONS}) n) named""",
        f"""INSERT INTO leads_contact (id, {shared}, title, email, organization_id)
            SELECT n, {values}, '', replace(k, ' ', '.') || n || '@example.com', 1 + n % {ORGANIZATIONS}
            FROM (SELECT n, {person} AS k FROM generate_series({contacts + 1}, {CONTACTS}) n) named""",
        *(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            for table in ("leads_organization", "leads_contact")
        ),
    ]  # fmt: skip


def _array(words: str) -> str:
    return "(ARRAY[" + ",".join(f"'{word}'" for word in words.split()) + "])"
