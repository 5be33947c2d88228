"""What a reader of taps and of published output keeps count of. No sockets, no clock."""

from collections import deque

from . import wire

# A tap that comes by itself, once a second; see `Arrivals.is_ready`.
STATS = "tap/daemon/stats/"

Published = tuple[str, wire.Message]


class Arrivals:
    """Messages of a PUB or XPUB socket as one subscriber receives them, with what it lost.

    holes: full topic -> messages that were published on it and did not arrive here.
    restarts: how often a topic's count went back, as it does when the daemon has been restarted.
    """

    def __init__(self, topics: tuple[str, ...]):
        self.topics = topics or ("",)
        self.holes: dict[str, int] = {}
        self.restarts = 0
        # Whether the daemon is known to have read the subscriptions: they reach it together, so
        # that one of them is answered when all are known.
        self.is_ready = False
        # What came before anybody asked for it.
        self.kept: deque[Published] = deque()
        self._next: dict[str, int] = {}

    @property
    def lost(self) -> int:
        return sum(self.holes.values())

    def take(self, parts: list[bytes]) -> Published | None:
        """A message, counted; None for one that only `ready` asked for."""
        message = wire.decode(parts, topic=True)
        topic = message.stream
        self.is_ready |= topic.startswith(STATS)
        if not topic.startswith(self.topics):
            return None
        sequence = message.note_fields().get("sequence")
        if not isinstance(sequence, int):
            raise wire.WireError("bad-header", f"the note on {topic} has no sequence",
                                 '{"sequence":n}')
        # What was published before the first message seen was never promised to this reader.
        expected = self._next.get(topic, sequence)
        if sequence > expected:
            self.holes[topic] = self.holes.get(topic, 0) + sequence - expected
        elif sequence < expected:
            self.restarts += 1
        self._next[topic] = sequence + 1
        return topic, message
