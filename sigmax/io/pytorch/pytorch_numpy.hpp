// NumPy arrays inside a pickle: their bytes stand in the pickle itself. Internal to io/.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/pytorch/pickle.hpp"

namespace sigmax::io {

/// Where the elements of an array lie.
struct PickledBytes {
  std::shared_ptr<const MappedFile> file;  ///< of the pickle
  std::size_t offset = 0;
  std::size_t length = 0;
  bool as_text = false;     ///< each byte is a character of UTF-8: how protocol 2 has bytes
  bool big_endian = false;  ///< elements of more than one byte have their bytes the other way round
};

/// What a pickle says of an array. `unreadable` says why its values cannot be had, otherwise `bytes` hold exactly the
/// elements of `shape`.
struct PickledArray {
  DType dtype = DType::unknown;
  std::string dtype_name;
  Dimensions shape;
  bool fortran_order = false;
  PickledBytes bytes;
  std::string unreadable;
};

/// True for the functions that NumPy pickles an array as a call of.
bool is_numpy_array(const Pickle& pickle, Pickle::Id callable);

/// The array that the call makes. Its shape is not checked to be valid.
PickledArray describe_numpy(const Pickle& pickle, const Pickle::Call& call);

/// The array's values: a window of the pickle's file where the bytes lie there as they are, a copy otherwise. Throws
/// FileError naming `tensor`.
Tensor load_numpy(const PickledBytes& bytes, const std::string& tensor, DType dtype, const Dimensions& shape,
                  const Dimensions& strides);

}  // namespace sigmax::io
