"""How older stores become the present version, by Alembic. `versions.py`, one room up, runs it."""
