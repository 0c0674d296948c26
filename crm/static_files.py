"""Static files under names that hold a digest of their content, so that browsers may keep them for ever."""

import re
from collections.abc import Callable
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFilesStorage(CompressedManifestStaticFilesStorage):
    # `import … from "./board.js"` inside modules is rewritten too; without it a new module would load an old one.
    support_js_module_import_aggregation = True

    def url_converter(self, name: str, *arguments: Any, **options: Any) -> Callable[[re.Match[str]], str]:
        convert = super().url_converter(name, *arguments, **options)

        def converter(match: re.Match[str]) -> str:
            # A browser imports files by their full names. What has none is a type in a comment (django-htmx has
            # some) or the map of a source, and the collector would fail to find it.
            if name.endswith(".js") and not match["url"].endswith(".js"):
                return match["matched"]
            return str(convert(match))

        return converter
