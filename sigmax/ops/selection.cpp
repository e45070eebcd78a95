#include "sigmax/ops/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/ops/diagonal.hpp"

namespace sigmax {
namespace {

bool is_contiguous(const std::vector<std::int64_t>& index) {
  if (index.empty()) return true;
  if (index.front() < 0) return false;
  for (std::size_t i = 1; i < index.size(); ++i) {
    if (index[i] != index[i - 1] + 1) return false;
  }
  return true;
}

template <Real T>
class Selecting final : public LinearOperator<T> {
 public:
  explicit Selecting(std::shared_ptr<const SelectedEntries> entries) : entries_(std::move(entries)) {}

  Shape shape() const override { return {entries_->size(), entries_->inputs()}; }

  Structure<T> structure() const override { return structure::Selection{entries_.get()}; }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) return std::make_shared<Selecting<float>>(entries_);
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context&) const override {
    for (std::int64_t j = 0; j < x.columns; ++j) {
      const T* from = x.data + j * x.stride;
      T* to = y.data + j * y.stride;
      for (std::int64_t i = 0; i < y.rows; ++i) {
        const std::int64_t at = entries_->at(i);
        to[i] = at < 0 ? T{0} : from[at];
      }
    }
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context&) const override {
    for (std::int64_t j = 0; j < y.columns; ++j) {
      const T* from = y.data + j * y.stride;
      T* to = x.data + j * x.stride;
      std::fill_n(to, x.rows, T{0});
      for (std::int64_t i = 0; i < y.rows; ++i) {
        const std::int64_t at = entries_->at(i);
        if (at >= 0) to[at] += from[i];
      }
    }
  }

  std::shared_ptr<const SelectedEntries> entries_;
};

}  // namespace

SelectedEntries::SelectedEntries(std::int64_t inputs, std::int64_t first, std::int64_t count)
    : inputs_(inputs), size_(count), first_(first), most_copies_(count > 0 ? 1 : 0), selected_(count) {
  if (inputs < 0 || first < 0 || count < 0 || first > inputs - count) {
    throw Error(fmt::format("[selection] {} entries from {} on are not a range of {} entries", count, first, inputs));
  }
}

SelectedEntries SelectedEntries::range(std::int64_t inputs, std::int64_t first, std::int64_t count) {
  return SelectedEntries(inputs, first, count);
}

SelectedEntries::SelectedEntries(std::int64_t inputs, std::vector<std::int64_t> index) : inputs_(inputs) {
  if (inputs < 0) throw Error(fmt::format("[selection] the number of inputs must not be negative, got {}", inputs));
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (index[i] >= -1 && index[i] < inputs) continue;
    throw Error(fmt::format("[selection] index {} is {}: entries of {} inputs count from 0, and -1 stands for a zero",
                            i, index[i], inputs));
  }
  if (is_contiguous(index)) {
    *this = SelectedEntries(inputs, index.empty() ? 0 : index.front(), static_cast<std::int64_t>(index.size()));
    return;
  }
  size_ = static_cast<std::int64_t>(index.size());
  std::vector<std::int64_t> copies(static_cast<std::size_t>(inputs));
  for (const std::int64_t from : index) {
    if (from < 0) continue;
    ++selected_;
    most_copies_ = std::max(most_copies_, ++copies[static_cast<std::size_t>(from)]);
  }
  index_ = std::move(index);
}

template <Real T>
Operator<T> selection(std::shared_ptr<const SelectedEntries> entries) {
  if (entries == nullptr) throw Error("[selection] the entries are a null pointer");
  return std::make_shared<Selecting<T>>(std::move(entries));
}

template <Real T>
Operator<T> selection(std::int64_t inputs, std::vector<std::int64_t> index) {
  auto entries = std::make_shared<const SelectedEntries>(inputs, std::move(index));
  if (entries->is_range() && entries->size() == inputs) return identity<T>(inputs);
  return selection<T>(std::move(entries));
}

template <Real T>
Operator<T> range_selection(std::int64_t inputs, std::int64_t first, std::int64_t count) {
  return selection<T>(std::make_shared<const SelectedEntries>(SelectedEntries::range(inputs, first, count)));
}

template Operator<float> selection<float>(std::shared_ptr<const SelectedEntries>);
template Operator<double> selection<double>(std::shared_ptr<const SelectedEntries>);
template Operator<float> selection<float>(std::int64_t, std::vector<std::int64_t>);
template Operator<double> selection<double>(std::int64_t, std::vector<std::int64_t>);
template Operator<float> range_selection<float>(std::int64_t, std::int64_t, std::int64_t);
template Operator<double> range_selection<double>(std::int64_t, std::int64_t, std::int64_t);

}  // namespace sigmax
