"""What the admin lists without a table: models apart from Django's own, and querysets that ask no database."""

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from django.apps import apps
from django.apps.registry import Apps
from django.db import models
from django.db.models.query import QuerySet

from ardiq_django.dashboard.terms import Unanswerable

NOT_A_DATABASE = "the queue's broker, not a database"  # no such alias: any SQL that slips through raises
M = TypeVar("M", bound=models.Model)


class _Apart(Apps):
    """A registry beside Django's own.

    The classes in it share names, addresses, permissions and content types with the tables of the database broker, and
    must not meet them: neither in migrations nor in relations.
    """

    @cache  # noqa: B019 (Django clears it by that name)
    def get_models(self, include_auto_created: bool = False, include_swapped: bool = False) -> list[type[models.Model]]:
        return []


apart = _Apart()
apart.app_configs = apps.app_configs


class ApartModel(models.Model):
    """A row that is made for one page and never saved."""

    class Meta:
        abstract = True
        apps = apart
        app_label = "ardiq"
        managed = False

    def shown(self, **values: Any) -> Self:
        """This row with what the page shows beside its fields. A field with bytes that are no text, which somebody else
        wrote into the broker, tells them as escapes: no page could be encoded otherwise."""
        self.__dict__.update({name: readable(value) for name, value in self.__dict__.items() if isinstance(value, str)})
        self.__dict__.update(values)
        self._state.db, self._state.adding = NOT_A_DATABASE, False
        return self


def readable(text: str) -> str:
    """The text with what no encoding takes written as escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _closed(name: str) -> Callable[..., NoReturn]:
    def method(self: object, *args: object, **kwargs: object) -> NoReturn:
        raise Unanswerable(f"what a queue keeps has no {name}()")

    return method


class ApartQuerySet(QuerySet[M, M]):
    """The query is Django's own; what would run it otherwise than by `_fetch_all` and `count` is closed, since it would
    answer wrongly without a word."""

    CLOSED: ClassVar[frozenset[str]] = frozenset(
        {
            *("values", "values_list", "dates", "only", "defer", "annotate", "alias", "extra", "raw", "using"),
            *("exclude", "union", "intersection", "difference", "select_for_update", "prefetch_related"),
            *("update", "bulk_update", "delete"),
        }
    )


for _name in ApartQuerySet.CLOSED:
    setattr(ApartQuerySet, _name, _closed(_name))
