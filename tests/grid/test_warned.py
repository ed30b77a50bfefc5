"""Warnings about the movies of a grid are said once."""

import logging

from smlmsim.grid.warned import Warnings, gathered_warnings


def test_warnings_of_a_movie_are_gathered_by_kind_and_not_shown(caplog):
    log = logging.getLogger("smlmsim.fixed_pair")
    before = logging.getLogger("smlmsim").handlers
    with gathered_warnings() as found:
        log.warning("it holds %d %%", 75)
        log.warning("it holds %d %%", 80)
        log.info("a note")
    assert [each.text for each in found] == ["it holds 75 %"]
    assert "75" not in caplog.text
    assert logging.getLogger("smlmsim").handlers is before
    log.warning("after")
    assert "after" in caplog.text


def test_a_warning_about_several_movies_is_said_once_with_their_number(caplog):
    warnings = Warnings()
    for share in (75, 80, 85):
        with gathered_warnings() as found:
            logging.getLogger("smlmsim.fixed_pair").warning("it holds %d %%", share)
            if share == 80:
                logging.getLogger("smlmsim.io").warning("alone")
        warnings.add(found)
    warnings.say()
    assert [record.getMessage() for record in caplog.records] == [
        "it holds 75 % (this and the like in 3 movies)",
        "alone",
    ]
