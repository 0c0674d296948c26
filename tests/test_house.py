"""The order of the house: who may import whom, who may write what, and what a door never does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ["crm", "leads", "pipeline", "metrics"]
"""Each may import those before it."""
DOORS = {"views", "forms", "api", "admin", "jobs", "management", "templatetags"}
WIRING = {"apps", "urls", "settings", "celery", "wsgi", "checks", "context", "middleware", "admin_site"}
FACTS = {"models", "access", "migrations"}


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield app, path, ast.parse(path.read_text(), str(path))


def room(path: Path) -> str:
    """The module or package right below the app: pipeline/moves/write.py lies in `moves`."""
    return path.relative_to(ROOT).parts[1].removesuffix(".py")


def is_door(name: str) -> bool:
    return name in DOORS or name.endswith(("_views", "_forms", "_admin"))


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Dotted names imported anywhere in the module, also inside functions; not those for type checkers only."""
    hidden = {
        id(node)
        for check in ast.walk(tree)
        if isinstance(check, ast.If) and ast.unparse(check.test) == "TYPE_CHECKING"
        for node in ast.walk(check)
    }
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)


def found(rule: str, breaks: list[str]) -> None:
    assert not breaks, f"{rule}:\n" + "\n".join(breaks)


def test_imports_run_against_the_flow_of_the_sale() -> None:
    breaks = []
    for app, path, tree in modules():
        allowed = APPS[: APPS.index(app) + 1]
        for name, line in imports(tree):
            other = name.split(".")[0]
            if other in APPS and other not in allowed:
                breaks.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    found("metrics → pipeline → leads → crm, never the other way", breaks)


def test_nobody_imports_another_apps_doors_and_rules_import_no_door() -> None:
    breaks = []
    for app, path, tree in modules():
        here = room(path)
        for name, line in imports(tree):
            other, _, rest = name.partition(".")
            target = rest.split(".")[0]
            if other not in APPS or not is_door(target):
                continue
            shared = other == "crm" and target in ("forms", "templatetags", "admin", "admin_site", "api")
            if (other != app and not shared) or not (is_door(here) or here in WIRING):
                breaks.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    found("a door is opened from outside only", breaks)


def test_facts_import_no_rules() -> None:
    breaks = []
    for app, path, tree in modules():
        if room(path) not in FACTS:
            continue
        for name, line in imports(tree):
            other, _, rest = name.partition(".")
            if other in APPS and rest.split(".")[0] not in {*FACTS, "text"}:
                breaks.append(f"{path.relative_to(ROOT)}:{line} imports {name} ({app})")
    found("models and access stand below the rules", breaks)


ONE_WRITER = {
    # attribute of a record → the room that alone assigns it
    "stage": ("pipeline", "moves"),
    "stage_id": ("pipeline", "moves"),
    "status": ("pipeline", "moves"),
    "stage_entered_at": ("pipeline", "moves"),
    "closed_at": ("pipeline", "moves followups"),  # of deals and of tasks
    "credited_owner": ("pipeline", "moves"),
    "credited_team": ("pipeline", "moves"),
    "next_task_due_at": ("pipeline", "moves followups"),
    "state": ("pipeline", "followups"),
    "merged_into": ("pipeline", "merging"),
}


def written(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names assigned on an object, or named in an `.update(…)`."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) not in ("self", "cls"):
                yield target.attr, target.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            yield from ((word.arg, node.lineno) for word in node.keywords if word.arg)


def test_each_fact_has_one_writer() -> None:
    breaks = []
    for app, path, tree in modules():
        for name, line in written(tree):
            owner, rooms = ONE_WRITER.get(name, ("", ""))
            if app == owner and room(path) not in rooms.split():
                breaks.append(f"{path.relative_to(ROOT)}:{line} writes {name}")
    found("each fact has one writer", breaks)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"mark_safe|SafeString\(|\.extra\(|\.raw\(", "no HTML and no SQL by hand"),
        (r"fields\s*=\s*['\"]__all__['\"]", "fields are named"),
        (r"\beta=|\bcountdown=", "due work is a row with a due time, not a message that waits in a broker"),
        (r"\bfilter\(\*\*request|\border_by\(request", "what a user sends is not a query"),
        (r"TODO|FIXME|NotImplementedError", "nothing half done"),
    ],
)
def test_what_no_module_contains(pattern: str, why: str) -> None:
    allowed = {"crm/rich_text.py"}  # where nh3 has cleaned what a user wrote
    breaks = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for _app, path, _tree in modules()
        if str(path.relative_to(ROOT)) not in allowed
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]
    found(why, breaks)


def test_no_page_is_asked_to_wait_for_a_text_it_may_not_evaluate() -> None:
    """It passes when the text is true at once, and is refused by the content policy when it is not."""
    breaks = [
        path.name for path in (ROOT / "tests").rglob("test_*.py") if "wait_for_" + "function(" in path.read_text()
    ]
    found("browsing.until asks from outside", breaks)


def test_only_the_demo_tells_pasts_without_the_gate() -> None:
    breaks = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for _app, path, tree in modules()
        if room(path) not in ("moves", "demo")
        for name, line in imports(tree)
        if name.startswith("pipeline.moves.past") or name.endswith(".create_with_past")
    ] + [
        f"{path.relative_to(ROOT)} calls create_with_past"
        for _app, path, _tree in modules()
        if room(path) not in ("moves", "demo") and "create_with_past" in path.read_text()
    ]
    found("the gate is asked, or the history comes with an import", breaks)


def test_views_begin_with_who_is_asking() -> None:
    breaks = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for _app, path, _tree in modules()
        if is_door(room(path)) and room(path) not in ("admin", "management", "jobs")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\b(Deal|Task|Organization|Contact)\.objects\.(get|filter|all|exclude)\(", line)
    ]
    found("records are found by visible_to or editable_by", breaks)


def test_each_app_says_what_it_is_for() -> None:
    for app in APPS:
        doc = ast.get_docstring(ast.parse((ROOT / app / "__init__.py").read_text()))
        assert doc and len(doc) > 60, f"{app}/__init__.py has no docstring"
