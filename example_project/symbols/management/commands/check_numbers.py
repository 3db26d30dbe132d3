"""`manage.py check_numbers`: is everything in the index, and nothing else?"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from symbols.counting import compare


class Command(BaseCommand):
    help = "Count the library directly, without the queue, and compare that with the tables; fails if they differ."

    def handle(self, *args: Any, **options: Any) -> None:
        comparison = compare(settings.LIBRARY)
        self.stdout.write(f"{'':20}{'library':>10}{'tables':>10}")
        for line in comparison.lines:
            self.stdout.write(f"{line.what:20}{line.counted:>10,}{line.stored:>10,}")
        if not comparison.agrees:
            first = ", ".join(comparison.differing[:5])
            raise CommandError(f"{len(comparison.differing):,} modules differ, the first of them: {first}")
        self.stdout.write(self.style.SUCCESS("They agree, module by module."))
