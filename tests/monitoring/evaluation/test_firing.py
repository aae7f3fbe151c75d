"""Which label sets of a rule fire when there are more than it has places."""

from stream.monitoring.evaluation.firing import admitted
from stream.monitoring.evaluation.instant import labels_of

APP, WEB, FAX, SHOP = (labels_of({"channel": channel}) for channel in ("app", "web", "fax", "shop"))
VALUES = {APP: 0.4, WEB: 0.1, FAX: 0.3, SHOP: 0.2}


def test_the_most_certain_fill_the_places() -> None:
    assert admitted(VALUES, (), 3).keys() == {WEB, SHOP, FAX}
    assert admitted(VALUES, (), 0) == VALUES


def test_those_that_fire_keep_their_places() -> None:
    """When no place is free, only the most certain of all joins them."""
    assert admitted(VALUES, {APP, WEB, FAX}, 3).keys() == {APP, WEB, FAX}
    assert admitted(VALUES, {APP, FAX, SHOP}, 3).keys() == {APP, FAX, SHOP, WEB}


def test_one_that_is_only_kept_firing_takes_a_place() -> None:
    calm = labels_of({"channel": "calm"})
    assert admitted({APP: 0.4, WEB: 0.1}, {calm, WEB}, 2).keys() == {WEB}
    assert admitted({APP: 0.4, WEB: 0.1}, {calm, WEB}, 3).keys() == {WEB, APP}
