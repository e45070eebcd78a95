// Weights of ONNX models, wherever the graph keeps them. Internal to io/.
#pragma once

#include <memory>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// True if the whole file is a ModelProto at its top level: known fields with their wire types, an IR version and a
/// graph. Unknown field numbers up to 63 are accepted, since later versions of the format may add some.
bool looks_like_onnx(const MappedFile& file) noexcept;

/// Every tensor of the model in file order: initializers, values of Constant nodes (named by the node's output),
/// tensors in attributes of other nodes, in the main graph, in subgraphs at any depth, in model-local functions and in
/// training graphs. `provenance` says where each one is; names may repeat between graphs. `used_by` lists at most 16
/// distinct kinds of consumer, found through nodes that only move or reshape values.
///
/// A weight that the graph rounds to integers and back wherever it uses it has the rounded values. An integer weight
/// whose scale and zero point the graph gives as constants has the type of its scale, and load() computes (q -
/// zero_point) scale. An integer weight that the graph scales by something else, sparse tensors, strings and types
/// without a plain element are listed with `unreadable`. External data are only looked for in the model's folder and
/// below.
///
/// Cost: time n log n and memory proportional to the file's size without its tensor data. Throws FileError if the file
/// is malformed or its external data are missing, lie elsewhere or do not fit.
std::vector<Entry> read_onnx(std::shared_ptr<const MappedFile> file);

}  // namespace sigmax::io
