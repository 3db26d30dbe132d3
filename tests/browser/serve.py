"""`python -m tests.browser.serve <port>`: make the database of the shop where there is none, and serve its admin."""

import sys

import django
from django.core.management import call_command

ADMIN = "anna"
PASSWORD = "only for tests"


def serve(port: str) -> None:
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    if not User.objects.exists():
        User.objects.create_superuser(ADMIN, "", PASSWORD)
    # `--insecure`: static files without DEBUG
    call_command("runserver", f"127.0.0.1:{port}", "--noreload", "--insecure", "--skip-checks")


if __name__ == "__main__":
    django.setup()
    serve(sys.argv[1])
