"""Signals become a request to stop."""

import os
import signal
from collections.abc import Iterator

import pytest

from colornet import interrupt
from colornet.interrupt import StopSignals

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those that a terminal gives, however the tests were started."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event(number: signal.Signals) -> None:
    interrupt.install()
    assert not interrupt.requested.is_set()
    send(number)
    assert interrupt.requested.is_set()


def test_a_second_signal_acts_as_before() -> None:
    interrupt.install()
    send(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_training_whose_process_ignored_it(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    interrupt.install()
    send(number)
    assert interrupt.requested.is_set()
    assert signal.getsignal(number) is signal.SIG_DFL


@pytest.fixture
def received() -> list[str]:
    return []


@pytest.fixture
def signals(received: list[str]) -> StopSignals:
    return StopSignals(lambda: received.append("stop"), lambda: received.append("at once"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_asks_and_the_second_ends(
    number: signal.Signals, signals: StopSignals, received: list[str]
) -> None:
    with signals:
        send(number)
        assert received == ["stop"]
        send(number)
        assert received == ["stop", "at once"]


def test_signals_of_other_kinds_beside_end_nothing(
    signals: StopSignals, received: list[str]
) -> None:
    with signals:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
            send(number)
    assert received == ["stop", "stop"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_was_ignored_from_the_start_stays_ignored(
    number: signal.Signals, signals: StopSignals, received: list[str]
) -> None:
    signal.signal(number, signal.SIG_IGN)
    with signals:
        send(number)
        assert received == []
        send(signal.SIGTERM)
        assert received == ["stop"]
    assert signal.getsignal(number) is signal.SIG_IGN


def test_sigterm_is_heard_even_where_it_was_ignored(
    signals: StopSignals, received: list[str]
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with signals:
        send(signal.SIGTERM)
    assert received == ["stop"]


def test_handlers_are_given_back_and_set_again(signals: StopSignals, received: list[str]) -> None:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    with signals:
        signal.signal(signal.SIGTERM, lambda *_: received.append("a library's"))
        send(signal.SIGTERM)
        signals.install()
        send(signal.SIGTERM)
    assert received == ["a library's", "stop"]
    assert {number: signal.getsignal(number) for number in NUMBERS} == before
