#include "sigmax/io/pytorch_tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/mapped_tensor.hpp"
#include "sigmax/io/message.hpp"
#include "sigmax/io/utf8.hpp"

namespace sigmax::io {
namespace {

using Id = Pickle::Id;

constexpr std::size_t kHighestRank = 64;
constexpr int kDeepestWrapping = 8;
constexpr std::size_t kLongestTypeName = 100;
constexpr std::size_t kMostMetadata = 32;  // many tensors may share one dict, which is looked through for each

struct TypeName {
  std::string_view torch;
  DType dtype;
};

constexpr TypeName kStorages[] = {
    {"DoubleStorage", DType::f64},    {"FloatStorage", DType::f32},        {"HalfStorage", DType::f16},
    {"BFloat16Storage", DType::bf16}, {"LongStorage", DType::i64},         {"IntStorage", DType::i32},
    {"ShortStorage", DType::i16},     {"CharStorage", DType::i8},          {"ByteStorage", DType::u8},
    {"BoolStorage", DType::boolean},  {"ComplexFloatStorage", DType::c64}, {"ComplexDoubleStorage", DType::c128},
    {"QInt8Storage", DType::qint8},   {"QUInt8Storage", DType::quint8},    {"QInt32Storage", DType::qint32},
};

constexpr TypeName kTypes[] = {
    {"float64", DType::f64},
    {"double", DType::f64},
    {"float32", DType::f32},
    {"float", DType::f32},
    {"float16", DType::f16},
    {"half", DType::f16},
    {"bfloat16", DType::bf16},
    {"int64", DType::i64},
    {"long", DType::i64},
    {"int32", DType::i32},
    {"int", DType::i32},
    {"int16", DType::i16},
    {"short", DType::i16},
    {"int8", DType::i8},
    {"uint8", DType::u8},
    {"bool", DType::boolean},
    {"uint16", DType::u16},
    {"uint32", DType::u32},
    {"uint64", DType::u64},
    {"complex64", DType::c64},
    {"cfloat", DType::c64},
    {"complex128", DType::c128},
    {"cdouble", DType::c128},
    {"float8_e4m3fn", DType::f8_e4m3},
    {"float8_e5m2", DType::f8_e5m2},
    {"float8_e4m3fnuz", DType::f8_e4m3fnuz},
    {"float8_e5m2fnuz", DType::f8_e5m2fnuz},
    {"float8_e8m0fnu", DType::f8_e8m0},
    {"qint8", DType::qint8},
    {"quint8", DType::quint8},
    {"qint32", DType::qint32},
};

DType look_up(std::span<const TypeName> table, std::string_view name) {
  for (const TypeName& entry : table) {
    if (entry.torch == name) return entry.dtype;
  }
  return DType::unknown;
}

Id arg(const Pickle& pickle, Id args, std::size_t index) {
  const auto items = pickle.items(args);
  return index < items.size() ? items[index] : Pickle::kAbsent;
}

bool is_torch_module(std::string_view module) { return module == "torch" || module.starts_with("torch."); }

bool is_numpy_array(const Pickle& pickle, Id callable) {
  const std::string_view module = pickle.global_module(callable), attribute = pickle.global_attribute(callable);
  return module.starts_with("numpy") && (attribute == "_reconstruct" || attribute == "_frombuffer");
}

// Functions whose first argument is the tensor itself.
bool wraps_tensor(const Pickle& pickle, Id callable) {
  const std::string_view module = pickle.global_module(callable), attribute = pickle.global_attribute(callable);
  if (module == "torch._utils") {
    return attribute == "_rebuild_parameter" || attribute == "_rebuild_parameter_with_state";
  }
  return is_torch_module(module) && (attribute == "Parameter" || attribute == "Variable" || attribute == "Buffer");
}

bool makes_tensor(const Pickle& pickle, Id callable) {
  const std::string_view module = pickle.global_module(callable), attribute = pickle.global_attribute(callable);
  if (module == "torch._utils") return attribute.starts_with("_rebuild_");
  if (!is_torch_module(module)) return is_numpy_array(pickle, callable);
  return attribute.ends_with("Tensor") || attribute.starts_with("Uninitialized") || attribute == "_load_from_bytes";
}

// One tensor under description: what its call says, checked.
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

