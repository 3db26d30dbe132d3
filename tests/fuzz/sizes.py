"""How many inputs a run tries, and from which seed."""

import os
import random

EXAMPLES = int(os.environ.get("ARDIQ_FUZZ_EXAMPLES", "3000"))
SEED = int(os.environ.get("ARDIQ_FUZZ_SEED", "1"))
SHARES = {"decoders": 0.4, "stores": 0.45, "words": 0.15}
BROKERS = 4  # that share the stores' part


def number(kind: str) -> int:
    """So many inputs of a kind; for stores, in each broker."""
    share = EXAMPLES * SHARES[kind]
    return max(10, round(share / BROKERS if kind == "stores" else share))


def chance(of: str) -> random.Random:
    """What one test draws from: the same for the same seed."""
    return random.Random(f"{SEED} {of}")
