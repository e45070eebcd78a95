#include "sigmax/io/pytorch/pytorch_numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/utf8.hpp"
#include "sigmax/io/pytorch/pytorch_call.hpp"
#include "sigmax/io/pytorch/pytorch_numpy.hpp"

namespace sigmax::io {
namespace {

using Id = Pickle::Id;

constexpr std::size_t kLookedAt = 16;

enum class Kind { none, masked, sparse, jax, array };

// The class or function that the object comes from. copyreg's functions have the class as their first argument.
Id maker_of(const Pickle& pickle, const Pickle::Call& call) {
  const std::string_view module = pickle.global_module(call.callable);
  const bool by_copyreg = module == "copyreg" || module == "copy_reg";
  const auto args = pickle.items(call.args);
  return by_copyreg && !args.empty() ? args[0] : call.callable;
}

bool is_module(std::string_view module, std::string_view name) {
  return module == name || (module.starts_with(name) && module[name.size()] == '.');
}

Kind kind_of(const Pickle& pickle, const Pickle::Call& call) {
  const Id maker = maker_of(pickle, call);
  const std::string_view module = pickle.global_module(maker), attribute = pickle.global_attribute(maker);
  if (module.starts_with("numpy.ma") && (attribute == "_mareconstruct" || attribute == "MaskedArray")) {
    return Kind::masked;
  }
  if (is_module(module, "scipy.sparse") && (attribute.ends_with("_matrix") || attribute.ends_with("_array"))) {
    return Kind::sparse;
  }
  if ((is_module(module, "jax") || is_module(module, "jaxlib")) && attribute.starts_with("_reconstruct")) {
    return Kind::jax;
  }
  if (module == "array" && (attribute == "array" || attribute == "_array_reconstructor")) return Kind::array;
  return Kind::none;
}

bool is_number(const Pickle& pickle, Id id) {
  return pickle.is(id, PickleKind::real) || pickle.is(id, PickleKind::integer) ||
         pickle.is(id, PickleKind::big_integer) || pickle.is(id, PickleKind::boolean);
}

bool is_row(const Pickle& pickle, Id id) { return pickle.is(id, PickleKind::list) || pickle.is(id, PickleKind::tuple); }

// [rows, columns] of a list of lists of numbers, one of them real at least: pairs of integers are sizes and indices.
std::optional<Dimensions> shape_of_list(const Pickle& pickle, Id id) {
  if (!is_row(pickle, id)) return std::nullopt;
  const auto rows = pickle.items(id);
  if (rows.size() < 2 || !is_row(pickle, rows[0])) return std::nullopt;
  const std::size_t columns = pickle.items(rows[0]).size();
  if (columns < 2) return std::nullopt;
  bool has_real = false;
  for (const Id row : rows) {
    if (!is_row(pickle, row) || pickle.items(row).size() != columns) return std::nullopt;
  }
  for (const Id row : {rows.front(), rows.back()}) {
    // One long row may stand in many lists, so a few of its values must do.
    for (const Id value : pickle.items(row).first(std::min(columns, kLookedAt))) {
      if (!is_number(pickle, value)) return std::nullopt;
      has_real = has_real || pickle.is(value, PickleKind::real);
    }
  }
  if (!has_real) return std::nullopt;
  return Dimensions{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns)};
}

// What a program can multiply; nothing for shapes that are none.
Dimensions checked(std::optional<Dimensions> shape) {
  const bool valid = shape && std::all_of(shape->begin(), shape->end(), [](std::int64_t n) { return n >= 0; }) &&
                     element_count(*shape).has_value();
  return valid ? std::move(*shape) : Dimensions{};
}

PickledTensor unreadable(std::string dtype_name, Dimensions shape, std::string why) {
  PickledTensor tensor;
  tensor.dtype_name = std::move(dtype_name);
  tensor.shape = std::move(shape);
  tensor.strides.assign(tensor.shape.size(), 0);
  tensor.unreadable = std::move(why);
  return tensor;
}

// The state is that of an array, (version, shape, type, order, bytes), with the mask behind.
PickledTensor describe_masked(const Pickle& pickle, const Pickle::Call& call) {
  PickledArray array = describe_numpy(pickle, call);
  PickledTensor tensor = unreadable(std::move(array.dtype_name), checked(std::move(array.shape)),
                                    "a masked array of NumPy: the values of its masked entries are not defined; save "
                                    "its filled() or its data");
  tensor.dtype = array.dtype;
  return tensor;
}

PickledTensor describe_sparse(const Pickle& pickle, const Pickle::Call& call) {
  const std::string_view type = pickle.global_attribute(maker_of(pickle, call));
  return unreadable(valid_utf8(type, 100), checked(pickled_integers(pickle, pickle.find(call.state, "_shape"))),
                    fmt::format("a sparse matrix of SciPy ({}): not read; save its toarray()", valid_utf8(type, 100)));
}

// _reconstruct_array(function, arguments, state of the array, ...).
PickledTensor describe_jax(const Pickle& pickle, const Pickle::Call& call) {
  const auto args = pickle.items(call.args);
  std::optional<Dimensions> shape;
  if (args.size() > 2) {
    const auto state = pickle.items(args[2]);
    if (state.size() > 1) shape = pickled_integers(pickle, state[1]);
  }
  return unreadable("jax.Array", checked(std::move(shape)), "an array of JAX: not read; save numpy.asarray() of it");
}

}  // namespace

bool holds_other_numbers(const Pickle& pickle, Id id) {
  return pickle.is(id, PickleKind::call) && kind_of(pickle, pickle.call(id)) != Kind::none;
}

bool is_list_of_lists(const Pickle& pickle, Id id) { return shape_of_list(pickle, id).has_value(); }

PickledTensor describe_other_numbers(const Pickle& pickle, Id id) {
  const Pickle::Call call = pickle.call(id);
  switch (kind_of(pickle, call)) {
    case Kind::masked: return describe_masked(pickle, call);
    case Kind::sparse: return describe_sparse(pickle, call);
    case Kind::jax: return describe_jax(pickle, call);
    case Kind::array: return unreadable("array", {}, "an array of Python's module array: not read; save a tensor");
    case Kind::none: break;
  }
  // Without a shape it counts as a weight by its name alone: most are histories and settings.
  const Dimensions shape = checked(shape_of_list(pickle, id));
  return unreadable("list", {},
                    fmt::format("a list of lists of numbers, {}, not a tensor: not read; save torch.tensor() of it",
                                to_string(shape)));
}

}  // namespace sigmax::io
