"""The rows of the index in the admin, to look at. The jobs that made them are under Task queue."""

from django.contrib import admin
from django.http import HttpRequest

from symbols.models import Module, Run, Summary, Symbol


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's own class takes none
    """What the jobs wrote, nobody else should."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(LookOnly):
    list_display = ("__str__", "started_at", "modules", "done", "failures", "elapsed", "python")


@admin.register(Module)
class ModuleAdmin(LookOnly):
    list_display = ("path", "package", "size_bytes", "error", "run", "indexed_at")
    list_filter = (("error", admin.EmptyFieldListFilter),)
    list_select_related = ("run",)
    search_fields = ("path",)


@admin.register(Symbol)
class SymbolAdmin(LookOnly):
    list_display = ("full_name", "kind", "module", "line")
    list_filter = ("kind",)
    list_select_related = ("module",)
    search_fields = ("full_name",)


@admin.register(Summary)
class SummaryAdmin(LookOnly):
    list_display = ("__str__", "made_at")
