"""Checkpoint files made byte by byte, so that the tests depend on no library except the reader under test."""

import ast
import collections
import io
import json
import math
import pickle
import struct
import sys
import types
import zipfile


def npy(rows, descr="<f8"):
    """A version 1 .npy file of a matrix given as a list of rows."""
    shape = (len(rows), len(rows[0]))
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    code = {"<f8": "d", "<f4": "f"}[descr]
    values = [value for row in rows for value in row]
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(
        f"<{len(values)}{code}", *values)


def npz(arrays):
    """A stored .npz of {name: rows}."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, rows in arrays.items():
            archive.writestr(name + ".npy", npy(rows))
    return buffer.getvalue()


def safetensors(tensors):
    """tensors: {name: (dtype, shape, flat values)} with dtype F64, F32, I64, or bytes as U8, BOOL and 8-bit floats."""
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        code = {"F64": "d", "F32": "f", "I64": "q", "I32": "i"}.get(dtype, "B")
        chunk = struct.pack(f"<{len(values)}{code}", *values)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(chunk)]}
        data += chunk
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def matrix(rows, dtype="F64"):
    """A tensor for safetensors(), from rows."""
    return dtype, (len(rows), len(rows[0])), [value for row in rows for value in row]


def torch_zip(tensors):
    """What torch.save writes for {name: rows} in double: the pickle of a dict, protocol 2, and one storage per
    tensor."""

    def text(word):
        return b"X" + struct.pack("<I", len(word.encode())) + word.encode()

    def number(value):
        return b"M" + struct.pack("<H", value)

    pickled, storages = b"\x80\x02}(", {}
    for index, (name, rows) in enumerate(tensors.items()):
        values = [value for row in rows for value in row]
        storages[str(index)] = struct.pack(f"<{len(values)}d", *values)
        pickled += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n("
        pickled += b"(" + text("storage") + b"ctorch\nDoubleStorage\n" + text(str(index)) + text("cpu")
        pickled += number(len(values)) + b"tQ" + number(0)
        pickled += number(len(rows)) + number(len(rows[0])) + b"\x86" + number(len(rows[0])) + number(1) + b"\x86"
        pickled += b"\x89}tR"
    pickled += b"u."
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key}", data)
        archive.writestr("archive/version", b"3\n")
    return buffer.getvalue()


def varint(value):
    return bytes([value]) if value < 128 else bytes([value % 128 + 128]) + varint(value // 128)


def number(field, value):
    return varint(field * 8) + varint(value)


def block(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field * 8 + 2) + varint(len(content)) + content


def onnx_graph(nodes, tensors, inputs=("x",), outputs=("y",)):
    """nodes: (op, inputs, outputs, {attribute: integer, list of integers or text}); tensors as for safetensors(), with
    F64, F32, I64 and I8, or their little-endian bytes; inputs and outputs: names, or (name, dtype, shape) with None for a
    size that is left open."""

    kinds = {"F64": ("d", 11), "F32": ("f", 1), "I64": ("q", 7), "I8": ("b", 3)}

    def value(described):
        if isinstance(described, str):
            return block(1, described)
        name, dtype, shape = described
        axes = b"".join(block(1, b"" if each is None else number(1, each)) for each in shape)
        return block(1, name) + block(2, block(1, number(1, kinds[dtype][1]) + block(2, axes)))

    def attribute(key, value):
        if isinstance(value, str):
            return block(5, block(1, key) + block(4, value) + number(20, 3))
        if isinstance(value, int):
            return block(5, block(1, key) + number(3, value) + number(20, 2))
        return block(5, block(1, key) + b"".join(number(8, each) for each in value) + number(20, 7))

    graph = b""
    for op, operands, results, attributes in nodes:
        node = b"".join(block(1, each) for each in operands) + b"".join(block(2, each) for each in results) + block(4, op)
        graph += block(1, node + b"".join(attribute(*each) for each in attributes.items()))
    for name, (dtype, shape, values) in tensors.items():
        code, kind = kinds[dtype]
        tensor = b"".join(number(1, each) for each in shape) + number(2, kind) + block(8, name)
        data = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{code}", *values)
        graph += block(5, tensor + block(9, data))
    graph += b"".join(block(11, value(each)) for each in inputs) + b"".join(block(12, value(each)) for each in outputs)
    return number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, 17))


def onnx_branches(name, then, otherwise):
    """An ONNX model whose If has a MatMul in each branch, with a double initializer that has the same name in both."""

    def branch(rows, output):
        values = [value for row in rows for value in row]
        tensor = number(1, len(rows)) + number(1, len(rows[0])) + number(2, 11) + block(8, name)
        tensor += block(9, struct.pack(f"<{len(values)}d", *values))
        product = block(1, "x") + block(1, name) + block(2, output) + block(4, "MatMul")
        return block(1, product) + block(2, output) + block(5, tensor) + block(12, block(1, output))

    attributes = [block(1, key) + block(6, branch(rows, key)) + number(20, 5)
                  for key, rows in (("then_branch", then), ("else_branch", otherwise))]
    node = block(1, "c") + block(2, "y") + block(4, "If") + b"".join(block(5, each) for each in attributes)
    graph = block(1, node) + block(2, "main") + block(11, block(1, "x")) + block(11, block(1, "c")) + block(12, block(1, "y"))
    return number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, 17))


def diagonal(values, columns=None):
    """Singular values: the absolute values."""
    columns = columns or len(values)
    return [[value if i == j else 0.0 for j in range(columns)] for i, value in enumerate(values)]


def hadamard(order):
    """A Hadamard matrix, its order a power of two: every singular value is sqrt(order)."""
    return [[(-1.0)**bin(i & j).count("1") for j in range(order)] for i in range(order)]


def rank_one(u, v):
    """u v^T: the singular values are |u| |v| and zeros."""
    return [[a * b for b in v] for a in u]


def reflection(order, seed):
    """The Householder reflection of a vector without zeros: orthogonal and symmetric; column i is the image of e_i."""
    v = [math.sin(seed + 1.7 * i) + 1.2 for i in range(order)]
    scale = 2 / sum(x * x for x in v)
    return [[(i == j) - scale * v[i] * v[j] for j in range(order)] for i in range(order)]


def with_spectrum(sigma, rows, columns):
    """H D K with reflections H and K: the singular values are sigma, the vectors are the first columns of H and K."""
    left, right = reflection(rows, 1), reflection(columns, 2)
    return [[sum(s * left[i][r] * right[j][r] for r, s in enumerate(sigma)) for j in range(columns)]
            for i in range(rows)]


def read_npy(content):
    """Reads (type, shape, flat values) from a version 1 .npy in C order."""
    size = struct.unpack("<H", content[8:10])[0]
    header = ast.literal_eval(content[10:10 + size].decode())
    assert content[:8] == b"\x93NUMPY\x01\x00" and not header["fortran_order"] and (10 + size) % 64 == 0, header
    values = struct.unpack(f"<{math.prod(header['shape'])}d", content[10 + size:])
    return header["descr"], header["shape"], values


def read_npz(content):
    """Reads {name: (type, shape, flat values)}; zipfile verifies the checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name.removesuffix(".npy"): read_npy(archive.read(name)) for name in archive.namelist()}


