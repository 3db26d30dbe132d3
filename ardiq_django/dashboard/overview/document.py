"""How all queues stand, for programs: while `version` is the same no key is lost or means something else."""

from typing import Any

from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.moments import DAY, MINUTE
from ardiq_django.dashboard.overview.alarm import Alarm
from ardiq_django.dashboard.overview.sight import LATELY_MS, QueueSight
from ardiq_django.dashboard.overview.sights import Sights, Totals
from ardiq_django.operating.sheet import iso
from ardiq_django.operating.status import QueueStatus
from ardiq_django.results import State
from ardiq_django.statistics import Figures

VERSION = 1


def document(desk: Desk) -> dict[str, Any]:
    """The figures of the overview. `complete` says whether all could be read."""
    sights = Sights(desk)
    queues, totals, alarms = [_queue(one) for one in sights.queues], _totals(sights.totals), sights.alarms
    return {
        "version": VERSION,
        "time": iso(desk.now_ms),
        "ok": not desk.problem and not any(alarm.is_grave for alarm in alarms),
        "complete": not desk.problem and not any(one.status.problem for one in sights.queues),
        "problem": desk.problem,
        "alarms": [_alarm(alarm) for alarm in alarms],
        "totals": totals,
        "queues": queues,
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "queue": alarm.queue,
        "about": alarm.about,
        "grave": alarm.is_grave,
        "text": alarm.text,
        "remedy": alarm.remedy,
    }


def _totals(totals: Totals) -> dict[str, Any]:
    return {
        "counts": {state.value: totals.counts[state] for state in State},
        "oldest_wait_ms": totals.oldest_wait_ms,
        "processes": totals.processes,
        "day": _figures(totals.day, DAY),
    }


def _queue(one: QueueSight) -> dict[str, Any]:
    status = one.status
    return {
        "queue": status.queue,
        "problem": status.problem,
        "paused": status.is_paused,
        "served": bool(status.alive),
        "counts": {state.value: status.counts.get(state, 0) for state in State} if not status.problem else None,
        "oldest_wait_ms": status.oldest_wait_ms,
        "workers": _workers(status),
        "lately": _figures(one.lately, LATELY_MS),
        "day": _figures(one.day, DAY),
    }


def _workers(status: QueueStatus) -> dict[str, int]:
    return {
        "alive": len(status.alive),
        "lost": len(status.workers) - len(status.alive),
        "slots": sum(worker.row.card.concurrency for worker in status.alive),
        "running": sum(worker.running for worker in status.alive),
    }


def _figures(figures: Figures, span_ms: int) -> dict[str, Any]:
    minutes = span_ms // MINUTE
    ended = figures.succeeded + figures.failed + figures.aborted
    return {
        "minutes": minutes,
        "begun": figures.begun,
        "succeeded": figures.succeeded,
        "retried": figures.retried,
        "failed": figures.failed,
        "aborted": figures.aborted,
        "begun_per_minute": round(figures.begun / minutes, 3),
        "ended_per_minute": round(ended / minutes, 3),
        "wait_p50_ms": figures.wait_ms(0.5),
        "wait_p95_ms": figures.wait_ms(0.95),
        "run_p50_ms": figures.run_ms(0.5),
        "run_p95_ms": figures.run_ms(0.95),
    }
