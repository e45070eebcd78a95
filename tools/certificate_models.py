"""What tools/check-certificate reads of models: tensors of safetensors, NumPy and ONNX files, and ONNX networks.

Nothing is trusted. Whatever does not fit raises an exception; what is not read here raises Unchecked.
"""
import hashlib, json, math, mmap, pathlib
import numpy as np

ASSUMED = {}  # what no file says, in order, each once

class Refused(Exception):
    """The certificate is wrong, or does not prove what it claims."""

class Unchecked(Exception):
    """True or not: this program cannot tell."""

def require(condition, what):
    if not condition:
        raise Refused(what)

# ---- Values of JSON

def of_type(kind, value):
    require(type(value) is kind, f"{str(value)[:40]!r} is not of type {kind.__name__}")
    return value

def whole(value, least=0, most=1 << 40):
    require(least <= of_type(int, value) <= most, f"{value} is not between {least} and {most}")
    return value

def wholes(value):
    return tuple(whole(each) for each in of_type(list, value))

def no_duplicates(pairs):
    require(len(dict(pairs)) == len(pairs), "a member occurs twice")
    return dict(pairs)

# ---- Files

def varint(data, at):
    value = shift = 0
    while True:
        value, shift, at = value | (data[at] & 127) << shift, shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at

