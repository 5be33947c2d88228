"""Client of Millrace: sends streams over MR/1, and takes their answers, taps and output."""

from .client import Client
from .results import Answer, Counters, Refusal, StateLost, StreamRefused
from .subscriber import Subscriber
from .wire import DType, Flag, Kind, Message, WireError, decode, encode

__version__ = "0.1.0"

__all__ = [
    "Answer", "Client", "Counters", "DType", "Flag", "Kind", "Message", "Refusal", "StateLost",
    "StreamRefused", "Subscriber", "WireError", "decode", "encode",
]
