"""The engine stands alone: without settings, without Django's database layer."""

import subprocess
import sys

import pytest


def run(code: str) -> str:
    """What a fresh interpreter prints that knows of no settings."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, env={}, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_importing_needs_no_settings_and_loads_no_database_layer() -> None:
    code = """
import sys
import ardiq_django
from ardiq_django import Ardiq, Job, Task, TaskInfo, TaskResult
from django.conf import settings
print([name for name in sys.modules if name.startswith(("django.db", "django.apps", "redis"))], settings.configured)
"""

    assert run(code) == "[] False"


def test_an_app_in_memory_runs_without_settings() -> None:
    code = """
import asyncio, sys
from ardiq_django import Ardiq

app = Ardiq("memory://", burst=True)

@app.task
def add(a, b):
    return a + b

@app.task
async def double(a):
    return 2 * a

async def main():
    jobs = [await add.enqueue(1, 2), await double.enqueue(3)]
    await app.run()
    return [(await job.result()).value for job in jobs]

print(asyncio.run(main()), "django.db" in sys.modules, "ardiq_django.models" in sys.modules)
"""

    assert run(code) == "[3, 6] False False"


def test_without_settings_the_broker_is_redis_on_localhost() -> None:
    assert run("from ardiq_django import Ardiq; print(Ardiq().address)") == "redis://localhost:6379/0"


@pytest.mark.parametrize("ask", ["ardiq_django.app", "ardiq_django.get_app('mail')", "ardiq_django.task(print)"])
def test_without_settings_there_are_no_declared_queues(ask: str) -> None:
    code = f"""
import ardiq_django
try:
    {ask}
except ardiq_django.ConfigError as error:
    print(error)
"""

    assert "there are no Django settings, so no queue" in run(code)


def test_a_module_attribute_that_is_not_there_is_an_attribute_error() -> None:
    import ardiq_django

    with pytest.raises(AttributeError, match="has no attribute 'apps_of'"):
        ardiq_django.apps_of  # noqa: B018
