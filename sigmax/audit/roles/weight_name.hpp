// The name of a tensor in the lower case that lists of known names are in. Internal to audit/.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/audit/roles/tensor_name.hpp"

namespace sigmax::audit {

struct WeightName {
  explicit WeightName(const io::Entry& entry)
      : parts(entry.name), last(lower_case(parts.component(0))), module(lower_case(parts.component(1))) {}

  bool is_weight() const {
    return is_one_of(last, {"weight", "kernel", "weights", "embedding", "weight_orig", "original"});
  }

  NameParts parts;
  std::string last;    // `weight`
  std::string module;  // what it belongs to: `query`
};

/// True if a tensor with one of these names lies in the same module.
bool is_beside(const WeightName& name, const io::Entry& entry, const Siblings& siblings,
               std::initializer_list<std::string_view> companions);

}  // namespace sigmax::audit
