"""`manage.py runworker`: serve queues in this process until told to stop."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from ardiq_django.ardiq import Ardiq
from ardiq_django.declared import declared_apps, get_app
from ardiq_django.exceptions import ConfigError

LEVELS = {0: logging.CRITICAL, 1: logging.INFO, 2: logging.DEBUG, 3: logging.DEBUG}


class Command(BaseCommand):
    """Parses, and hands over to the apps."""

    help = "Runs jobs: of the named queues, or of every queue that the setting ARDIQ declares."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "queues", nargs="*", metavar="queue", help="a declared queue, or module:attribute of an app"
        )
        parser.add_argument("--burst", action="store_true", help="end when nothing is left to do")
        parser.add_argument("--concurrency", type=int, metavar="N", help="how many jobs may run at once")
        parser.add_argument("--shutdown-timeout", type=float, metavar="S", help="how long a stop waits for what runs")

    def handle(self, *args: Any, **options: Any) -> None:
        set_up_logging(options["verbosity"])
        apps = list(dict.fromkeys(find_app(name) for name in options["queues"])) or declared_apps()
        if not apps:
            raise CommandError("the setting ARDIQ declares no queue, and none was named: there is nothing to serve")
        changes = {
            "burst": options["burst"] or None,
            "concurrency": options["concurrency"],
            "shutdown_timeout_s": options["shutdown_timeout"],
        }
        given = {name: value for name, value in changes.items() if value is not None}
        try:
            for app in apps:
                app.override(**given)
        except ConfigError as error:
            raise CommandError(str(error)) from error
        with asyncio.Runner(loop_factory=faster_loop()) as runner:
            runner.run(serve(apps))


def faster_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where it is installed, as by the extra `uvloop`; else None, for asyncio's own."""
    try:
        uvloop = import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def serve(apps: list[Ardiq]) -> None:
    """Run the apps' workers side by side. The first SIGTERM or SIGINT lets running jobs finish, the second hands them
    back at once."""
    loop = asyncio.get_running_loop()
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        for app in apps:
            app.stop(now=asked > 1)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(app.run() for app in apps))


def find_app(name: str) -> Ardiq:
    """The app of a declared queue, or the one at `module:attribute`; raises `CommandError` naming what is there."""
    try:
        found = import_string(name.replace(":", ".")) if ":" in name else get_app(name)
    except (ConfigError, ImportError) as error:
        raise CommandError(str(error)) from error
    if not isinstance(found, Ardiq):
        raise CommandError(f"{name} is a {type(found).__name__}, not an Ardiq app")
    return found


def set_up_logging(verbosity: int) -> None:
    """Let our own loggers speak as loud as `--verbosity` says; a handler is added only where there is none."""
    logger = logging.getLogger("ardiq")
    logger.setLevel(LEVELS[verbosity])
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
        logger.addHandler(handler)
