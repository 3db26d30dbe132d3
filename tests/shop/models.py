"""What the shop sells."""

from typing import ClassVar

from django.db import models


class Order(models.Model):
    """An order of so many things."""

    name = models.CharField(max_length=100)
    number = models.IntegerField(default=0)

    objects: ClassVar[models.Manager["Order"]] = models.Manager()

    def __str__(self) -> str:
        return self.name
