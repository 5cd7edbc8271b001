"""How tasks wait for a node: woken from a callback of their loop, they go on at once."""

import asyncio
from asyncio import tasks
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from conftest import Main
from thalweg._waiter import Waiter, Waiters

Starts = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]


@pytest.fixture(params=["C", "Python"])
def start(request: pytest.FixtureRequest) -> Starts:
    """Starts a task, of either implementation."""
    kind: Any = tasks.Task if request.param == "C" else getattr(tasks, "_PyTask")
    return lambda coroutine: kind(coroutine, loop=asyncio.get_running_loop())


async def callback(call: Callable[[], object]) -> None:
    """Calls it where no task runs, as a loop does when a descriptor is ready."""
    called = asyncio.Event()

    def run() -> None:
        called.set()
        call()

    asyncio.get_running_loop().call_soon(run)
    await called.wait()


def test_a_woken_task_goes_on_within_the_wake_up(run_main: Main, start: Starts) -> None:
    async def main() -> None:
        waiters, seen = Waiters(asyncio.get_running_loop()), list[str]()

        async def wait(name: str) -> None:
            for _ in range(2):
                await waiters.next()
                seen.append(name)

        both = [start(wait("first")), start(wait("second"))]
        await asyncio.sleep(0)
        seen_after = list[list[str]]()

        def wake() -> None:
            waiters.wake()
            seen_after.append(seen.copy())

        await callback(wake)
        await callback(wake)
        assert seen_after == [["first", "second"], ["first", "second"] * 2]
        await asyncio.gather(*both)

    run_main(main())


def test_the_context_is_that_of_the_task(run_main: Main, start: Starts) -> None:
    async def main() -> None:
        waiters, running = Waiters(asyncio.get_running_loop()), list[bool]()

        async def wait() -> None:
            await waiters.next()
            running.append(asyncio.current_task() is task)

        task = start(wait())
        await asyncio.sleep(0)
        await callback(waiters.wake)
        await task
        assert running == [True]

    run_main(main())


def test_a_task_that_wakes_others_goes_on_before_them(run_main: Main, start: Starts) -> None:
    async def main() -> None:
        waiters, seen = Waiters(asyncio.get_running_loop()), list[str]()

        async def wait() -> None:
            await waiters.next()
            seen.append("woken")

        task = start(wait())
        await asyncio.sleep(0)
        waiters.wake_soon()
        seen.append("waker")
        await task
        assert seen == ["waker", "woken"]

    run_main(main())


def test_a_cancelled_wait_ends_by_its_cancellation(run_main: Main, start: Starts) -> None:
    async def main() -> None:
        waiters = Waiters(asyncio.get_running_loop())

        async def wait() -> None:
            await waiters.next()

        task, other = start(wait()), start(wait())
        await asyncio.sleep(0)
        task.cancel("enough")
        waiters.wake_soon()
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        await other
        assert not waiters

    run_main(main())


def test_a_wait_that_is_woken_and_then_cancelled_is_cancelled_by_its_task(run_main: Main, start: Starts) -> None:
    async def main() -> None:
        waiters = Waiters(asyncio.get_running_loop())

        async def wait() -> None:
            await waiters.next()
            raise AssertionError("it was cancelled before it went on")

        task = start(wait())
        await asyncio.sleep(0)
        waiters.wake_soon()
        assert task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_main(main())


def test_a_wait_that_was_woken_before_it_began_ends_at_once(run_main: Main, start: Starts) -> None:
    async def main() -> None:
        waiter = Waiter(asyncio.get_running_loop())
        waiter.wake_soon()

        async def wait(what: Awaitable[None]) -> None:
            await what

        await start(wait(waiter))

    run_main(main())


def test_a_task_that_ends_the_loop_leaves_the_others_woken(start: Starts) -> None:
    loop, seen = asyncio.new_event_loop(), list[str]()

    async def main() -> None:
        waiters = Waiters(loop)

        async def leave() -> None:
            await waiters.next()
            raise SystemExit

        async def wait() -> None:
            await waiters.next()
            seen.append("woken")

        leaving, waiting = start(leave()), start(wait())
        await asyncio.sleep(0)
        loop.call_soon(waiters.wake)
        await waiting
        with pytest.raises(SystemExit):
            leaving.result()

    task = loop.create_task(main())
    with pytest.raises(SystemExit):
        loop.run_until_complete(task)
    loop.run_until_complete(task)
    loop.close()
    assert seen == ["woken"]


def test_what_is_told_during_a_call_is_left_to_the_caller(run_main: Main, start: Starts) -> None:
    async def main() -> None:
        waiters = Waiters(asyncio.get_running_loop())

        async def wait() -> None:
            await waiters.next()

        def told() -> str:
            waiters.wake_soon()
            return "given"

        task = start(wait())
        await asyncio.sleep(0)
        assert waiters.told_by(lambda: "nothing") == (False, "nothing")
        assert waiters.told_by(told) == (True, "given")
        assert waiters
        await callback(waiters.wake)
        await task

    run_main(main())