  Id argument(std::size_t index) const { return arg(pickle_, call_.args, index); }

  // A tuple or list of integers, or torch.Size of one.
  std::optional<Dimensions> integers(Id id) const {
    if (pickle_.is(id, PickleKind::call)) id = arg(pickle_, pickle_.call(id).args, 0);
    if (!pickle_.is(id, PickleKind::tuple) && !pickle_.is(id, PickleKind::list)) return std::nullopt;
    const auto items = pickle_.items(id);
    if (items.size() > kHighestRank) refuse(fmt::format("has {} dimensions, more than {}", items.size(), kHighestRank));
    Dimensions values;
    for (const Id item : items) {
      if (!pickle_.is(item, PickleKind::integer)) return std::nullopt;
      values.push_back(pickle_.integer(item));
    }
    return values;
  }

  // Makes the shape the result's if it is one; a product that overflows is as good a lie as a negative size.
  bool take_shape(Id id) {
    auto shape = integers(id);
    if (!shape) return false;
    if (!element_count(*shape)) refuse(fmt::format("shape {} is not valid", to_string(*shape)));
    result_.shape = std::move(*shape);
    return true;
  }

  void take_type(Id id) {
    if (!pickle_.is(id, PickleKind::global)) return;
    result_.dtype = look_up(kTypes, pickle_.global_attribute(id));
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
    if (maker == "_rebuild_qtensor") take_quantisation(argument(4));
    check_lazy_bits(argument(maker == "_rebuild_tensor_v3" ? 7 : 6));
  }

  void take_quantisation(Id parameters) {
    const bool affine = pickle_.global_attribute(arg(pickle_, parameters, 0)) == "per_tensor_affine";
    const Id scale = arg(pickle_, parameters, 1), zero_point = arg(pickle_, parameters, 2);
    const bool integral =
        result_.dtype == DType::qint8 || result_.dtype == DType::quint8 || result_.dtype == DType::qint32;
    if (affine && integral && pickle_.is(scale, PickleKind::real) && pickle_.is(zero_point, PickleKind::integer)) {
      result_.quantisation = AffineQuantisation{pickle_.real(scale), pickle_.integer(zero_point)};
    } else {
      result_.unreadable = "quantised otherwise than with one scale and one zero point for the whole tensor";
    }
  }

