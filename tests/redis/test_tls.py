"""Servers, sentinels and Clusters that speak nothing but TLS, and only with whom they know."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from redis import Redis

from tests.redis.callers import check, trouble_at
from tests.redis.servers import SLOTS, Certificates, TlsSentinel, TlsServer, low_port, running, wait_until
from tests.services import ServerBroken


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls_server(certificates: Certificates) -> Iterator[TlsServer]:
    made = TlsServer(certificates)
    try:
        made.start()
    except ServerBroken:
        if made.lacks_tls:
            pytest.skip("this Redis was built without TLS")
        raise
    yield made
    made.stop()


async def test_a_server(tls_server: TlsServer) -> None:
    await check(tls_server.url)


async def test_a_server_nobody_vouches_for_is_refused(tls_server: TlsServer) -> None:
    assert "certificate verify failed" in await trouble_at(tls_server.url.replace("ssl_ca_certs", "client_name"))


async def test_the_name_in_the_certificate_counts_unless_it_is_said_not_to(tls_server: TlsServer) -> None:
    other = tls_server.url.replace("127.0.0.1", "localhost")

    assert "Hostname mismatch" in await trouble_at(other)
    await check(f"{other}&ssl_check_hostname=false")
    await check(f"{other}&ssl_check_hostname=false&ssl_cert_reqs=none")


async def test_a_certificate_that_is_not_there_is_told(tls_server: TlsServer) -> None:
    assert "No such file" in await trouble_at(tls_server.url.replace("ca.pem", "nowhere.pem"))


async def test_a_server_behind_a_sentinel(tls_server: TlsServer) -> None:
    with running(TlsSentinel(tls_server)) as sentinel:
        await check(sentinel.url)


async def test_a_node_of_a_cluster(certificates: Certificates, tls_server: TlsServer) -> None:
    node = TlsServer(certificates, "--cluster-enabled", "yes", "--tls-cluster", "yes")
    node.port = low_port()
    with running(node), closing(Redis.from_url(node.url)) as client:
        ask: Any = client.execute_command
        ask("CLUSTER", "ADDSLOTS", *range(SLOTS))
        wait_until(lambda: "cluster_state:ok" in str(ask("CLUSTER", "INFO")))

        await check(node.url.replace("rediss://", "rediss+cluster://"))
