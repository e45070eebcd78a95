#include "sigmax/io/pytorch/pytorch_tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/bytes/utf8.hpp"

namespace sigmax::io {
namespace {

using Id = Pickle::Id;

constexpr std::size_t kMostMetadata = 32;  // many tensors may share one dict, which is searched for each

constexpr const char* kShard =
    "one process's part of a distributed tensor: save full_tensor(), or save through torch.distributed.checkpoint and "
    "name that folder";

// One tensor while it is being described: what its call says, checked.
class Description {
 public:
  Description(const Pickle& pickle, const TensorCall& call, const MappedFile& file, const std::string& tensor)
      : pickle_(pickle), call_(call), file_(file), tensor_(tensor) {}

  PickledTensor run() {
    const std::string_view maker = pickle_.global_attribute(call_.callable);
    if (call_.callable == Pickle::kAbsent) {
      describe_storage();
    } else if (pickle_.global_module(call_.callable) != "torch._utils") {
      describe_foreign(maker);
    } else if (maker == "_rebuild_tensor" || maker == "_rebuild_tensor_v2" || maker == "_rebuild_tensor_v3" ||
               maker == "_rebuild_qtensor") {
      describe_strided(maker);
    } else {
      describe_unreadable(maker);
    }
    finish_type();
    return std::move(result_);
  }

 private:
  [[noreturn]] void refuse(std::string problem) const {
    throw FileError(file_.path().string(), fmt::format("tensor {}", in_quotes(tensor_)), std::move(problem));
  }

  Id argument(std::size_t index) const { return pickle_.item(call_.args, index); }

  std::optional<Dimensions> integers(Id id) const {
    if (pickle_.is(id, PickleKind::call)) id = pickle_.item(pickle_.call(id).args, 0);
    const std::size_t rank = pickle_.items(id).size();
    if (rank > kHighestRank) refuse(fmt::format("has {} dimensions, more than {}", rank, kHighestRank));
    return pickled_integers(pickle_, id);
  }

  // Takes the value as the result's shape if it is one. A product that overflows is refused like a negative size.
  bool take_shape(Id id) { return take_shape(integers(id)); }

  bool take_shape(std::optional<Dimensions> shape) {
    if (!shape) return false;
    if (!element_count(*shape)) refuse(fmt::format("shape {} is not valid", to_string(*shape)));
    result_.shape = std::move(*shape);
    return true;
  }

  void take_type(Id id) {
    if (!pickle_.is(id, PickleKind::global)) return;
    result_.dtype = torch_dtype(pickle_.global_attribute(id));
    result_.dtype_name = valid_utf8(pickle_.global_attribute(id), kLongestTypeName);
  }

  void describe_strided(std::string_view maker) {
    const auto storage = storage_of(pickle_, argument(0));
    auto strides = integers(argument(3));
    const bool has_shape = take_shape(argument(2));
    if (!has_shape || !strides || strides->size() != result_.shape.size() ||
        !pickle_.is(argument(1), PickleKind::integer)) {
      result_.unreadable = fmt::format("the arguments of {} are not a storage, an offset, sizes and strides", maker);
      return;
    }
    if (!storage) {
      result_.unreadable = "its storage is not one of the file's";
      return;
    }
    result_.dtype = storage->dtype;
    result_.dtype_name = storage->dtype_name;
    if (maker == "_rebuild_tensor_v3") take_type(argument(6));
    result_.offset = pickle_.integer(argument(1));
    if (result_.offset < 0) refuse(fmt::format("storage offset {} is negative", result_.offset));
    if (!reach(result_.shape, *strides)) {
      refuse(fmt::format("shape {} with strides {} is not valid", to_string(result_.shape), to_string(*strides)));
    }
    result_.strides = std::move(*strides);
    result_.storage = storage;
    if (maker == "_rebuild_qtensor") take_quantization(argument(4));
    check_lazy_bits(argument(maker == "_rebuild_tensor_v3" ? 7 : 6));
  }

  void take_quantization(Id parameters) {
    const std::string_view scheme = pickle_.global_attribute(pickle_.item(parameters, 0));
    const Id scale = pickle_.item(parameters, 1), zero_point = pickle_.item(parameters, 2);
    const bool integral =
        result_.dtype == DType::qint8 || result_.dtype == DType::quint8 || result_.dtype == DType::qint32;
    if (scheme == "per_tensor_affine" && integral && pickle_.is(scale, PickleKind::real) &&
        pickle_.is(zero_point, PickleKind::integer)) {
      result_.quantization = AffineQuantization{pickle_.real(scale), pickle_.integer(zero_point), nullptr};
    } else if ((scheme == "per_channel_affine" || scheme == "per_channel_affine_float_qparams") && integral) {
      take_channels(scale, zero_point, pickle_.item(parameters, 3));
    } else {
      result_.unreadable = fmt::format("quantized in a way that is not read ({}, {})", result_.dtype_name,
                                       valid_utf8(scheme, kLongestTypeName));
    }
  }