def grouped(data):
    """The fields of a protobuf message: {number: values}."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
            require(size <= len(data) - at, "the ONNX file is cut off")
            value, at = data[at:at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found

def single(message, field, default=None):
    """A field that protobuf would take the last value of: twice, readers may differ."""
    require(len(message.get(field, [])) <= 1, f"field {field} of a protobuf message occurs twice")
    return message[field][0] if field in message else default

def text(message, field):
    return str(single(message, field, b""), "utf-8")

def signed(value):
    return value - (1 << 64) if value >> 63 else value

DATA = {1: (4, 9), 11: (9, 10)}  # the fields that may hold float and double entries; other types: raw ones alone

def onnx_tensor(message, folder):
    tensor, shape = grouped(message), []
    for value in tensor.get(1, []):  # one dimension, or several packed
        at = 0
        while not isinstance(value, int) and at < len(value):
            each, at = varint(value, at)
            shape.append(each)
        shape += [value] if isinstance(value, int) else []
    held, code = [each for each in (4, 5, 6, 7, 9, 10, 11) if each in tensor], single(tensor, 2, 0)
    external = single(tensor, 14, 0) == 1
    require(external == (13 in tensor) and len(held) <= 1 - external, "a tensor whose data are in two places")
    require(all(each in DATA.get(code, (9,)) for each in held), "a tensor whose data are in another type's field")
    require(len(tensor.get(9, [])) <= 1, "raw data twice")
    content = b"".join(tensor[held[0]] if held else [])
    if external:
        entries = {text(entry, 1): text(entry, 2) for entry in map(grouped, tensor[13])}
        require(not {"..", "/", ""} & set(pathlib.Path(entries["location"]).parts), "data outside the model's folder")
        with open(folder / entries["location"], "rb") as file:
            file.seek(int(entries.get("offset", 0)))
            content = file.read(int(entries["length"]))
    kind = {1: "F32", 7: "I64", 10: "F16", 11: "F64", 16: "BF16"}.get(code, "")
    return text(tensor, 8), (kind, tuple(shape), content)

class Model:
    """The tensors of a file as {name: (type, shape, bytes)}, and the graph of an ONNX model."""
    def __init__(self, path, size, digest):
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        require((len(data), hashlib.sha256(data).hexdigest()) == (whole(size), digest), f"{path} is another file")
        self.graph, self.tensors = {}, {}
        if path.suffix in (".npy", ".npz"):
            found = np.load(path, allow_pickle=False)
            found = {path.stem: found} if path.suffix == ".npy" else found
            kinds = {"<f8": "F64", "<f4": "F32", "<f2": "F16"}
            self.tensors = {name: (kinds.get(a.dtype.str, ""), a.shape, a.tobytes()) for name, a in found.items()}
        elif path.suffix == ".safetensors":
            start = 8 + int.from_bytes(data[:8], "little")
            for name, entry in json.loads(data[8:start], object_pairs_hook=no_duplicates).items():
                if name != "__metadata__":
                    first, last = wholes(entry["data_offsets"])
                    self.tensors[name] = entry["dtype"], wholes(entry["shape"]), data[start + first:start + last]
        elif path.suffix == ".onnx":
            model = grouped(data[:])
            graph = grouped(single(model, 7, b""))
            self.graph = {} if 25 in model else graph  # 25: functions that may have any name
            self.tensors = no_duplicates([onnx_tensor(each, path.parent) for each in graph.get(5, [])])

    def values(self, name, digest=None):
        """The tensor as doubles, without rounding."""
        if name not in self.tensors:
            raise Unchecked(f"no tensor {name} is found here")
        kind, shape, content = self.tensors[name]
        require(digest is None or hashlib.sha256(content).hexdigest() == digest, f"{name} does not have its SHA-256")
        if kind == "BF16":
            found = (np.frombuffer(content, "<u2").astype("<u4") << np.uint32(16)).view("<f4")
        else:
            require(kind in ("F64", "F32", "F16"), f"{name} has a type that is not read here")
            found = np.frombuffer(content, "<f" + str(int(kind[1:]) // 8))
        require(np.isfinite(found).all(), f"tensor {name} has entries that are not finite")
        return found.astype(np.float64).reshape(shape)

# ---- Networks

SLOPES = {"Relu": (0, 1), "Tanh": (0, 1), "Sigmoid": (0, 0.25), "Softplus": (0, 1), "Softsign": (0, 1), "Abs": (-1, 1)}

def summed(a, b, size):
    """The sum of two forms, where no entry is rounded (Knuth's error of a sum is 0)."""
    form = dict(a)
    for source, other in b.items():
        x, y = (np.eye(size) if each is None else each for each in (a.get(source), other))
        if source in a:
            part = (x + y) - x
            if ((x - ((x + y) - part)) + (y - part)).any():
                raise Unchecked("Add of maps whose sum is rounded is not followed here")
            other = x + y
        form[source] = other
    return form

def network_in(model, input_shapes):
    """The network of an ONNX file, as network_of() gives it; values are followed as {source: matrix or None for I}."""
    values, layers, constants = {}, [], model.tensors
    def layer(form, least, most):
        layers.append((form, least, most))
        return {len(layers): None}
    for value in map(grouped, model.graph.get(11, [])):
        if text(value, 1) not in constants:
            shape = wholes(input_shapes.get(text(value, 1)))
            for kind in value.get(2, []):
                stated = grouped(single(grouped(single(grouped(kind), 1, b"")), 2, b"")).get(1, [])
                stated = [single(grouped(each), 1) for each in stated]
                fits = len(stated) == len(shape) and all(a in (None, b) for a, b in zip(stated, shape))
                require(fits, "an input has another shape")
            if 2 not in value or None in stated:
                ASSUMED[f"the input {text(value, 1)} has the shape {shape}"] = True
            values[text(value, 1)] = shape, {0: None}
    require(len(values) == 1 == len(input_shapes), "one input is read here")
    inputs = math.prod(shape)
    for node in map(grouped, model.graph.get(1, [])):
        op, names = text(node, 4), [str(each, "utf-8") for each in node.get(1, [])]
        settings = no_duplicates([(text(each, 1), each) for each in map(grouped, node.get(5, []))])
        integer = lambda name, default: signed(single(settings[name], 3, 0)) if name in settings else default
        real = lambda name, default: (float(np.frombuffer(single(settings[name], 2, bytes(4)), "<f4")[0])
                                      if name in settings else default)
        if text(node, 7) or not names or names[0] not in values:
            raise Unchecked(f"{op} is not followed here")
        shape, form = values[names[0]]
        fixed = len(names) > 1 and names[1] in constants
        if op == "Flatten":
            axis = integer("axis", 1)
            require(-len(shape) <= axis <= len(shape), "an axis that is not there")
            axis += len(shape) if axis < 0 else 0
            shape = (math.prod(shape[:axis]), math.prod(shape[axis:]))
        elif op == "LeakyRelu":
            alpha = real("alpha", 0.01)
            form = layer(form, min(alpha, 1), max(alpha, 1))
        elif op in SLOPES:
            form = layer(form, *SLOPES[op])
        elif op in ("Gemm", "MatMul") and fixed and integer("transA", 0) == 0 and real("alpha", 1) == 1:
            w = model.values(names[1])
            w = w if integer("transB", 0) else w.T
            require(w.ndim == 2 and math.prod(shape) == shape[-1] == w.shape[1], "shapes that do not fit")
            require(all(each in constants for each in names[2:]), "an addition of data")
            if len(form) > 1 or any(each is not None for each in form.values()):
                form = layer(form, 1, 1)
            form, shape = {next(iter(form)): w}, shape[:-1] + w.shape[:1]
        elif op == "Add" and fixed:
            require(np.broadcast_shapes(shape, constants[names[1]][1]) == shape, "an addition changes a shape")
        elif op == "Add" and names[1] in values and values[names[1]][0] == shape:
            form = summed(form, values[names[1]][1], math.prod(shape))
        elif op != "Identity":
            raise Unchecked(f"{op} is not followed here")
        require(text(node, 2) not in values and text(node, 2) not in constants, "a name has two values")
        values[text(node, 2)] = shape, form
    output, = [text(each, 1) for each in map(grouped, model.graph.get(12, []))]
    return inputs, layers, values[output][1]
