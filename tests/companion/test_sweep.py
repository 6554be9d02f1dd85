import json
from concurrent.futures import Future

import pytest

from companion.toybook import INFO
from lowdim.companion import sweep as sweeps
from lowdim.companion.sweep import Sweep, best_table, check, parse_grid, run_sweep


class Client:
    """Dask's ``submit`` in this process."""

    def submit(self, function, *arguments, pure):
        assert not pure
        future = Future()
        future.status = "finished"
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.status = "error"
            future.set_exception(error)
        return future


@pytest.fixture
def client(monkeypatch):
    import dask.distributed

    monkeypatch.setattr(dask.distributed, "as_completed", lambda futures: futures)
    return Client()


def run(plan, book, client):
    return run_sweep(plan, book, client, say=lambda text: None)


def test_every_combination_runs_once(book, client, counts):
    plan = Sweep(INFO, "measure", parse_grid(["scale=1,2", "seed=0,1"]))
    points = run(plan, book, client)
    assert [point["values"]["01-C1"] for point in points] == [0.5, 1.5, 1.0, 2.0]
    assert [point["parameters"] for point in points][1] == {"scale": 1, "seed": 1}
    assert counts()["measure"] == 4
    again = run(plan, book, client)
    assert again == points
    assert counts()["measure"] == 4
    run(Sweep(INFO, "measure", parse_grid(["scale=1,3"])), book, client)
    assert counts()["measure"] == 5


def test_changed_code_and_damaged_points_run_again(book, client, counts):
    plan = Sweep(INFO, "measure", parse_grid(["scale=1,2"]))
    run(plan, book, client)
    next((book / "build/sweeps").glob("*/*.json")).write_text("{")
    run(plan, book, client)
    assert counts()["measure"] == 3
    (book / "models/toy/model.txt").write_text("others")
    run(plan, book, client)
    assert counts()["measure"] == 5


def test_a_failing_point_is_reported_and_tried_again(book, client, monkeypatch):
    plan = Sweep(INFO, "second", parse_grid(["seed=0"]))
    monkeypatch.setenv("TOY_BREAK", "1")
    assert "the toy is broken" in run(plan, book, client)[0]["error"]
    monkeypatch.delenv("TOY_BREAK")
    assert "values" in run(plan, book, client)[0]


def test_summary_and_table(book, client):
    plan = Sweep(INFO, "measure", parse_grid(["seed=2,0,1"]))
    points = run(plan, book, client)
    written = json.loads(sweeps.write_summary(plan, points, book).read_text())
    assert len(written["points"]) == 3
    rows = [line.split() for line in best_table(points, "gap", largest=False).splitlines()]
    assert rows == [["seed", "gap"], ["0", "0.25"], ["1", "1.25"], ["2", "2.25"]]
    assert best_table(points, "gap", largest=True).splitlines()[1].split() == ["2", "2.25"]
    with pytest.raises(ValueError, match="choose one of 01-C1, gap"):
        best_table(points, "nothing", largest=True)


def test_missing_values_come_last():
    points = [{"parameters": {"a": i}, "values": {"v": value}} for i, value in enumerate((float("nan"), 2.0, 1.0))]
    assert [line.split()[0] for line in best_table(points, None, largest=False).splitlines()] == ["a", "2", "1", "0"]


def test_grids():
    assert parse_grid(["a=1,2.5,x", "b=(1,2),[3]"]) == {"a": (1, 2.5, "x"), "b": ((1, 2), [3])}
    for bad in ("a", "=1", "a b=1", "a="):
        with pytest.raises(ValueError, match="grid"):
            parse_grid([bad])
    with pytest.raises(ValueError, match="twice"):
        parse_grid(["a=1", "a=2"])


def test_unknown_experiments_and_parameters_are_refused_with_the_choices(book):
    check(Sweep(INFO, "measure", {"scale": (1,), "seed": (0,)}))
    with pytest.raises(ValueError, match="choose one of measure, second"):
        check(Sweep(INFO, "third", {}))
    with pytest.raises(ValueError, match="choose from profile, seed, device, scale"):
        check(Sweep(INFO, "measure", {"size": (1,)}))
    with pytest.raises(ValueError, match="has several"):
        sweeps.only_experiment(INFO)


def test_clusters_must_be_known():
    with pytest.raises(ValueError, match="local, slurm or an address"), sweeps.connected("moon"):
        pass


def test_slurm_job():
    with sweeps.slurm_cluster({"queue": "gpu", "walltime": "00:20:00"}) as cluster:
        script = cluster.job_script()
    assert "#SBATCH -p gpu" in script
    assert "#SBATCH -t 00:20:00" in script
    assert "export OMP_NUM_THREADS=1" in script
    assert "--nthreads 1" in script


def test_a_local_cluster_runs_a_point_on_one_thread(book):
    with sweeps.connected("local", workers=1) as client:
        points = run(Sweep(INFO, "measure", {"seed": (0,)}), book, client)
        threads = client.submit(_threads, pure=False).result()
    assert points[0]["values"]["01-C1"] == 0.5
    assert threads == ("1", 1)


def _threads():
    import os

    import torch

    return os.environ["OMP_NUM_THREADS"], torch.get_num_threads()
