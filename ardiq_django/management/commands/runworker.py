"""`manage.py runworker`: serve queues in this process until told to stop."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from ardiq_django import hygiene
from ardiq_django.ardiq import Ardiq
from ardiq_django.declared import apps_in_use, declared_apps, get_app
from ardiq_django.exceptions import ConfigError
from ardiq_django.operating import act
from ardiq_django.process.leash import Leash
from ardiq_django.process.limits import Limits
from ardiq_django.process.reload import Reloader, begin_anew
from ardiq_django.process.serving import Serving, Terms
from ardiq_django.process.supervisor import Supervisor
from ardiq_django.process.watchdog import Watchdog
from ardiq_django.worker import logs

LEVELS = {0: logging.CRITICAL, 1: logging.INFO, 2: logging.DEBUG, 3: logging.DEBUG}


class Command(BaseCommand):
    """Parses, and hands over to the apps."""

    help = "Runs jobs: of the named queues, or of every queue that the setting ARDIQ declares."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "queues", nargs="*", metavar="queue", help="a declared queue, or module:attribute of an app"
        )
        parser.add_argument("--burst", action="store_true", help="end when nothing is left to do")
        parser.add_argument("--concurrency", type=int, metavar="N", help="slots of a process, over all queues")
        parser.add_argument("--shutdown-timeout", type=float, metavar="S", help="how long a stop waits for what runs")
        parser.add_argument("--processes", type=positive(int), metavar="N", help="supervise so many worker processes")
        parser.add_argument("--max-jobs", type=positive(int), metavar="N", help="end a process after so many jobs")
        parser.add_argument("--max-rss", type=positive(int), metavar="MB", help="end a process that takes more memory")
        parser.add_argument("--max-age", type=positive(float), metavar="S", help="end a process after so many seconds")
        parser.add_argument("--health-port", type=int, metavar="P", help="answer health checks over HTTP here")
        parser.add_argument("--health-file", type=Path, metavar="F", help="write the health into this file")
        parser.add_argument(
            "--reload",
            action=argparse.BooleanOptionalAction,
            help="begin anew when code changes; by default in DEBUG, but not in burst",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        set_up_logging(options["verbosity"])
        apps = list(dict.fromkeys(find_app(name) for name in options["queues"])) or declared_apps()
        if not apps:
            raise CommandError("the setting ARDIQ declares no queue, and none was named: there is nothing to serve")
        for app in apps:
            if app in apps_in_use():
                act.register(app)
        try:
            for app in apps:
                app.override(**overrides(app, options, is_alone=len(apps) == 1))
        except ConfigError as error:
            raise CommandError(str(error)) from error
        logs.let_through(apps)
        leash = Leash.taken()
        if leash:
            watchdog = Watchdog.of(apps, is_supervised=True, barks=settings.DEBUG)
            serve(Serving(apps, terms({**options, **leash.flags}), leash, watchdog), reloads=False)
            leash.clear_away()
        elif options["processes"]:
            supervise(apps, options)
        else:
            reloads = settings.DEBUG and not options["burst"] if options["reload"] is None else options["reload"]
            # while somebody develops, a breakpoint is no fault
            watchdog = Watchdog.of(apps, is_supervised=False, barks=settings.DEBUG or reloads)
            serve(Serving(apps, terms(options), watchdog=watchdog), reloads)


def overrides(app: Ardiq, flags: Mapping[str, Any], is_alone: bool) -> dict[str, Any]:
    """The options that flags change. Beside others, a queue that was told its concurrency keeps to it."""
    keeps_to_its_own = not is_alone and app.is_told("concurrency")
    changes = {
        "burst": flags["burst"] or None,
        "shutdown_timeout_s": flags["shutdown_timeout"],
        "concurrency": None if keeps_to_its_own else flags["concurrency"],
    }
    return {name: value for name, value in changes.items() if value is not None}


def supervise(apps: Sequence[Ardiq], flags: Mapping[str, Any]) -> None:
    """Let processes of this same command serve; what does not end well is the exit code of this one."""
    if flags["reload"]:
        raise CommandError("--reload is for one process: give either it or --processes")
    port, file = flags["health_port"], flags["health_file"]
    kills = not settings.DEBUG
    supervisor = Supervisor(apps, flags["processes"], health_port=port, health_file=file, kills=kills)
    if code := asyncio.run(supervisor.run()):
        sys.exit(code)


def serve(serving: Serving, reloads: bool) -> None:
    """Run to the end; then, if the code has changed meanwhile, anew."""
    reloader = Reloader(serving.changed) if reloads else None
    if reloader:
        reloader.start()
    hygiene.begin()
    with asyncio.Runner(loop_factory=faster_loop()) as runner:
        runner.run(serving.run())
    hygiene.close_pools()
    if reloader:
        reloader.stop()
        if reloader.has_changed and not serving.was_told_to_stop:
            begin_anew()


def terms(options: Mapping[str, Any]) -> Terms:
    """What the flags ask of a process."""
    max_rss = options["max_rss"]
    limits = Limits(max_jobs=options["max_jobs"], max_rss_bytes=max_rss and max_rss << 20, max_age_s=options["max_age"])
    return Terms(
        concurrency=options["concurrency"],
        limits=limits,
        health_port=options["health_port"],
        health_file=options["health_file"],
    )


def positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    """A number above zero, as a flag's type."""

    def number(text: str) -> float:
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return number


def faster_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where it is installed, as by the extra `uvloop`; else None, for asyncio's own."""
    try:
        uvloop = import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


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