  void take_channels(Id scales, Id zero_points, Id axis) {
    auto channels = std::make_shared<ChannelQuantization>();
    channels->axis = pickle_.integer(axis);
    const bool has_axis = pickle_.is(axis, PickleKind::integer) && channels->axis >= 0 &&
                          channels->axis < static_cast<std::int64_t>(result_.shape.size());
    if (!has_axis || !take_parameters(channels->scales, scales, channels->axis) ||
        !take_parameters(channels->zero_points, zero_points, channels->axis)) {
      result_.unreadable = "quantized by channel, but it does not have one scale and one zero point per channel";
      return;
    }
    result_.quantization = AffineQuantization{1, 0, std::move(channels)};
  }

  // Takes one number for each index of the axis, from a plain vector.
  bool take_parameters(PickledTensor& stored, Id id, std::int64_t axis) const {
    const std::int64_t count = result_.shape[static_cast<std::size_t>(axis)];
    const auto call = plain_call(id);
    if (!call) return false;
    stored = Description(pickle_, *call, file_, tensor_).run();
    const DType dtype = stored.dtype;
    return stored.unreadable.empty() && stored.storage && stored.shape == Dimensions{count} &&
           (dtype == DType::f64 || dtype == DType::f32 || dtype == DType::i64 || dtype == DType::i32);
  }

  // A tensor inside a tensor, if the inner one holds no other.
  std::optional<TensorCall> plain_call(Id id) const {
    auto call = tensor_call(pickle_, id);
    if (!call || pickle_.global_module(call->callable) != "torch._utils") return std::nullopt;
    const std::string_view maker = pickle_.global_attribute(call->callable);
    if (!maker.starts_with("_rebuild_tensor")) return std::nullopt;
    return call;
  }

  // The last argument of _rebuild_tensor_v2 and v3 marks a conjugation or negation that is still to be done.
  void check_lazy_bits(Id metadata) {
    if (pickle_.items(metadata).size() > kMostMetadata) {
      result_.unreadable = "carries metadata that PyTorch does not write";
      return;
    }
    for (const char* bit : {"neg", "conj"}) {
      const Id value = pickle_.find(metadata, bit);
      if (value != Pickle::kAbsent && pickle_.integer(value) != 0) {
        result_.unreadable =
            fmt::format("stored with PyTorch's lazy '{}' bit set: call resolve_{}() before saving", bit, bit);
      }
    }
  }

  void describe_storage() {
    const auto storage = storage_of(pickle_, call_.args);
    if (!storage) return;
    result_.dtype = storage->dtype;
    result_.dtype_name = storage->dtype_name;
    result_.shape = {storage->elements};
    result_.strides = {1};
    result_.storage = storage;
  }

  void describe_foreign(std::string_view maker) {
    if (is_numpy_array(pickle_, call_.callable)) {
      describe_array();
    } else if (maker.starts_with("Uninitialized")) {
      result_.unreadable = "a lazy parameter that was never initialized: it has no values";
    } else if (maker == "ShardedTensor") {
      result_.unreadable = kShard;
    } else {
      result_.unreadable = fmt::format("made by {}.{}, which is not one of PyTorch's plain ways to store a tensor",
                                       valid_utf8(pickle_.global_module(call_.callable), kLongestTypeName),
                                       valid_utf8(maker, kLongestTypeName));
    }
  }

  void describe_array() {
    PickledArray array = describe_numpy(pickle_, {call_.callable, call_.args, call_.state});
    result_.dtype = array.dtype;
    result_.dtype_name = std::move(array.dtype_name);
    take_shape(std::move(array.shape));
    result_.strides = row_major_strides(result_.shape);
    if (array.fortran_order) {
      const Dimensions reversed(result_.shape.rbegin(), result_.shape.rend());
      result_.strides = row_major_strides(reversed);
      std::reverse(result_.strides.begin(), result_.strides.end());
    }
    result_.unreadable = std::move(array.unreadable);
    if (result_.unreadable.empty()) result_.array = std::move(array.bytes);
  }

