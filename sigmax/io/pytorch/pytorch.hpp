// PyTorch checkpoints: zip archives (torch.save since 1.6), TorchScript archives, and the older pickle stream. Internal
// to io/.
#pragma once

#include <memory>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/pytorch/pytorch_walk.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {

/// True if the file starts with the magic number of torch.save before 1.6, pickled under protocol 2 or later.
bool looks_like_pytorch_legacy(const MappedFile& file);

/// True if the archive holds `<root>/data.pkl`, whatever the root's name is.
bool is_pytorch_archive(const std::vector<ZipMember>& members);

/// True if it also holds `<root>/constants.pkl` or code, as torch.jit.save writes.
bool is_torchscript_archive(const std::vector<ZipMember>& members);

/// Every tensor of a checkpoint, wherever it lies: in state dicts, nested dicts and lists, optimizer states, modules
/// pickled whole, and attributes of TorchScript objects (names: see find_tensors). Constants of a TorchScript archive
/// are named as its code names them, `CONSTANTS.c0`. A checkpoint that is a single bare tensor is named after its file.
///
/// The pickle is read as data: classes and functions in it are names, never imported or called, and objects of unknown
/// classes are searched for tensors like any other. Tensors that are not stored plainly (sparse, meta, nested, a
/// subclass that wraps others, made by an unknown function) are listed as unreadable with the reason. Quantized tensors
/// are dequantized and NumPy arrays are read; NumPy's scalars count as numbers and are not listed.
///
/// Throws FileError for malformed pickles, storages that are missing or too small, and big-endian checkpoints.
std::vector<Entry> read_pytorch_archive(const std::shared_ptr<const MappedFile>& file,
                                        const std::vector<ZipMember>& members);

/// As above, with the caller's names for tensors that have none.
std::vector<Entry> read_pytorch_archive(const std::shared_ptr<const MappedFile>& file,
                                        const std::vector<ZipMember>& members, const Naming& naming);

/// As above for the legacy stream: pickles of the magic number, the protocol, the system, the object and the storage
/// keys, then the storages themselves.
std::vector<Entry> read_pytorch_legacy(const std::shared_ptr<const MappedFile>& file);

}  // namespace sigmax::io
