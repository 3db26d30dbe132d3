"""The translations as their translators wrote them, and the words of a page as its reader sees them."""

import ast
import gettext
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import ardiq_django

ROOT = Path(ardiq_django.__file__).parent
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|</?\w+>")
FIELD = re.compile(r'(?:(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d)\])? )?(".*")')
TOLD = {"title", "aria-label", "placeholder", "alt", "data-done", "data-updated", "data-stale"}


@dataclass(slots=True)
class Entry:
    """One message; `texts` has one translation, or one for each plural form."""

    context: str = ""
    message: str = ""
    plural: str = ""
    texts: dict[int, str] = field(default_factory=dict)
    comment: str = ""

    @property
    def key(self) -> str:
        """As it stands in a compiled catalogue."""
        return f"{self.context}\x04{self.message}" if self.context else self.message

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.context, self.message, self.plural


def po_path(language: str, root: Path = ROOT) -> Path:
    return root / "locale" / language / "LC_MESSAGES" / "django.po"


def read(path: Path) -> list[Entry]:
    """Every entry of a catalogue but its head."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    return [entry for entry in map(_entry, blocks) if entry.message]


def _entry(block: str) -> Entry:
    entry, name, place = Entry(), "", 0
    for line in block.strip().splitlines():
        if line.startswith("#"):
            entry.comment += line + "\n"
            continue
        found = FIELD.fullmatch(line)
        assert found, line
        name, place = (found[1], int(found[2] or 0)) if found[1] else (name, place)
        text = ast.literal_eval(found[3])
        match name:
            case "msgctxt":
                entry.context += text
            case "msgid":
                entry.message += text
            case "msgid_plural":
                entry.plural += text
            case _:
                entry.texts[place] = entry.texts.get(place, "") + text
    return entry


def placeholders(text: str) -> Counter[str]:
    """What is filled in, and tags."""
    return Counter(PLACEHOLDER.findall(text))


def compiled(path: Path) -> dict[str, str]:
    """What a compiled catalogue says; several plural forms have a key each."""
    with path.open("rb") as file:
        catalogue = vars(gettext.GNUTranslations(file))["_catalog"]
    flat = {f"{key[0]}\x00{key[1]}" if isinstance(key, tuple) else key: text for key, text in catalogue.items()}
    flat.pop("", None)
    return flat


class Words(HTMLParser):
    """What a reader sees or hears of a page: `texts`, each by itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        self.texts += _told(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._hidden and (text := " ".join(data.split())):
            self.texts.append(text)


def _told(tag: str, attrs: dict[str, str | None]) -> Iterator[str]:
    yield from (value for name, value in attrs.items() if value and name in TOLD)
    if tag == "input" and attrs.get("type") == "submit":
        yield attrs.get("value") or ""
