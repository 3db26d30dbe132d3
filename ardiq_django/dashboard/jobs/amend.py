"""The form by which a waiting job is given other arguments or another lane."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ardiq_django.ardiq import Ardiq
from ardiq_django.config import CallOptions
from ardiq_django.dashboard.call_form import OPTIONS
from ardiq_django.dashboard.kept_call import KeptArgumentsForm
from ardiq_django.exceptions import ArdiqError
from ardiq_django.models.job import LABELS
from ardiq_django.producer import Call
from ardiq_django.reading import call_of
from ardiq_django.registry import ACT, TaskDefinition
from ardiq_django.snapshot import Snapshot
from ardiq_django.states import TABLE, Verb
from ardiq_django.stored import opening
from ardiq_django.wire import Amendment, StagedJob

LANE, READ = f"{OPTIONS}lane", f"{OPTIONS}read"
UNIQUE = "unique:"  # what the id of a job begins with that is made of its call


class NotAmended(ArdiqError):
    """The job stays as it is; the text says why."""


class AmendForm(KeptArgumentsForm):
    """The arguments as they are stored, and the lane; with `read`, which tells the job that is shown from what it may
    have become when the form is sent."""

    def __init__(self, app: Ardiq, snapshot: Snapshot, data: Any = None) -> None:
        definition, kept = _kept(app, snapshot)
        super().__init__(definition, kept, data)
        self._app, self._job = app, snapshot.job
        self.read = _seal(snapshot.job)
        lanes = dict.fromkeys([*app.priorities, snapshot.job.lane])
        self.fields[LANE] = forms.ChoiceField(
            label=gettext_lazy("lane"), choices=[(lane, lane) for lane in lanes], initial=snapshot.job.lane
        )

    @property
    def is_unique(self) -> bool:
        """Whether the job's id is made of its call."""
        return self._job.id.startswith(UNIQUE)

    @property
    def is_of_what_was_read(self) -> bool:
        """Whether the job is still the one that was shown with this form."""
        return bool(self.data.get(READ) == self.read)

    @property
    def changes(self) -> list[str]:
        """What is to be another, in the words of code: names of arguments, never their values."""
        lane = self.cleaned_data[LANE]
        return [*self.typed, *([f"lane={lane}"] if lane != self._job.lane else [])]

    def amendment(self) -> Amendment:
        """What the broker is asked for; raises what enqueuing such a call raises, and `NotAmended`."""
        job, lane = self._job, self.cleaned_data[LANE]
        if not self.typed:
            return Amendment(job, lane, job.call, job.digest)
        call = self.call()
        staged = self._app.producer.stage(
            Call(job.task, self._definition, call.args, call.kwargs, _same_id(job, self.is_unique))
        )
        if self.is_unique and staged.digest != job.digest:
            raise NotAmended(_("Its id is made of its arguments, so these stay as they are. Its lane can be changed."))
        return Amendment(job, lane, staged.call, staged.digest)


def can_be_amended(app: Ardiq, snapshot: Snapshot) -> bool:
    """Whether there is a form for it."""
    try:
        return bool(_kept(app, snapshot))
    except NotAmended:
        return False


def _kept(app: Ardiq, snapshot: Snapshot) -> tuple[TaskDefinition, Mapping[str, Any]]:
    """The task of a waiting job, and the arguments by name; raises `NotAmended`."""
    if snapshot.state not in TABLE[Verb.AMEND]:
        raise NotAmended(_("it is %(state)s") % {"state": LABELS[snapshot.state]})
    name = snapshot.job.task
    definition = app.registry.tasks.get(name) if name != ACT else None  # whose arguments say what somebody had asked
    if definition is None:
        raise NotAmended(_("No task %(name)s is declared here.") % {"name": name})
    try:
        return definition, definition.bind(*call_of(snapshot, app.decode)).arguments
    except (TypeError, ValueError) as error:
        raise NotAmended(str(error)) from error


def _same_id(job: StagedJob, is_unique: bool) -> CallOptions:
    """The options under which a call gets the digest that belongs to this job's id, if it has one."""
    if not job.digest or is_unique:
        return CallOptions(unique=is_unique)
    return CallOptions(task_id=job.id)


def _seal(job: StagedJob) -> str:
    """A mark of the job as it was read; keyed, since a bare digest would let arguments that are masked be guessed."""
    return salted_hmac("ardiq.amend", opening(job), algorithm="sha256").hexdigest()