def read_safetensors(content):
    """Reads {name: (type, shape, flat values)} of F64 tensors, and the metadata."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    metadata = header.pop("__metadata__", {})
    data = content[8 + size:]
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], tuple(entry["shape"]), struct.unpack(f"<{(end - begin) // 8}d", data[begin:end]))
    return tensors, metadata


def length(vector):
    return math.sqrt(sum(x * x for x in vector))


def network():
    """A small model: two matrices, a convolution, a bias, a counter."""
    return safetensors({
        "encoder.fc1.weight": matrix(diagonal([3.0, 5.0, 2.0, 1.0], 6)),
        "encoder.fc1.bias": ("F64", (4,), [1.0, 2.0, 3.0, 4.0]),
        "encoder.conv.weight": ("F32", (2, 1, 2, 2), [1.0, 0, 0, 0, 0, 2.0, 0, 0]),
        "head.weight": matrix(hadamard(8)),
        "steps": ("I64", (), [7]),
    })


def _stand_in(module, name):
    """A class that pickles as `module.name`, without need for that module."""
    parent = sys.modules.setdefault(module, types.ModuleType(module))
    if not hasattr(parent, name):
        setattr(parent, name, type(name, (), {"__module__": module, "__qualname__": name}))
    return getattr(parent, name)


class _Call:
    """An object that pickles as a call of `module.name` with arguments."""

    def __init__(self, module, name, *arguments):
        self.made = _stand_in(module, name), arguments

    def __reduce__(self):
        return self.made


class _Storage:

    def __init__(self, count):
        self.identity = "storage", _stand_in("torch", "FloatStorage"), "0", "cpu", count


class _Pickler(pickle.Pickler):

    def persistent_id(self, obj):
        return obj.identity if isinstance(obj, _Storage) else None


def _instance(module, name, **attributes):
    made = _stand_in(module, name)()
    made.__dict__.update(attributes)
    return made


def torch_archive(rows):
    """What torch.save writes for a matrix in f32."""
    values = [value for row in rows for value in row]
    shape = len(rows), len(rows[0])
    tensor = _Call("torch._utils", "_rebuild_tensor_v2", _Storage(len(values)), 0, shape, (shape[1], 1), False,
                   collections.OrderedDict())
    pickled = io.BytesIO()
    _Pickler(pickled, 2).dump(tensor)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled.getvalue())
        archive.writestr("archive/data/0", struct.pack(f"<{len(values)}f", *values))
    return buffer.getvalue()


def distributed(tensors, shards=2):
    """A folder of torch.distributed.checkpoint as {file name: content}. tensors: {name: rows}, split between rows."""
    module = "torch.distributed.checkpoint."

    def size(*values):
        return _Call("torch", "Size", values)

    files = {f"__{i}_0.distcp": b"" for i in range(shards)}
    described, stored = {}, {}
    for name, rows in tensors.items():
        chunks, step = [], -(-len(rows) // shards)
        for i, first in enumerate(range(0, len(rows), step)):
            part, file = rows[first:first + step], f"__{i}_0.distcp"
            chunks.append(_instance(module + "metadata", "ChunkStorageMetadata", offsets=size(first, 0),
                                    sizes=size(len(part), len(part[0]))))
            key = _instance(module + "metadata", "MetadataIndex", fqn=name, offset=size(first, 0), index=i)
            content = torch_archive(part)
            stored[key] = _instance(module + "filesystem", "_StorageInfo", relative_path=file, offset=len(files[file]),
                                    length=len(content))
            files[file] += content
        properties = _instance(module + "metadata", "TensorProperties", dtype=_stand_in("torch", "float32"))
        described[name] = _instance(module + "metadata", "TensorStorageMetadata", properties=properties,
                                    size=size(len(rows), len(rows[0])), chunks=chunks)
    files[".metadata"] = pickle.dumps(
        _instance(module + "metadata", "Metadata", state_dict_metadata=described, storage_data=stored), 4)
    return files
