"""`make demo`: the example, started and shown.

Serves the page, runs a worker, indexes the standard library, shows how far that is, and holds the result against a
direct count. `BROKER` says where jobs are kept (database, redis, memory, or an address); `ONCE=1` ends after the count,
with exit code 0 if the numbers agree and 1 if they do not. Each demo is a new run over the tables of the last one.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from io import TextIOWrapper
from typing import NoReturn

import django
from django.core.management import call_command

from services import VAR, Service, free_port, mend, redis_if_none_answers, start_services

ONCE = os.environ.get("ONCE", "") not in ("", "0")
BROKER = os.environ.get("BROKER", "")
IN_MEMORY = BROKER.startswith("memory")


def main() -> int:
    with ExitStack() as stack:
        if BROKER == "redis":
            stack.enter_context(redis_if_none_answers())
        prepare()
        port = free_port()
        services = start_services(stack, port, in_this_process=IN_MEMORY)
        site = f"http://127.0.0.1:{port}/"
        print(f"The code index is at {site}\n")
        agrees = show(services)
        print(f"\nThe page   {site}\nThe jobs   {site}admin/   (name admin, password admin)\nThe logs   {VAR}")
        if not ONCE:
            stay(services)
        return 0 if agrees else 1


def prepare() -> None:
    """Tables, and somebody who may log in."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "code_index.settings")
    # DEBUG remembers every query, which only the process that serves pages has a use for
    os.environ.setdefault("DEBUG", "1" if IN_MEMORY else "0")
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User

    if not User.objects.filter(username="admin").exists():
        User.objects.create_superuser("admin", password="admin")


def show(services: Sequence[Service]) -> bool:
    """Index, report and compare; False if that came to nothing or the numbers differ."""
    from showing import follow, report  # needs Django's models, which are there only now

    return follow(lambda: mend(services)) and report()


def stay(services: Sequence[Service]) -> None:
    """Keep everything going until somebody has seen enough."""
    print("\nCtrl-C ends it all.")
    while True:
        mend(services)
        time.sleep(0.5)


def end(*_: object) -> NoReturn:
    sys.exit("Ended.")


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):  # through a pipe, too, a line is read when it is written
        sys.stdout.reconfigure(line_buffering=True, errors="replace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nEnded.")
