"""The sockets' options, the same for clients that block and those of asyncio."""

from collections.abc import Iterable
from typing import Any

import zmq

# (server's public key, own public key, own secret key), each 40 characters of Z85 or 32 bytes.
Curve = tuple[str | bytes, str | bytes, str | bytes]


def prepare_dealer(socket: zmq.Socket[Any], curve: Curve | None) -> None:
    """An ingress's peer. The routing id is libzmq's; no empty delimiter."""
    # Credit bounds the queues; a high-water mark would make a send wait for a dead peer.
    socket.set_hwm(0)
    for option, value in ((zmq.LINGER, 1000), (zmq.HEARTBEAT_IVL, 2000),
                          (zmq.HEARTBEAT_TIMEOUT, 6000), (zmq.CONNECT_TIMEOUT, 3000),
                          (zmq.HANDSHAKE_IVL, 5000)):
        socket.setsockopt(option, value)
    _prepare(socket, curve)


def prepare_subscriber(socket: zmq.Socket[Any], topics: Iterable[str], high_water_mark: int,
                       curve: Curve | None) -> None:
    socket.set_hwm(high_water_mark)
    socket.setsockopt(zmq.LINGER, 0)
    for topic in topics:
        socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
    _prepare(socket, curve)


def connect(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Raises ValueError where libzmq takes the endpoint for none: a peer that is not there is no error."""
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        raise ValueError(f"{endpoint!r} is no endpoint to connect to ({error.strerror}): expected "
                         "tcp://HOST:PORT or ipc:///PATH, as the pipeline file has it") from None


def _prepare(socket: zmq.Socket[Any], curve: Curve | None) -> None:
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    if curve:
        names = ("server's public", "own public", "own secret")
        if len(curve) != len(names):
            raise ValueError(f"curve has {len(curve)} keys, expected (server's public key, own public "
                             "key, own secret key)")
        options = (zmq.CURVE_SERVERKEY, zmq.CURVE_PUBLICKEY, zmq.CURVE_SECRETKEY)
        for name, option, key in zip(names, options, curve):
            key = key.encode() if isinstance(key, str) else key
            if len(key) not in (32, 40):
                raise ValueError(f"the {name} key has {len(key)} bytes, expected 40 characters of "
                                 "Z85 or 32 bytes")
            socket.setsockopt(option, key)
