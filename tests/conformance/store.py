"""What every store must do. Subclass and give the fixture ``store``, fresh and empty."""

import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from conformance.build import make_failure, make_planned, make_record, make_search, make_study, make_trial
from paribus.errors import StoreError
from paribus.record import Predictions, TrialPruned, TrialRecord
from paribus.store import Store


def assert_same(one: TrialRecord, other: TrialRecord) -> None:
    """Equal in every field, to the bit."""
    for field in fields(TrialRecord):
        if field.name != "predictions":
            # repr, since NaN is not equal to itself
            assert repr(getattr(one, field.name)) == repr(getattr(other, field.name)), field.name
    assert one.predictions.keys() == other.predictions.keys()
    for part, mine in one.predictions.items():
        theirs = other.predictions[part]
        assert mine.ids.tolist() == theirs.ids.tolist()
        assert (mine.y.dtype, mine.logits.dtype) == (theirs.y.dtype, theirs.logits.dtype)
        np.testing.assert_array_equal(mine.y, theirs.y)
        assert mine.logits.shape == theirs.logits.shape
        assert mine.logits.tobytes() == theirs.logits.tobytes()


class StoreConformance:
    # ---------------------------------------------------------------- searches

    def test_what_a_search_pruned_is_its_own(self, store: Store) -> None:
        study = make_search()
        planned = make_planned(study)
        first, other = store.add_study(study, planned, "a"), store.add_study(make_study(), planned, "b")
        record = make_record(planned[0].trial_id, spec=planned[0].spec)
        begun = TrialPruned("t", record.spec, "f", record.environment, record.history[:1], math.nan)
        assert store.leases.claim(["t"], "me", 60) == {"t"}
        store.searches.add(first, begun)
        assert store.leases.held(["t"]) == {}
        (found,) = store.searches.pruned(first)
        assert repr(found) == repr(begun)
        assert store.finished(["t"]) == store.failed(["t"]) == frozenset()
        assert store.searches.pruned(other) == ()
        longer = replace(begun, history=record.history, seconds=2.5)
        store.searches.add(first, longer)
        assert store.searches.pruned(first) == (longer,)

    def test_a_search_grows(self, store: Store) -> None:
        study = make_search()
        planned = make_planned(study)
        key = store.add_study(study, planned, "a")
        more = (planned[0], *make_planned(make_study())[:2])
        more = (*more[:2], replace(more[2], bar=(0.0, 1 / 3)))
        for _ in range(2):  # what is asked of a store may be asked twice
            store.searches.extend(key, 1, more)
        store.searches.extend(key, 4, more[1:2])
        stored = store.latest_study(key)
        assert stored
        assert stored.planned == (*planned, *more, more[1])

    def test_a_search_with_another_budget_is_the_same_search(self, store: Store) -> None:
        study = make_search()
        key = store.add_study(study, make_planned(study), "a")
        store.searches.extend(key, 1, make_planned(study))
        larger = make_search(trials=9, confirm=3).model_copy(update={"seeds": (0, 5, 6)})
        assert store.add_study(larger, make_planned(larger), "b") == key
        stored = store.latest_study(key)
        assert stored
        assert (stored.study, len(stored.planned)) == (larger, 2)
        for change in ({"pruning": "median"}, {"seed": 1}, {"search": "random"}, {"startup": 3}):
            different = make_search(**change)
            assert store.add_study(different, make_planned(different), "c") != key

    # ---------------------------------------------------------------- records

    def test_a_record_comes_back_exactly(self, store: Store) -> None:
        record = make_record(n_classes=3, activation="elu")
        store.add(record)
        assert_same(store.records(["t0"])[0], record)
        assert type(store.records(["t0"])[0].stopped_early) is bool

    def test_every_kind_of_specification_comes_back(self, store: Store) -> None:
        spec = make_trial(
            data={
                "source": "npz",
                "path": "ä b/x.npz",
                "normalise": {"name": "fixed", "mean": [0.5, 1], "std": 2},
                "sfreq_hz": 128,
            },
            model={"name": "eegnet", "max_norm": {}},
            train={
                "epochs": 2,
                "optimizer": {"name": "adam", "betas": [0.8, 0.99]},
                "schedule": {"name": "step", "every": 2},
                "loss": {"flooding": 0.1},
                "early_stop": {"patience": 3},
            },
            seed=2**32 - 1,
        )
        store.add(make_record(spec=spec))
        store.add(make_failure("t1", spec=spec))
        assert store.records(["t0"])[0].spec == spec
        assert store.failures(["t1"])[0].spec == spec

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 5e-324, 0.1, -1e300])
    def test_any_float_survives_in_the_history(self, store: Store, value: float) -> None:
        record = make_record()
        record = replace(record, history=(replace(record.history[0], validation_loss=value), *record.history[1:]))
        store.add(record)
        assert repr(store.records(["t0"])[0].history[0].validation_loss) == repr(value)
        assert_same(store.records(["t0"])[0], record)

    def test_any_float_survives_in_the_logits(self, store: Store) -> None:
        odd = np.array([[np.nan, np.inf], [-np.inf, -0.0], [1e-45, 3.4e38]], dtype=np.float32)
        odd.view(np.uint32)[0, 0] = 0x7FC00123  # a NaN with a payload
        predictions = Predictions(np.array(["a", "b", "c"]), np.array([0, 1, 1]), odd)
        record = replace(make_record(), predictions={"test": predictions})
        store.add(record)
        assert_same(store.records(["t0"])[0], record)

    def test_layout_of_the_arrays_does_not_matter(self, store: Store) -> None:
        whole = make_record().predictions["test"]
        turned = Predictions(
            ids=whole.ids[::2],
            y=whole.y[::2].astype(">i8"),
            logits=np.asfortranarray(whole.logits)[::2].astype(">f4"),
        )
        store.add(replace(make_record(), predictions={"test": turned}))
        found = store.records(["t0"])[0].predictions["test"]
        np.testing.assert_array_equal(found.logits, whole.logits[::2])
        np.testing.assert_array_equal(found.y, whole.y[::2])
        assert found.y.dtype == np.dtype(np.int64)
        assert found.logits.dtype == np.dtype(np.float32)

    @pytest.mark.parametrize("ids", [[], ["only one"], ["", "ü/ß.png", "日本", 'quote " and \\', "new\nline"]])
    def test_ids_of_examples(self, store: Store, ids: list[str]) -> None:
        n = len(ids)
        logits = np.zeros((n, len(make_record().data.class_names)), np.float32)
        predictions = Predictions(np.array(ids, dtype=np.str_), np.zeros(n, np.int64), logits)
        record = replace(make_record(), predictions={"test": predictions})
        store.add(record)
        assert_same(store.records(["t0"])[0], record)

    def test_numpy_numbers_are_taken_as_numbers(self, store: Store) -> None:
        record = make_record()
        odd: dict[str, Any] = {"epoch": np.int64(1), "train_loss": np.float32(0.5), "lr": np.float64(0.25)}
        odder: dict[str, Any] = {"selected_epoch": np.int64(1), "seconds": np.float64(2)}
        store.add(replace(record, history=(replace(record.history[0], **odd),), **odder))
        found = store.records(["t0"])[0]
        assert (found.history[0].epoch, found.history[0].train_loss, found.history[0].lr) == (1, 0.5, 0.25)
        assert (found.selected_epoch, found.seconds) == (1, 2.0)

    def test_trials_may_share_examples_and_differ_in_their_classes(self, store: Store) -> None:
        first, second = make_record("t0"), make_record("t1", accuracy=0.5)
        test = second.predictions["test"]
        other = replace(second, trial_id="t2", predictions={"test": Predictions(test.ids, 1 - test.y, test.logits)})
        for record in (first, second, other):
            store.add(record)
        for record in (first, second, other):
            assert_same(store.records([record.trial_id])[0], record)

    def test_an_unknown_trial(self, store: Store) -> None:
        store.add(make_failure("t1"))
        assert store.records(["t0", "t1"]) == ()

    # ---------------------------------------------------------------- many

    def test_records_come_in_the_order_asked_for(self, store: Store) -> None:
        records = {f"t{i}": make_record(f"t{i}", seed=i) for i in range(5)}
        for record in records.values():
            store.add(record)
        store.add(make_failure("bad"))
        asked = ["t3", "missing", "t0", "bad", "t4"]
        found = store.records(iter(asked))
        assert [record.trial_id for record in found] == ["t3", "t0", "t4"]
        for record in found:
            assert_same(record, records[record.trial_id])
        for record in store.records(asked, predictions=False):
            assert_same(record, replace(records[record.trial_id], predictions={}))
        assert store.records([]) == ()

    def test_more_trials_than_one_query_takes(self, store: Store) -> None:
        asked = [f"t{i}" for i in range(40_000)]
        kept = ["t7", "t499", "t500", "t20000", "t39999"]
        for trial_id in kept:
            store.add(make_record(trial_id))
        for trial_id in ("t8", "t39998"):
            store.add(make_failure(trial_id))
        assert store.finished(asked) == set(kept)
        assert store.failed(asked) == {"t8", "t39998"}
        assert [record.trial_id for record in store.records(asked[::-1])] == kept[::-1]
        assert [failure.trial_id for failure in store.failures(asked)] == ["t8", "t39998"]

    def test_several_at_once(self, store: Store) -> None:
        store.add(make_record("old", accuracy=0.8))
        store.add(make_failure("bad"))
        store.add(
            make_failure("t0"),
            make_record("t0", accuracy=0.5),
            make_record("t0", accuracy=0.9),  # nothing replaces a record, nor in the same call
            make_failure("t0"),
            make_record("old", accuracy=0.1),
            make_failure("bad", message="second"),
            make_record("t1", seed=1),
        )
        for record in (make_record("t0", accuracy=0.5), make_record("old", accuracy=0.8), make_record("t1", seed=1)):
            assert_same(store.records([record.trial_id])[0], record)
        assert [failure.message for failure in store.failures(["old", "bad", "t0"])] == ["second"]
        store.add()
        twice = replace(make_record("t3"), history=make_record().history * 2)
        with pytest.raises(StoreError):
            store.add(make_record("t2"), twice)  # all of them or none
        assert store.finished(["t2", "t3"]) == frozenset()

    def test_finished_and_failed(self, store: Store) -> None:
        store.add(make_record("good"))
        store.add(make_failure("bad"))
        for asked in (["good", "bad", "unknown"], ["bad", "good", "good", "bad"]):
            assert store.finished(asked) == {"good"}
            assert store.failed(asked) == {"bad"}
        assert store.finished(["bad"]) == store.failed(["good"]) == store.finished([]) == frozenset()

    # ---------------------------------------------------------------- failures and what replaces what

    def test_a_failure_comes_back_exactly(self, store: Store) -> None:
        failures = (make_failure("t0"), make_failure("t1", environment=None, kind="WorkerDied", message=""))
        for failure in failures:
            store.add(failure)
        assert store.failures(["t1", "unknown", "t0"]) == failures[::-1]

    @pytest.mark.parametrize("message", ["caf\udce9.npz", "a\0b", "日本 \U0001f600"])
    def test_any_text_can_be_a_message(self, store: Store, message: str) -> None:
        store.add(make_failure(message=message))
        (found,) = store.failures(["t0"])
        assert found.message == message.replace("\udce9", "\\udce9").replace("\0", "\\x00")

    def test_a_record_replaces_a_failure(self, store: Store) -> None:
        store.add(make_failure())
        store.add(make_record())
        assert store.finished(["t0"]) == {"t0"}
        assert store.failed(["t0"]) == frozenset()
        assert store.failures(["t0"]) == ()
        assert_same(store.records(["t0"])[0], make_record())

    def test_a_failure_replaces_a_failure(self, store: Store) -> None:
        store.add(make_failure(message="first"))
        store.add(make_failure(message="second"))
        assert [failure.message for failure in store.failures(["t0"])] == ["second"]

    def test_nothing_replaces_a_record(self, store: Store) -> None:
        store.add(make_record(accuracy=0.8))
        store.add(make_record(accuracy=0.5))
        store.add(make_failure())
        assert_same(store.records(["t0"])[0], make_record(accuracy=0.8))
        assert store.failed(["t0"]) == frozenset()

    def test_a_record_is_kept_whole_or_not_at_all(self, store: Store) -> None:
        twice = replace(make_record(), history=make_record().history * 2)  # epochs 1 2 3 1 2 3
        store.add(make_failure())
        with pytest.raises(StoreError):
            store.add(twice)
        assert store.finished(["t0"]) == frozenset()
        assert store.failed(["t0"]) == {"t0"}
        store.add(make_record())
        assert_same(store.records(["t0"])[0], make_record())

    # ---------------------------------------------------------------- studies

    def test_an_empty_store(self, store: Store) -> None:
        assert store.latest_study() is None
        assert store.studies() == ()

    def test_a_study_comes_back_exactly(self, store: Store) -> None:
        study = make_study(
            factors={
                "activation": {"path": "model.activation", "levels": ["relu", "elu"]},
                "stop": {"levels": {"never": {"train.early_stop": None}, "soon": {"train.early_stop.patience": 2}}},
            },
            reported=[
                {
                    "source": "R1",
                    "data": {"source": "digits"},
                    "figures": [{"cell": {"stop": "soon"}, "test_accuracy": 5}],
                }
            ],
        )
        planned = make_planned(study)
        assert len(planned) == 12
        study_id = store.add_study(study, planned, "paribus run ä.yaml")
        found = store.latest_study()
        assert found is not None
        assert (found.study_id, found.study, found.planned) == (study_id, study, planned)
        assert found.command == "paribus run ä.yaml"
        age = datetime.now(UTC) - datetime.fromisoformat(found.created)
        assert timedelta(seconds=-1) < age < timedelta(minutes=1)
        assert store.studies() == (found,)

    def test_the_same_study_keeps_its_row_and_becomes_the_latest(self, store: Store) -> None:
        one, two = make_study(name="one"), make_study(name="two")
        first = store.add_study(one, make_planned(one), "a")
        second = store.add_study(two, make_planned(two), "b")
        assert first != second
        assert [stored.study.name for stored in store.studies()] == ["one", "two"]
        assert store.add_study(one, make_planned(one), "c") == first
        assert [stored.study.name for stored in store.studies()] == ["two", "one"]
        latest = store.latest_study()
        assert latest is not None
        assert (latest.study_id, latest.study, latest.command) == (first, one, "c")
        assert latest.planned == make_planned(one)

    def test_a_study_by_its_id(self, store: Store) -> None:
        one, two = make_study(name="one"), make_study(name="two")
        ids = [store.add_study(study, make_planned(study), "") for study in (one, two)]
        found = [store.latest_study(study_id) for study_id in (*ids, 77)]
        assert [stored and stored.study.name for stored in found] == ["one", "two", None]

    def test_a_large_study_comes_back_exactly(self, store: Store) -> None:
        factors = {"activation": {"path": "model.activation", "levels": ["relu", "elu"]}}
        study = make_study(seeds=[7, 0, 2**32 - 1, 12], factors=factors)
        planned = make_planned(study)
        same_seed = replace(planned[0], trial_id="other", cell=(("activation", "elu"),))  # in a cell it does not fit
        store.add_study(study, (*planned, same_seed), "")
        found = store.latest_study()
        assert found is not None
        assert found.planned == (*planned, same_seed)
        assert [each.spec.model_dump_json() for each in found.planned] == [
            each.spec.model_dump_json() for each in (*planned, same_seed)
        ]

    def test_the_same_study_on_other_data_is_another(self, store: Store) -> None:
        study = make_study()
        planned = make_planned(study)
        other = tuple(replace(trial, trial_id=trial.trial_id[::-1]) for trial in planned)
        assert store.add_study(study, planned, "") != store.add_study(study, other, "")
        assert [stored.planned for stored in store.studies()] == [planned, other]

    def test_planned_trials_need_not_have_run(self, store: Store) -> None:
        planned = make_planned(make_study())
        store.add_study(make_study(), planned, "")
        assert store.finished(trial.trial_id for trial in planned) == frozenset()

    def test_it_is_a_context_manager(self, store: Store) -> None:
        with store as same:
            assert same is store
            store.add(make_record())
