// NumPy arrays inside a pickle, which holds their bytes itself. Internal to io/.
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
  bool as_text = false;     ///< each byte is a UTF-8 character, as protocol 2 stores bytes
  bool big_endian = false;  ///< elements of more than one byte have their bytes in reverse order
};

/// What a pickle says about an array. Either `unreadable` says why its values cannot be read, or `bytes` hold exactly
/// the elements of `shape`.
struct PickledArray {
  DType dtype = DType::unknown;
  std::string dtype_name;
  Dimensions shape;
  bool fortran_order = false;
  PickledBytes bytes;
  std::string unreadable;
};

/// True for the functions that pickles of NumPy arrays call.
bool is_numpy_array(const Pickle& pickle, Pickle::Id callable);

/// The array that the call makes. Its shape is not checked to be valid.
PickledArray describe_numpy(const Pickle& pickle, const Pickle::Call& call);

/// The array's values: a window into the pickle's file if the bytes lie there unchanged, otherwise a copy. Throws
/// FileError naming `tensor`.
Tensor load_numpy(const PickledBytes& bytes, const std::string& tensor, DType dtype, const Dimensions& shape,
                  const Dimensions& strides);

}  // namespace sigmax::io
