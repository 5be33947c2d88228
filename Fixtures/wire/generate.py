"""Writes messages.json: MR/1 messages as bytes beside their meaning, put together by hand.

Uses nothing of Millrace, so that an error there cannot hide here. `python3 generate.py`.
"""

import json
import struct
from pathlib import Path

HEADER = "<4sBBHIIQQQQQ"
KINDS = dict(data=1, acknowledge=2, refuse=3, hello=4, welcome=5, credit=6, ping=7, pong=8,
             answer=9)
DTYPES = dict(none=0, text=1, f32=2, i32=3, u8=4, json=5)
FLAGS = dict(START=1, END=2, RESET=4, LAST=8, PEEK=16)
MODEL = 0x8877665544332211
messages, malformed = [], []


def header(kind, dtype="none", flags=(), count=0, width=0, number=0, epoch=0, time=0, input=0,
           model=0):
    return struct.pack(HEADER, b"MR1\0", KINDS.get(kind, kind), DTYPES.get(dtype, dtype),
                       flags if isinstance(flags, int) else sum(FLAGS[f] for f in flags),
                       count, width, number, epoch, time, input, model)


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def ints(*values):
    return struct.pack(f"<{len(values)}i", *values)


def meaning(stream, kind, dtype="none", flags=(), count=0, width=0, number=0, epoch=0, time=0,
            input=0, model=0, payload=b"", ids=b"", note=b"", **read):
    """All fields. The five of 64 bits are decimal strings: many readers' numbers are doubles."""
    return dict(stream=stream, kind=kind, dtype=dtype, flags=list(flags), count=count, width=width,
                number=str(number), epoch=str(epoch), time=str(time), input=str(input),
                model=str(model), payload=payload.hex(),
                ids=list(struct.unpack(f"<{len(ids) // 4}i", ids)),
                note=json.loads(note) if note else None, **read)


def parts_of(name, head, payload, ids, note):
    parts = [name.encode(), head, payload, ids, note]
    while len(parts) > 3 and not parts[-1]:
        parts.pop()
    return [part.hex() for part in parts]


def binary(name, stream, kind, *, payload=b"", ids=b"", note=b"", on="link", read=None, **fields):
    messages.append(dict(
        name=name, form="binary", on=on, canonical=True,
        parts=parts_of(stream, header(kind, **fields), payload, ids, note),
        meaning=meaning(stream, kind, payload=payload, ids=ids, note=note, **(read or {}),
                        **fields)))


def friendly(name, stream, kind, text, *, payload=b"", note=b"", canonical=True, read=None,
             **fields):
    messages.append(dict(
        name=name, form="friendly", on="link", canonical=canonical,
        parts=parts_of(stream, text.encode(), payload, b"", note),
        meaning=meaning(stream, kind, payload=payload, note=note, **(read or {}), **fields)))


def control(name, stream, kind, text, **fields):
    payload = text.encode()
    binary(name, stream, kind, dtype="json", count=1, width=len(payload), payload=payload,
           read=dict(json=json.loads(text)), **fields)


def bad(name, code, parts, *, basis="spec", why, on="link"):
    malformed.append(dict(name=name, on=on, parts=[part.hex() for part in parts], refuse=code,
                          basis=basis, why=why))


# Binary, every kind, dtype and flag

binary("f32-three-steps-of-two", "cam-1", "data", dtype="f32", flags=["START"], count=3, width=2,
       payload=floats(1, -2, 0.5, 0.25, 1024, -0.0), time=1760000000000000, epoch=1760000000000001,
       read=dict(values=[1, -2, 0.5, 0.25, 1024, -0.0]))
binary("f32-goes-on", "cam-1", "data", dtype="f32", count=1, width=2, number=3,
       epoch=1760000000000001, payload=floats(3, 4), read=dict(values=[3, 4]))
binary("i32-token-ids", "talk:7", "data", dtype="i32", count=4, width=1, number=57,
       payload=ints(1, 0, 2147483647, -1), read=dict(values=[1, 0, 2147483647, -1]))
