"""Where results are kept: studies, their planned trials, and what each trial gave."""

from paribus.store.base import Store, StoredStudy
from paribus.store.sql import open_store

__all__ = ["Store", "StoredStudy", "open_store"]
