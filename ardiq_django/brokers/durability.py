"""What a broker says of its durability, and of what else endangers it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Durability:
    """What a crash of the broker may lose, as one sentence read from the server's own settings.

    `remedy` says what to change where that is more than a project would expect; "" where there is nothing to say."""

    sentence: str
    remedy: str = ""

    @property
    def is_weak(self) -> bool:
        """Whether more may be lost than a project would expect."""
        return bool(self.remedy)


@dataclass(frozen=True, slots=True)
class Advice:
    """Something else in a server's own settings that endangers jobs; `about` is one word."""

    about: str
    sentence: str
    remedy: str
