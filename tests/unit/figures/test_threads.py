"""Matplotlib's settings are the process's: figures of several threads must not share a moment."""

from __future__ import annotations

import threading

import matplotlib as mpl

from circuit_scaling.figures.style import style


def test_a_figure_that_is_done_does_not_end_the_style_of_another_that_is_being_drawn():
    first_inside, second_inside, first_done = (threading.Event() for _ in range(3))
    seen: list[float] = []

    def first() -> None:
        with style():
            first_inside.set()
            second_inside.wait(timeout=0.5)  # it must not come in while this figure is drawn
        first_done.set()

    def second() -> None:
        first_inside.wait()
        with style():
            second_inside.set()
            first_done.wait(timeout=5)
            seen.append(mpl.rcParams["font.size"])

    with mpl.rc_context({"font.size": 31.0}):
        with style():
            expected = mpl.rcParams["font.size"]
        threads = [threading.Thread(target=draw) for draw in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [expected]
        assert mpl.rcParams["font.size"] == 31.0
