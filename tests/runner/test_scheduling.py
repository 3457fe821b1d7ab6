"""Who runs where and when, on a Ray of several simulated nodes with simulated GPUs (support/schedules.py)."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from own_ray import answers_of


@pytest.fixture(scope="module")
def answers(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("schedules") / "answers.json"
    found: dict[str, Any] = answers_of("schedules.py", module_database_url, file, timeout_seconds=240)
    return found


def runs(answers: dict[str, Any], schedule: str, stage: str | None = None) -> list[dict[str, Any]]:
    return [run for run in answers[schedule]["runs"] if stage in (None, run["stage"])]


SCHEDULES = ("affinity", "slow_one", "full_disk", "two_on_gpus", "handed_over", "late_start", "one_node_more")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_everything_is_done_once_and_nothing_on_nodes_that_serve(answers: dict[str, Any], schedule: str) -> None:
    found = runs(answers, schedule)
    assert {run["status"] for run in found} == {"done"}
    assert {run["attempt"] for run in found} == {1}
    assert answers["serving"] not in {run["node"] for run in found}


def test_nodes_that_serve_do_not_count_and_nothing_grows_by_itself(answers: dict[str, Any]) -> None:
    found = answers["survey"]
    assert (found["nodes"], found["cpus"], found["gpus"], found["node_cpus"]) == (2, 8, 2, 4)
    assert (found["has_gpus"], found["grows"]) == (True, False)


def test_the_next_stage_runs_where_the_file_is(answers: dict[str, Any]) -> None:
    nodes: dict[int, list[str]] = defaultdict(list)
    for run in runs(answers, "affinity"):
        nodes[run["video_id"]].append(run["node"])
    assert len({node for both in nodes.values() for node in both}) == 2  # both nodes work
    together = sum(len(set(both)) == 1 for both in nodes.values())
    assert together >= 14  # of 18; by chance 9, and 14 or more once or twice in a hundred


def test_one_slow_video_keeps_nobody_waiting(answers: dict[str, Any]) -> None:
    slow = answers["slow_one"]["slow"]
    for stage in ("prepare", "detect"):
        (long,) = [run for run in runs(answers, "slow_one", stage) if run["video_id"] == slow]
        others = [run for run in runs(answers, "slow_one", stage) if run["video_id"] != slow]
        assert len(others) == 30
        # Held up, none would be done before it; how many are depends on how fast this machine starts processes.
        assert sum(run["ended"] < long["ended"] for run in others) >= 5


def at_once(found: list[dict[str, Any]]) -> int:
    """The most that ran at the same time."""
    return max(sum(a["begun"] <= b["begun"] < a["ended"] for a in found) for b in found)


def test_bytes_in_flight_are_bounded(answers: dict[str, Any]) -> None:
    # 128 GiB are full with the fourth of 40 GiB; there are eight CPUs.
    assert 2 <= at_once(runs(answers, "full_disk")) <= 4


def test_two_stages_share_the_gpus(answers: dict[str, Any]) -> None:
    first, second = (runs(answers, "two_on_gpus", stage) for stage in ("prepare", "detect"))
    ended = sorted(run["ended"] for run in first)
    assert min(run["ended"] for run in second) < ended[len(ended) * 9 // 10]  # it need not wait for the end
    for node in {run["node"] for run in [*first, *second]}:
        here = [run for run in [*first, *second] if run["node"] == node]
        assert at_once(here) <= 2  # halves of one GPU


def test_a_stage_takes_over_the_idle_process_of_another(answers: dict[str, Any]) -> None:
    processes: dict[int, list[int]] = defaultdict(list)
    for run in runs(answers, "handed_over"):
        processes[run["video_id"]].append(run["process"])
    assert [len(set(both)) for both in processes.values()] == [1, 1, 1]


def test_a_call_that_waits_for_a_cpu_does_not_use_up_its_time(answers: dict[str, Any]) -> None:
    found = runs(answers, "late_start")
    assert [(run["status"], run["attempt"]) for run in found] == [("done", 1)] * 3  # held for 4 s, with 1 s allowed
    assert max(run["ended"] for run in found) - min(run["begun"] for run in found) < 4


def test_a_call_that_hangs_is_cut_off(answers: dict[str, Any]) -> None:
    hanging, fine = answers["hangs"]["videos"]
    found = {run["video_id"]: run for run in runs(answers, "hangs")}
    assert found[fine]["status"] == "done"
    assert (found[hanging]["status"], "took longer than its 1 s" in found[hanging]["error"]) == ("failed", True)


def test_innocents_lose_no_try_beside_an_item_that_kills_its_process(answers: dict[str, Any]) -> None:
    bad, others = answers["poison"]["bad"], answers["poison"]["others"]
    found = runs(answers, "poison", "detect")
    assert {run["video_id"] for run in found if run["status"] == "done"} == set(others)
    assert {run["status"] for run in found if run["video_id"] != bad} <= {"done", "lost"}
    assert answers["poison"]["failures"] == [{"video_id": bad, "failures": 3, "error_type": "WorkerLost", "dead": True}]


def test_one_stretch_is_divided_among_idle_cpus(answers: dict[str, Any]) -> None:
    whole, _ = answers["one_stretch"]["calls"]
    assert sorted(len(call["clips"]) for call in whole) == [5] * 8
    assert at_once(whole) >= 2  # of eight CPUs; how many depends on how fast this machine starts processes


def test_a_divided_stretch_that_lost_a_call_is_done_without_two_at_one_clip(answers: dict[str, Any]) -> None:
    _, broken = answers["one_stretch"]["calls"]
    spans: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for call in broken:
        for clip in call["clips"]:
            spans[clip].append((call["begun"], call["ended"]))
    assert len(spans) == 40
    for found in spans.values():
        found.sort()
        assert all(before[1] <= after[0] for before, after in pairwise(found))


def test_a_node_where_a_stage_cannot_be_built_ends_nobody(answers: dict[str, Any]) -> None:
    found = runs(answers, "unfit_node")
    assert {run["status"] for run in found} == {"done"}
    assert {run["attempt"] for run in found} == {1}  # given back: no attempt
    assert answers["unfit_node"]["node"] not in {run["node"] for run in found}


def test_pools_grow_with_the_cluster(answers: dict[str, Any]) -> None:
    assert at_once(runs(answers, "one_node_more")) > 8  # the runner was told of two nodes of four CPUs


def test_what_was_on_a_node_that_died_is_done_elsewhere_and_no_failure(answers: dict[str, Any]) -> None:
    found = runs(answers, "node_dies")
    done = [(run["stage"], run["video_id"]) for run in found if run["status"] == "done"]
    assert len(done) == len(set(done)) == 120
    others = [run for run in found if run["status"] != "done"]
    assert {run["status"] for run in others} == {"lost"}, [run["error"] for run in others]
