from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from crm import rich_text

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Markdown, cleaned: `{{ resource.text|markdown }}`."""
    return rich_text.to_html(text)
