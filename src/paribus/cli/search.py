"""What `paribus plan` and `paribus status` say of a search."""

from pathlib import Path

from paribus.cli.terminal import say, show_table
from paribus.level import level_name
from paribus.plan import Plan, planned_progress, search_progress, seen_so_far
from paribus.search import design_of, standing
from paribus.shown import hide_password
from paribus.spec import Range, StudySpec
from paribus.store.base import Store, StoredStudy


def show_plan(plan: Plan, folder: Path, place: str | None = None) -> int:
    """What a search may choose, and its budget. Returns how many trials are left, at most.

    Args:
        plan: of the search.
        folder: of the run.
        place: of the store, if it was given.
    """
    study, design, done = plan.study, design_of(plan.study), planned_progress(folder, plan, place)
    show_table(["factor", "from"], [[name, _choice(study, name)] for name in study.factors])
    pruning = f", {design.pruning} pruning" if design.pruning else ""
    rest = ", ".join(map(str, study.seeds[1:]))
    many = f"best {design.confirm}" if design.confirm > 1 else "best"
    say(f"{design.trials} candidates with seed {study.seeds[0]} ({design.search}{pruning}), the baseline among them;")
    say(f"then the baseline and the {many} of them with seeds {rest}: at most {done.n_planned} trials.")
    n_ended = done.n_finished + done.n_pruned
    where = hide_password(place) if place else folder
    say(f"{n_ended} have ended in {where}, at most {done.n_planned - n_ended} are to run.")
    return done.n_planned - n_ended


def _choice(study: StudySpec, name: str) -> str:
    factor = study.factors[name]
    if isinstance(factor, Range):
        step = f", step {factor.step:g}" if factor.step else ", by magnitude" if factor.log else ""
        return f"{factor.low:g} to {factor.high:g}{step}"
    return ", ".join(factor.levels if isinstance(factor.levels, dict) else map(level_name, factor.levels))


def show_status(store: Store, stored: StoredStudy) -> tuple[str, ...]:
    """The candidates of a search, and how far its confirmation is. Returns the ids of those that failed."""
    study, known = stored.study, seen_so_far(store, stored.study_id, stored.planned)
    now = standing(study, stored.planned, known)
    found, last, done = now.found, now.last, search_progress(now, known)
    say(f"{study.name}: {study.question}")
    rows = []
    for one in found:
        values = dict(one.trial.cell)
        chosen = [values.get(factor, "baseline") for factor in study.factors]
        reached = f"{one.seen.accuracy:.1%}" if one.seen.curve else ""
        state = {"running": "to run", "finished": "done"}.get(one.seen.state, one.seen.state)
        rows.append([str(one.number), *chosen, reached, state])
    show_table(["candidate", *study.factors, "validation", "state"], rows)
    n_ended = sum(one.seen.state != "running" for one in found)
    say(
        f"{n_ended} of {design_of(study).trials} candidates have ended; {done.n_finished} trials are done, "
        f"{done.n_pruned} pruned, {done.n_failed} failed."
    )
    if n_ended == design_of(study).trials:
        n_done = len(store.finished(trial.trial_id for trial in last))
        say(f"Confirmation: {n_done} of {len(last)} trials done.")
    ids = dict.fromkeys(trial.trial_id for trial in (*(one.trial for one in found), *last))
    return tuple(i for i in ids if i in known and known[i].state == "failed")