  // The last argument of _rebuild_tensor_v2 and v3 marks conjugation and negation that are still to be done.
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
      take_shape(maker == "_reconstruct" ? arg(pickle_, call_.state, 1) : argument(2));
      result_.unreadable = "a NumPy array inside the pickle: save it as a tensor to have it read";
    } else if (maker.starts_with("Uninitialized")) {
      result_.unreadable = "a lazy parameter that was never initialised: it has no values";
    } else {
      result_.unreadable = fmt::format("made by {}.{}, which is not one of PyTorch's plain ways to store a tensor",
                                       valid_utf8(pickle_.global_module(call_.callable), kLongestTypeName),
                                       valid_utf8(maker, kLongestTypeName));
    }
  }

  void describe_unreadable(std::string_view maker) {
    if (maker == "_rebuild_sparse_tensor") {
      describe_sparse();
    } else if (maker == "_rebuild_meta_tensor_no_storage") {
      take_type(argument(0));
      take_shape(argument(1));
      result_.unreadable = "a tensor of the meta device: it has no values";
    } else if (maker == "_rebuild_wrapper_subclass") {
      take_type(argument(1));
      take_shape(argument(2));
      result_.unreadable = fmt::format("a tensor subclass without a storage of its own ({})",
                                       valid_utf8(pickle_.global_attribute(argument(0)), kLongestTypeName));
    } else if (maker == "_rebuild_nested_tensor") {
      result_.unreadable = "a nested tensor: its parts differ in shape";
    } else {
      if (maker.starts_with("_rebuild_device_tensor")) take_type(argument(1));
      result_.unreadable =
          fmt::format("made by torch._utils.{}, which is not read", valid_utf8(maker, kLongestTypeName));
    }
  }

  // (layout, (indices, values, size, ...)), with one part more ahead of the values for the compressed layouts.
  void describe_sparse() {
    const Id data = argument(1);
    std::string layout = "sparse";
    const Id made = argument(0);
    const Id layout_name = arg(pickle_, pickle_.call(made).args, 0);
    if (pickle_.is(layout_name, PickleKind::text)) layout = valid_utf8(pickle_.text(layout_name), kLongestTypeName);
    const bool coordinates = layout.ends_with("sparse") || layout.ends_with("sparse_coo");
    const Id values = arg(pickle_, data, coordinates ? 1 : 2);
    if (!take_shape(arg(pickle_, data, coordinates ? 2 : 3))) take_shape(arg(pickle_, data, coordinates ? 3 : 2));
    if (const auto call = tensor_call(pickle_, values)) {
      if (const auto storage = storage_of(pickle_, arg(pickle_, call->args, 0))) {
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

std::optional<TensorCall> tensor_call(const Pickle& pickle, Id id) {
  if (pickle.is(id, PickleKind::persistent_id)) {
    if (!storage_of(pickle, id)) return std::nullopt;
    return TensorCall{Pickle::kAbsent, id, Pickle::kAbsent};
  }
  Pickle::Call call = pickle.call(id);
  Id state = call.state;
  for (int depth = 0; depth < kDeepestWrapping && call.callable != Pickle::kAbsent; ++depth) {
    if (pickle.is_global(call.callable, "torch._tensor", "_rebuild_from_type_v2")) {
      // (function, class, arguments, state)
      state = arg(pickle, call.args, 3);
      call = {arg(pickle, call.args, 0), arg(pickle, call.args, 2)};
    } else if (wraps_tensor(pickle, call.callable)) {
      if (const Id kept = arg(pickle, call.args, 3); kept != Pickle::kAbsent) state = kept;
      call = pickle.call(arg(pickle, call.args, 0));
    } else if (makes_tensor(pickle, call.callable)) {
      // A NumPy array's shape is in its state, which is no attribute.
      return TensorCall{call.callable, call.args, is_numpy_array(pickle, call.callable) ? call.state : state};
    } else {
      break;
    }
  }
  return std::nullopt;
}

std::optional<PickledStorage> storage_of(const Pickle& pickle, Id id) {
  if (!pickle.is(id, PickleKind::persistent_id)) return std::nullopt;
  const auto parts = pickle.items(pickle.items(id)[0]);  // ('storage', type, key, device, elements[, view])
  if (parts.size() < 5 || pickle.text(parts[0]) != "storage" || !pickle.is(parts[1], PickleKind::global) ||
      !pickle.is(parts[4], PickleKind::integer) || pickle.integer(parts[4]) < 0) {
    return std::nullopt;
  }
  const std::string_view type = pickle.global_attribute(parts[1]);
  PickledStorage storage;
  storage.key = pickle.text(parts[2]);
  storage.elements = pickle.integer(parts[4]);
  storage.untyped = type == "UntypedStorage" || type == "_UntypedStorage";
  storage.dtype = storage.untyped ? DType::u8 : look_up(kStorages, type);
  storage.dtype_name =
      storage.dtype == DType::unknown ? valid_utf8(type, kLongestTypeName) : std::string(name(storage.dtype));
  if (parts.size() > 5 && !pickle.is(parts[5], PickleKind::none)) {
    const Id offset = arg(pickle, parts[5], 1);  // (key, offset, elements)
    if (!pickle.is(offset, PickleKind::integer) || pickle.integer(offset) < 0) return std::nullopt;
    storage.view_offset = pickle.integer(offset);
  }
  return storage;
}

PickledTensor describe_tensor(const Pickle& pickle, const TensorCall& call, const MappedFile& file,
                              const std::string& tensor) {
  return Description(pickle, call, file, tensor).run();
}

}  // namespace sigmax::io
