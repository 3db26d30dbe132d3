"""The schedules' table: how far each schedule has been staged, and what is kept of those that were planned."""

from collections.abc import Sequence

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from ardiq_django.models.dialects import dialect
from ardiq_django.models.job_queryset import NAME_LENGTH
from ardiq_django.plan import Planned, Standing, pack_plan, planned
from ardiq_django.wire import Firing

PLANNED = "@"  # before the id of what was planned: what is declared in code may have the same name
OFF = -1  # in place of the next time, of one that is declared in code
MOVING = ("fire_ms", "next_ms", "token", "task", "plan")


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    """The verbs of the schedules' table."""

    def marks(self, queue: str, names: Sequence[str], now_ms: int) -> dict[str, int]:
        """The watermark of each schedule; one that is new begins now."""
        found = self._marks(queue, names)
        if new := [name for name in names if name not in found]:
            rows = [Schedule(queue=queue, name=name, fire_ms=now_ms) for name in new]
            self.bulk_create(rows, ignore_conflicts=True)
            found = self._marks(queue, names)
        return found

    def _marks(self, queue: str, names: Sequence[str]) -> dict[str, int]:
        return dict(self.filter(queue=queue, name__in=names).values_list("name", "fire_ms"))

    def advance(self, queue: str, name: str, fire_ms: int) -> bool:
        """Move a watermark forward; False if it is there already."""
        self.bulk_create([Schedule(queue=queue, name=name, fire_ms=0)], ignore_conflicts=True)
        return bool(self.filter(queue=queue, name=name, fire_ms__lt=fire_ms).update(fire_ms=fire_ms))

    def last_job(self, queue: str, name: str) -> str:
        """The job that a schedule staged last, "" if none is known."""
        return self.filter(queue=queue, name=name).values_list("last_job", flat=True).first() or ""

    def staged(self, queue: str, name: str, job_id: str) -> None:
        """From now on this is the job that a schedule staged last."""
        self.filter(queue=queue, name=name).update(last_job=job_id)

    def is_off(self, queue: str, name: str) -> bool:
        """Whether what is declared in code under this name is not to fire."""
        return self.filter(queue=queue, name=name, next_ms=OFF).exists()

    def switch(self, queue: str, name: str, on: bool, now_ms: int) -> None:
        """Let what is declared in code under this name fire, from now on, or not; in a transaction of the caller's."""
        self.bulk_create([Schedule(queue=queue, name=name, fire_ms=now_ms)], ignore_conflicts=True)
        row = self.select_for_update().get(queue=queue, name=name)
        if on and row.next_ms == OFF:
            row.next_ms, row.fire_ms = 0, max(row.fire_ms, now_ms)
        elif not on:
            row.next_ms = OFF
        row.save(using=self.db, update_fields=["next_ms", "fire_ms"])

    def standings(self, queue: str, names: Sequence[str]) -> dict[str, Standing]:
        """How those stand that are declared in code under these names, and known."""
        rows = self.filter(queue=queue, name__in=names).values_list("name", "fire_ms", "last_job", "next_ms")
        return {name: Standing(mark, last_job, next_ms != OFF) for name, mark, last_job, next_ms in rows}

    def planned(self, queue: str) -> "ScheduleQuerySet":
        """Those that were planned."""
        return self.filter(queue=queue, plan__isnull=False)

    def one(self, queue: str, schedule_id: str) -> "ScheduleQuerySet":
        """The one that was planned under this id."""
        return self.filter(queue=queue, name=PLANNED + schedule_id)

    def put(self, queue: str, rows: Sequence[Planned]) -> list[bool]:
        """Store plans in a transaction of the caller's, as `Schedules.plan` says."""
        names = sorted({PLANNED + row.plan.id for row in rows})
        new = [Schedule(queue=queue, name=name, fire_ms=0) for name in names]
        self.bulk_create(new, ignore_conflicts=True)
        # in one order for all, so that nobody waits in a circle
        locked = self.filter(queue=queue, name__in=names).order_by("name").select_for_update()
        stored = {row.name: row for row in locked}
        created = [stored[PLANNED + row.plan.id].take(row) for row in rows]
        sql = f"UPDATE ardiq_schedule SET {' = %s, '.join(MOVING)} = %s WHERE id = %s"  # noqa: S608
        values = [(*(getattr(row, name) for name in MOVING), row.pk) for row in stored.values()]
        dialect(connections[self.db]).change_each(sql, values)
        return created

    def due(self, queue: str, now_ms: int, limit: int) -> list[Planned]:
        """Those whose next time has come, the longest waiting first."""
        due = self.filter(queue=queue, next_ms__gt=0, next_ms__lte=now_ms).order_by("next_ms")[:limit]
        return [row for stored in due for row in stored.planned]

    def taken(self, queue: str, ids: Sequence[str]) -> "dict[str, Schedule]":
        """These schedules by id, for update and without their plans; those that somebody else has taken are missing."""
        rows = self.filter(queue=queue, name__in=[PLANNED + one for one in ids]).defer("plan").order_by("name")
        return {row.name.removeprefix(PLANNED): row for row in rows.select_for_update(skip_locked=True)}

    def move(self, rows: Sequence["Schedule"]) -> None:
        """Write back schedules that have fired; those that are over are removed."""
        going_on = [(row.fire_ms, row.next_ms, row.fired_ms, row.pk) for row in rows if row.next_ms]
        sql = "UPDATE ardiq_schedule SET fire_ms = %s, next_ms = %s, fired_ms = %s WHERE id = %s"
        dialect(connections[self.db]).change_each(sql, going_on)
        if over := [row.pk for row in rows if not row.next_ms]:
            self.filter(pk__in=over).delete()


