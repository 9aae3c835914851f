"""Independent work in two processes, for the engines that ask for a ``map`` of their own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from releve.plan.purchases.search import ParallelMap

__all__ = ["two_processes"]

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def two_processes() -> Iterator[ParallelMap]:
    """Give a ``map`` that does two things at a time; processes start when there are two to do."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:

        def run(work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
            todo = list(items)
            return map(work, todo) if len(todo) < 2 else pool.map(work, todo)

        yield run
