"""The admin in other languages: catalogues are whole, and pages leave no word of ours behind."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation
from django.utils.text import capfirst

from tests.admin.catalogues import ROOT, Words, compiled, placeholders, po_path, read
from tests.admin.pages import get, job_url, list_url
from tests.admin.shop import INVOICE, Shop

LANGUAGES = ("de", "fr")
OVERVIEW = "/admin/ardiq/"
SECTIONS = ("queue", "task", "worker", "schedule")
AFTER_SESSIONS = 1 + settings.MIDDLEWARE.index("django.contrib.sessions.middleware.SessionMiddleware")
MIDDLEWARE = [*settings.MIDDLEWARE]
MIDDLEWARE.insert(AFTER_SESSIONS, "django.middleware.locale.LocaleMiddleware")
OPEN, CLOSE = "\u27e6", "\u27e7"
INNERMOST = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
WORD = re.compile(r"[A-Za-z]{2,}")
# what is nobody's to translate: names of formats and zones, words of the shop, of its errors and of its user
NAMES = {
    *("JSON", "Prometheus", "CSV", "UTC", "html"),
    *("invoice", "shop", "ValueError", "web", "paid", "boss", "default", "order"),
}
NAMES |= {"Traceback", "log", "no", "Search"}  # the traceback and log of the shop's attempts; an alt text of Django's
EXPECTED = {
    "de": {
        OVERVIEW: ("Durchsatz", "Wartend", "Warteschlangen", "Letzte Fehlschläge", "Worker-Prozesse"),
        "list": ("Fehlgeschlagen", "Nach Fehler gruppieren", "Jetzt ausführen", "Letzte Stunde"),
        "job": ("Wiederholen", "Zeitachse", "Versuch 1: fehlgeschlagen", "Argumente", "Versuche"),
        "question": ("Sind Sie sicher, dass Sie Folgendes löschen wollen?", "Ja, ich bin sicher"),
    },
    "fr": {
        OVERVIEW: ("Débit", "En file", "Files", "Échecs récents", "Processus workers"),
        "list": ("Échoué", "Grouper par erreur", "Exécuter maintenant", "Dernière heure"),
        "job": ("Relancer", "Chronologie", "Tentative 1 : échouée", "Paramètres", "Tentatives"),
        "question": ("Voulez-vous vraiment supprimer ce qui suit ?", "Oui, je suis sûr"),
    },
}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def abroad(memory_shop: Shop, language: str) -> Iterator[Client]:
    """A superuser whose browser asks for another language."""
    with override_settings(MIDDLEWARE=MIDDLEWARE), translation.override(None):
        yield _boss(HTTP_ACCEPT_LANGUAGE=f"{language},en;q=0.1")


def _boss(**headers: str) -> Client:
    client = Client(**headers)  # type: ignore[arg-type]
    client.force_login(User.objects.create_superuser("boss"))
    return client


# catalogues


def test_every_message_is_translated(language: str) -> None:
    for entry in read(po_path(language)):
        assert sorted(entry.texts) == ([0, 1] if entry.plural else [0]), entry
        assert all(entry.texts.values()), entry
        assert "fuzzy" not in entry.comment, entry


def test_what_is_filled_in_is_filled_in_everywhere(language: str) -> None:
    for entry in read(po_path(language)):
        for place, text in entry.texts.items():
            said = entry.plural if place else entry.message
            assert placeholders(text) == placeholders(said), entry


def test_the_compiled_catalogue_is_that_of_the_translators(language: str) -> None:
    written: dict[str, str] = {}
    for entry in read(po_path(language)):
        forms = {f"{entry.key}\x00{place}": text for place, text in entry.texts.items()}
        written |= forms if entry.plural else {entry.key: entry.texts[0]}

    assert compiled(po_path(language).with_suffix(".mo")) == written


def test_a_message_that_django_has_too_is_said_as_django_says_it(language: str) -> None:
    """Django merges the catalogues of all apps: another text would change pages that are not ours."""
    own = Path(django.__file__).parent
    catalogues = [own / "conf", own / "contrib" / "admin", own / "contrib" / "auth"]
    django_says: dict[str, str] = {}
    for catalogue in catalogues:
        django_says |= compiled(po_path(language, catalogue).with_suffix(".mo"))

    ours = {entry.key: entry.texts[0] for entry in read(po_path(language)) if not entry.plural}
    both = ours.keys() & django_says.keys()

    assert {"Delete", "Save", "History"} <= both
    assert {key: ours[key] for key in both} == {key: django_says[key] for key in both}


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="GNU gettext is not installed")
def test_the_catalogues_have_what_the_code_says_and_no_more(tmp_path: Path) -> None:
    copy = tmp_path / "ardiq_django"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    before = {language: {entry.identity for entry in read(po_path(language, copy))} for language in LANGUAGES}
    for language in LANGUAGES:
        po_path(language, copy).write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n')

    command = [sys.executable, "-P", "-m", "django", "makemessages", "--no-wrap", *(f"-l{one}" for one in LANGUAGES)]
    without_settings = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=copy, env=without_settings, check=True, capture_output=True)

    for language in LANGUAGES:
        assert before[language] == {entry.identity for entry in read(po_path(language, copy))}


# pages


def test_the_overview_is_in_the_readers_language(memory_shop: Shop, abroad: Client, language: str) -> None:
    memory_shop.failed()
    job_id = memory_shop.put(1)
    abroad.post(job_url(memory_shop.queue, job_id, "abort"), {"confirmed": "yes"})
    memory_shop.put(1)

    _is_all(get(abroad, OVERVIEW), language, EXPECTED[language][OVERVIEW])


def test_the_list_of_jobs_is_in_the_readers_language(memory_shop: Shop, abroad: Client, language: str) -> None:
    memory_shop.one_of_each()

    pages = "".join(get(abroad, list_url(queue=memory_shop.queue, state=state)) for state in ("failed", "retrying"))

    _is_all(pages + get(abroad, list_url(queue=memory_shop.queue)), language, EXPECTED[language]["list"])


def test_a_failed_jobs_page_is_in_the_readers_language(memory_shop: Shop, abroad: Client, language: str) -> None:
    page = get(abroad, job_url(memory_shop.queue, memory_shop.failed()))

    _is_all(page, language, EXPECTED[language]["job"])


def test_a_question_is_asked_in_the_readers_language(memory_shop: Shop, abroad: Client, language: str) -> None:
    response = abroad.post(job_url(memory_shop.queue, memory_shop.failed(), "remove"))

    _is_all(response.content.decode(), language, EXPECTED[language]["question"])


def test_an_act_is_told_in_the_language_of_whoever_reads_of_it(
    memory_shop: Shop, abroad: Client, language: str
) -> None:
    job_id = memory_shop.failed()
    abroad.post(job_url(memory_shop.queue, job_id, "retry"))
    word = {"de": "wiederholt", "fr": "relancé"}[language]

    for address in (OVERVIEW, job_url(memory_shop.queue, job_id, "history")):
        texts = Words(get(abroad, address)).texts
        assert word in texts
        assert "retry" not in texts


def _is_all(page: str, language: str, expected: tuple[str, ...]) -> None:
    """The page says this, and no message of ours in English."""
    texts = Words(page).texts
    assert set(expected) <= set(texts), set(expected) - set(texts)
    entries = [entry for entry in read(po_path(language)) if not placeholders(entry.message)]
    translations = {said for entry in entries for text in entry.texts.values() for said in (text, capfirst(text))}
    english = {entry.message for entry in entries}
    english |= {capfirst(entry.message) for entry in entries if not entry.context}  # as headings are shown
    assert not (english - translations - NAMES) & set(texts)


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language in which each message is itself in brackets."""

    def around(text: Callable[..., str]) -> Callable[..., str]:
        return lambda *args: f"{OPEN}{text(*args)}{CLOSE}"

    forms: dict[str, Callable[..., str]] = {
        "gettext": lambda message: message,
        "pgettext": lambda _context, message: message,
        "ngettext": lambda one, many, number: one if number == 1 else many,
        "npgettext": lambda _context, one, many, number: one if number == 1 else many,
    }
    for name, form in forms.items():
        monkeypatch.setattr(vars(translation)["_trans"], name, around(form), raising=False)


