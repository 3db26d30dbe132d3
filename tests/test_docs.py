"""The code in README and docs runs: every python block of a page, in order, on the memory broker."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import ardiq_django
from ardiq_django import Ardiq

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Ardiq:
    made = Ardiq("memory://", priorities=["low", "default", "high"], burst=True)
    monkeypatch.setattr(ardiq_django, "app", made, raising=False)
    return made


def run_page(path: Path, names: dict[str, Any]) -> dict[str, Any]:
    for block in BLOCK.findall(path.read_text()):
        exec(compile(block, str(path), "exec"), names)  # noqa: S102 (our own pages)
    return names


def test_the_guide_runs(app: Ardiq) -> None:
    names = run_page(ROOT / "docs" / "guide.md", {"work": lambda: asyncio.run(app.run()), "__name__": "guide"})

    assert asyncio.run(names["view"]())


def test_the_settings_page_runs() -> None:
    names = run_page(ROOT / "docs" / "settings.md", {"__name__": "settings_page"})

    assert names["emails"].options.concurrency == 4


def test_the_readme_runs(app: Ardiq) -> None:
    text = (ROOT / "README.md").read_text()
    blocks = BLOCK.findall(text)
    names: dict[str, Any] = {"__name__": "readme"}

    for block in blocks:
        if "result_sync" in block:
            asyncio.run(app.run())
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 (our own page)

    assert names["value"] == "cat.png at 400"
    assert asyncio.run(names["view"]())


def test_every_option_and_check_is_documented() -> None:
    from dataclasses import fields

    from ardiq_django.config import AppOptions

    page = (ROOT / "docs" / "settings.md").read_text()
    options = {field.name.upper() for field in fields(AppOptions)} - {"QUEUE_NAME", "TASK_NAMES", "BURST"}

    assert {option for option in options if f"`{option}`" not in page} == set()
    source = (ROOT / "ardiq_django" / "checks.py").read_text()
    assert set(re.findall(r"ardiq\.[EWI]\d{3}", source)) == set(re.findall(r"`(ardiq\.[EWI]\d{3})`", page))