binary("u8-two-steps-of-four", "Video@home_2.x", "data", dtype="u8", count=2, width=4,
       payload=bytes([0, 1, 127, 128, 255, 254, 2, 3]),
       read=dict(values=[0, 1, 127, 128, 255, 254, 2, 3]))
binary("text-two-alphabets", "chat", "data", dtype="text", flags=["START"], count=9, width=1,
       payload="h\u00e9\u4f60 \u00e4".encode(), read=dict(text="h\u00e9\u4f60 \u00e4"))
binary("text-ends-in-half-a-character", "chat", "data", dtype="text", count=2, width=1, number=9,
       payload=b"a\xe4")
binary("text-end", "chat", "data", dtype="text", flags=["END"], count=2, width=1, number=11,
       payload=b"\xbd\xa0")
binary("reset-before-a-step", "cam-1", "data", dtype="f32", flags=["RESET"], count=1, width=1,
       number=4, payload=floats(1.5), read=dict(values=[1.5]))
binary("reset-alone", "cam-1", "data", flags=["RESET"], number=5)
binary("end-alone", "cam-1", "data", flags=["END"], number=5)
binary("start-and-end-in-one", "s", "data", dtype="i32", flags=["START", "END"], count=1, width=1,
       number=100, payload=ints(7), read=dict(values=[7]))
binary("peek", "cam-1", "data", dtype="f32", flags=["PEEK"], count=1, width=2, number=5,
       payload=floats(0, 0), read=dict(values=[0, 0]))
binary("data-with-traceparent", "cam-1", "data", dtype="f32", count=1, width=1, number=6,
       payload=floats(2), read=dict(values=[2]),
       note=b'{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}')
binary("every-bit-of-the-numbers", "x", "data", dtype="u8", count=1, width=1, payload=b"\x09",
       number=0x0102030405060708, epoch=0xfffffffffffffffe, time=0x1112131415161718,
       input=0x2122232425262728, model=0xffffffffffffffff, read=dict(values=[9]))
binary("name-of-128-bytes", "n" * 128, "data", dtype="u8", count=1, width=1, payload=b"\0",
       read=dict(values=[0]))
binary("note-of-1024-bytes", "cam-1", "data", dtype="u8", count=1, width=1, payload=b"\0",
       note=b'{"traceparent":"' + b"0" * 1006 + b'"}', read=dict(values=[0]))
binary("all-flags", "cam-1", "data", flags=list(FLAGS), number=1)
binary("answer-two-steps", "cam-1", "answer", dtype="f32", count=2, width=3, number=3, input=5,
       model=MODEL, payload=floats(0.5, 0.25, 0.25, 0, 1, 0),
       read=dict(values=[0.5, 0.25, 0.25, 0, 1, 0]))
# The state is f32; `ids` lists its bits.
binary("start-with-a-state", "cam-1", "data", flags=["START"], dtype="f32", count=1, width=2,
       payload=floats(0.5, -0.5), ids=floats(0.25, -1, 0), read=dict(values=[0.5, -0.5]))
binary("answer-with-token-ids", "chat", "answer", dtype="f32", count=2, width=1, number=0, input=9,
       model=MODEL, payload=floats(0.75, 0.125), ids=ints(5, 42), read=dict(values=[0.75, 0.125]))
binary("answer-with-note-without-ids", "cam-1", "answer", dtype="f32", count=1, width=1, number=6,
       input=7, model=MODEL, payload=floats(1), note=b'{"traceparent":"00-0-0-01"}',
       read=dict(values=[1]))
binary("answer-last", "cam-1", "answer", dtype="f32", flags=["LAST"], count=1, width=1, number=9,
       input=10, model=MODEL, payload=floats(-1), read=dict(values=[-1]))
binary("answer-last-without-a-row", "cam-1", "answer", dtype="f32", flags=["LAST"], count=0,
       width=1, number=10, input=10, model=MODEL, read=dict(values=[]))
binary("answer-to-a-peek", "cam-1", "answer", dtype="f32", flags=["PEEK"], count=1, width=1,
       number=5, input=5, model=MODEL, payload=floats(8), read=dict(values=[8]))
