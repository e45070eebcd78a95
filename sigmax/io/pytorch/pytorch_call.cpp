#include "sigmax/io/pytorch/pytorch_call.hpp"

#include <span>
#include <string>

#include "sigmax/io/bytes/utf8.hpp"
#include "sigmax/io/pytorch/pytorch_numpy.hpp"

namespace sigmax::io {
namespace {

using Id = Pickle::Id;

constexpr int kDeepestWrapping = 8;
constexpr std::size_t kLongestKey = 1000;

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

constexpr TypeName kTorchTypes[] = {
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

bool is_torch_module(std::string_view module) { return module == "torch" || module.starts_with("torch."); }

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

}  // namespace

std::optional<TensorCall> tensor_call(const Pickle& pickle, Id id) {
  if (pickle.is(id, PickleKind::persistent_id)) {
    if (!storage_of(pickle, id)) return std::nullopt;
    return TensorCall{Pickle::kAbsent, id, Pickle::kAbsent};
  }
  Pickle::Call call = pickle.call(id);
  Id state = call.state;
  bool is_subclass = false;
  for (int depth = 0; depth < kDeepestWrapping && call.callable != Pickle::kAbsent; ++depth) {
    if (pickle.is_global(call.callable, "torch._tensor", "_rebuild_from_type_v2") ||
        pickle.is_global(call.callable, "torch._tensor", "_rebuild_from_type")) {
      // The arguments are (function, class, arguments, state).
      is_subclass = true;
      state = pickle.item(call.args, 3);
      call = {pickle.item(call.args, 0), pickle.item(call.args, 2)};
    } else if (wraps_tensor(pickle, call.callable)) {
      if (const Id kept = pickle.item(call.args, 3); kept != Pickle::kAbsent) state = kept;
      call = pickle.call(pickle.item(call.args, 0));
    } else if (makes_tensor(pickle, call.callable)) {
      // A NumPy array's shape is in its state, which holds no attributes.
      return TensorCall{call.callable, call.args, is_numpy_array(pickle, call.callable) ? call.state : state};
    } else {
      break;
    }
  }
  // The result of a subclass's own function is not by itself a tensor of the checkpoint.
  if (is_subclass) return TensorCall{call.callable, call.args, state};
  return std::nullopt;
}

bool has_own_attributes(const Pickle& pickle, const TensorCall& call) {
  const std::string_view maker = pickle.global_attribute(call.callable);
  return pickle.global_module(call.callable) == "torch._utils" &&
         (maker.starts_with("_rebuild_tensor") || maker == "_rebuild_qtensor");
}

DType torch_dtype(std::string_view name) { return look_up(kTorchTypes, name); }

std::optional<Dimensions> pickled_integers(const Pickle& pickle, Id id) {
  if (pickle.is(id, PickleKind::call)) id = pickle.item(pickle.call(id).args, 0);
  if (!pickle.is(id, PickleKind::tuple) && !pickle.is(id, PickleKind::list)) return std::nullopt;
  const auto items = pickle.items(id);
  if (items.size() > kHighestRank) return std::nullopt;
  Dimensions values;
  for (const Id item : items) {
    if (!pickle.is(item, PickleKind::integer)) return std::nullopt;
    values.push_back(pickle.integer(item));
  }
  return values;
}

std::optional<PickledStorage> storage_of(const Pickle& pickle, Id id) {
  if (!pickle.is(id, PickleKind::persistent_id)) return std::nullopt;
  const auto parts = pickle.items(pickle.items(id)[0]);  // ('storage', type, key, device, elements[, view])
  if (parts.size() < 5 || pickle.text(parts[0]) != "storage" || !pickle.is(parts[1], PickleKind::global) ||
      !pickle.is(parts[4], PickleKind::integer) || pickle.integer(parts[4]) < 0) {
    return std::nullopt;
  }
  // PyTorch's keys have a few digits. Each tensor has its own copy.
  if (pickle.text(parts[2]).size() > kLongestKey) return std::nullopt;
  const std::string_view type = pickle.global_attribute(parts[1]);
  PickledStorage storage;
  storage.key = pickle.is(parts[2], PickleKind::integer) ? std::to_string(pickle.integer(parts[2]))
                                                         : std::string(pickle.text(parts[2]));
  storage.elements = pickle.integer(parts[4]);
  storage.untyped = type == "UntypedStorage" || type == "_UntypedStorage";
  storage.dtype = storage.untyped ? DType::u8 : look_up(kStorages, type);
  storage.dtype_name =
      storage.dtype == DType::unknown ? valid_utf8(type, kLongestTypeName) : std::string(name(storage.dtype));
  if (parts.size() > 5 && !pickle.is(parts[5], PickleKind::none)) {
    const Id offset = pickle.item(parts[5], 1);  // (key, offset, elements)
    if (!pickle.is(offset, PickleKind::integer) || pickle.integer(offset) < 0) return std::nullopt;
    storage.view_offset = pickle.integer(offset);
  }
  return storage;
}

}  // namespace sigmax::io
