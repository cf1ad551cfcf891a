"""scripts/slurm-ray.sh, with an `srun` that starts here what SLURM would start on other machines."""

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import commands
from cluster import LOOPBACK, MARK, kill, listening, marked, wait_until, write_command
from paribus.live import Follower

pytest.importorskip("ray", reason="the extra `cluster` is not installed")

SCRIPT = Path(__file__).parents[1] / "scripts" / "slurm-ray.sh"
SRUN = """\
#!/usr/bin/env bash
# Each node of Ray has a folder and a process of its own; SIGTERM is passed on, as SLURM's srun does.
here=${BASH_SOURCE%/*}
echo "$*" >>"$here/calls"
n=1
while [[ $1 == --* ]]; do
    [[ $1 == --ntasks=* ]] && n=${1#*=}
    shift
done
[[ $1 == ray ]] || exec "$@"
unset RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER
trap 'kill -TERM $(jobs -p)' TERM
for ((i = 0; i < n; i++)); do
    "$@" --temp-dir="$here/$$-$i" >>"$here/ray.log" 2>&1 &
done
while ! wait; do :; done
while [[ $(jobs -rp) ]]; do sleep 0.1; done
"""
STUDY = """
name: three
question: Is it done?
baseline:
  data: {{source: npz, path: {path}}}
  model: {{name: eegnet}}
  train: {{epochs: 100, batch_size: 8}}
seeds: 3
"""


@pytest.fixture
def stubs() -> Iterator[Path]:
    """A folder with `srun` and `ray`; its path is short, as those of sockets must be."""
    folder = Path(tempfile.mkdtemp(prefix="paribus-", dir="/tmp"))
    write_command(folder)
    (folder / "srun").write_text(SRUN)
    (folder / "srun").chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def mark() -> Iterator[str]:
    """Of all processes of a job."""
    mark = uuid.uuid4().hex
    yield mark
    kill(mark)


def test_a_job_that_is_ended_in_the_middle_goes_on(tmp_path: Path, eeg_file: Path, stubs: Path, mark: str) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.format(path=eeg_file))
    environment = {
        "PATH": os.pathsep.join([str(stubs), str(Path(commands.PARIBUS).parent), os.environ["PATH"]]),
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "1",
        "SLURMD_NODENAME": "one",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # all listens on 127.0.0.1
        MARK: mark,
    }
    command = [SCRIPT, "study.yaml", "--out", "run", "--no-report", "--checkpoint-every", "1"]

    def job() -> AbstractContextManager[commands.Program]:
        return commands.running(*command, cwd=tmp_path, environment=environment)

    with job() as running:
        follower = Follower(tmp_path / "run")
        # A node has one core: two trials go on at once on two nodes alone.
        wait_until(lambda: sum(trial.n_rows > 2 and not trial.ended for trial in follower.look()) == 2, seconds=240)
        assert listening(mark) <= LOOPBACK
        running.send_signal(signal.SIGTERM)
        said = running.communicate()[0]
    assert running.returncode == 143, said
    assert not marked(mark), "nothing of Ray is left"
    assert "3 of 3 trials done" not in commands.paribus("status", "run", cwd=tmp_path).stdout

    with job() as running:
        said = running.communicate()[0]
    assert running.returncode == 0, said
    assert "3 of 3 trials done" in commands.paribus("status", "run", cwd=tmp_path).stdout
    assert not marked(mark), "nothing of Ray is left"
    head, worker, cleared = (stubs / "calls").read_text().splitlines()[:3]
    assert "--nodelist=one ray start" in head
    assert "--nodes=1 --ntasks=1 --exclude=one ray start" in worker
    assert cleared.endswith(f"rm -rf /tmp/paribus-ray-{os.getpid()}")
