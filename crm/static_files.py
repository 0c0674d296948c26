"""Static files under names that hold a digest of their content, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFilesStorage(CompressedManifestStaticFilesStorage):
    # `import … from "./board.js"` inside modules is rewritten too; without it a new module would load an old one.
    support_js_module_import_aggregation = True
