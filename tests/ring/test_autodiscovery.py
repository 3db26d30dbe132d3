"""Tasks are found where they are written: in `tasks` of every installed app."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from ardiq_django import Ardiq, get_app
from ardiq_django.apps import discover


def test_the_tasks_of_an_installed_app_are_known_under_the_name_of_their_module() -> None:
    assert {"tests.shop.tasks.note", "tests.shop.tasks.rename"} <= set(get_app().tasks)


def test_a_package_of_tasks_is_found_with_all_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = tmp_path / "stall" / "tasks"
    tasks.mkdir(parents=True)
    (tmp_path / "stall" / "__init__.py").touch()
    (tasks / "__init__.py").touch()
    (tasks / "mail.py").write_text("from ardiq_django import app\n\n@app.task\ndef send() -> None: ...\n")
    monkeypatch.syspath_prepend(tmp_path)

    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "stall"]):
        discover()

    assert "stall.tasks.mail.send" in get_app().tasks


def test_a_module_that_is_read_again_declares_its_tasks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "def work(app):\n    @app.task\n    def send() -> None: ...\n    return send\n"
    app = Ardiq("memory://")
    spaces: list[dict[str, object]] = []
    for _ in range(2):
        space: dict[str, object] = {"__name__": "stall.tasks"}
        exec(code, space)  # noqa: S102 (as an import would)
        space["work"](app)  # type: ignore[operator]
        spaces.append(space)

    assert app.tasks == ["send"]
