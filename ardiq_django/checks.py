"""System checks: what is wrong with the setting `ARDIQ`, said before anything runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, Warning

from ardiq_django import conf
from ardiq_django.brokers import check_address
from ardiq_django.brokers.durability import Durability
from ardiq_django.config import AppOptions
from ardiq_django.exceptions import ArdiqError, ConfigError
from ardiq_django.worker.atomic import check_app

ADVICE = {"eviction": "ardiq.W006", "version": "ardiq.W007"}


def register_all() -> None:
    """Tell Django of our checks."""
    checks.register(check_ardiq, Tags.compatibility)
    checks.register(check_servers, Tags.compatibility, deploy=True)


def check_ardiq(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The setting itself, and the databases it names; asks no server."""
    errors = check_settings()
    if errors:
        return [*errors, *_token_errors()]
    warnings = [
        warning for queue in conf.declared() for find in (_database_warnings, _pool_warnings) for warning in find(queue)
    ]
    return [*_token_errors(), *_atomic_errors(), *warnings]


def check_settings() -> list[CheckMessage]:
    """The errors in the setting."""
    try:
        queues = conf.declared()
    except ConfigError as error:
        return [Error(str(error), id="ardiq.E001")]
    return [message for queue in queues for message in _check_queue(queue)]


def _check_queue(queue: str) -> list[CheckMessage]:
    problem = conf.problem_of(queue)
    if problem:
        return [Error(f"{conf.SETTING}[{queue!r}]: {problem}", id="ardiq.E002")]
    try:
        address = conf.options_of(queue)["broker"]
        scheme = check_address(address)
    except ConfigError as error:
        return [Error(f"{conf.SETTING}[{queue!r}]: {error}", id="ardiq.E003")]
    alias = _alias_of(address)
    if scheme == "database" and alias not in settings.DATABASES:
        known = ", ".join(settings.DATABASES)
        return [
            Error(f"{conf.SETTING}[{queue!r}]: there is no database {alias!r}; there are: {known}", id="ardiq.E004")
        ]
    return []


def _token_errors() -> list[CheckMessage]:
    problem = conf.problem_of_token()
    hint = 'Make one: python -c "import secrets; print(secrets.token_urlsafe(32))". Until then no token is taken.'
    return [Error(str(problem), hint, id="ardiq.E006")] if problem else []


def _atomic_errors() -> list[CheckMessage]:
    from ardiq_django.declared import declared_apps

    found: list[CheckMessage] = []
    for app in declared_apps():
        try:
            check_app(app)
        except ConfigError as error:
            found.append(Error(f"queue {app.queue_name!r}: {error}", id="ardiq.E005"))
    return found


def _alias_of(address: str) -> str:
    return address.partition("://")[2].strip("/") or "default"


def _database_warnings(queue: str) -> list[CheckMessage]:
    options = conf.options_of(queue)
    address = options["broker"]
    if not address.startswith("database:"):
        return []
    found: list[CheckMessage] = []
    if options.get("enqueue_on_commit") == "never" and _alias_of(address) == "default":
        hint = "A job in the same database always belongs to the transaction that enqueues it."
        found.append(Warning(f"queue {queue!r}: ENQUEUE_ON_COMMIT cannot be 'never' here", hint, id="ardiq.W001"))
    database: dict[str, Any] = dict(settings.DATABASES[_alias_of(address)])
    if "sqlite3" in database["ENGINE"] and database.get("OPTIONS", {}).get("transaction_mode") != "IMMEDIATE":
        hint = (
            f'Set DATABASES[{_alias_of(address)!r}]["OPTIONS"] = {{"transaction_mode": "IMMEDIATE", "timeout": 20, '
            '"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"}, or writers will meet '
            "'database is locked'."
        )
        found.append(
            Warning(
                f"queue {queue!r}: its SQLite database is not set up for writers side by side", hint, id="ardiq.W002"
            )
        )
    return found


def _pool_warnings(queue: str) -> list[CheckMessage]:
    slots = conf.options_of(queue).get("concurrency") or AppOptions().concurrency
    databases: dict[str, dict[str, Any]] = settings.DATABASES
    sizes = {alias: _size_of_pool(database.get("OPTIONS", {})) for alias, database in databases.items()}
    hint = 'Set OPTIONS["pool"]["max_size"] to the number of slots, or jobs wait for one another up to its timeout.'
    return [
        Warning(
            f"queue {queue!r} runs {slots} jobs at once, the pool of database {alias!r} serves {size}",
            hint,
            id="ardiq.W004",
        )
        for alias, size in sizes.items()
        if size is not None and size < slots
    ]


def _size_of_pool(options: Mapping[str, Any]) -> int | None:
    pool = options.get("pool")
    if not pool:
        return None
    given: Mapping[str, Any] = {} if pool is True else pool
    size: int = given.get("max_size") or given.get("min_size", 4)  # as psycopg_pool has it
    return size


def check_servers(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Under `check --deploy`: each broker answers, and what a crash of it may lose."""
    from ardiq_django.declared import declared_apps

    found: list[CheckMessage] = []
    for app in declared_apps() if not check_settings() else []:
        try:
            durability = app.broker.run_sync(app.broker.durability())
            advice = app.broker.run_sync(app.broker.advice())
        except ArdiqError as error:
            found.append(Warning(f"queue {app.queue_name!r}: {error}", id="ardiq.W003"))
        else:
            found.append(_told(app.queue_name, durability))
            found += [
                Warning(f"queue {app.queue_name!r}: {one.sentence}", one.remedy, id=ADVICE[one.about]) for one in advice
            ]
    return found


def _told(queue: str, durability: Durability) -> CheckMessage:
    said = f"queue {queue!r}: {durability.sentence}"
    if durability.is_weak:
        return Warning(said, durability.remedy, id="ardiq.W005")
    return checks.Info(said, id="ardiq.I001")
