"""Client of Millrace: sends streams over MR/1, and takes their answers, taps and output."""

from .async_client import AsyncClient
from .async_subscriber import AsyncSubscriber
from .client import Client
from .daemon import Daemon, DaemonError
from .history import HistoryRefused
from .model import Model
from .results import Answer, Counters, Refusal, StateLost, StreamRefused
from .subscriber import Subscriber
from .wire import (DType, Flag, Kind, Message, WireError, decode, encode, gates_of, layer_of,
                   stream_of)

__version__ = "0.1.0"

__all__ = [
    "Answer", "AsyncClient", "AsyncSubscriber", "Client", "Counters", "DType", "Daemon",
    "DaemonError", "Flag", "HistoryRefused", "Kind",
    "Message", "Model", "Refusal", "StateLost", "StreamRefused", "Subscriber", "WireError", "decode",
    "encode", "gates_of", "layer_of", "stream_of",
]
