"""The promises of `ardiq_django.brokers.base`, each tested once, on every broker."""
