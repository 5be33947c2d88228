"""The decisions of one stream, without a socket."""

import unittest

from millrace.outgoing import OutgoingStream
from millrace.wire import DType, Flag, Kind, Message


def stream_of(*counts, sent=True, first_flags=Flag(0), last_flags=Flag(0)):
    stream = OutgoingStream("a", 0)
    for index, count in enumerate(counts):
        flags = first_flags if index == 0 else Flag(0)
        flags |= last_flags if index == len(counts) - 1 else Flag(0)
        kept = stream.append(Message(Kind.DATA, "a", DType.U8, flags, count, 1, stream.next,
                                     payload=bytes(count)))
        if sent:
            kept.transmissions, stream.cursor = 1, stream.cursor + 1
    return stream


def unsent(stream):
    return [kept.begin for kept in list(stream.kept)[stream.cursor:]]


class Acknowledging(unittest.TestCase):
    def test_frees_whole_messages_below_the_number(self):
        stream = stream_of(3, 3, 3)
        stream.acknowledge(5)
        self.assertEqual(stream.oldest, 3)
        stream.acknowledge(9)
        self.assertEqual((stream.oldest, stream.cursor), (9, 0))
        self.assertFalse(stream.unacknowledged)

    def test_frees_nothing_that_was_not_sent(self):
        stream = stream_of(3, 3, sent=False)
        stream.acknowledge(6)
        self.assertEqual(unsent(stream), [0, 3])

    def test_a_bare_flag_is_not_freed_by_the_message_before_it(self):
        stream = stream_of(3, 0, last_flags=Flag.RESET)
        stream.acknowledge(3)
        self.assertEqual(stream.oldest, 3)
        self.assertTrue(stream.rewind(3))
        self.assertEqual(unsent(stream), [3])
        stream.cursor = 1
        stream.acknowledge(4)
        self.assertEqual(len(stream.kept), 0)

    def test_frees_while_a_resend_is_under_way(self):
        stream = stream_of(2, 2, 2)
        self.assertTrue(stream.rewind(0))
        stream.cursor = 1
        stream.acknowledge(4)
        self.assertEqual(unsent(stream), [4])


class GoingBack(unittest.TestCase):
    def test_begins_with_the_message_that_holds_the_number(self):
        for expected, first in [(0, [0, 3, 6]), (2, [0, 3, 6]), (3, [3, 6]), (8, [6]), (9, [])]:
            with self.subTest(expected):
                stream = stream_of(3, 3, 3)
                self.assertTrue(stream.rewind(expected))
                self.assertEqual(unsent(stream), first)

    def test_cannot_go_behind_what_is_kept(self):
        stream = stream_of(3, 3)
        stream.acknowledge(3)
        self.assertFalse(stream.rewind(2))
        self.assertFalse(stream.welcome(2, False, 0))
        self.assertFalse(stream.welcome(None, False, 0))
        self.assertTrue(stream.welcome(3, False, 0))

    def test_all_acknowledged_and_then_unknown_is_lost(self):
        stream = stream_of(3)
        stream.acknowledge(3)
        self.assertFalse(stream.welcome(None, False, 0))

    def test_an_unknown_stream_begins_again_from_its_first_message(self):
        stream = stream_of(3, 3)
        self.assertTrue(stream.welcome(None, False, 0))
        self.assertEqual(unsent(stream), [0, 3])

    def test_what_was_refused_before_it_began_is_not_lost(self):
        stream = stream_of(3)
        self.assertEqual(stream.drop(0), 3)
        self.assertTrue(stream.welcome(None, False, 0))

    def test_an_earlier_life_that_has_ended_is_not_this_one(self):
        stream = stream_of(3, 3, first_flags=Flag.START)
        self.assertTrue(stream.welcome(100, True, 100))
        self.assertEqual(unsent(stream), [0, 3])

    def test_what_is_applied_but_not_acknowledged_is_asked_after_by_repeating_the_last(self):
        stream = stream_of(3, 3)
        self.assertTrue(stream.welcome(6, False, 0))
        self.assertEqual(unsent(stream), [3])

    def test_an_open_stream_is_not_started_twice(self):
        stream = stream_of(0, 3, first_flags=Flag.START)
        self.assertTrue(stream.welcome(0, False, 0))
        self.assertEqual([kept.end for kept in list(stream.kept)[stream.cursor:]], [3])

    def test_a_closed_stream_waits_for_its_last_answer(self):
        # Its steps may be under way still, or it generates behind them.
        stream = stream_of(3, 0, last_flags=Flag.END)
        stream.answer_next = 3
        stream.acknowledge(3)
        self.assertTrue(stream.welcome(3, True, 3))
        self.assertFalse(stream.is_done)
        self.assertTrue(stream.is_outstanding)


class Covering(unittest.TestCase):
    def test_counts_each_number_once(self):
        stream = stream_of(3, 3, 3)
        self.assertEqual([stream.cover(2), stream.cover(2), stream.cover(1), stream.cover(9)],
                         [2, 0, 0, 7])
        self.assertEqual(stream.uncovered, 0)

    def test_refused_numbers_are_not_covered_again(self):
        stream = stream_of(3, 3, 3, 3)
        self.assertEqual([stream.use_up(9), stream.use_up(3), stream.use_up(3)], [3, 3, None])
        self.assertEqual(stream.uncovered, 6)
        self.assertEqual([stream.cover(3), stream.covered_to], [3, 6])
        self.assertEqual(stream.cover(12), 3)
        self.assertEqual(stream.uncovered, 0)

    def test_a_part_that_is_refused_covers_its_numbers_alone(self):
        stream = stream_of(4, 4)
        self.assertEqual([stream.use_up(3, 5), stream.use_up(3, 5), stream.use_up(7, 8)],
                         [2, None, 1])
        self.assertEqual(stream.uncovered, 5)
        self.assertEqual(stream.cover(8), 5)
        self.assertEqual(stream.uncovered, 0)

    def test_a_refusal_within_a_message_covers_the_rest_of_it(self):
        stream = stream_of(6, 2)
        self.assertEqual([stream.use_up(4), stream.use_up(4), stream.use_up(6)], [2, None, 2])
        self.assertEqual([stream.cover(4), stream.covered_to, stream.uncovered], [4, 8, 0])

    def test_what_an_end_or_a_reset_took_is_refused_once_and_not_its_own_steps(self):
        stream = stream_of(3, 3, last_flags=Flag.RESET)
        self.assertEqual([stream.use_up(3), stream.use_up(3)], [0, None])
        self.assertEqual(stream.uncovered, 6)

    def test_dropping_frees_the_numbers_behind(self):
        stream = stream_of(3, 3, 3, last_flags=Flag.END)
        stream.use_up(6)
        self.assertEqual(stream.drop(3), 3)
        self.assertEqual((stream.next, stream.uncovered, stream.is_ended), (3, 3, False))
        self.assertIsNone(stream.drop(6))


if __name__ == "__main__":
    unittest.main()
