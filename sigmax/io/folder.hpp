// The files in a model's folder other than its weights, and what the names of files tell. Internal to io/.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// True for a file name that says the file holds no weights: configurations, tokenizers, read-me files, licenses,
/// source, pictures. There is no need to note that such a file was not read.
bool is_companion(std::string_view name);

/// True for a file name that says the file holds weights: of the formats that are read (`.safetensors`, `.bin`, `.pt`,
/// `.onnx`, ...), of others (`.gguf`, `.h5`, `.msgpack`, `.tflite`, `.ckpt.data-...`), and of these half downloaded or
/// compressed (`.safetensors.part`, `.bin.gz`).
bool is_named_like_weights(std::string_view name);

/// True for the states that training saves together with its weights: optimizer, scheduler, scaler, random numbers,
/// arguments (`common.pt` of Megatron-Core).
bool is_training_state(std::string_view name);

/// If the content of a file in a folder says nothing, because the file cannot be opened, is a damaged archive or has no
/// known format, its name decides whether it was meant to be read: `own` extensions belong to checkpoints alone,
/// `shared` ones also to files of other kinds. Hub caches name files by their hash, without an extension.
enum class Named { own, shared, foreign };
Named naming_of(const std::filesystem::path& path);

/// The missing names among files that call themselves parts of a whole, `model-00002-of-00003.safetensors`; at most
/// kMostMissing for each whole.
std::vector<std::string> missing_shards(const std::vector<std::string>& names);
inline constexpr std::size_t kMostMissing = 8;

/// The usual name of the index that names this shard and its siblings: `model.safetensors.index.json` for
/// `model-00002-of-00003.safetensors`; empty if the name is not a shard's.
std::string index_name_of(std::string_view shard);

/// Adds a note if several files hold tensors of the same names and shapes, because an audit counts each of them.
void note_repeated_tensors(Checkpoint& checkpoint);

}  // namespace sigmax::io
