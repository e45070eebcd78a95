// Checkpoints of names and shapes alone, and in one line what each tensor is taken for.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/audit/roles/role.hpp"

namespace sigmax::audit::testing {

inline io::Entry entry(std::string name, Dimensions shape, std::vector<io::Usage> uses = {}, DType dtype = DType::f32) {
  io::Entry e;
  e.name = std::move(name);
  e.shape = std::move(shape);
  e.dtype = dtype;
  e.dtype_name = std::string(sigmax::name(dtype));
  e.used_by = std::move(uses);
  e.file = "model.safetensors";
  return e;
}

inline io::Entry in_file(io::Entry e, const std::filesystem::path& file) {
  e.file = file;
  return e;
}

inline io::Usage use(std::string op, int input = 1) {
  io::Usage u;
  u.op = std::move(op);
  u.input = input;
  return u;
}

/// `dense [out, in] 3x5 shape`, with the batch in front of the matrix if there is one, or `skip name: reason`.
inline std::string told(const std::variant<MatrixPlan, NoMatrix>& classified) {
  if (const auto* none = std::get_if<NoMatrix>(&classified)) {
    return fmt::format("skip {}: {}", none->evidence ? name(*none->evidence) : "-", none->reason);
  }
  const auto& plan = std::get<MatrixPlan>(classified);
  const std::string batch = plan.batch == 1 ? "" : fmt::format("{}x", plan.batch);
  return fmt::format("{} {} {}{}x{} {}", name(plan.role), layout_text(plan.layout), batch, plan.rows, plan.columns,
                     name(plan.evidence));
}

/// What is said of the tensor `name` among the others.
inline std::string told(const std::vector<io::Entry>& entries, const std::string& name) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const io::Entry& e) { return e.name == name; });
  if (found == entries.end()) return "not there";
  return told(classify(*found, Siblings(entries)));
}

inline std::string told(const io::Entry& e) { return told({e}, e.name); }

inline bool is_skipped(const std::string& text, std::string_view evidence, std::string_view reason) {
  return text.starts_with(fmt::format("skip {}: ", evidence)) && text.find(reason) != std::string::npos;
}

}  // namespace sigmax::audit::testing
