"""What a crash of the server may lose, as one sentence."""


def durability_of(info: bytes | None, fsync: bytes | None, save: bytes | None) -> str:
    """One sentence on what a crash may lose; each is None where the server does not tell."""
    if info is None:
        return "redis: the server does not tell what a crash may lose"
    if b"aof_enabled:1" in info:
        lost = _LOST_WITH_AOF.get(
            fsync or b"", "what the server had not written to its disk (it does not tell how often)"
        )
        return f"redis: append-only file, a crash may lose {lost}; a failover also what the replica had not received"
    if save is None:
        return "redis: no append-only file, a crash loses everything since the last snapshot, if there is one"
    if not save:
        return "redis: no append-only file and no snapshots, a crash loses everything"
    return f"redis: no append-only file, a crash loses everything since the last snapshot (save {save.decode()})"


_LOST_WITH_AOF = {
    b"always": "nothing that was accepted",
    b"everysec": "about the last second",
    b"no": "what the operating system had not written (some 30 seconds)",
}