control("acknowledge-with-credit", "cam-1", "acknowledge", '{"credit":2048}', number=57)
binary("acknowledge-bare", "cam-1", "acknowledge", dtype="json", count=1, width=0, number=57)
control("acknowledge-not-cached", "cam-1", "acknowledge", '{"credit":2048,"cached":false}',
        number=57)
control("refuse-gap", "cam-1", "refuse",
        '{"code":"gap","expected":57,"received":60,"retry":true,'
        '"message":"numbers are missing; send again from 57"}', number=60, epoch=1760000000000001)
control("refuse-shape", "cam-1", "refuse",
        '{"code":"bad-shape","expected":"width 2","received":"width 3","retry":false,'
        '"message":"steps of 3 values, expected 2"}', number=57)
control("refuse-without-a-stream's-number", "cam-1", "refuse",
        '{"code":"bad-header","expected":"1 to 9","received":"kind is 0","retry":false,'
        '"message":"kind is 0, expected 1 to 9"}')
control("hello", "", "hello", '{"streams":{"cam-1":null,"cam-2":40},"epoch":1760000000000001}')
control("hello-of-a-new-client", "", "hello", '{"streams":{},"epoch":0}')
control("welcome", "", "welcome",
        '{"streams":{"cam-1":{"expected":57,"closed":false,"answers":40},'
        '"cam-2":{"expected":null,"closed":false,"answers":0}},"credit":1024,"max_bytes":1048576,'
        '"versions":[1],"model":"sha256:' + "0123456789abcdef" * 4 + '"}')
control("credit", "", "credit", '{"credit":4096}')
control("credit-beyond-32-bits", "", "credit", '{"credit":9007199254740991}')
control("ping", "", "ping", "{}")
control("ping-of-a-stream", "cam-1", "ping", '{"n":1}')
control("pong", "", "pong", '{"n":1}')
control("output-line-published", "output/cam-1/", "answer",
        '{"stream":"cam-1","number":3,"end":true}', flags=["LAST"], number=3, input=4, model=MODEL,
        note=b'{"sequence":0}', on="publish")
binary("output-tensor-published", "output/cam-1/", "answer", dtype="f32", count=1, width=2,
       number=3, input=4, model=MODEL, payload=floats(0.5, 0.5), note=b'{"sequence":12}',
       on="publish",
       read=dict(values=[0.5, 0.5]))
binary("tap-of-tokens", "tap/tokenizer/tokens/chat/", "data", dtype="i32", count=2, width=1,
       payload=ints(3, 4), note=b'{"sequence":9007199254740991}', on="publish",
       read=dict(values=[3, 4]))
control("tap-of-events", "tap/daemon/events/sink/", "data", '{"event":"start"}',
        note=b'{"sequence":1}', on="publish")

# Friendly

friendly("friendly-example", "cam-1", "data",
         '{"v":1,"kind":"data","number":0,"dtype":"<f4","shape":[3,2],"flags":["START"]}',
         dtype="f32", flags=["START"], count=3, width=2, payload=floats(1, 2, 3, 4, 5, 6),
         read=dict(values=[1, 2, 3, 4, 5, 6]))
friendly("friendly-text", "chat", "data",
         '{"v":1,"kind":"data","number":5,"dtype":"text","flags":["START","END"],"epoch":7,'
         '"time":8}',
         dtype="text", flags=["START", "END"], count=5, width=1, number=5, epoch=7, time=8,
         payload="h\u00e9ll".encode(), read=dict(text="h\u00e9ll"))
friendly("friendly-ids", "t", "data",
         '{"v":1,"kind":"data","number":9007199254740991,"dtype":"<i4","shape":[1,1]}',
         dtype="i32", count=1, width=1, number=9007199254740991, payload=ints(-5),
         read=dict(values=[-5]))
friendly("friendly-u8", "v", "data",
         '{"v":1,"kind":"data","number":1,"dtype":"|u1","shape":[1,3]}', dtype="u8", count=1,
         width=3, number=1, payload=b"\1\2\3", read=dict(values=[1, 2, 3]))
