"""Finds texts that no translator would see, and templates that the content policy would stop.

`python -m tests.texts` prints `file:line: what` and exits 1. A line that must stay as it is says `untranslated` in a
comment, with the reason.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = ("crm", "leads", "pipeline", "metrics")
NAMES = {"Stagecraft", "htmx"}

# --- Templates

WORD = re.compile(r"[^\W\d_]{2,}")
TRANSLATED = re.compile(r"{%-?\s*(blocktranslate|blocktrans)\b.*?{%\s*end\1\s*%}", re.DOTALL)
COMMENT = re.compile(r"{#.*?#}|{%\s*comment\b.*?{%\s*endcomment\s*%}", re.DOTALL)
TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
# Texts that hide in tags: {{ value|default:"nothing" }}, {% include "…" with title="Deals" %}
LITERAL_FILTER = re.compile(r"""\|\s*(?:default|default_if_none|yesno|add|pluralize)\s*:\s*(["'])(.*?)\1""")
LITERAL_ARGUMENT = re.compile(
    r"""\b(?:title|label|text|message|heading|help|placeholder|hint|caption)\s*=\s*(["'])(.*?)\1"""
)
SPOKEN = {"title", "alt", "placeholder", "aria-label", "aria-description", "aria-roledescription", "aria-valuetext"}
SPOKEN |= {"hx-confirm", "hx-prompt", "data-confirm", "label"}
DATA_SCRIPTS = {"application/json", "application/ld+json"}


def blank(match: re.Match[str]) -> str:
    """Takes a piece of the template out and keeps its lines, so that what follows is reported where it stands."""
    return "\n" * match.group().count("\n") or " "


def template_findings(source: str, html: bool = True) -> list[tuple[int, str]]:
    source = COMMENT.sub(blank, source)
    without_translated = TRANSLATED.sub(blank, source)
    found = list(_in_tags(without_translated))
    page = TAG.sub(blank, without_translated)
    if html:
        reader = PageReader()
        reader.feed(page)
        reader.close()
        found += reader.found
    else:
        found += [(at, f"text “{line.strip()[:40]}”") for at, line in enumerate(page.split("\n"), 1) if speaks(line)]
    return sorted(found)


def _in_tags(source: str) -> Iterator[tuple[int, str]]:
    for tag in TAG.finditer(source):
        at, text = source.count("\n", 0, tag.start()) + 1, tag.group()
        if re.search(r"\|\s*safe(seq)?\b", text) or re.search(r"{%\s*autoescape\s+off", text):
            yield at, "unescaped output"
        if re.match(r"{%\s*extends\b", text):  # names of templates
            continue
        literals = list(LITERAL_FILTER.finditer(text))
        if text.startswith("{%") and re.match(r"{%\s*(include|with|block)\b", text):
            literals += LITERAL_ARGUMENT.finditer(text)
        for literal in literals:
            if speaks(literal.group(2)) and "pluralize" not in literal.group():
                yield at, f"text “{literal.group(2)[:40]}” in a tag"


def speaks(text: str) -> bool:
    return any(word not in NAMES for word in WORD.findall(text))


class PageReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self.silent = False

    def say(self, what: str) -> None:
        self.found.append((self.getpos()[0], what))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.silent = tag in {"script", "style"}
        if tag == "script" and "src" not in values and values.get("type") not in DATA_SCRIPTS:
            self.say("script in the page")
        if tag == "style" or "style" in values:
            self.say("style in the page")
        for name, value in values.items():
            if re.match(r"(data-)?hx-(on|vars)\b", name) or re.match(r"on[a-z]+$", name):
                self.say(f"script in {name}")
            if value.strip().lower().startswith(("javascript:", "js:")):
                self.say(f"script in {name}")
            if name in {"hx-trigger", "data-hx-trigger"} and "[" in value:
                self.say("a filter in hx-trigger, which needs eval")
            spoken = name in SPOKEN or (name == "value" and values.get("type") in {"submit", "button", "reset"})
            if (spoken or self._describes(values, name)) and speaks(value):
                self.say(f"text “{value.strip()[:40]}” in {name}")

    def _describes(self, values: dict[str, str], name: str) -> bool:
        return name == "content" and values.get("name") == "description"

    def handle_endtag(self, tag: str) -> None:
        self.silent = False

    def handle_data(self, data: str) -> None:
        if self.silent or not speaks(data):
            return
        skipped = len(data) - len(data.lstrip())
        self.found.append((self.getpos()[0] + data[:skipped].count("\n"), f"text “{' '.join(data.split())[:40]}”"))


# --- Python

SHOWN_ARGUMENTS = {
    "verbose_name",
    "verbose_name_plural",
    "help_text",
    "label",
    "empty_label",
    "error_message",
    "hint_text",
}
SHOWN_BY_DECORATORS = {"display", "action"}
MESSAGES = {"success", "info", "warning", "error", "debug"}
GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}


