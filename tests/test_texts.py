"""Every visible text goes through gettext, and no template carries what the content policy stops."""

import pytest

from tests.texts import project_findings, python_findings, template_findings


def test_the_project_has_no_text_outside_gettext_and_no_inline_script() -> None:
    assert project_findings() == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>\n Hello</p>", [(2, "text “Hello”")]),
        ("<p>{% translate 'Hello' %}</p>", []),
        (
            "<p>{% blocktranslate count n=x %}one deal{% plural %}\n{{ n }} deals{% endblocktranslate %}</p>\nNo",
            [(3, "text “No”")],
        ),
        ("<p>{# Hello #} {{ deal.name }} · 3 × €</p>", []),
        ('<button title="Move">+</button>', [(1, "text “Move” in title")]),
        ('<button title="{% translate "Move" %}" class="btn btn-primary">+</button>', []),
        ('<input type="submit" value="Save"><input type="text" value="Save">', [(1, "text “Save” in value")]),
        ('<input placeholder="{{ x|default:"nothing" }}">', [(1, "text “nothing” in a tag")]),
        ('<i>{{ x|default:_("nothing") }}{{ x|date:"j M" }}</i>', []),
        ('{% include "_field.html" with label="Name" %}', [(1, "text “Name” in a tag")]),
        ("<script>let a = 1</script>", [(1, "script in the page")]),
        ('<script src="/a.js" type="module"></script>', []),
        ('<b style="color: red">1</b><style>b {}</style>', [(1, "style in the page")] * 2),
        ('<b onclick="go()">1</b>', [(1, "script in onclick")]),
        ('<b hx-on:click="go()">1</b><b hx-on="x">1</b>', [(1, "script in hx-on"), (1, "script in hx-on:click")]),
        ("<b>{{ x|safe }}</b>", [(1, "unescaped output")]),
        ("<b hx-trigger=\"keyup[key=='Enter']\">1</b>", [(1, "a filter in hx-trigger, which needs eval")]),
        ('<a href="javascript:go()">1</a>', [(1, "script in href")]),
    ],
)
def test_in_templates(source: str, expected: list[tuple[int, str]]) -> None:
    assert template_findings(source) == expected


def test_in_the_text_of_a_mail_every_word_counts() -> None:
    assert template_findings("{% translate 'Hello' %}\nBye\n", html=False) == [(2, "text “Bye”")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('models.CharField("name")', [(1, "text “name”")]),
        ('models.CharField(_("name"), max_length=5)', []),
        ('models.ForeignKey("crm.User", verbose_name="owner")', [(1, "text “owner”")]),
        ('Field("value", label="Value")', [(1, "text “Value”")]),
        ('raise ValidationError(f"Too long: {n}")', [(1, "text “Too long: ”")]),
        ('messages.success(request, "Saved")', [(1, "text “Saved”")]),
        ('logger.info("saved")', []),
        ('_(f"Hello {name}")', [(1, "an f-string inside gettext, which no translation can match")]),
        (
            'class Role(models.TextChoices):\n    REP = "rep", _("Rep")\n    ADMIN = "admin"',
            [(3, "choice ADMIN without a label")],
        ),
        ('class Role(models.TextChoices):\n    REP = "rep", "Rep"', [(2, "text “Rep”")]),
        ('class Meta:\n    verbose_name = "deal"\n    ordering = ["name"]', [(2, "text “deal”")]),
        ('admin.display(description="Owner")', [(1, "text “Owner”")]),
    ],
)
def test_in_python(source: str, expected: list[tuple[int, str]]) -> None:
    assert python_findings(source) == expected