friendly("friendly-flags-alone", "v", "data",
         '{"v":1,"kind":"data","number":2,"flags":["RESET","END"]}', flags=["END", "RESET"],
         number=2, canonical=False)
friendly("friendly-end-alone", "v", "data", '{"v":1,"kind":"data","number":2,"flags":["END"]}',
         flags=["END"], number=2)
friendly("friendly-dtype-none-said", "v", "data",
         '{"v":1,"kind":"data","number":2,"dtype":"none","flags":["END"]}', flags=["END"], number=2,
         canonical=False)
friendly("friendly-peek-with-note", "v", "data",
         '{"v":1,"kind":"data","number":2,"dtype":"|u1","shape":[1,1],"flags":["PEEK"]}',
         dtype="u8", flags=["PEEK"], count=1, width=1, number=2, payload=b"\4",
         note=b'{"traceparent":"00-0-0-01"}', read=dict(values=[4]))
line = b'{"stream":"cam-1","number":3,"label":"a","score":0.5}'
friendly("friendly-answer", "cam-1", "answer",
         '{"v":1,"kind":"answer","number":3,"dtype":"json","flags":["LAST"],"input":4}',
         dtype="json", flags=["LAST"], count=1, width=len(line), number=3, input=4, payload=line,
         read=dict(json=json.loads(line)))
for kind, stream, number, text in [
        ("acknowledge", "cam-1", 57, '{"credit":2048}'),
        ("refuse", "cam-1", 60,
         '{"code":"gap","expected":57,"received":60,"retry":true,"message":""}'),
        ("hello", "", 0, '{"streams":{"cam-1":null},"epoch":3}'),
        ("welcome", "", 0,
         '{"streams":{},"credit":1024,"max_bytes":1048576,"versions":[1],"model":""}'),
        ("credit", "", 0, '{"credit":1}'), ("ping", "", 0, "{}"), ("pong", "", 0, "{}")]:
    friendly(f"friendly-{kind}", stream, kind,
             f'{{"v":1,"kind":"{kind}","number":{number},"dtype":"json"}}', dtype="json", count=1,
             width=len(text), number=number, payload=text.encode(),
             read=dict(json=json.loads(text)))
friendly("friendly-any-order-and-unknown-keys", "cam-1", "data",
         '{ "flags" : [ ], "shape":[1,1],\n "extra":[[{}]], "\\u006bind":"data","dtype":"<f4",'
         '"number":12, "v":1 } ',
         dtype="f32", count=1, width=1, number=12, payload=floats(1), canonical=False,
         read=dict(values=[1]))
friendly("friendly-number-left-out", "cam-1", "data", '{"v":1,"kind":"data","dtype":"text"}',
         dtype="text", count=1, width=1, payload=b"a", canonical=False, read=dict(text="a"))
padding = '{"v":1,"kind":"data","number":0,"dtype":"text","x":""}'
friendly("friendly-header-of-8192-bytes", "cam-1", "data",
         padding[:-2] + " " * (8192 - len(padding)) + padding[-2:], dtype="text", count=1, width=1,
         payload=b"a", canonical=False, read=dict(text="a"))

# Malformed: one fault each

STEP = dict(dtype="f32", count=1, width=2)
GOOD = header("data", **STEP)
PAYLOAD = floats(1, 2)


def bad_binary(name, code, head, payload=PAYLOAD, stream=b"cam-1", **kw):
    bad(name, code, [stream, head, payload], **kw)


bad("one-part", "bad-header", [b"cam-1"], why="there is no header")
bad("six-parts", "bad-header", [b"cam-1", GOOD, PAYLOAD, b"", b"", b""], why="more than 5 parts")
bad_binary("magic-of-version-2", "version", b"MR2\0" + GOOD[4:], why="the magic is MR2")
bad_binary("magic-without-its-zero", "version", b"MR1 " + GOOD[4:], why="the magic is 'MR1 '")
bad_binary("not-our-protocol", "version", b"GET / HTTP/1.1\r\n", why="neither form")
bad_binary("header-of-55-bytes", "bad-header", GOOD[:-1], why="55 bytes")
bad_binary("header-of-57-bytes", "bad-header", GOOD + b"\0", why="57 bytes")
bad_binary("kind-0", "bad-header", header(0, **STEP), why="kinds are 1 to 9")
bad_binary("kind-10", "bad-header", header(10, **STEP), why="kinds are 1 to 9")
bad_binary("dtype-6", "bad-dtype", header("data", dtype=6, count=1, width=8),
           why="dtypes are 0 to 5")
