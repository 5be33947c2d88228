"""Sends one stream and prints its answers: ten_lines.py ENDPOINT 'some text' | '[[0.1,0.2],...]'"""
import array, json, sys, zmq

what = sys.argv[2]
header, payload = {"v": 1, "kind": "data", "dtype": "text"}, what.encode()
if what.startswith("["):
    rows = json.loads(what)
    header |= {"dtype": "<f4", "shape": [len(rows), len(rows[0])]}
    payload = array.array("f", sum(rows, [])).tobytes()
header |= {"number": 0, "flags": ["START", "END"]}
socket = zmq.Context.instance().socket(zmq.DEALER)
socket.connect(sys.argv[1])
socket.send_multipart([b"example", json.dumps(header).encode(), payload])
reply = {"kind": ""}
while reply["kind"] != "refuse" and "LAST" not in reply.get("flags", []):
    stream, reply, payload, *_ = socket.recv_multipart()
    reply = json.loads(reply)
    if reply["kind"] in ("answer", "refuse") and payload:
        print(payload.decode())
