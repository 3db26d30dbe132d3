"""The examination of a project: its settings, and each queue with its broker, workers and tasks."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from django.core.checks import ERROR, CheckMessage
from redis.utils import HIREDIS_AVAILABLE

from ardiq_django import checks, conf
from ardiq_django.declared import get_app
from ardiq_django.exceptions import ConfigError
from ardiq_django.operating.checkup import checkup
from ardiq_django.operating.finding import Finding, Verdict
from ardiq_django.operating.reach import apps_named
from ardiq_django.operating.report import Report
from ardiq_django.operating.sheet import Sheet, Tone, number_of

NOT_REDIS = ("database://", "memory://")
TONES = {Verdict.OK: Tone.GOOD, Verdict.WARN: Tone.DOUBTFUL, Verdict.FAIL: Tone.BAD}
INDENT = " " * 20


class Examination(Report):
    """All findings, those on the project first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings

    @property
    def exit_code(self) -> int:
        return int(any(one.verdict is Verdict.FAIL for one in self.findings))

    def document(self) -> dict[str, Any]:
        return {"ok": not self.exit_code, "findings": [one.document() for one in self.findings]}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        for queue, found in groupby(self.findings, key=lambda one: one.queue):
            yield f"queue {queue}" if queue else "project"
            for one in found:
                yield from _lines(one, sheet)
            yield ""
        numbers = {verdict: sum(one.verdict is verdict for one in self.findings) for verdict in Verdict}
        yield " · ".join(
            sheet.paint(TONES[verdict] if number else Tone.PLAIN, f"{number} {verdict}")
            for verdict, number in numbers.items()
        )


def _lines(one: Finding, sheet: Sheet) -> Iterator[str]:
    said = sheet.wrapped(one.says, INDENT)
    yield f"  {sheet.paint(TONES[one.verdict], f'{one.verdict:4}')}  {one.check:10}  {next(said)}"
    yield from (INDENT + line for line in said)
    if one.advice:
        for place, line in enumerate(sheet.wrapped(one.advice, f"{INDENT}→ ")):
            yield f"{INDENT}{' ' if place else '→'} {line}"


def examine(names: Sequence[str]) -> Examination:
    """Examine the project and these queues, or all declared ones; whatever is wrong is a finding and raises nothing,
    but for a name that is not declared."""
    findings = list(_settings_findings())
    try:
        declared = list(conf.declared())
    except ConfigError:
        return Examination(findings)
    if unknown := [name for name in names if name not in declared]:
        apps_named(unknown)
    for queue in dict.fromkeys(names or declared):
        if not any(
            one.verdict is Verdict.FAIL and one.says.startswith(f"{conf.SETTING}[{queue!r}]") for one in findings
        ):
            findings += checkup(queue)
    return Examination(findings)


def _settings_findings() -> Iterator[Finding]:
    messages = checks.check_ardiq()
    yield from (_finding(message) for message in messages)
    if any(message.level >= ERROR for message in messages):
        return
    declared = conf.declared()
    if not messages:
        yield Finding(
            "", "settings", Verdict.OK, f"{number_of(len(declared), 'queue')} declared: {', '.join(declared)}"
        )
    if not all(get_app(queue).address.startswith(NOT_REDIS) for queue in declared):
        yield _hiredis()


def _finding(message: CheckMessage) -> Finding:
    verdict = Verdict.FAIL if message.level >= ERROR else Verdict.WARN
    return Finding("", "settings", verdict, f"{message.msg} ({message.id})", message.hint or "")


def _hiredis() -> Finding:
    if HIREDIS_AVAILABLE:
        return Finding("", "hiredis", Verdict.OK, "the parser in C reads what Redis answers")
    said = "hiredis is not installed: the answers of Redis are read by slower code in Python"
    return Finding("", "hiredis", Verdict.WARN, said, "pip install 'redis[hiredis]'")
