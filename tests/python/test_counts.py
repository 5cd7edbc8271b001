"""What `make counts` says of figures that are other than those that were accepted."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

MICRO = Path(__file__).parents[2] / "benches" / "micro"
sys.path.append(str(MICRO))

import counts

TOOLS = {"machine": "x86_64", "libc": "2.36", "python": "3.11.2", "valgrind": "3.19.0"}
ACCEPTED = counts.Accepted(TOOLS, {"inbox/one": 1000.0, "python/send": 5000.0})


def compared(one: float, send: float, **others: str) -> tuple[str, list[str]]:
    return counts.compare({"inbox/one": one, "python/send": send}, ACCEPTED, TOOLS | others)


def test_what_needs_as_much_as_was_accepted_is_no_problem() -> None:
    table, problems = compared(1019, 4905)
    assert not problems
    assert "better" not in table


def test_what_needs_more_is_a_problem_that_names_it_and_how_much() -> None:
    _, problems = compared(1021, 5000)
    assert problems == ["`inbox/one` needs 1,021.0 instructions for an event, 2.1% more than accepted"]


def test_what_needs_less_is_a_note() -> None:
    table, problems = compared(960, 5000)
    assert not problems
    assert "-4.00%  better: accept it" in table


def test_nodes_are_compared_with_those_of_the_same_python_alone() -> None:
    table, problems = compared(1000, 9000, python="3.12.1")
    assert not problems
    assert table.count("not compared: accepted with python 3.11.2") == 1


def test_nothing_is_compared_with_the_instructions_of_other_processors() -> None:
    table, problems = compared(500, 9000, machine="aarch64")
    assert not problems
    assert table.count("not compared: accepted with machine x86_64") == 2


def test_other_tools_are_named_where_something_needs_more() -> None:
    _, problems = compared(1100, 5000, libc="2.41")
    assert "here is libc 2.41, not 2.36" in problems[1]


def test_a_case_without_an_accepted_figure_is_a_problem_and_one_that_is_gone_too() -> None:
    _, problems = counts.compare({"inbox/two": 1.0, "python/send": 5000.0}, ACCEPTED, TOOLS)
    assert problems == ["`inbox/one` is measured no more", "`inbox/two` is new: it has no accepted figure"]


def test_what_is_accepted_is_read_again_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "accepted.toml").write_text(counts.as_toml(ACCEPTED))
    monkeypatch.setattr(counts, "ACCEPTED", tmp_path / "accepted.toml")
    assert counts.read() == ACCEPTED


def test_every_room_of_the_way_of_an_event_has_an_accepted_figure() -> None:
    accepted = tomllib.loads((MICRO / "accepted.toml").read_text())["instructions"]
    rooms = {name.split("/")[0] for name in accepted}
    assert rooms == {"inbox", "router", "payload", "handler", "program", "descriptor", "python"}


def test_what_is_too_much_is_counted_again_and_the_least_counts() -> None:
    runs = iter([{"inbox/one": 1100.0, "python/send": 5000.0}, {"inbox/one": 1000.0, "python/send": 5050.0}])
    counted = counts.least(lambda: next(runs), ACCEPTED, TOOLS)
    assert counted == {"inbox/one": 1000.0, "python/send": 5000.0}
    assert next(runs, None) is None


def test_what_stays_too_much_is_counted_three_times() -> None:
    runs = iter([{"inbox/one": 1100.0 + more, "python/send": 5000.0} for more in range(3)])
    assert counts.least(lambda: next(runs), ACCEPTED, TOOLS)["inbox/one"] == 1100.0
    assert next(runs, None) is None
