"""What the index holds: its runs, the modules, their symbols, and a summary."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import models, transaction
from django.db.models import Case, Count, Q, Value, When
from django.utils import timezone
from django.utils.functional import cached_property

from symbols.reading import Kind, Reading


class RunQuerySet(models.QuerySet["Run"]):
    def latest_run(self) -> "Run | None":
        """The run that counts: a newer one makes those before it obsolete."""
        return self.order_by("pk").last()

    def is_latest(self, run_id: int) -> bool:
        return not self.filter(pk__gt=run_id).exists() and self.filter(pk=run_id).exists()


class Run(models.Model):
    """One walk through the library. `modules` is how many were found; None until somebody has looked."""

    started_at = models.DateTimeField(auto_now_add=True)
    modules = models.PositiveIntegerField(null=True, editable=False)
    python = models.CharField(max_length=40, blank=True, editable=False)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"run {self.pk}"

    @cached_property
    def done(self) -> int:
        """How many modules this run has been through, when this was first asked."""
        return Module.objects.filter(run=self).count()

    @cached_property
    def failures(self) -> int:
        return Module.objects.filter(run=self).failed().count()

    @property
    def is_finished(self) -> bool:
        return self.modules is not None and self.done >= self.modules

    @cached_property
    def elapsed(self) -> timedelta:
        """From the start to the last module of a finished run; to this moment of any other."""
        last = Module.objects.filter(run=self).aggregate(last=models.Max("indexed_at"))["last"]
        return (last if last and self.is_finished else timezone.now()) - self.started_at

    @property
    def seconds(self) -> float:
        return self.elapsed.total_seconds()

    @property
    def rate(self) -> float:
        """Modules a second."""
        return self.done / self.seconds if self.seconds else 0.0


class ModuleQuerySet(models.QuerySet["Module"]):
    def failed(self) -> "ModuleQuerySet":
        return self.exclude(error="")

    def put(self, run_id: int, reading: Reading) -> None:
        """Let this reading take the place of all that was known of its module; a second time it changes nothing."""
        with transaction.atomic():
            module, _ = self.update_or_create(path=reading.path, defaults=_facts(run_id, reading))
            module.symbols.all().delete()
            Symbol.objects.bulk_create(_symbols(module, reading))


class Module(models.Model):
    """One file of the library, as it was last read."""

    path = models.CharField(max_length=255, unique=True)
    name = models.CharField(max_length=255)
    package = models.CharField(max_length=100, db_index=True)
    digest = models.CharField(max_length=32, blank=True)
    size_bytes = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE)
    indexed_at = models.DateTimeField(auto_now=True)

    objects = ModuleQuerySet.as_manager()

    class Meta:
        ordering = ("path",)

    def __str__(self) -> str:
        return self.name


class SymbolQuerySet(models.QuerySet["Symbol"]):
    def search(self, text: str, *, kind: str = "", package: str = "") -> "SymbolQuerySet":
        """Symbols whose dotted name holds every word of `text`; exact names first, the library's own tests last."""
        wanted = {"kind": kind, "module__package": package}
        found = self.filter(**{field: value for field, value in wanted.items() if value})
        words = text.split()
        for word in words:
            found = found.filter(full_name__icontains=word)
        return found.order_by(*_relevance(words[-1]), "full_name", "line") if words else found

    def count_by_kind(self) -> dict[str, int]:
        counts = dict(self.order_by().values_list("kind").annotate(Count("pk")))
        return {str(kind): counts.get(kind, 0) for kind in Kind}

    def count_by_package(self) -> dict[str, int]:
        """Packages with most symbols first."""
        counted = self.order_by().values_list("module__package").annotate(number=Count("pk"))
        return dict(counted.order_by("-number", "module__package"))


class Symbol(models.Model):
    """A function, class, method or constant, and where it is defined."""

    module = models.ForeignKey(Module, on_delete=models.CASCADE, related_name="symbols")
    kind = models.CharField(max_length=8, choices=[(str(kind), str(kind)) for kind in Kind], db_index=True)
    name = models.CharField(max_length=255)
    full_name = models.CharField(max_length=500, db_index=True)
    line = models.PositiveIntegerField()

    objects = SymbolQuerySet.as_manager()

    class Meta:
        ordering = ("full_name", "line")

    def __str__(self) -> str:
        return self.full_name

    @property
    def prefix(self) -> str:
        """What stands before the name: the module, and the class it may belong to."""
        return self.full_name.removesuffix(self.name)


class SummaryQuerySet(models.QuerySet["Summary"]):
    def refresh(self) -> "Summary":
        """Count everything again; there is one summary, and this is it."""
        facts = {
            "modules": Module.objects.count(),
            "failures": Module.objects.failed().count(),
            "kinds": Symbol.objects.count_by_kind(),
            "packages": Symbol.objects.count_by_package(),
        }
        return self.update_or_create(pk=1, defaults=facts)[0]


class Summary(models.Model):
    """The index in numbers, as they were at `made_at`."""

    made_at = models.DateTimeField(auto_now=True)
    modules = models.PositiveIntegerField()
    failures = models.PositiveIntegerField()
    kinds = models.JSONField()
    packages = models.JSONField()

    objects = SummaryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "summaries"

    def __str__(self) -> str:
        return f"{self.modules} modules, {self.symbols} symbols, {self.failures} failures"

    @property
    def symbols(self) -> int:
        return sum(self.kinds.values())

    @property
    def largest_packages(self) -> Sequence[tuple[str, int]]:
        return sorted(self.packages.items(), key=lambda item: -item[1])[:12]


def _facts(run_id: int, reading: Reading) -> dict[str, object]:
    return {
        "run_id": run_id,
        "name": reading.module,
        "package": reading.module.partition(".")[0],
        "digest": reading.digest,
        "size_bytes": reading.size_bytes,
        "error": f"{type(reading.error).__name__}: {reading.error}" if reading.error else "",
    }


def _symbols(module: Module, reading: Reading) -> list[Symbol]:
    return [
        Symbol(
            module=module,
            kind=found.kind,
            name=found.name.rpartition(".")[2],
            full_name=f"{module.name}.{found.name}",
            line=found.line,
        )
        for found in reading.definitions
    ]


def _relevance(word: str) -> list[Case]:
    own_name = Case(
        When(full_name__iexact=word, then=Value(0)),
        When(name__iexact=word, then=Value(1)),
        When(name__istartswith=word, then=Value(2)),
        default=Value(3),
    )
    tests = Q(module__path__startswith="test/") | Q(module__path__contains="/test")
    return [own_name, Case(When(tests, then=Value(1)), default=Value(0))]