def test_every_word_of_every_page_can_be_translated(memory_shop: Shop, db: None, bracketed: None) -> None:
    shop, client = memory_shop, _boss()
    made = shop.one_of_each()
    pages = [client.post(job_url(shop.queue, job_id, "retry"), follow=True) for job_id in made.values()]
    addresses = [OVERVIEW, reverse("admin:ardiq_schedule_add"), list_url(queue=shop.queue, state="failed")]
    addresses += [reverse(f"admin:ardiq_{section}_changelist") for section in SECTIONS]
    addresses += [job_url(shop.queue, job_id, page) for job_id in made.values() for page in ("change", "history")]
    pages += [client.get(address) for address in addresses]
    pages += [client.get(list_url(queue=shop.queue, state="failed", group="error"))]
    pages += [client.post(job_url(shop.queue, job_id, "remove")) for job_id in made.values()]
    pages += [client.post(reverse("admin:ardiq_queue_clear", args=[quote(shop.queue)]))]

    for response in pages:
        assert response.status_code == 200
        assert _left_over(response.content.decode(), shop) == set()


def _left_over(page: str, shop: Shop) -> set[str]:
    text = "\n".join(Words(page).texts)
    for name in (shop.queue, shop.other, INVOICE):
        text = text.replace(name, "")
    text = re.sub(r"\b[0-9a-f]{8,32}\b", "", text)
    while (less := INNERMOST.sub("", text)) != text:
        text = less
    return set(WORD.findall(text)) - NAMES
