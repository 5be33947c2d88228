"""Subscribers count what they lost, for each full topic."""

import tempfile
import unittest

import zmq
from millrace import Subscriber, WireError, wire
from millrace.wire import Kind, Message


class Subscribing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.socket = self.context.socket(zmq.XPUB)
        self.socket.bind(f"ipc://{folder.name}/taps")
        self.endpoint = self.socket.last_endpoint.decode()

    def subscribe(self, *topics):
        subscriber = Subscriber(self.endpoint, *topics, timeout=10.0)
        self.addCleanup(subscriber.close)
        for topic in topics or ("",):
            self.assertTrue(self.socket.poll(10_000))
            self.assertEqual(self.socket.recv(), b"\1" + topic.encode())
        return subscriber

    def publish(self, topic, note):
        message = Message.control(Kind.ANSWER, {"n": 1}, stream=topic,
                                  note=wire.json_bytes(note))
        self.socket.send_multipart(wire.encode(message, topic=True))

    def test_yields_topics_and_messages(self):
        subscriber = self.subscribe("output/cam-1/")
        self.publish("output/cam-10/", {"sequence": 0})
        self.publish("output/cam-1/", {"sequence": 0})
        topic, message = next(iter(subscriber))
        self.assertEqual((topic, message.json()), ("output/cam-1/", {"n": 1}))
        self.assertEqual(wire.stream_of(topic), "cam-1")
        self.assertEqual(wire.stream_of("tap/inference/state/cam-1/lstm_1/"), "cam-1")
        self.assertIsNone(subscriber.receive(0))

    def test_no_endpoint_and_a_closed_subscriber_are_said_in_words(self):
        with self.assertRaisesRegex(ValueError, "^'nonsense' is no endpoint"):
            Subscriber("nonsense")
        subscriber = self.subscribe("output/")
        subscriber.close()
        for wait in (subscriber.ready, subscriber.receive,
                     lambda: next(subscriber.follow("cam-1"))):
            with self.assertRaisesRegex(ConnectionError, "^the subscriber was closed$"):
                wait()

    def test_reads_topics_with_a_limit(self):
        subscriber = self.subscribe("rate:5/tap/sink/result/")
        self.publish("rate:5/tap/sink/result/cam-1/", {"sequence": 0})
        topic, _ = next(iter(subscriber))
        self.assertEqual(topic, "rate:5/tap/sink/result/cam-1/")
        self.assertEqual(wire.stream_of(topic), "cam-1")
        self.assertEqual(wire.layer_of("every:3/tap/inference/gates/cam-1/lstm/"), "lstm")

    def test_counts_holes_for_each_topic(self):
        subscriber = self.subscribe()
        for topic, sequence in [("output/a/", 5), ("output/b/", 0), ("output/a/", 6),
                                ("output/a/", 9), ("output/b/", 1), ("output/a/", 11),
                                ("tap/sink/result/a/", 3), ("tap/inference/gates/a/lstm/", 4)]:
            self.publish(topic, {"sequence": sequence})
            subscriber.receive()
        self.assertEqual((subscriber.holes, subscriber.lost), ({"output/a/": 3}, 3))
        self.assertEqual(subscriber.restarts, 0)

    def test_a_count_that_goes_back_is_a_restart(self):
        subscriber = self.subscribe("output/")
        for sequence in (7, 0, 1, 3):
            self.publish("output/a/", {"sequence": sequence})
            subscriber.receive()
        self.assertEqual((subscriber.restarts, subscriber.lost), (1, 1))

    def test_counts_what_a_full_queue_drops(self):
        subscriber = Subscriber(self.endpoint, "output/", timeout=10.0, high_water_mark=5)
        self.addCleanup(subscriber.close)
        self.assertTrue(self.socket.poll(10_000))
        self.socket.recv()
        published = 20_000
        for sequence in range(published):
            self.publish("output/a/", {"sequence": sequence})
        received = 0
        while subscriber.receive(0.2):
            received += 1
        # The end of the count, which nothing behind it would show.
        self.publish("output/a/", {"sequence": published})
        self.assertIsNotNone(subscriber.receive())
        self.assertGreater(subscriber.lost, 0)
        self.assertEqual(received + subscriber.lost, published)

    def test_a_message_without_its_sequence_is_an_error(self):
        subscriber = self.subscribe()
        self.publish("output/a/", {"traceparent": "x"})
        with self.assertRaisesRegex(WireError, "output/a/ has no sequence"):
            subscriber.receive()


if __name__ == "__main__":
    unittest.main()
