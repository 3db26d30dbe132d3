"""`manage.py ardiq`: look at queues, examine and measure them, and act on their jobs."""

import argparse
import json
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, no_translations

from ardiq_django.exceptions import ArdiqError
from ardiq_django.management.commands.runworker import faster_loop
from ardiq_django.operating.action import ACTIONS, Action
from ardiq_django.operating.bench import bench
from ardiq_django.operating.console import Console
from ardiq_django.operating.doctor import examine
from ardiq_django.operating.gate import pause, resume
from ardiq_django.operating.listing import listing
from ardiq_django.operating.mark import mark
from ardiq_django.operating.matched import act_on_all, clear_waiting
from ardiq_django.operating.named import act_on_named
from ardiq_django.operating.report import Report
from ardiq_django.operating.schedules import DONE, schedules, turn_schedules
from ardiq_django.operating.selection import Moment, Selection
from ardiq_django.operating.sheet import Sheet, Tone
from ardiq_django.operating.status import status
from ardiq_django.results import State

Options = Mapping[str, Any]
TOLD = {
    "status": "how the queues stand; exit code 3 if jobs wait and nobody serves them",
    "doctor": "examine settings, brokers, workers and tasks; exit code 1 if anything fails",
    "jobs": "list jobs, newest first",
    "schedules": "list schedules, or run, cancel, disable, enable those that are named",
    "retry": "queue failed, aborted or expired jobs again",
    "abort": "end waiting jobs, and tell the workers of running ones",
    "purge": "remove ended or waiting jobs, with everything about them",
    "pause": "hand out nothing until resume; what runs goes on",
    "resume": "hand out again",
    "mark": "mark this moment on the charts of the admin, as a deployment",
    "bench": "measure how fast the brokers take and hand out jobs, in queues of its own",
}