bad_binary("flag-32", "bad-header", header("data", flags=32, **STEP), why="an unknown flag")
bad_binary("flag-32768", "bad-header", header("data", flags=0x8001, **STEP), why="an unknown flag")
bad_binary("payload-one-byte-short", "bad-length", GOOD, PAYLOAD[:-1], why="7 bytes, not 8")
bad_binary("payload-one-byte-long", "bad-length", GOOD, PAYLOAD + b"\0", why="9 bytes, not 8")
bad_binary("payload-missing", "bad-length", GOOD, b"", why="0 bytes, not 8")
bad_binary("payload-with-dtype-none", "bad-length", header("data", number=1), why="8 bytes, not 0")
bad_binary("count-times-width-over-64-bits", "bad-length",
           header("data", dtype="f32", count=0xffffffff, width=0xffffffff),
           why="the product is over 2^64")
bad_binary("product-of-2-to-the-64", "bad-length",
           header("data", dtype="f32", count=1 << 31, width=1 << 31), b"",
           why="in 64 bits the product would be 0")
bad_binary("text-count-short", "bad-length", header("data", dtype="text", count=7, width=1),
           why="8 bytes, not 7")
bad_binary("name-empty-for-data", "bad-name", GOOD, stream=b"", why="only kinds 4 to 8 may")
bad_binary("name-empty-for-acknowledge", "bad-name",
           header("acknowledge", dtype="json", count=1, width=2), b"{}", stream=b"",
           why="only kinds 4 to 8 may")
bad_binary("name-empty-for-answer", "bad-name", header("answer", **STEP), stream=b"",
           why="only kinds 4 to 8 may")
bad_binary("name-of-129-bytes", "bad-name", GOOD, stream=b"n" * 129, why="at most 128")
for label, name in [("slash", b"cam/1"), ("space", b"cam 1"), ("control-character", b"cam\n"),
                    ("zero-byte", b"cam\0"), ("accent", "c\u00e4m".encode()),
                    ("not-utf-8", b"\xff")]:
    bad_binary(f"name-with-{label}", "bad-name", GOOD, stream=name, why="outside the alphabet")
bad_binary("name-with-slash-in-a-ping", "bad-name", header("ping", dtype="json", count=1, width=2),
           b"{}", stream=b"a/b", why="kinds 4 to 8 may leave the name empty, not bend it")


def bad_friendly(name, code, text, payload=PAYLOAD, **kw):
    bad(name, code, [b"cam-1", text if isinstance(text, bytes) else text.encode(), payload], **kw)


def with_keys(text):
    return '{"v":1,"kind":"data","number":0,"dtype":"<f4","shape":[1,2]' + text + "}"


bad_friendly("friendly-cut-off", "bad-header", with_keys("")[:-1], why="no closing brace")
bad_friendly("friendly-text-behind-it", "bad-header", with_keys("") + "x", why="text behind it")
bad_friendly("friendly-duplicate-key", "bad-header", with_keys(',"number":1'), why="number twice")
bad_friendly("friendly-duplicate-unknown-key", "bad-header", with_keys(',"a":1,"a":1'),
             why="a twice")
bad_friendly("friendly-depth-5", "bad-header", with_keys(',"x":[[[[1]]]]'),
             why="the object and four arrays")
bad_friendly("friendly-depth-4000", "bad-header", with_keys(',"x":' + "[" * 4000), why="too deep")
bad_friendly("friendly-not-utf-8", "bad-header", with_keys(',"x":"').encode()[:-1] + b'\xff"}',
             why="a string that is not UTF-8")
bad_friendly("friendly-version-2", "version", with_keys("").replace('"v":1', '"v":2'), why="v is 2")
bad_friendly("friendly-unknown-kind", "bad-header", with_keys("").replace('"data"', '"date"'),
             why="no such kind")
