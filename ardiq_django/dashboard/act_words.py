"""Acts on record in the reader's words: what is kept is the same in all languages."""

import re

from django.contrib.admin.models import LogEntry
from django.utils.translation import pgettext_lazy

WORDS = {
    "abort": pgettext_lazy("act", "abort"),
    "add": pgettext_lazy("act", "add"),
    "cancel": pgettext_lazy("act", "cancel"),
    "change": pgettext_lazy("act", "change"),
    "clear": pgettext_lazy("act", "clear"),
    "disable": pgettext_lazy("act", "disable"),
    "enable": pgettext_lazy("act", "enable"),
    "enqueue": pgettext_lazy("act", "enqueue"),
    "export": pgettext_lazy("act", "export"),
    "pause": pgettext_lazy("act", "pause"),
    "quiet": pgettext_lazy("act", "quiet"),
    "remove": pgettext_lazy("act", "remove"),
    "reschedule": pgettext_lazy("act", "reschedule"),
    "resume": pgettext_lazy("act", "resume"),
    "retry": pgettext_lazy("act", "retry"),
    "run": pgettext_lazy("act", "run"),
    "run again as a copy": pgettext_lazy("act", "run again as a copy"),
    "run-now": pgettext_lazy("act", "run now"),
    "stop": pgettext_lazy("act", "stop"),
}
FIRST = re.compile(r"[a-z-][a-z -]*[a-z]")


def told(entry: LogEntry) -> str:
    """What an entry of the admin's log says, with its verb in the reader's language."""
    message = entry.get_change_message()
    found = FIRST.match(message)
    word = WORDS.get(found[0]) if found else None
    return f"{word}{message[found.end() :]}" if found and word else message
