#include "cli/certify/data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/matrix/target.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

/// An array that was found, and what messages call it.
struct NamedArray {
  std::string file;
  std::string name;
  Tensor values;

  [[noreturn]] void fail(std::string problem) const { throw FileError(file, place(), std::move(problem)); }
  std::string place() const { return fmt::format("array '{}'", report::name_in_sentence(name)); }
};

constexpr std::array<std::string_view, 8> kDataNames = {"x",    "X",      "x_test", "images",
                                                        "data", "inputs", "X_test", "arr_0"};
constexpr std::array<std::string_view, 8> kLabelNames = {"y",      "Y",       "y_test", "labels",
                                                         "target", "targets", "Y_test", "arr_1"};

template <class T>
double entry_at(const Tensor& values, std::int64_t i) {
  T value;
  std::memcpy(&value, values.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
  return static_cast<double>(value);
}

/// Entry i of a row-major array, in double: integers of more than 53 bits are rounded.
double entry_of(const Tensor& values, std::int64_t i) {
  switch (values.dtype()) {
    case DType::f64: return entry_at<double>(values, i);
    case DType::f32: return entry_at<float>(values, i);
    case DType::f16: return f16_to_double(static_cast<std::uint16_t>(entry_at<std::uint16_t>(values, i)));
    case DType::bf16: return bf16_to_double(static_cast<std::uint16_t>(entry_at<std::uint16_t>(values, i)));
    case DType::i64: return entry_at<std::int64_t>(values, i);
    case DType::i32: return entry_at<std::int32_t>(values, i);
    case DType::i16: return entry_at<std::int16_t>(values, i);
    case DType::i8: return entry_at<std::int8_t>(values, i);
    case DType::u64: return entry_at<std::uint64_t>(values, i);
    case DType::u32: return entry_at<std::uint32_t>(values, i);
    case DType::u16: return entry_at<std::uint16_t>(values, i);
    default: return entry_at<std::uint8_t>(values, i);
  }
}

NamedArray loaded(const io::Checkpoint& checkpoint, const io::Entry& entry) {
  NamedArray found{entry.file.empty() ? checkpoint.paths.front().string() : entry.file.string(), entry.name, {}};
  if (!entry.unreadable.empty()) found.fail(entry.unreadable);
  if (!is_real(entry.dtype) && !is_integer(entry.dtype)) {
    found.fail(fmt::format("holds {}, not real or whole numbers", name(entry.dtype)));
  }
  found.values = entry.load().compact();
  return found;
}

/// The array that was named, the only one, or the one of the file that has one of the names.
NamedArray find_array(const std::string& text, std::span<const std::string_view> names, std::string_view option,
                      Context& context) {
  const Target target = parse_target(text);
  const io::Checkpoint checkpoint = open_target(target, context);
  if (target.tensor) return loaded(checkpoint, checkpoint.find(*target.tensor));
  std::vector<const io::Entry*> entries;
  for (const io::Entry& entry : checkpoint.entries) {
    if (!entry.appended) entries.push_back(&entry);
  }
  if (entries.size() == 1) return loaded(checkpoint, *entries.front());
  for (const std::string_view wanted : names) {
    const auto found =
        std::ranges::find_if(entries, [&](const io::Entry* each) { return std::string_view(each->name) == wanted; });
    if (found != entries.end()) return loaded(checkpoint, **found);
  }
  std::vector<std::string> known;
  known.reserve(entries.size());
  for (const io::Entry* each : entries) known.push_back(report::name_in_sentence(each->name));
  if (known.size() > 8) known.resize(8);
  throw Error(fmt::format("{}: {} holds {} arrays; name one, as in {}:NAME ({})", option, target.path.string(),
                          entries.size(), target.path.string(), fmt::join(known, ", ")));
}

Dimensions without_ones(std::span<const std::int64_t> shape) {
  Dimensions rest;
  for (const std::int64_t extent : shape) {
    if (extent != 1) rest.push_back(extent);
  }
  return rest;
}

/// The number of samples in an array for an input of this shape.
std::size_t samples_in(const NamedArray& data, const Dimensions& input) {
  const Dimensions& shape = data.values.shape();
  const std::int64_t entries = element_count(input).value_or(0);
  const Dimensions wanted = without_ones(input);
  if (data.values.size() == 0) data.fail(fmt::format("has the shape {}: no samples", to_string(shape)));
  const auto fits = [&](std::span<const std::int64_t> sample) {
    const Dimensions axes = without_ones(sample);
    return element_count(sample) == entries && (axes == wanted || axes.size() <= 1 || wanted.size() <= 1);
  };
  if (!shape.empty() && fits(std::span(shape).subspan(1))) return static_cast<std::size_t>(shape[0]);
  if (fits(shape)) return 1;
  data.fail(
      fmt::format("has the shape {}, which is no batch of the network's input {}", to_string(shape), to_string(input)));
}

/// Which samples are taken: all, or a random subset in ascending order.
std::vector<std::size_t> chosen_samples(std::size_t total, const std::optional<std::size_t>& count, const Seed& seed) {
  std::vector<std::size_t> all(total);
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (!count || *count >= total) return all;
  // The samples with the least random keys.
  std::vector<double> keys(total);
  static_cast<void>(fill_uniform(forked(random_state(seed), 0x73616d70), keys));
  std::ranges::stable_sort(all, [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  all.resize(*count);
  std::ranges::sort(all);
  return all;
}

std::string whole_or_not(double value) {
  return value == std::nearbyint(value) && std::fabs(value) < 1e15 ? fmt::format("{:.0f}", value)
                                                                   : fmt::format("{:g}", value);
}

/// The class of sample i.
std::size_t label_of(const NamedArray& labels, std::size_t i, std::size_t total, std::size_t classes) {
  const auto first = static_cast<std::int64_t>(i);
  if (labels.values.size() == static_cast<std::int64_t>(total)) {
    const double value = entry_of(labels.values, first);
    if (value >= 0 && value < static_cast<double>(classes) && value == std::floor(value)) {
      return static_cast<std::size_t>(value);
    }
    labels.fail(fmt::format("the label of sample {} is {}; the network has {} classes, 0 to {}", i, whole_or_not(value),
                            classes, classes - 1));
  }
  std::optional<std::size_t> hot;
  for (std::size_t k = 0; k < classes; ++k) {
    const double value =
        entry_of(labels.values, first * static_cast<std::int64_t>(classes) + static_cast<std::int64_t>(k));
    if (value == 0) continue;
    if (value != 1 || hot) labels.fail(fmt::format("row {} is not one 1 among zeros", i));
    hot = k;
  }
  if (!hot) labels.fail(fmt::format("row {} is not one 1 among zeros", i));
  return *hot;
}

void require_labels_for(const NamedArray& labels, std::size_t total, std::size_t classes) {
  const Dimensions axes = without_ones(labels.values.shape());
  const auto count = static_cast<std::int64_t>(total);
  const auto width = static_cast<std::int64_t>(classes);
  const bool is_list = labels.values.size() == count && axes.size() <= 1;
  const bool is_one_hot = labels.values.size() == count * width && !labels.values.shape().empty() &&
                          labels.values.shape().back() == width && axes.size() <= 2;
  if (is_list || is_one_hot) return;
  labels.fail(
      fmt::format("has the shape {}; for {} samples and {} classes it should be [{}], or [{}, {}] with one 1 in "
                  "each row",
                  to_string(labels.values.shape()), total, classes, total, total, classes));
}

std::vector<double> sample_at(const NamedArray& data, std::size_t i, std::int64_t entries, const DataScale& scale) {
  std::vector<double> x(static_cast<std::size_t>(entries));
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double stored = entry_of(data.values, static_cast<std::int64_t>(i) * entries + static_cast<std::int64_t>(k));
    x[k] = stored * scale.over / scale.under;
    if (!std::isfinite(x[k])) data.fail(fmt::format("entry {} of sample {} is {}", k, i, stored));
  }
  return x;
}

}  // namespace

LabeledData read_labeled_data(const AccuracyRequest& options, const Dimensions& shape, std::size_t classes,
                              const Seed& seed, const Messages& messages, Context& context) {
  const NamedArray data = find_array(options.data, kDataNames, "--data", context);
  const bool has_labels = !options.labels.empty();
  const NamedArray labels =
      find_array(has_labels ? options.labels : options.data, kLabelNames, has_labels ? "--labels" : "--data", context);
  if (!has_labels && labels.name == data.name && labels.file == data.file) {
    throw Error(fmt::format("--labels is missing: {} holds one array", data.file));
  }
  LabeledData result;
  result.total = samples_in(data, shape);
  require_labels_for(labels, result.total, classes);
  if (is_integer(data.values.dtype()) && options.scale == DataScale{}) {
    messages.note(fmt::format("the data are {}: the stored numbers enter as they are, without --scale",
                              name(data.values.dtype())));
  }
  const std::int64_t entries = element_count(shape).value_or(0);
  result.index = chosen_samples(result.total, options.samples, seed);
  result.inputs.reserve(result.index.size());
  io::while_intact(data.values, [&] {
    for (const std::size_t i : result.index) {
      result.inputs.push_back({sample_at(data, i, entries, options.scale), 0});
    }
  });
  io::while_intact(labels.values, [&] {
    for (std::size_t k = 0; k < result.index.size(); ++k) {
      result.inputs[k].label = label_of(labels, result.index[k], result.total, classes);
    }
  });
  return result;
}

}  // namespace sigmax::cli
