"""The examples in the docstrings give what they say, as in `python -m asyncio`."""

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
from typing import Any

import pytest
import thalweg
from conftest import dataflow

NAMES = [name for name in thalweg.__all__ if inspect.isclass(getattr(thalweg, name))]
"""The public classes."""

WITHOUT_EXAMPLE = {"Budgets", "Paced", "SupportsArrowArray", "SupportsArrowStream", "ThalwegError"}
"""Only components have the first two, and the examples have none. Nobody makes one of the others: two protocols,
and what the errors have in common."""

WORLD = """
nodes:
  - { id: camera, embedded: true, outputs: [image] }
  - { id: view, embedded: true, inputs: { image: { source: camera/image, queue: 2 } } }
  - { id: clock, embedded: true, inputs: { tick: { timer: 1ms } } }
"""


def documented() -> list[Any]:
    """The docstrings of the package: of itself, its classes, and what is public in them."""
    found = [pytest.param(thalweg.__doc__, id="thalweg")]
    for name in NAMES:
        kind = getattr(thalweg, name)
        found.append(pytest.param(kind.__doc__, id=name))
        members = [(key, member) for key, member in vars(kind).items() if not key.startswith("_")]
        for key, member in members:
            text = inspect.getdoc(getattr(member, "__func__", member))
            if callable(getattr(kind, key)) or isinstance(member, property):
                found.append(pytest.param(text, id=f"{name}.{key}"))
    return found


DOCUMENTED = documented()


@pytest.mark.parametrize("text", DOCUMENTED)
def test_what_is_public_is_documented(text: str | None) -> None:
    assert text and len(text) > 10, text


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_EXAMPLE])
def test_every_class_is_in_an_example(name: str) -> None:
    own = examples(getattr(thalweg, name).__doc__ or "")
    shown = [example for block in DOCUMENTED for example in examples(str(block.values[0]))]
    texts = [f"{example.source}{example.want}{example.exc_msg}" for example in shown]
    assert own or any(f"thalweg.{name}" in text or f"{name}(" in text for text in texts)


@pytest.mark.parametrize("text", [block for block in DOCUMENTED if ">>>" in str(block.values[0])])
def test_examples_give_what_they_say(text: str) -> None:
    asyncio.run(in_the_world(examples(text)))


def examples(text: str) -> list[doctest.Example]:
    # Docstrings of the native half are Markdown.
    lines = [line for line in text.splitlines() if not line.strip().startswith("```")]
    return doctest.DocTestParser().get_examples("\n".join(lines))


async def in_the_world(each: list[doctest.Example]) -> None:
    """`camera`, `view` and `clock` are nodes of the dataflow `flow`, which runs as `run`."""
    names: dict[str, Any] = {"thalweg": thalweg, "asyncio": asyncio}
    names["flow"] = flow = dataflow(WORLD)
    given = asyncio.Condition()
    over = asyncio.Event()

    async def keep(node: thalweg.Node) -> None:
        async with given:
            names[node.id] = node
            given.notify_all()
        await over.wait()

    for id in ("camera", "view", "clock"):
        flow.node(id)(keep)
    async with flow.start() as names["run"]:
        async with given:
            await given.wait_for(lambda: {"camera", "view", "clock"} <= names.keys())
        try:
            for example in each:
                await asyncio.wait_for(show(example, names), 20)
        finally:
            over.set()


async def show(example: doctest.Example, names: dict[str, Any]) -> None:
    """Runs one example, and compares what it prints or raises."""
    printed = io.StringIO()
    code = compile(example.source, "example", "single", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    try:
        with contextlib.redirect_stdout(printed):
            result = eval(code, names)
            if inspect.iscoroutine(result):
                await result
    except Exception as error:
        last = f"{type(error).__module__}.{type(error).__name__}: {error}\n".removeprefix("builtins.")
        assert example.exc_msg and checks(example.exc_msg, last), f"{example.source}raises\n{last}"
    else:
        gives = printed.getvalue()
        assert checks(example.want, gives), f"{example.source}gives\n{gives}and not\n{example.want}"


def checks(want: str, got: str) -> bool:
    return doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
