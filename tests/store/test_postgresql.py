"""The store in PostgreSQL: what every store must do, and what is particular to a server."""

from collections.abc import Iterator

import pytest

from conformance.store import StoreConformance
from paribus.store import Store, open_store
from postgresql import Server


@pytest.fixture
def url(server: Server) -> str:
    """Of a new database."""
    return server.url(server.new_database())


class TestPostgresql(StoreConformance):
    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        with open_store(url, create=True) as store:
            yield store