bad_friendly("friendly-unknown-dtype", "bad-dtype", with_keys("").replace("<f4", ">f4"),
             why="no such dtype")
bad_friendly("friendly-unknown-flag", "bad-header", with_keys(',"flags":["STOP"]'),
             why="no such flag")
bad_friendly("friendly-number-2-to-the-53", "bad-header",
             with_keys("").replace('"number":0', '"number":9007199254740992'), why="below 2^53")
bad_friendly("friendly-number-negative", "bad-header",
             with_keys("").replace('"number":0', '"number":-1'), why="numbers begin at 0")
bad_friendly("friendly-payload-short", "bad-length", with_keys(""), PAYLOAD[:4],
             why="4 bytes, not 8")
for label, shape in [("missing", None), ("of-one", "[2]"), ("of-three", "[1,2,1]"),
                     ("negative", "[-1,2]"), ("not-whole", "[1.5,2]")]:
    text = with_keys("").replace(',"shape":[1,2]', "" if shape is None else f',"shape":{shape}')
    bad_friendly(f"friendly-shape-{label}", "bad-header", text, why="shape is [count, width]")

# Where the specification names no code, or says nothing: README.md has the reading

R = dict(basis="reading")
bad_binary("text-of-width-2", "bad-header", header("data", dtype="text", count=4, width=2),
           why="text is bytes and 1", **R)
bad_binary("count-without-dtype", "bad-header", header("data", count=3, width=0), b"",
           why="no elements without a dtype", **R)
bad_binary("credit-with-count-2", "bad-header", header("credit", dtype="json", count=2, width=6),
           b'{"credit":1}', why="kinds 2 to 8 have count 1", **R)
bad("ids-of-the-wrong-length", "bad-length",
    [b"cam-1", header("answer", **STEP), PAYLOAD, ints(1, 2)], why="two ids to one step",
    **R)
bad("a-state-of-six-bytes", "bad-length",
    [b"cam-1", header("data", flags=["START"], **STEP), PAYLOAD, b"\0\0\0\0\0\0"], why="4 bytes a number")
bad("ids-in-data", "bad-length", [b"cam-1", GOOD, PAYLOAD, ints(1)],
    why="only answers have ids, and a START a state", **R)
bad("note-of-1025-bytes", "too-large",
    [b"cam-1", GOOD, PAYLOAD, b"", b'{"traceparent":"' + b"0" * 1007 + b'"}'],
    why="at most 1024", **R)
bad("note-not-json", "bad-header", [b"cam-1", GOOD, PAYLOAD, b"", b"00-0-0-01"],
    why="the note is JSON", **R)
bad_friendly("friendly-header-of-8193-bytes", "too-large",
             with_keys(',"x":""')[:-2] + " " * (8193 - len(with_keys(',"x":""')))
             + with_keys(',"x":""')[-2:], why="at most 8192", **R)
bad_friendly("friendly-version-missing", "version", with_keys("").replace('"v":1,', ""),
             why="no version", **R)
bad("topic-without-its-slash", "bad-name",
    [b"output/cam-1", header("answer", **STEP), PAYLOAD, b"", b'{"sequence":0}'],
    why="a topic ends in /", on="publish", **R)
bad("topic-of-nothing-known", "bad-name",
    [b"input/cam-1/", header("answer", **STEP), PAYLOAD, b"", b'{"sequence":0}'],
    why="output/NAME/ or tap/STAGE/WHAT/NAME/", on="publish", **R)

for entry in messages:
    if entry["meaning"]["dtype"] == "text" and "text" not in entry["meaning"]:
        entry["meaning"]["text"] = None  # not whole characters
names = [entry["name"] for entry in messages + malformed]
assert len(set(names)) == len(names), "a name stands twice"
rows = [",\n".join(json.dumps(entry, separators=(",", ":")) for entry in group)
        for group in (messages, malformed)]
Path(__file__).with_name("messages.json").write_text(
    '{"messages":[\n' + rows[0] + '\n],\n"malformed":[\n' + rows[1] + "\n]}\n")
