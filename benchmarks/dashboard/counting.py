"""What is asked of the stores meanwhile: SQL statements and Redis commands, in whichever thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from django.db.backends.utils import CursorWrapper
from redis.asyncio.connection import AbstractConnection


class Count:
    """How many there were."""

    def __init__(self) -> None:
        self.statements: list[str] = []


@contextmanager
def counted() -> Iterator[Count]:
    """Of all connections of this process."""
    count = Count()
    execute, send = CursorWrapper.execute, AbstractConnection.send_packed_command

    def noting(cursor: CursorWrapper, sql: str, params: object = None) -> object:
        count.statements.append(str(sql))
        return execute(cursor, sql, params)  # type: ignore[arg-type]

    async def sending(connection: AbstractConnection, command: object, *given: object, **named: object) -> None:
        count.statements.append(str(command))
        await send(connection, command, *given, **named)  # type: ignore[arg-type]

    patched = mock.patch.object
    with patched(CursorWrapper, "execute", noting), patched(AbstractConnection, "send_packed_command", sending):
        yield count
