"""Our kernels, bare and through the Swift API, and the limits of the machine, from one library."""

import ctypes as c
import math

import numpy as np

from job import BYTES, CJob, KINDS

F32, BF16, INT8, CHAIN = range(4)
RATE = {"f32": F32, "bf16": BF16, "int8": INT8}


class Library:
    """`libStepLoops.so`; a library of the C sources alone will do too, without the Swift API."""

    def __init__(self, path):
        self.c = library = c.CDLL(path)
        for name, result, *arguments in (
            ("loop_make", c.c_void_p, c.POINTER(CJob)),
            ("loop_run", c.c_double, c.c_void_p, c.c_int32),
            ("loop_answer", c.POINTER(c.c_float), c.c_void_p, c.c_int32),
            ("loop_free", None, c.c_void_p),
            ("loop_weights", c.c_size_t, c.c_int32, c.c_int32, c.c_int32, c.c_void_p),
            ("loop_inputs", None, c.c_int32, c.c_int32, c.c_void_p),
            ("loop_limit_of", c.c_double, c.c_int32),
            ("loop_read", c.c_double, c.c_size_t),
            ("loop_kernels", c.c_char_p),
        ):
            self.declare(name, result, arguments)
        self.has_swift = hasattr(library, "swift_loop_make")
        if self.has_swift:
            self.declare("swift_loop_make", c.c_void_p, [c.POINTER(CJob)])
            self.declare("swift_loop_run", c.c_double, [c.c_void_p, c.c_int32])
            self.declare("swift_loop_answer", None, [c.c_void_p, c.c_int32, c.c_void_p])
            self.declare("swift_loop_free", None, [c.c_void_p])

    def declare(self, name, result, arguments):
        function = getattr(self.c, name)
        function.restype, function.argtypes = result, arguments

    @property
    def kernels(self):
        return self.c.loop_kernels().decode()

    def weights(self, job):
        """W, U and bias of each layer, in Keras' layout."""
        layers = []
        for layer in range(job.layers):
            count = self.c.loop_weights(KINDS[job.cell], layer, job.units, None)
            values = np.empty(count, np.float32)
            self.c.loop_weights(KINDS[job.cell], layer, job.units, values.ctypes.data)
            layers.append(values)
        return layers

    def inputs(self, job):
        """One row a step of a lone stream, or one a stream: [steps, streams, units]."""
        values = np.empty((job.steps, job.streams, job.units), np.float32)
        self.c.loop_inputs(job.units, job.steps * job.streams, values.ctypes.data)
        return values


class Bare:
    """The C kernels, called from C."""

    def __init__(self, library, job):
        self.c, self.job = library.c, job
        self.loop = self.c.loop_make(c.byref(job.for_c()))
        if not self.loop:
            raise MemoryError(f"no memory for {job}")

    def run(self, times):
        return self.c.loop_run(self.loop, times)

    def answer(self):
        rows = [np.ctypeslib.as_array(self.c.loop_answer(self.loop, s), (self.job.units,)) for s in range(self.job.streams)]
        return np.stack(rows)

    def close(self):
        self.c.loop_free(self.loop)


class Swift:
    """The same kernels through `Model.step`, with the rows of a `StepBatch` filled at each call."""

    def __init__(self, library, job):
        if not library.has_swift:
            raise RuntimeError("the library has no Swift API")
        self.c, self.job = library.c, job
        self.loop = self.c.swift_loop_make(c.byref(job.for_c()))
        if not self.loop:
            raise RuntimeError(f"the Swift API refuses {job}")

    def run(self, times):
        return self.c.swift_loop_run(self.loop, times)

    def answer(self):
        rows = np.empty((self.job.streams, self.job.units), np.float32)
        for stream in range(self.job.streams):
            self.c.swift_loop_answer(self.loop, stream, rows[stream].ctypes.data)
        return rows

    def close(self):
        self.c.swift_loop_free(self.loop)


class Floor:
    """The least time of a step: the slowest of three limits, each measured in turn with the engines.

    They are the multiply-adds at the full rate, reading the weights once, and the one chain of
    waiting multiply-adds that every sum is. Gates are left out, so 1.00 is not to be had.
    """

    def __init__(self, library, job):
        self.c, self.job = library.c, job
        self.samples = {"rate": [], "read": [], "chain": []}
        one = job.matrix * BYTES[job.format]
        # A token table stands for the first layer's W; many steps read W once.
        self.bytes = job.layers * 2 * one - (one if job.tokens or job.steps > 1 else 0)

    def sample(self):
        self.samples["rate"].append(self.c.loop_limit_of(RATE[self.job.format]))
        self.samples["chain"].append(self.c.loop_limit_of(CHAIN))
        self.samples["read"].append(self.c.loop_read(self.bytes))

    def parts_us(self):
        job = self.job
        rate, read, chain = (float(np.median(self.samples[name])) for name in ("rate", "read", "chain"))
        products = job.layers * 2 - (1 if job.tokens else 0)
        # bf16 and int8 take 2 and 4 products at once in each link of a chain.
        links = products * job.units / {"f32": 1, "bf16": 2, "int8": 4}[job.format]
        if job.steps > 1:  # the input's products wait for nothing
            links /= 2
        flops = 2 * products * job.matrix * job.streams * rate * 1e-3
        return {"flops_us": flops, "read_us": read * 1e6, "chain_us": links * chain * 1e-3}

    def us(self):
        parts = self.parts_us()
        if any(math.isnan(v) for v in parts.values()):
            return None
        if self.job.steps > 1 and self.job.streams == 1:  # half the products at the full rate, then those that wait for h
            return parts["flops_us"] / 2 + max(parts["flops_us"] / 2, parts["read_us"], parts["chain_us"])
        return max(parts.values())
