"""Findings of the trust report with single numbers changed."""

from smlmsim.trust.reasons import reasons


def reason(found, title):
    return next(one for one in reasons(found) if one.title == title)


def with_halves(found, **changed):
    return found._replace(halves=found.halves._replace(**changed))


def with_table(found, **changed):
    return found._replace(table=found.table._replace(**changed))


def with_place(found, **changed):
    return found._replace(place=found.place._replace(**changed))


def with_velocities(found, **changed):
    return with_place(found, velocities=found.place.velocities._replace(**changed))


def with_velocity(found, velocity_nm_per_s, **changed):
    """The velocity of the widefield images, which counts, is another."""
    seen = found.place.velocities.seen._replace(velocity_nm_per_s=velocity_nm_per_s, **changed)
    return with_velocities(found, seen=seen)


def with_widefield(found, **changed):
    return found._replace(widefield=found.widefield._replace(**changed))


def with_repeats(found, **changed):
    return found._replace(repeats=found.repeats._replace(**changed))


def with_expected(found, **changed):
    first, *others = found.expected
    return found._replace(expected=(first._replace(**changed), *others))
