// Objects of a pickle that hold numbers and are not tensors: masked arrays, sparse matrices, nested lists. They are
// listed, so that nobody takes a file for read that holds a weight in one of them. Internal to io/.
#pragma once

#include "sigmax/io/pytorch/pickle.hpp"
#include "sigmax/io/pytorch/pytorch_tensor.hpp"

namespace sigmax::io {

/// True for a masked array of NumPy, a sparse matrix of SciPy, an array of JAX and Python's own `array`.
bool holds_other_numbers(const Pickle& pickle, Pickle::Id id);

/// True for a list of lists of numbers, at least two of two, all of one length, with real numbers among the first of
/// them. Plain lists of numbers are not weights: they are histories and settings. Linear in the list's entries.
bool is_list_of_lists(const Pickle& pickle, Pickle::Id id);

/// Its shape and type, as far as they are told, and why it is unreadable.
PickledTensor describe_other_numbers(const Pickle& pickle, Pickle::Id id);

}  // namespace sigmax::io
