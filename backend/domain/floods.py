"""Which pictures of a camera that sends more than can be looked at are looked at all the same?"""

from collections.abc import Collection, Sequence
from datetime import datetime


def second_of(at: datetime) -> datetime:
    """The second that a moment lies in."""
    return at.replace(microsecond=0)


def which_to_skip(
    came: Sequence[datetime], *, room: int, seconds_taken: Collection[datetime] = ()
) -> list[bool]:
    """For each picture of one camera, in the order of their coming, whether nobody looks at it.

    So many as there is `room` for are looked at. Of the others it is the first of each second in
    which some came, unless that is among `seconds_taken`: then one was looked at already. It goes
    by our own clock: that of the camera may stand still, and then all would be of one second.
    """
    taken = set(seconds_taken)
    over = []
    for number, at in enumerate(came):
        second = second_of(at)
        over.append(number >= room and second in taken)
        taken.add(second)
    return over
