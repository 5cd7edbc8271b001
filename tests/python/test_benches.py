"""The goals of `benches/`: that each looks up what is measured, and says of figures what is so."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHES = Path(__file__).parents[2] / "benches"
WORKLOADS = ("limits", "latency", "throughput", "chains", "awaiting", "start", "fans", "blocking", "mixed", "pictures", "growth")


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They are scripts of one folder, and no package."""
    monkeypatch.syspath_prepend(str(BENCHES))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHES)):
            del sys.modules[name]


def test_every_goal_looks_up_cases_that_are_measured() -> None:
    import goals
    from workloads import awaiting, blocking, chains, fans, growth, latency, limits, mixed, pictures, start, throughput

    modules = (limits, latency, throughput, chains, awaiting, start, fans, blocking, mixed, pictures, growth)
    measured = {
        (name, case.name, system)
        for name, module in zip(WORKLOADS, modules, strict=True)
        for quick in (True, False)
        for case in module.cases(quick)
        for system in case.measures
    }

    def median(workload: str, case: str, system: str, figure: str) -> float:
        assert (workload, case, system) in measured
        return 1.0

    for goal in goals.GOALS:
        text, _ = goal.seen(median)
        assert text, goal.figure


def test_a_goal_is_met_or_not_by_the_medians_and_open_where_nothing_was_measured() -> None:
    import goals
    from rounds import Row, Rounds

    def rows(ours: list[float]) -> list[Row]:
        theirs = [Row("latency", "8 B", goals.DORA, number, {"p50": 300e3}) for number in range(3)]
        return theirs + [Row("latency", "8 B", goals.COMPONENTS, number, {"p50": p50}) for number, p50 in enumerate(ours)]

    met, open, *_ = goals.table(Rounds(rows([8e3, 10e3, 90e3])))
    assert met[2:] == ("0.0333 × (10 µs, 300 µs)", "met")
    assert open[2:] == ("–", "–")
    not_met, *_ = goals.table(Rounds(rows([8e3, 11e3, 90e3])))
    assert not_met[3] == "not met"


def test_the_report_stands_between_its_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    import report

    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.put_into(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n{report.END}\nafter\n"
