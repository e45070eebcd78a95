"""Reads checkpoints with their own libraries, independently of sigmax: tensor name -> array."""

import pathlib
import warnings

import numpy as np
import onnx
import onnx.numpy_helper
import safetensors.numpy

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)


def onnx_tensors(model):
    """(name, TensorProto) of every initializer and Constant, in every subgraph and function body."""

    def in_nodes(nodes):
        for node in nodes:
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.name == "value":
                    yield node.output[0], attribute.t
                if attribute.type == onnx.AttributeProto.GRAPH:
                    yield from in_graph(attribute.g)
                for graph in attribute.graphs:
                    yield from in_graph(graph)

    def in_graph(graph):
        for tensor in graph.initializer:
            yield tensor.name, tensor
        yield from in_nodes(graph.node)

    yield from in_graph(model.graph)
    for function in model.functions:
        yield from in_nodes(function.node)


def read_onnx(path):
    found = [(name, onnx.numpy_helper.to_array(tensor)) for name, tensor in onnx_tensors(onnx.load(path))
             if tensor.data_type in FLOATS and len(tensor.dims) >= 2]
    if len({name for name, _ in found}) != len(found):
        raise ValueError(f"{path}: two tensors have one name")
    return dict(found)


def read_torchscript(path):
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
        module = torch.jit.load(str(path), map_location="cpu")
    return {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}


def is_weight(array):
    return array.ndim >= 2 and np.issubdtype(array.dtype, np.floating)


def read(path):
    """The floating-point tensors of two or more dimensions."""
    path = pathlib.Path(path)
    if path.suffix == ".onnx":
        tensors = read_onnx(path)
    elif path.suffix == ".safetensors":
        tensors = safetensors.numpy.load_file(path)
    elif path.suffix == ".jit":
        tensors = read_torchscript(path)
    else:
        raise ValueError(f"{path}: no independent reader for this format")
    return {name: array for name, array in tensors.items() if is_weight(array)}
