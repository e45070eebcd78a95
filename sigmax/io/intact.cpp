#include "sigmax/io/intact.hpp"

namespace sigmax::io {

void check_intact(const MappedFile& file) { file.check_intact(); }

void check_intact(const Tensor& tensor) {
  if (tensor.data() == nullptr) return;
  if (const auto file = MappedFile::holding(tensor.data())) file->check_intact();
}

}  // namespace sigmax::io