def python_findings(source: str) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            found += [(text.lineno, f"text “{_shown(text)}”") for text in _texts_of_call(node) if _shown(text)]
            if _name(node.func) in GETTEXT and node.args and isinstance(node.args[0], ast.JoinedStr):
                found.append((node.lineno, "an f-string inside gettext, which no translation can match"))
        elif isinstance(node, ast.ClassDef) and any(_name(base).endswith("Choices") for base in node.bases):
            found += _choices(node)
        elif isinstance(node, ast.ClassDef) and node.name == "Meta":
            found += _meta(node)
    return sorted(found)


def _texts_of_call(call: ast.Call) -> Iterator[ast.expr]:
    name = _name(call.func)
    for keyword in call.keywords:
        if keyword.arg in SHOWN_ARGUMENTS or (keyword.arg == "description" and name in SHOWN_BY_DECORATORS):
            yield keyword.value
    if name == "ValidationError":
        yield from call.args[:1]
    if name.endswith("Field") and name not in {"ManyToManyField", "OneToOneField"} and _owner(call.func) == "models":
        yield from call.args[:1]
    if name in MESSAGES and _owner(call.func) == "messages":
        yield from call.args[1:2]


def _choices(enumeration: ast.ClassDef) -> Iterator[tuple[int, str]]:
    for line in enumeration.body:
        if isinstance(line, ast.Assign) and not _name(line.targets[0]).startswith("_"):
            if isinstance(line.value, ast.Constant) and line.value.value is not None:
                yield line.lineno, f"choice {_name(line.targets[0])} without a label"
            elif isinstance(line.value, ast.Tuple) and _shown(line.value.elts[-1]):
                yield line.lineno, f"text “{_shown(line.value.elts[-1])}”"


def _meta(meta: ast.ClassDef) -> Iterator[tuple[int, str]]:
    for line in meta.body:
        if isinstance(line, ast.Assign) and _name(line.targets[0]) in SHOWN_ARGUMENTS and _shown(line.value):
            yield line.lineno, f"text “{_shown(line.value)}”"


def _shown(node: ast.expr) -> str:
    """The words of a plain string, or of the fixed parts of an f-string; empty when there are none."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
    return text[:40] if speaks(text) else ""


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _owner(node: ast.expr) -> str:
    return _name(node.value) if isinstance(node, ast.Attribute) else ""


# --- The project


def templates() -> Iterator[Path]:
    for folder in (ROOT / "templates", *(ROOT / app / "templates" for app in APPS)):
        yield from sorted(path for path in folder.rglob("*") if path.suffix in {".html", ".txt", ".svg"})


def modules() -> Iterator[Path]:
    for app in APPS:
        yield from sorted(path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


def project_findings() -> list[str]:
    found: list[str] = []
    for path in templates():
        source = path.read_text()
        found += _located(path, source, template_findings(source, html=path.suffix != ".txt"))
    for path in modules():
        source = path.read_text()
        found += _located(path, source, python_findings(source))
    return found


def _located(path: Path, source: str, findings: Iterable[tuple[int, str]]) -> Iterator[str]:
    lines = source.split("\n")
    for at, what in findings:
        if "untranslated" not in lines[at - 1]:
            yield f"{path.relative_to(ROOT)}:{at}: {what}"


if __name__ == "__main__":
    everything = project_findings()
    print("\n".join(everything))
    sys.exit(1 if everything else 0)
