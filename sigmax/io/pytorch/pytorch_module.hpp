// What a pickled module says about its weight: torch.nn's layers keep their settings next to it. Internal to io/.
#pragma once

#include <optional>
#include <string_view>

#include "sigmax/io/entry.hpp"
#include "sigmax/io/pytorch/pickle.hpp"

namespace sigmax::io {

/// True of a shape that the weight of a convolution of one to three axes may have.
bool is_kernel(const Dimensions& shape);

/// How the module uses its parameter `attribute` of that shape, by the attributes that torch.nn's classes and those
/// that are derived from them have: convolutions (`groups`, `transposed`, `in_channels`, `out_channels`,
/// `kernel_size`), Bilinear, Embedding, and the Conv1D of transformers. Groups that contradict the shape are not known
/// (0). Nothing for other modules and attributes.
std::optional<Usage> usage_in_module(const Pickle& pickle, Pickle::Id module, std::string_view attribute,
                                     const Dimensions& shape);

/// By the name of a class of torch.nn alone, as TorchScript keeps it: the groups of a convolution are not known (0).
std::optional<Usage> usage_by_class(std::string_view class_name, std::string_view attribute, const Dimensions& shape);

/// A kernel of a convolution whose groups are not known.
Usage unknown_kernel(bool transposed);

}  // namespace sigmax::io
