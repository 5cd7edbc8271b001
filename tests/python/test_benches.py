"""`benches/`: each goal looks up what is measured, and says of figures what is so; nothing is left of a run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHES = Path(__file__).parents[2] / "benches"
WORKLOADS = ("limits", "latency", "throughput", "chains", "awaiting", "start", "fans", "blocking", "mixed", "pictures", "growth", "awake")


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They are scripts of one folder, and no package."""
    monkeypatch.syspath_prepend(str(BENCHES))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHES)):
            del sys.modules[name]


@pytest.fixture
def device(tmp_path: Path, modules: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in place of the one that only root may write."""
    from workloads import awake

    device = tmp_path / "cpu_dma_latency"
    device.touch()
    monkeypatch.setattr(awake, "DEVICE", device)
    return device


def test_every_goal_looks_up_cases_that_are_measured(device: Path) -> None:
    import goals
    from rounds import Series
    from workloads import awaiting, awake, blocking, chains, fans, growth, latency, limits, mixed, pictures, start, throughput

    modules = (limits, latency, throughput, chains, awaiting, start, fans, blocking, mixed, pictures, growth, awake)
    measured = {
        (name, case.name, system)
        for name, module in zip(WORKLOADS, modules, strict=True)
        for quick in (True, False)
        for case in module.cases(quick)
        for system in case.measures
    }

    def look(workload: str, case: str, system: str, figure: str) -> Series:
        assert (workload, case, system) in measured
        return Series({0: 1.0})

    for goal in goals.GOALS:
        text, _ = goal.seen(look)
        assert text, goal.figure


def test_a_goal_is_met_or_not_by_the_medians_and_open_where_nothing_was_measured() -> None:
    import goals
    from rounds import Row, Rounds

    def rows(ours: list[float]) -> list[Row]:
        theirs = [Row("latency", "8 B", goals.DORA, number, {"p50": 300e3}) for number in range(3)]
        return theirs + [Row("latency", "8 B", goals.COMPONENTS, number, {"p50": p50}) for number, p50 in enumerate(ours)]

    met, open, *_ = goals.table(Rounds(rows([8e3, 10e3, 90e3])))
    assert met[2:] == ("1/30 (1/37.5 – 1/3.33) × (10 µs, 300 µs)", "met")
    assert open[2:] == ("–", "–")
    not_met, *_ = goals.table(Rounds(rows([8e3, 11e3, 90e3])))
    assert not_met[3] == "not met"


def test_the_report_stands_between_its_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    import report

    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.put_into(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n{report.END}\nafter\n"


def test_a_ratio_is_of_figures_of_the_same_round() -> None:
    from rounds import Series

    ours, theirs = Series({0: 10.0, 1: 40.0, 3: 1.0}), Series({0: 20.0, 1: 80.0, 2: 1.0})
    assert (ours / theirs).values == {0: 0.5, 1: 0.5}
    with pytest.raises(KeyError):
        ours / Series({2: 1.0})


def test_what_came_is_held_against_what_was_sent_and_nothing_at_all_is_a_failure() -> None:
    from systems import summed

    sinks = [{"count": 6, "first": 0, "served": 5, "last": 2_000_000_000, "p50": 7}, {"count": 0, "first": 0, "served": 0, "last": 0}]
    figures = summed(sinks, 8, 100, -5)
    assert figures == {"lost": 2, "delivered": 6, "seconds": 2.0, "rate": 3.0, "bytes": 300.0, "p50": 7, "start": 10}
    with pytest.raises(RuntimeError, match="nothing came of 8 messages"):
        summed(sinks[1:], 8, 100, -5)


def test_nothing_is_left_of_what_a_measurement_started() -> None:
    # It leaves its parent, as what daemons start does.
    code = """
import subprocess, orphans
orphans.adopt()
with orphans.none_left():
    print(subprocess.run(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True).stdout)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=BENCHES, capture_output=True, text=True, check=True)
    assert not Path(f"/proc/{int(ran.stdout)}").exists()


def test_no_core_is_halted_while_something_is_measured(device: Path) -> None:
    from workloads import awake

    def held() -> bool:
        return any(fd.resolve() == device for fd in Path("/proc/self/fd").iterdir())

    def measure() -> dict[str, float]:
        assert device.read_bytes() == bytes(4)
        return {"held": held()}

    assert awake.awake(measure)() == {"held": True}
    assert not held()
    device.unlink()
    assert not list(awake.cases(quick=True)), "who may not ask for it goes without"


def test_a_run_that_is_interrupted_ends_what_it_started_and_leaves_what_it_had(tmp_path: Path) -> None:
    driver = tmp_path / "driver"
    driver.write_text(f"""#!/bin/sh
case "$*" in
  *"many=1 "*) echo '{{"cost": 1234}}';;
  *) echo $$ > {tmp_path}/hangs; exec sleep 1000;;
esac
""")
    driver.chmod(0o755)
    command = [sys.executable, str(BENCHES), "--only", "growth", "--folder", str(tmp_path)]
    run = subprocess.Popen(command, env=os.environ | {"BENCH_DRIVER": str(driver)}, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "hangs").exists():
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=10)
    assert run.returncode == 1
    assert f"interrupted: what it had is in {tmp_path}/report.md" in said
    assert "| pairs: 1 | components | 1.23 µs |" in (tmp_path / "report.md").read_text()
    assert not Path(f"/proc/{(tmp_path / 'hangs').read_text().strip()}").exists()


def test_a_measurement_that_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    driver = tmp_path / "driver"
    driver.write_text("""#!/bin/sh
case "$*" in
  *"many=1 "*) echo 'it did not work' >&2; exit 1;;
  *) echo '{"cost": 1234}';;
esac
""")
    driver.chmod(0o755)
    command = [sys.executable, str(BENCHES), "--only", "growth", "--quick", "--rounds", "1", "--folder", str(tmp_path)]
    run = subprocess.run(command, env=os.environ | {"BENCH_DRIVER": str(driver)}, capture_output=True, text=True, timeout=60)
    report = (tmp_path / "report.md").read_text()
    assert run.returncode == 1
    assert "- growth, pairs: 1, components, round 0: RuntimeError: " in report and "it did not work" in report
    assert "| pairs: 5000 | components | 1.23 µs |" in report
