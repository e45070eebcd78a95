// The files in a model's folder other than its weights, and what the names of files tell. Internal to io/.
#pragma once

#include <filesystem>
#include <string_view>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// True for a file name that says the file holds no weights: configurations, tokenizers, read-me files, licenses,
/// source, pictures. There is no need to note that such a file was not read.
bool is_companion(std::string_view name);

/// True of a file name that says weights are in it: of the formats that are read (`.safetensors`, `.bin`, `.pt`,
/// `.onnx`, ...), of others (`.gguf`, `.h5`, `.msgpack`, `.tflite`, `.pkl`, TensorFlow's `variables.data-...`), of
/// these half downloaded or compressed (`.safetensors.part`, `.bin.gz`, `.pth.tar`), and of archives that are called as
/// a model is (`model.tar.gz`).
bool is_named_like_weights(std::string_view name);

/// True of the name of a folder that is one model in another framework's format: Core ML's `.mlpackage`.
bool is_named_like_a_folder_of_weights(std::string_view name);

/// True of the states that training keeps next to its weights: optimizer, scheduler, scaler, random numbers, arguments
/// (`common.pt` of Megatron-Core). They are called exactly so, with a number at most (`optimizer.pt`,
/// `rng_state_0.pth`): `optimizer_student.safetensors` may hold a model.
bool is_training_state(std::string_view name);

/// If the content of a file in a folder says nothing, because the file cannot be opened, is a damaged archive or has no
/// known format, its name decides whether it was meant to be read: `own` extensions belong to checkpoints alone,
/// `shared` ones also to files of other kinds. Hub caches name files by their hash, without an extension.
enum class Named { own, shared, foreign };
Named naming_of(const std::filesystem::path& path);

/// A note where several files hold tensors of the same names and shapes: an audit counts each of them.
void note_repeated_tensors(Checkpoint& checkpoint);

}  // namespace sigmax::io