class Schedule(models.Model):
    """A watermark, which only moves forward, of a schedule declared in code; and of one that was planned the plan."""

    queue = models.CharField(_("queue"), max_length=64)
    name = models.CharField(_("name"), max_length=200)
    fire_ms = models.BigIntegerField(_("last staged"))
    next_ms = models.BigIntegerField(_("fires next"), default=0, db_default=0)  # 0: disabled, or declared in code
    fired_ms = models.BigIntegerField(_("fired last"), default=0, db_default=0)
    last_job = models.CharField(_("last job"), max_length=NAME_LENGTH, default="", db_default="")
    token = models.CharField(_("plan's token"), max_length=64, default="", db_default="")
    task = models.CharField(_("task"), max_length=NAME_LENGTH, default="", db_default="")
    plan = models.BinaryField(_("plan"), null=True)  # packed

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_schedule"
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        default_permissions = ("view", "change")
        permissions = (("run_schedule", _("Can run schedules now")),)
        constraints = (models.UniqueConstraint(fields=("queue", "name"), name="ardiq_schedule_once"),)
        indexes = (models.Index(fields=("queue", "next_ms"), name="ardiq_schedule_next"),)

    def __str__(self) -> str:
        return self.name

    @property
    def planned(self) -> list[Planned]:
        """What was planned; nothing where its bytes cannot be read."""
        return planned(bytes(self.plan or b""), self.fire_ms, self.next_ms, self.fired_ms)

    def take(self, row: Planned) -> bool:
        """Take a new plan: what fires at the same times as before goes on where it was. True if this is the first."""
        is_new, old = self.plan is None, self.planned
        if not old or old[0].plan.timing != row.plan.timing:
            self.fire_ms = row.mark_ms
            self.next_ms = 0 if old and not old[0].is_enabled else row.next_ms
        self.token, self.task, self.plan = row.plan.token, row.plan.job.task[:NAME_LENGTH], pack_plan(row.plan)
        return is_new

    def fire(self, firing: Firing, given_up: bool) -> bool:
        """Move on, or to the end; False if this is not as it was when the firing was made."""
        if not self.next_ms or (self.token, self.fire_ms) != (firing.token, firing.mark_ms):
            return False
        self.fire_ms, self.next_ms = firing.upto_ms, firing.next_ms
        if firing.fired_ms and not given_up:
            self.fired_ms = firing.fired_ms
        return True
