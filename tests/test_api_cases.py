"""Bad input, case by case: each gets a clear answer, nothing is written, and the lists are still shown afterwards.

The numbers are those of the catalogue; case 79, a body that trickles in, is the web server's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client

from crm.api.schema import document
from crm.models import Answer
from tests.api_world import V1, ApiWorld, Program
from tests.traces import no_trace

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[ApiWorld]:
    with django_db_blocker.unblock(), transaction.atomic():
        world = ApiWorld()
        world.program = Program(world.rep)  # type: ignore[attr-defined]
        world.program.get("choices/")  # type: ignore[attr-defined]
        yield world
        transaction.set_rollback(True)


def told(answer: Any, status: int, *fields: str) -> dict[str, Any]:
    """Each refusal has the one shape; `fields` are those that it names."""
    assert answer.status_code == status, f"{answer.status_code}, not {status}: {answer.content.decode()[:400]}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "code", "detail", "errors", "request_id"} <= body.keys()
    assert body["status"] == status and body["request_id"] == answer.headers["X-Request-ID"] and body["detail"]
    assert set(fields) <= {fault["field"] for fault in body["errors"]}, body["errors"]
    return body


TITLE = b'{"title": "%s"}'
BODIES: list[tuple[int, bytes, int, tuple[str, ...]]] = [
    (43, b"", 400, ()),
    (43, b"   ", 400, ()),
    (43, b"null", 400, ()),
    (43, b"[]", 400, ()),
    (43, b'"x"', 400, ()),
    (43, b"5", 400, ()),
    (44, b'{"title": "Me', 400, ()),
    (44, b'{"title"', 400, ()),
    (44, b"{'title': 1}", 400, ()),
    (45, b"[" * 100_000, 400, ()),
    (45, b'{"title":' * 100_000, 400, ()),
    (45, b'{"title": ' + b"[" * 300 + b"]" * 300 + b"}", 400, ()),
    (45, b'{"title": "' + b'\\"' * 400_000, 400, ()),
    (46, b'{"value": NaN}', 400, ()),
    (46, b'{"value": Infinity}', 400, ()),
    (46, b'{"value": -Infinity}', 400, ()),
    (46, b'{"value": 1e999}', 400, ()),
    (46, b'{"value": "NaN"}', 400, ("value",)),
    (46, b'{"value": "1e5"}', 400, ("value",)),
    (46, b'{"value": -1}', 400, ("value",)),
    (46, b'{"value": "0.001"}', 400, ("value",)),
    (46, b'{"value": 10000000000000}', 400, ("value",)),
    (47, b'{"value": ' + b"9" * 5000 + b"}", 400, ()),
    (47, b'{"value": 1.' + b"9" * 5000 + b"}", 400, ()),
    (48, b'{"title": "a\\u0000b"}', 400, ("title",)),
    (48, b'{"a\\u0000b": 1}', 400, ()),
    (48, b'{"title": "a\x00b"}', 400, ()),
    (49, b'{"title": "a\\ud800b"}', 400, ("title",)),
    (49, b'{"\\udfff": 1}', 400, ()),
    (49, b'{"tags": ["\\ud800"]}', 400, ("tags[0]",)),
    (50, "{\"title\": \"a\u202eb\"}".encode(), 400, ("title",)),
    (51, b'{"title": "\xff\xfe"}', 400, ()),
    (51, '{"title": "x"}'.encode("utf-16"), 400, ()),
    (51, b'{"title": "\xed\xa0\x80"}', 400, ()),
    (52, b'{"title": "a", "title": "b"}', 400, ()),
    (52, b'{"title": "a", "\\u0074itle": "b"}', 400, ()),
    (53, b'{"titel": "a"}', 400, ("titel",)),
    (54, b'{"id": 5}', 400, ("id",)),
    (54, b'{"version": 5}', 400, ("version",)),
    (54, b'{"status": "won"}', 400, ("status",)),
    (54, b'{"stage": 1}', 400, ("stage",)),
    (54, b'{"created_by": 1, "rank": 1}', 400, ("created_by", "rank")),
    (55, b'{"title": 5}', 400, ("title",)),
    (55, b'{"title": null}', 400, ("title",)),
    (55, b'{"title": true}', 400, ("title",)),
    (55, b'{"organization": "5"}', 400, ("organization",)),
    (55, b'{"expected_close": 20270101}', 400, ("expected_close",)),
    (55, b'{"expected_close": "01.02.2027"}', 400, ("expected_close",)),
    (55, b'{"expected_close": "2027-02-30"}', 400, ("expected_close",)),
    (55, b'{"expected_close": "0001-01-01"}', 400, ("expected_close",)),
    (55, b'{"currency": 5}', 400, ("currency",)),
    (55, b'{"currency": "XXQ"}', 400, ("currency",)),
    (56, b'{"organization": true}', 400, ("organization",)),
    (56, b'{"organization": [1]}', 400, ("organization",)),
    (56, b'{"organization": 1.0}', 400, ("organization",)),
    (56, b'{"title": {"a": 1}}', 400, ("title",)),
    (56, b'{"tags": 1}', 400, ("tags",)),
    (56, b'{"tags": [true]}', 400, ("tags",)),
    (56, b'{"value": true}', 400, ("value",)),
    (57, b'{"organization": 9223372036854775808}', 400, ("organization",)),
    (57, b'{"organization": 1000000000000000000000000000000}', 400, ("organization",)),
    (57, b'{"owner": 0}', 400, ("owner",)),
    (57, b'{"tags": [9223372036854775807]}', 400, ("tags",)),
    (57, b'{"title": "%s"}' % (b"x" * 201), 400, ("title",)),
    (57, b'{"title": "  "}', 400, ("title",)),
    (73, b'{"title": "%s"}' % (b"x" * 1_100_000), 413, ()),
    (73, b'{"title": "%s"}' % (b"x" * 3_000_000), 413, ()),
    (73, b'{"title": "%s"}' % (b"x" * 10_000_000), 413, ()),
]  # fmt: skip


@pytest.mark.parametrize(("case", "body", "status", "fields"), BODIES, ids=lambda value: str(value)[:28])
def test_a_bad_body(world: Any, case: int, body: bytes, status: int, fields: tuple[str, ...]) -> None:
    with no_trace(str(case)):
        answer = world.program.ask("PATCH", f"deals/{world.deal.pk}/", body, If_Match="*")
    told(answer, status, *fields)
    assert world.program.get("deals/").status_code == 200


def test_a_broken_body_is_told_where_it_breaks(world: Any) -> None:
    answer = world.program.ask("PATCH", f"deals/{world.deal.pk}/", b'{"title":\n "x" "y"}', If_Match="*")
    assert "line 2, column 6" in told(answer, 400)["detail"]


DEEP = "[" * 2000
ADDRESSES: list[tuple[int, str, int]] = [
    (58, "deals/10000000000000000000000/", 404),
    (58, "deals/abc/", 404),
    (58, "deals/-1/", 404),
    (58, "deals/%00/", 400),
    (58, "deals/9223372036854775808/visits/", 404),
    (58, "nothing/", 404),
    (58, "deals", 404),
    (59, "deals/?q=%00", 400),
    (59, "deals/?q=a%00b", 400),
    (60, "deals/?stage=abc", 400),
    (60, "deals/?stage=", 400),
    (60, "deals/?stage=%C2%B2", 400),
    (61, "deals/?id__in=10000000000000000000000", 400),
    (61, "deals/?stage=10000000000000000000000", 400),
    (61, "deals/?stage=9223372036854775807", 200),
    (62, "deals/?ownr=1", 400),
    (62, "deals/?owner=1&owner=2", 400),
    (62, "board/?pipeline={pipeline}&ownr=1", 400),
    (62, "board/", 400),
    (62, "board/?pipeline=abc", 400),
    (62, "board/?pipeline=99999999", 404),
    (62, "users/?email=a", 400),
    (63, "deals/?ordering=id;drop", 400),
    (63, "deals/?ordering=owner__password", 400),
    (63, "deals/?ordering=owner", 400),
    (63, "deals/?ordering=--id", 400),
    (63, "deals/?ordering=", 400),
    (64, "deals/?title__regex=(a%2B)%2B%24", 400),
    (64, "deals/?owner__password=x", 400),
    (64, "deals/?value_min=abc", 400),
    (64, "deals/?value_min=1e999", 400),
    (64, "deals/?value_min=NaN", 400),
    (64, "deals/?expected_close_from=2027-13-01", 400),
    (64, "deals/?updated_since=2027-01-01T10:00:00", 400),
    (64, "deals/?updated_since=yesterday", 400),
    (64, "deals/?status=Won", 400),
    (65, "deals/?_connector=OR", 400),
    (65, "deals/?_negated=1", 400),
    (66, "deals/?page=0", 400),
    (66, "deals/?cursor=abc", 400),
    (66, "deals/?cursor=W10", 400),
    (66, "deals/?cursor=bnVsbA", 400),
    (66, "deals/?cursor=%F0%9F%98%80", 400),
    (66, "deals/?page_size=0", 400),
    (66, "deals/?page_size=-1", 400),
    (66, "deals/?page_size=1e3", 400),
    (66, "deals/?page_size=" + "9" * 3000, 400),
    (67, "deals/?page_size=1000000000", 200),
    (68, "deals/?" + "&".join(f"a{number}=1" for number in range(400)), 400),
    (68, "deals/?" + "&".join(f"a{number}=1" for number in range(3000)), 414),
    (68, "deals/?q=" + "a" * 100_000, 414),
    (69, "deals/?q=" + "a" * 201, 400),
    (69, "deals/?q=" + "(a%2B)%2B" * 20 + "%25_%5C", 200),
    (69, "deals/?fields=id,password", 400),
    (69, "deals/?fields=", 400),
    (69, "deals/?count=yes", 400),
    (76, "deals/?token=sc_abc", 400),
    (80, "deals/{deal}/gate/?stage=abc", 400),
    (80, "deals/{deal}/gate/?stage=99999999", 400),
    (80, "deals/{deal}/?expand=owner", 400),
]


@pytest.mark.parametrize(("case", "path", "status"), ADDRESSES, ids=lambda value: str(value)[:40])
def test_a_bad_address(world: Any, case: int, path: str, status: int) -> None:
    with no_trace(path):
        answer = world.program.get(path.format(pipeline=world.pipeline.pk, deal=world.deal.pk))
    if status == 200:
        assert answer.status_code == 200
    else:
        told(answer, status)


def test_a_page_that_was_cut_says_so(world: Any) -> None:
    assert world.program.get("deals/?page_size=1000000000").headers["Page-Size"] == "200"


def test_an_unknown_parameter_is_named_on_every_address(world: Any) -> None:
    for path in (
        "deals/",
        "tasks/",
        "activities/",
        "contacts/",
        "stages/",
        "choices/",
        f"deals/{world.deal.pk}/visits/",
    ):
        told(world.program.get(f"{path}?ownr=1"), 400, "ownr")
    for path in ("deals/", "tasks/", "activities/", "contacts/", f"deals/{world.deal.pk}/move/"):
        told(world.program.post(f"{path}?ownr=1"), 400, "ownr")


PAYLOADS = [
    "' OR 1=1 --", "1; DROP TABLE crm_user", "1) UNION SELECT password FROM crm_user", "$(sleep 5)", "%%", "\\", "{{7*7}}",
    "id__isnull", "-id,pg_sleep(5)", "\ud83d\ude00", "null", "[]",
]  # fmt: skip


@pytest.mark.parametrize("path", sorted(path for path, ways in document()["paths"].items() if "get" in ways))
def test_no_parameter_reaches_the_database_as_it_is(world: Any, path: str) -> None:
    url = path.replace("{id}", str(world.deal.pk)) + (f"?pipeline={world.pipeline.pk}&" if "board" in path else "?")
    program = (
        Program(world.admin, "admin") if path.startswith(("/api/v1/webhooks", "/api/v1/deliveries")) else world.program
    )
    names = [each["name"] for each in document()["paths"][path]["get"]["parameters"] if each["in"] == "query"]
    for name in [*names, "unknown"]:
        for payload in PAYLOADS:
            answer = program.get(f"{url}{name}={quote(payload, errors='surrogatepass')}")
            assert answer.status_code in (200, 400, 404), f"{name}={payload}: {answer.status_code}"
            assert name != "unknown" or answer.status_code == 400


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json; charset=bogus", "application/json; charset=utf-16", "multipart/form-data; boundary=x",
             "application/x-www-form-urlencoded", "text/html; charset=utf-8", "application/merge-patch+json"],
)  # fmt: skip
def test_70_another_type_of_body(world: Any, kind: str) -> None:
    with no_trace(kind):
        told(world.program.post("deals/", {"title": "x"}, Content_Type=kind), 415)


def test_70_the_type_of_body_may_name_its_charset(world: Any) -> None:
    answer = world.program.post("organizations/", {"name": "Ümlaut"}, Content_Type='Application/JSON; charset="UTF-8"')
    assert answer.status_code == 201 and answer.json()["name"] == "Ümlaut"


def test_71_an_answer_that_is_not_offered(world: Any) -> None:
    told(world.program.get("deals/", Accept="text/csv"), 406)
    assert world.program.get("deals/", Accept="text/html, */*;q=0.1").status_code == 200


def test_72_a_method_that_is_not_offered(world: Any) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "BREW"):
        answer = world.program.ask(method, "deals/")
        told(answer, 405)
        assert answer.headers["Allow"] == "GET, HEAD, POST"
    answer = world.program.ask("POST", f"deals/{world.deal.pk}/", {}, X_HTTP_Method_Override="DELETE")
    told(answer, 405)
    assert world.program.ask("POST", "/api/schema/").status_code == 405


def test_74_a_change_names_the_version_it_is_about(world: Any) -> None:
    url, program = f"deals/{world.deal.pk}/", world.program
    with no_trace():
        told(program.ask("PATCH", url, {"title": "x"}), 428)
        for malformed in ("1", "abc", '"1', "", '"1",', "W/1", '"a"b"'):
            told(program.patch(url, {"title": "x"}, malformed), 400)
        for stale in ('"7"', 'W/"1"', '"7", "8"', '"abc"'):
            answer = program.patch(url, {"title": "x"}, stale)
            told(answer, 412)
            assert answer.headers["ETag"] == '"1"'
    assert program.get(url).headers["ETag"] == '"1"'


def test_74_a_deletion_names_the_version_it_is_about(world: Any) -> None:
    admin, url = Program(world.admin, "admin"), f"deals/{world.deal.pk}/"
    told(admin.ask("DELETE", url), 428)
    told(admin.ask("DELETE", url, If_Match='"7"'), 412)
    assert world.program.get(url).status_code == 200


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "x" * 300, "a b", "é"])
def test_75_a_key_that_is_none(world: Any, key: str) -> None:
    with no_trace():
        told(world.program.post("deals/", {"title": "x"}, Idempotency_Key=key), 400)
    assert not Answer.objects.exists()


@pytest.mark.parametrize("host", ["evil.com", "evil.com:80", "testserver.evil.com", "a b", "testserver@evil.com"])
def test_78_another_host(world: Any, host: str) -> None:
    answer = Client(headers={"Authorization": f"Bearer {world.program.token}", "Host": host}).get(f"{V1}deals/")
    assert answer.status_code == 400


def test_an_error_before_any_view_is_told_the_same_way(world: Any, settings: Any) -> None:
    settings.DEBUG = False
    told(Client(headers={"Host": "evil.com"}).get(f"{V1}deals/"), 400)
    told(Client().get("/api/v2/"), 404)
    told(Client().post("/api/v1/deals", b"{}", content_type="application/json"), 404)


def test_a_fault_of_ours_is_told_the_same_way(world: Any, settings: Any, monkeypatch: Any) -> None:
    settings.DEBUG = False
    monkeypatch.setattr("pipeline.api.process.Choices.get", lambda *_: 1 / 0)
    program = Program(world.rep)
    program.client.raise_request_exception = False
    assert told(program.get("choices/"), 500)["code"] == "server_error"
