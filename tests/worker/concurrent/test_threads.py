"""Raising in somebody's thread, at any moment, and never in the wrong one."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.waiting import LONG_S
from worker.concurrent.execution import JobStopped
from worker.concurrent.threads import Pool

ROOT = Path(__file__).parents[3]


class Item:
    """Something to perform."""


def work_for(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


@pytest.mark.slow
def test_an_interruption_hits_its_own_item_or_none():
    """However close it comes to the end of one or the beginning of the next."""
    asked, wrong, ended = set(), [], Counter()

    def perform(run):
        work_for(random.uniform(0, 0.0006))
        if random.random() < 0.3:
            raise ValueError

    def end(run, raised):
        work_for(0.0001)
        ended[run] += 1
        if raised and raised[0] is JobStopped and run not in asked:
            wrong.append(run)

    pool = Pool(4, perform, end)
    runs = [Item() for _ in range(1500)]
    for run in runs:
        pool.submit(run)
        if random.random() < 0.5:
            chosen = run if random.random() < 0.5 else random.choice(runs)
            asked.add(chosen)
            pool.interrupt(chosen, JobStopped)
            work_for(random.uniform(0, 0.0004))
    until = time.monotonic() + LONG_S
    while len(ended) < len(runs) and time.monotonic() < until:
        time.sleep(0.01)

    assert wrong == []
    assert set(ended.values()) == {1}
    assert len(ended) == len(runs)
    assert [thread.is_alive() for thread in pool._threads] == [True] * 4
    pool.close()


def test_items_that_have_not_begun_do_not_begin_after_close():
    begun, go = [], threading.Event()

    def perform(run):
        begun.append(run)
        go.wait(LONG_S)

    pool = Pool(1, perform, lambda _run, _raised: None)
    first, second = Item(), Item()
    pool.submit(first)
    while not begun:
        time.sleep(0.001)
    pool.submit(second)
    pool.close()
    go.set()
    for thread in pool._threads:
        thread.join(timeout=LONG_S)
    assert not any(thread.is_alive() for thread in pool._threads)
    assert begun == [first]


@pytest.mark.slow
def test_threads_can_be_traced_after_items_were_performed_and_interrupted():
    """By a debugger, a profiler or hypothesis: in a process of its own, since it would hang."""
    code = """
import sys, threading
from worker.concurrent.threads import Pool
performing, go, ended = threading.Event(), threading.Event(), threading.Semaphore(0)
def perform(item):
    performing.set()
    if item: go.wait()
def step():
    return 1
pool = Pool(1, perform, lambda item, raised: ended.release())
for item in (0, 1, 0):
    pool.submit(item)
performing.wait(); pool.interrupt(1, KeyError); go.set()
for _ in range(3): ended.acquire()
sys.settrace(lambda *_: None)
step()
"""
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False)
    assert process.returncode == 0