  // Describes a subclass that holds other tensors. Its state is a dict, or a pair of dicts if it has slots.
  void describe_wrapper() {
    const std::string_view type = pickle_.global_attribute(argument(0));
    take_type(argument(1));
    take_shape(argument(2));
    if (type == "ShardedTensor") {
      result_.unreadable = kShard;
    } else if (type != "DTensor") {
      result_.unreadable = fmt::format(
          "a tensor subclass without a storage of its own ({}): call its dequantize() or save a plain tensor to have "
          "it read",
          valid_utf8(type, kLongestTypeName));
    } else if (!take_local_tensor()) {
      result_.unreadable = kShard;
    }
  }

  // Takes the part that this process has, if it is the whole: saved by a single process, or replicated. A part that
  // must still be summed with others is not the whole, whatever its shape.
  bool take_local_tensor() {
    const auto local = plain_call(attribute("_local_tensor"));
    const Id placements = pickle_.find(pickle_.call(attribute("_spec")).state, "placements");
    if (!local || pickle_.items(placements).empty()) return false;
    for (const Id placement : pickle_.items(placements)) {
      const std::string_view kind = pickle_.global_attribute(pickle_.call(placement).callable);
      if (kind != "Shard" && kind != "_StridedShard" && kind != "Replicate") return false;
    }
    PickledTensor whole = Description(pickle_, *local, file_, tensor_).run();
    if (whole.shape != result_.shape) return false;
    result_ = std::move(whole);
    return true;
  }

  Id attribute(std::string_view name) const {
    if (pickle_.is(call_.state, PickleKind::dict)) return pickle_.find(call_.state, name);
    for (const Id part : pickle_.items(call_.state)) {
      if (const Id found = pickle_.find(part, name); found != Pickle::kAbsent) return found;
    }
    return Pickle::kAbsent;
  }

  void describe_unreadable(std::string_view maker) {
    if (maker == "_rebuild_sparse_tensor") {
      describe_sparse();
    } else if (maker == "_rebuild_meta_tensor_no_storage") {
      take_type(argument(0));
      take_shape(argument(1));
      result_.unreadable = "a tensor of the meta device: it has no values";
    } else if (maker == "_rebuild_wrapper_subclass") {
      describe_wrapper();
    } else if (maker == "_rebuild_nested_tensor") {
      result_.unreadable = "a nested tensor: its parts differ in shape";
    } else {
      if (maker.starts_with("_rebuild_device_tensor")) take_type(argument(1));
      result_.unreadable =
          fmt::format("made by torch._utils.{}, which is not read", valid_utf8(maker, kLongestTypeName));
    }
  }

  // The arguments are (layout, (indices, values, size, ...)), with one more part before the values for the compressed
  // layouts.
  void describe_sparse() {
    const Id data = argument(1);
    std::string layout = "sparse";
    const Id made = argument(0);
    const Id layout_name = pickle_.item(pickle_.call(made).args, 0);
    if (pickle_.is(layout_name, PickleKind::text)) layout = valid_utf8(pickle_.text(layout_name), kLongestTypeName);
    const bool coordinates = layout.ends_with("sparse") || layout.ends_with("sparse_coo");
    const Id values = pickle_.item(data, coordinates ? 1 : 2);
    if (!take_shape(pickle_.item(data, coordinates ? 2 : 3))) take_shape(pickle_.item(data, coordinates ? 3 : 2));
    if (const auto call = tensor_call(pickle_, values)) {
      if (const auto storage = storage_of(pickle_, pickle_.item(call->args, 0))) {
        result_.dtype = storage->dtype;
        result_.dtype_name = storage->dtype_name;
      }
    }
    result_.unreadable = fmt::format("a sparse tensor ({}): call to_dense() before saving to have it read", layout);
  }

  void finish_type() {
    if (result_.dtype != DType::unknown) {
      result_.dtype_name = std::string(name(result_.dtype));
    } else {
      if (result_.dtype_name.empty()) result_.dtype_name = "unknown";
      if (result_.unreadable.empty())
        result_.unreadable = fmt::format("elements of type {} are not read", result_.dtype_name);
    }
  }

  const Pickle& pickle_;
  const TensorCall& call_;
  const MappedFile& file_;
  const std::string& tensor_;
  PickledTensor result_;
};

}  // namespace

PickledTensor describe_tensor(const Pickle& pickle, const TensorCall& call, const MappedFile& file,
                              const std::string& tensor) {
  return Description(pickle, call, file, tensor).run();
}

}  // namespace sigmax::io
