// What lies in the folder of a model beside its weights, and what the names of files say. Internal to io/.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// True of a file name that says no weights are in it: configurations, tokenizers, read-me files, licenses, source,
/// pictures. That such a file was not read is not worth a note.
bool is_companion(std::string_view name);

/// True of a file name that says weights are in it: of the formats that are read (`.safetensors`, `.bin`, `.pt`,
/// `.onnx`,
/// ...), of others (`.gguf`, `.h5`, `.msgpack`, `.tflite`, `.ckpt.data-...`), and of these half downloaded or
/// compressed
/// (`.safetensors.part`, `.bin.gz`).
bool is_named_like_weights(std::string_view name);

/// True of the states that training keeps beside its weights: optimizer, scheduler, scaler, random numbers, arguments
/// (`common.pt` of Megatron-Core).
bool is_training_state(std::string_view name);

/// Of a file in a folder whose content says nothing, as it cannot be opened, is a damaged archive or is of no known
/// format, the name decides whether it was meant to be read: `own` extensions are of checkpoints alone, others are
/// `shared` with files of other kinds. Hub caches name files by their hash, without an extension.
enum class Named { own, shared, foreign };
Named naming_of(const std::filesystem::path& path);

/// The names that are missing of files that call themselves parts of a whole, `model-00002-of-00003.safetensors`; of
/// each whole no more than kMostMissing.
std::vector<std::string> missing_shards(const std::vector<std::string>& names);
inline constexpr std::size_t kMostMissing = 8;

/// The usual name of the index that names this shard and its siblings: `model.safetensors.index.json` for
/// `model-00002-of-00003.safetensors`; empty for a name that is no shard's.
std::string index_name_of(std::string_view shard);

/// A note where several files hold tensors of the same names and shapes: an audit counts each of them.
void note_repeated_tensors(Checkpoint& checkpoint);

}  // namespace sigmax::io
