// Files that hold one process's part of each weight: such parts must not be read as whole weights. Internal to io/.
#pragma once

#include <filesystem>
#include <string>

namespace sigmax::io {

/// Why the files of `folder` are not whole weights, and what to do instead: a sentence for an error message. Empty if
/// the names of its files and folders say nothing of the kind.
///
/// Known files are DeepSpeed's ZeRO and model-parallel files, the ranks of Megatron-LM, Llama's and OPT's
/// model-parallel files, the shards of torch.distributed.checkpoint without their .metadata and as safetensors, and
/// files numbered by `rank` from 0 on, as FSDP's local and sharded state dicts are saved.
std::string describe_process_shards(const std::filesystem::path& folder);

/// As above for one file: that it is one of such files in its folder.
std::string describe_process_shard(const std::filesystem::path& file);

/// Folders inside `folder` that may be named instead, for a folder without a checkpoint of its own: those of
/// torch.distributed.checkpoint, of Megatron-LM's single rank and iterations, and of DeepSpeed. Empty if there are
/// none.
std::string describe_checkpoint_folders(const std::filesystem::path& folder);

}  // namespace sigmax::io
