#include "sigmax/audit/roles/weight_name.hpp"

#include <algorithm>

namespace sigmax::audit {

bool is_beside(const WeightName& name, const io::Entry& entry, const Siblings& siblings,
               std::initializer_list<std::string_view> companions) {
  return std::any_of(companions.begin(), companions.end(), [&](std::string_view companion) {
    return siblings.find(name.parts.sibling(companion), entry) != nullptr;
  });
}

}  // namespace sigmax::audit
