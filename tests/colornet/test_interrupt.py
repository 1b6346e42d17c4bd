"""Signals become a request to stop."""

import os
import signal
from collections.abc import Iterator

import pytest

from colornet import interrupt


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event(number: signal.Signals) -> None:
    interrupt.install()
    assert not interrupt.requested.is_set()
    os.kill(os.getpid(), number)
    assert interrupt.requested.is_set()


def test_a_second_signal_acts_as_before() -> None:
    interrupt.install()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
