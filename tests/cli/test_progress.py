"""Progress where stderr is no terminal: a line now and then, with the time left."""

import pytest

from seqsearch.progress import drawing
from seqsearch.progress.drawing import Lines, clock


@pytest.fixture
def times(monkeypatch):
    """A clock that tests set."""
    now = [0.0]
    monkeypatch.setattr(drawing.time, "perf_counter", lambda: now[0])
    return now


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_line_every_ten_seconds(times, capsys):
    with Lines().task("embedding", 1_000_000) as task:
        for _ in range(100):
            times[0] += 1
            task.advance(2000)
            task.say("loss 0.5")
    told = lines(capsys)
    assert told[0] == "embedding: 2%, 20,000 of 1,000,000, 2,000/s, 8:10 left, loss 0.5"
    assert len(told) == 11
    assert told[-1] == "embedding: 200,000 in 100.0 s loss 0.5"


def test_what_was_done_before_says_nothing_about_the_pace(times, capsys):
    with Lines().task("embedding", 3000) as task:
        task.advance(2000)
        times[0] = 10
        task.advance(500)
    assert lines(capsys)[0] == "embedding: 83%, 2,500 of 3,000, 50/s, 0:10 left"


def test_an_amount_that_is_not_known(times, capsys):
    with Lines().task("reading") as task:
        times[0] = 20
        task.advance(10)
    assert lines(capsys) == ["reading: 10, 0.5/s", "reading: 10 in 20.0 s"]


def test_short_work_is_not_worth_a_line(times, capsys):
    with Lines().task("reading", 5) as task:
        task.advance(5)
        times[0] = 0.9
    assert lines(capsys) == []


def test_a_clock():
    assert [clock(value) for value in (0, 59.6, 61, 3600, 7322)] == ["0:00", "1:00", "1:01", "1:00:00", "2:02:02"]
