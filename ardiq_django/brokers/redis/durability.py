"""What a crash of the server may lose."""

from ardiq_django.brokers.durability import Durability

REMEDY = "set appendonly yes where losing jobs matters"


def durability_of(info: bytes | None, fsync: bytes | None, save: bytes | None) -> Durability:
    """Of what the server tells of itself; each is None where it does not."""
    if info is None:
        return Durability("redis: the server does not tell what a crash may lose (INFO is refused to this user)")
    if b"aof_enabled:1" in info:
        lost = _LOST_WITH_AOF.get(
            fsync or b"", "what the server had not written to its disk (appendfsync: refused to this user)"
        )
        said = f"redis: append-only file, a crash may lose {lost}; a failover also what the replica had not received"
        return Durability(said, "set appendfsync everysec, or always" if fsync == b"no" else "")
    if save is None:
        told = "if there is one (save: refused to this user)"
        said = f"redis: no append-only file, a crash loses everything since the last snapshot, {told}"
        return Durability(said, REMEDY)
    if not save:
        return Durability("redis: no append-only file and no snapshots, a crash loses everything", REMEDY)
    said = f"redis: no append-only file, a crash loses everything since the last snapshot (save {save.decode()})"
    return Durability(said, REMEDY)


_LOST_WITH_AOF = {
    b"always": "nothing that was accepted",
    b"everysec": "about the last second",
    b"no": "what the operating system had not written (some 30 seconds)",
}
