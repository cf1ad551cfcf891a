"""Where a store is: paths, URLs, and what a run folder remembers of its store. Passwords are never written down."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from paribus.errors import ParibusError, RunError, StoreError
from paribus.shown import hide_password
from paribus.suggest import nearest

STORE = "store.sqlite"
"""File of the store inside a run folder, unless the folder has another store."""
POINTER = "store.url.json"
"""File in a run folder that says where its store is, when it is not in the folder."""
VARIABLE = "PARIBUS_STORE"
"""Environment variable with the URL of a store, with its password."""
FORMS = "give the path of a SQLite file, sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE"

_with_password: dict[str, URL] = {}
"""Bare URL -> as this process was given it, so that `paribus run` can read what it wrote."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a run folder says of a store elsewhere."""

    where: Path | URL
    study_id: int
    """Of the study that was run in this folder last; the store may have others'."""


def parse(path_or_url: str | Path | URL) -> Path | URL:
    """The path of a SQLite file, or the URL of a PostgreSQL database.

    Raises:
        StoreError: it is neither.
    """
    if isinstance(path_or_url, URL | Path):
        return path_or_url
    if "://" not in path_or_url:
        return Path(path_or_url)
    told = hide_password(path_or_url)
    try:
        url = make_url(path_or_url)
    except (ArgumentError, ValueError):
        raise StoreError(f"not the URL of a database: {told!r}; {FORMS}") from None
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return _postgresql(url, told)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise StoreError(f"a store is a SQLite file or a PostgreSQL database, got {told!r}: {FORMS}")
    return Path(str(url.database))


def _postgresql(url: URL, told: str) -> URL:
    if url.host is not None and "@" in url.host:
        raise StoreError(f"in {told!r} a character of the user or password must be escaped: write %40 for @, %2F for /")
    if not url.database:
        raise StoreError(f"{told!r} names no database: {FORMS}")
    password = url.query.get("password")
    if isinstance(password, str):  # where passwords belong, so that nothing shows it
        url = url.difference_update_query(["password"]).set(password=password)
    return url.set(drivername="postgresql+psycopg")


def shown(where: Path | URL) -> str:
    """For people: a path, or a URL without its password."""
    return str(where) if isinstance(where, Path) else hide_password(_bare(where))


def _bare(url: URL) -> str:
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    return bare.render_as_string()


# ---------------------------------------------------------------- of a run folder


def find_store(out: Path, given: str | None = None) -> Path | URL:
    """Where the store of a run folder is, or is to be.

    That is what was given; else what the folder remembers; else the file in it; else, in a new folder,
    what the environment variable `PARIBUS_STORE` says; else a file in the folder. The variable also gives
    the password to the database that a folder remembers.

    Args:
        out: the run folder; it need not exist.
        given: path or URL that somebody asked for.

    Raises:
        RunError: the folder has trials in a store of its own, and another was given.
        StoreError: what was given is neither path nor URL, or what the folder remembers cannot be read.
    """
    inside, variable = out / STORE, os.environ.get(VARIABLE)
    if given is not None:
        where = parse(given)
        if isinstance(where, Path):
            where = where.absolute()
        if inside.exists() and where != inside.absolute():
            raise RunError(
                f"{out} has its trials in {STORE} already, and --store names {shown(where)}: "
                "choose another folder with --out, or leave out --store"
            )
        return where
    known = remembered(out)
    if known is not None:
        if isinstance(known.where, URL) and (url := _with_password.get(_bare(known.where))):
            return url
        named = parse(variable) if variable and isinstance(known.where, URL) else None
        return named if isinstance(named, URL) and _same(named, known.where) else known.where
    return parse(variable) if variable and not inside.exists() else inside


def _same(one: URL, other: Path | URL) -> bool:
    def of(url: URL) -> tuple[object, ...]:
        query = url.query
        return url.host or query.get("host"), url.port or query.get("port") or 5432, url.database, query.get("options")

    return isinstance(other, URL) and of(one) == of(other)


def remember(out: Path, where: Path | URL, study_id: int) -> None:
    """Let a run folder say where its store is, and which study of it was run here, unless the store is in it.

    Raises:
        RunError: the folder cannot be written.
    """
    if where == out / STORE or (isinstance(where, Path) and where.absolute() == (out / STORE).absolute()):
        return
    url = URL.create("sqlite", database=str(where.absolute())) if isinstance(where, Path) else where
    if url.password is not None:
        _with_password[_bare(url)] = url
    content = json.dumps({"url": hide_password(_bare(url)), "study": study_id}, indent=1)
    unfinished = out / f".{POINTER}.{os.getpid()}"
    try:
        unfinished.write_text(content + "\n", encoding="utf-8")
        unfinished.replace(out / POINTER)
    except OSError as error:
        raise RunError(f"cannot write in {out}: {error.strerror}; choose another folder with --out") from None


def remembered(out: Path) -> Remembered | None:
    """What a run folder says of a store elsewhere; None when it says nothing.

    Raises:
        StoreError: it cannot be read.
    """
    path = out / POINTER
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Remembered(parse(str(told["url"])), int(told["study"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, StoreError) as error:
        raise StoreError(
            f"{path} does not say where the store is ({error}): run the study again with --store, which writes it anew"
        ) from None


def no_run_at(out: Path) -> str:
    """Why a path is not that of a run folder, with the one that was probably meant, or how to start one."""
    from paribus.load import builtin_studies, read_study

    names = [out.name]
    is_study = out.is_file() or str(out) in builtin_studies()
    if is_study:
        with suppress(ParibusError):
            names.append(read_study(out).name)
    near = [out.parent, *(Path("runs") / name for name in names)]
    near += (folder / close for folder in dict.fromkeys((out.parent, Path("runs"))) if (close := _like(out, folder)))
    found = [place for place in dict.fromkeys(near) if place != out and has_store(place)]
    if out.is_dir():
        what = f"{out} holds no run: there is no {STORE} in it"
        found += [place for place in sorted(out.iterdir()) if has_store(place)]
    else:
        what = f"{out} is a file, no run folder" if out.is_file() else f"no run folder at {out}"
    if found:
        more = f" or {len(found) - 1} others" if len(found) > 2 else "".join(f" or {place}" for place in found[1:])
        return f"{what}; did you mean {found[0]}{more}?"
    if is_study:
        return f"{what}; start the study with `paribus run {out}`"
    return f"{what}; start one with `paribus run STUDY --out {out}`"


def _like(out: Path, folder: Path) -> str | None:
    """What is in a folder and has almost the name of a run that is not there."""
    try:
        return nearest(out.name, [place.name for place in folder.iterdir() if has_store(place)])
    except OSError:  # it is not there, or not ours to read
        return None


def has_store(out: Path) -> bool:
    """Whether a folder is that of a run."""
    return (out / STORE).exists() or (out / POINTER).exists()
