"""Nodes in processes of their own: how they find their dataflow, and how they wait."""

from __future__ import annotations

import asyncio
import os
import select
import threading
from pathlib import Path

from thalweg._native import AttachError, LinkPorts, NodeClosed
from thalweg._waiter import Waiter, Waiters

_started: LinkPorts | None = None
"""The link of a process that the host started, until its `Node` is made."""


def keep(ports: LinkPorts) -> None:
    """Keeps the link for the `Node` that the script makes."""
    global _started
    _started = ports


def started() -> LinkPorts:
    """The link of this process. Raises `RuntimeError` where there is none, or none any more."""
    global _started
    if _started is None:
        raise RuntimeError(
            "no dataflow started this process, or it has made its node already; "
            "`thalweg.Node(NAME)` attaches to the node NAME of a dataflow that runs"
        )
    ports, _started = _started, None
    return ports


def attached(node: str, dataflow: str | None) -> LinkPorts:
    """The link to the one running dataflow that has this node for a process to attach to.

    Raises `AttachError` when there is none, or more than one.
    """
    found, refusals = [], []
    for path in sockets(dataflow):
        try:
            found.append((path, LinkPorts.attach(path, node)))
        except AttachError as refusal:
            refusals.append(f"{path.name}: {refusal}")
    if len(found) == 1:
        return found[0][1]
    if found:
        names = ", ".join(path.name for path, _ in found)
        raise AttachError(f"several dataflows have a node `{node}` ({names}): say which by `dataflow=`")
    which = "dataflow" if dataflow is None else f"dataflow `{dataflow}`"
    tried = "".join(f"\n  {refusal}" for refusal in refusals) or " nothing listens there"
    raise AttachError(f"no running {which} has a node `{node}` to attach to; looked in {folder()}:{tried}")


def sockets(dataflow: str | None) -> list[Path]:
    """Where dataflows of this user listen: all, those of this name, or the one at this path."""
    if dataflow is not None and "/" in dataflow:
        return [Path(dataflow)]
    name = "*" if dataflow is None else dataflow
    return sorted(folder().glob(f"{name}.*.sock"))


def folder() -> Path:
    """Where the dataflows of this user listen: the host chooses the same."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "thalweg" if runtime else Path(f"/tmp/thalweg-{os.getuid()}")


class Blocking:
    """How threads without an event loop wait for a node.

    Each watches the socket, and a descriptor of its own by which it is told what another has read.
    """

    def __init__(self, ports: LinkPorts) -> None:
        self._ports = ports
        self._wakes: set[int] = set()
        self._lock = threading.Lock()

    def wait_until_open(self) -> None:
        """Blocks until every node of the dataflow is ready. Signals are served."""
        self._ports.ready()
        while not self._ports.is_open():
            self.wait(self._ports.came())

    def wait(self, came: int) -> None:
        """Blocks until something has come or gone since `came`. The interpreter is free meanwhile; signals
        are served."""
        wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        with self._lock:
            self._wakes.add(wake)
            self._ports.wake_by(self.wake)
        try:
            if self._ports.came() == came:
                self._poll(wake)
        finally:
            with self._lock:
                self._wakes.discard(wake)
                os.close(wake)
                if not self._wakes:
                    self._ports.wake_by(None)  # It keeps this, which keeps the link.

    def _poll(self, wake: int) -> None:
        poll, ports = select.poll(), self._ports
        poll.register(wake, select.POLLIN)
        poll.register(ports.fileno(), select.POLLIN | (select.POLLOUT if ports.wants_to_write() else 0))
        poll.poll()
        ports.pump()

    def wake(self) -> None:
        """Everyone who waits looks again."""
        with self._lock:
            for wake in self._wakes:
                os.eventfd_write(wake, 1)


class LinkWaking:
    """How a node with a process of its own waits: its loop watches the socket.

    It belongs to the loop that waits first, and to another one once that is closed or nobody waits there.
    """

    def __init__(self, ports: LinkPorts) -> None:
        self._ports = ports
        self._waiters: Waiters | None = None
        self._fileno = ports.fileno()
        self._writes = False

    async def wait(self) -> None:
        try:
            await self._next()
        except asyncio.CancelledError:
            self.given_up()
            raise

    def waiting(self) -> Waiter:
        return self._next().yielded()

    def given_up(self) -> None:
        if not self._waiters:
            self._withdraw()

    def _next(self) -> Waiter:
        waiters = self._bind(asyncio.get_running_loop())
        self._watch_room(waiters.loop)
        self._ports.wake_by(waiters.wake_soon)
        return waiters.next()

    def leave(self) -> None:
        self._unbind()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> Waiters:
        waiters = self._waiters
        if waiters is not None and waiters.loop is loop:
            return waiters
        if waiters and not waiters.loop.is_closed():
            raise RuntimeError("the node is waited for in another event loop")
        self._unbind()
        loop.add_reader(self._fileno, self._pump)
        self._waiters = Waiters(loop)
        return self._waiters

    def _unbind(self) -> None:
        waiters, self._waiters = self._waiters, None
        if waiters is None:
            return
        self._ports.wake_by(None)
        if not waiters.loop.is_closed():
            waiters.loop.remove_reader(self._fileno)
            if self._writes:
                waiters.loop.remove_writer(self._fileno)
            waiters.wake_soon()
        self._writes = False

    def _watch_room(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watches for room to write exactly while something waits for it."""
        if self._writes == (wants := self._ports.wants_to_write()):
            return
        self._writes = wants
        if wants:
            loop.add_writer(self._fileno, self._pump)
        else:
            loop.remove_writer(self._fileno)

    def _pump(self) -> None:
        waiters = self._waiters
        assert waiters is not None, "the loop watches only while there is one"
        try:
            has_news, wants_to_write = waiters.told_by(self._ports.pump)
        except NodeClosed:
            # Whoever waits finds it out by the ports, after the last event. The descriptor stays readable.
            self._unbind()
            return
        if has_room := wants_to_write or self._writes:
            self._watch_room(waiters.loop)
        if has_news or has_room:
            waiters.wake()

    def _withdraw(self) -> None:
        try:
            self._ports.withdraw()
        except NodeClosed:
            pass
