"""The app `symbols`."""

from django.apps import AppConfig

from symbols.reading import ignore_remarks


class SymbolsConfig(AppConfig):
    name = "symbols"
    verbose_name = "Code index"

    def ready(self) -> None:
        ignore_remarks()