class Command(BaseCommand):
    """Parses, and hands over to the operations."""

    help = "Looks at the queues that the setting ARDIQ declares, examines and measures them, and acts on their jobs."
    requires_system_checks: Any = ()  # `doctor` tells what they say, and the others look at what can be looked at

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="operation", required=True, metavar="operation")
        for name, told in TOLD.items():
            added = subparsers.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.")
            if name != "mark":  # which is of the whole project
                add_queues(added)
            added.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")
            add_base_flags(added)
            if name == "jobs":
                add_selection(added, tuple(State))
                added.add_argument("--limit", type=number, default=50, metavar="N", help="at most so many (50)")
            elif name == "schedules":
                add_schedules(added)
            elif name == "mark":
                added.add_argument("label", help="what it is called, such as a version: at most 64 characters")
            elif name == "bench":
                added.add_argument("--jobs", type=number, default=10_000, metavar="N", help="so many (10,000)")
            elif name in ACTIONS:
                add_action(added, ACTIONS[name])

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(self.stderr, options.get("yes", False), is_quiet=options["as_json"])
        try:
            report = operate(options, console)
        except ArdiqError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("interrupted; what was done until then stays done", returncode=130) from None
        if options["as_json"]:
            self.stdout.write(json.dumps(report.document(), indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(report.lines(self.sheet())))
        if report.exit_code:
            raise SystemExit(report.exit_code)

    def sheet(self) -> Sheet:
        """As wide as the terminal; what is written into a file or a pipe is not cut."""
        style = self.style
        paints: dict[Tone, Callable[[str], object]]
        paints = {Tone.PLAIN: str, Tone.GOOD: style.SUCCESS, Tone.DOUBTFUL: style.WARNING, Tone.BAD: style.ERROR}
        width = {"width": shutil.get_terminal_size((100, 24)).columns} if self.stdout.isatty() else {}
        return Sheet(**width, paint=lambda tone, text: str(paints[tone](text)))


def add_queues(parser: argparse.ArgumentParser) -> None:
    """The flag that says which queues are meant."""
    told = "only this one; repeatable"
    parser.add_argument("--queue", action="append", default=[], dest="queues", metavar="NAME", help=told)


def add_base_flags(parser: argparse.ArgumentParser) -> None:
    """Django's own flags, which may stand behind the operation as they may behind any command."""
    for flag in ("--settings", "--pythonpath"):
        parser.add_argument(flag, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    for flag in ("--traceback", "--no-color", "--force-color"):
        parser.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument("-v", "--verbosity", type=int, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def add_action(parser: argparse.ArgumentParser, action: Action) -> None:
    """The flags of what acts on jobs."""
    parser.add_argument("ids", nargs="*", metavar="id", help="a job")
    parser.add_argument("--all", action="store_true", dest="is_all", help="every job that the filter matches")
    if action.name == "purge":
        parser.add_argument("--waiting", action="store_true", help="every job that waits, at once")
    parser.add_argument("--dry-run", action="store_true", help="only count")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_selection(parser, action.states)


def add_schedules(parser: argparse.ArgumentParser) -> None:
    """The flags that choose schedules, or say what is to be done with some."""
    parser.add_argument("--search", default="", metavar="TEXT", help="found in the id or the task's name")
    parser.add_argument("--limit", type=number, default=50, metavar="N", help="at most so many (50)")
    verbs = parser.add_mutually_exclusive_group()
    for verb in DONE:
        verbs.add_argument(f"--{verb}", action="append", metavar="ID", help=f"{verb} this one; repeatable")
    parser.add_argument("--yes", action="store_true", help="do not ask before --cancel")


def add_selection(parser: argparse.ArgumentParser, states: tuple[State, ...]) -> None:
    """The flags that say which jobs are meant."""
    known = [state.value for state in states]
    told = f"in this state; repeatable: {', '.join(known)}"
    parser.add_argument("--state", action="append", choices=known, metavar="STATE", help=told)
    parser.add_argument("--task", default="", metavar="NAME", help="of this task")
    parser.add_argument("--search", default="", metavar="TEXT", help="found in the id or the task's name")
    parser.add_argument("--since", type=Moment.parse, metavar="TIME", help="from then on: 30m, 1h, 2d ago, or ISO 8601")
    parser.add_argument("--until", type=Moment.parse, metavar="TIME", help="before then")
    parser.set_defaults(states=states)


def number(text: str) -> int:
    """A whole number above zero, as a flag's type."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def operate(options: Options, console: Console) -> Report:
    """Hand over what was parsed."""
    name = options["operation"]
    if name == "mark":
        return mark(options["label"])
    queues = options["queues"]
    if name == "jobs":
        return listing(queues, selection(options), options["limit"])
    if name == "schedules":
        return turn(options, console)
    if name == "bench":
        return bench(queues, options["jobs"], console, faster_loop())
    if name in ACTIONS:
        return act(ACTIONS[name], options, console)
    plain: Mapping[str, Callable[[list[str]], Report]] = {
        "status": status,
        "doctor": examine,
        "pause": pause,
        "resume": resume,
    }
    return plain[name](queues)


def turn(options: Options, console: Console) -> Report:
    """Act on the schedules that are named, or list them."""
    queues = options["queues"]
    for verb in DONE:
        if ids := options[verb]:
            return turn_schedules(verb, queues, ids, console)
    return schedules(queues, options["search"], options["limit"])


def act(action: Action, options: Options, console: Console) -> Report:
    """Act on the jobs that are named, or on all that match; raises `CommandError` if it is not said on which."""
    queues, is_dry = options["queues"], options["dry_run"]
    is_filtered = any(options[flag] for flag in ("state", "task", "search", "since", "until"))
    ways = [bool(options["ids"]), options["is_all"], options.get("waiting", False)]
    if sum(ways) != 1 or (is_filtered and not options["is_all"]):
        either = "either ids, or --all with a filter (--state, --task, --search, --since, --until)"
        raise CommandError(f"say which jobs: {either}{', or --waiting' if 'waiting' in options else ''}")
    if options["ids"]:
        return act_on_named(action, queues, options["ids"], console, is_dry)
    if options["is_all"]:
        return act_on_all(action, queues, selection(options), console, is_dry)
    return clear_waiting(queues, console, is_dry)


def selection(options: Options) -> Selection:
    """Which jobs the flags mean."""
    return Selection(
        states=tuple(State(state) for state in options["state"] or options["states"]),
        task=options["task"],
        text=options["search"],
        since=options["since"],
        until=options["until"],
    )
