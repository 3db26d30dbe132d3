"""The slots of a process, shared by its queues."""

from ardiq_django.worker.slots import Share, Slots


class Queue:
    """One that takes from the slots, and notes when it is told that one is free."""

    def __init__(self, slots: Slots, most: int = 100) -> None:
        self.told = 0
        self.share: Share = slots.share(most, self._tell)

    def _tell(self) -> None:
        self.told += 1


def test_a_queue_alone_gets_all_of_them() -> None:
    mail = Queue(slots := Slots(4))

    assert mail.share.reserve() == 4
    assert mail.share.reserve() == 0
    assert not slots.is_shared


def test_a_queue_never_gets_more_than_its_own_cap() -> None:
    mail = Queue(slots := Slots(4), most=3)
    images = Queue(slots)

    assert mail.share.reserve() == 3
    assert not mail.share.has_room
    assert images.share.reserve() == 1


def test_what_is_promised_to_one_is_not_promised_to_another() -> None:
    slots = Slots(4)
    mail, images = Queue(slots), Queue(slots)

    assert mail.share.reserve(1) == 1
    assert images.share.reserve() == 3
    assert mail.share.reserve() == 0


def test_one_who_wanted_more_is_told_when_a_slot_is_free_again() -> None:
    slots = Slots(2)
    mail, images = Queue(slots), Queue(slots)
    assert mail.share.reserve() == 2
    slot = mail.share.take()
    assert images.share.reserve() == 0

    mail.share.give(slot)
    mail.share.keep(1)

    assert (mail.told, images.told) == (0, 2)
    assert images.share.reserve() == 2


def test_a_busy_queue_leaves_others_their_fair_part() -> None:
    slots = Slots(4)
    mail, images = Queue(slots), Queue(slots)
    mail.share.reserve()
    held = [mail.share.take() for _ in range(4)]
    assert images.share.reserve() == 0

    for _ in range(3):
        mail.share.give(held.pop())

    assert mail.share.reserve() == 1
    assert images.share.reserve() == 2


def test_a_queue_that_found_less_than_it_wanted_wants_no_more() -> None:
    slots = Slots(4)
    mail, images = Queue(slots), Queue(slots)
    assert (mail.share.reserve(1), images.share.reserve()) == (1, 3)

    images.share.keep(2)

    assert mail.share.reserve() == 2
    assert images.told == 0


def test_no_more_jobs_are_promised_than_the_process_is_to_run() -> None:
    mail = Queue(slots := Slots(4, max_jobs=5))
    assert mail.share.reserve() == 4
    for slot in [mail.share.take() for _ in range(4)]:
        mail.share.give(slot)

    assert mail.share.reserve() == 1
    mail.share.give(mail.share.take())
    assert mail.share.reserve() == 0
    assert slots.taken == 5
