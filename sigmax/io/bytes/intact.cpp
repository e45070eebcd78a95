#include "sigmax/io/bytes/intact.hpp"

namespace sigmax::io {

void check_intact(const MappedFile& file) { file.check_intact(); }

void check_intact(const Tensor& tensor) {
  if (tensor.data() == nullptr) return;
  if (const auto file = MappedFile::holding(tensor.data())) file->check_intact();
}

void demand_intact(Entry& entry, const std::shared_ptr<const MappedFile>& file) {
  if (!entry.load) return;
  entry.load = [file, load = std::move(entry.load)] {
    Tensor tensor = while_intact(*file, load);
    check_intact(tensor);
    return tensor;
  };
}

}  // namespace sigmax::io
