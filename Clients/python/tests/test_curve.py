"""Clients and subscribers with CURVE keys, against sockets that ask for them."""

import asyncio
import unittest

import zmq
from millrace import AsyncClient, AsyncSubscriber, Client, Subscriber, wire
from millrace.wire import Kind, Message

from .server import Server


class CurveServer(Server):
    """A ROUTER whose peers must know its public key."""

    def _bind(self):
        self.public, secret = zmq.curve_keypair()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 1000
        self._socket.curve_server = True
        self._socket.curve_secretkey = secret
        self._socket.bind(self._wanted)
        self.endpoint = self._socket.last_endpoint.decode().rstrip("\0")


def answer_one(server):
    server.welcome()
    server.take(Kind.DATA)
    server.answer("a", 0, [1])
    server.acknowledge("a", 1)


@unittest.skipUnless(zmq.has("curve"), "this libzmq has no CURVE")
class Keys(unittest.TestCase):
    def test_a_client_with_keys_is_answered(self):
        public, secret = zmq.curve_keypair()
        with CurveServer(answer_one) as server, Client(
                server.endpoint, curve=(server.public.decode(), public, secret)) as client:
            client.send("a", [[1.0]])
            self.assertEqual([len(one) for one in client.drain()], [1])

    def test_an_asyncio_client_with_keys_is_answered(self):
        async def talk(server, public, secret):
            async with AsyncClient(server.endpoint,
                                   curve=(server.public, public, secret)) as client:
                return [len(one) async for one in client.stream("a", [[1.0]], end=False)]

        with CurveServer(answer_one) as server:
            self.assertEqual(asyncio.run(talk(server, *zmq.curve_keypair())), [1])

    def test_without_keys_or_with_another_servers_nobody_answers(self):
        other, _ = zmq.curve_keypair()
        with CurveServer(lambda server: None) as server:
            for curve in (None, (other, *zmq.curve_keypair())):
                with self.subTest(curve=curve), Client(server.endpoint, timeout=0.2,
                                                       curve=curve) as client:
                    with self.assertRaisesRegex(TimeoutError, "nobody has answered there"):
                        client.send("a", [[1.0]])

    def test_keys_that_are_missing_are_named(self):
        with self.assertRaisesRegex(ValueError, "curve has 2 keys, expected"):
            Client("ipc:///tmp/nobody", curve=("a" * 40, "b" * 40))

    def test_a_socket_that_lets_nobody_in_is_waited_for_no_longer_than_was_asked(self):
        # Behind a handshake that failed there is nobody to send to, and sending would wait for ever.
        context = zmq.Context()
        self.addCleanup(context.destroy, 0)
        for kind, is_encrypted in ((zmq.XPUB, False), (zmq.ROUTER, True)):
            socket = context.socket(kind)
            self.addCleanup(socket.close, 0)
            if is_encrypted:
                socket.curve_server, socket.curve_secretkey = True, zmq.curve_keypair()[1]
            socket.bind("tcp://127.0.0.1:*")
            endpoint = socket.last_endpoint.decode().rstrip("\0")
            with self.subTest(kind=kind), Client(endpoint, timeout=1.5) as client:
                for _ in range(2):
                    with self.assertRaisesRegex(TimeoutError, "does it let this client in"):
                        list(client.stream("a", [[1.0]]))

    def test_subscribers_with_keys_receive(self):
        context = zmq.Context()
        self.addCleanup(context.destroy, 0)
        server, server_secret = zmq.curve_keypair()
        socket = context.socket(zmq.XPUB)
        self.addCleanup(socket.close, 0)
        socket.curve_server, socket.curve_secretkey = True, server_secret
        socket.bind("tcp://127.0.0.1:*")
        endpoint = socket.last_endpoint.decode().rstrip("\0")

        def publish():
            self.assertTrue(socket.poll(10_000))
            self.assertEqual(socket.recv(), b"\1output/")
            message = Message.control(Kind.ANSWER, {"n": 1}, stream="output/a/",
                                      note=b'{"sequence":0}')
            socket.send_multipart(wire.encode(message, topic=True))

        curve = (server, *zmq.curve_keypair())
        with Subscriber(endpoint, "output/", curve=curve, timeout=10) as output:
            publish()
            self.assertEqual(output.receive()[1].json(), {"n": 1})
        self.assertTrue(socket.poll(10_000))
        self.assertEqual(socket.recv(), b"\0output/")

        async def receive():
            async with AsyncSubscriber(endpoint, "output/", curve=curve, timeout=10) as output:
                await asyncio.to_thread(publish)
                return (await output.receive())[1].json()

        self.assertEqual(asyncio.run(receive()), {"n": 1})


if __name__ == "__main__":
    unittest.main()
