"""Markdown as HTML that is safe to show: the one place that makes safe strings, because nh3 has cleaned them."""

from __future__ import annotations

import markdown
import nh3
from django.utils.safestring import SafeString, mark_safe

_TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "del", "code", "pre", "blockquote", "a",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
# Headings of a text lie below those of the page that shows it.
_LOWER = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6"}


def to_html(text: str) -> SafeString:
    """Links to http, https and mail only, no images, no scripts, no styles, whatever the text contains."""
    made = markdown.markdown(text, extensions=["sane_lists", "tables", "nl2br"], output_format="html")
    for high, low in sorted(_LOWER.items(), reverse=True):
        made = made.replace(f"<{high}>", f"<{low}>").replace(f"</{high}>", f"</{low}>")
    clean = nh3.clean(
        made,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return mark_safe(clean)  # noqa: S308  (nh3 made it)
