"""The app `symbols`."""

import warnings

from django.apps import AppConfig


class SymbolsConfig(AppConfig):
    name = "symbols"
    verbose_name = "Code index"

    def ready(self) -> None:
        # parsing a module repeats the compiler's remarks on its style, which are not our news
        warnings.filterwarnings("ignore", category=SyntaxWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning, message="invalid (octal )?escape sequence")
