// An expression of --fail-if as a tree. Internal to gates.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sigmax::cli {

enum class Relation { greater, greater_equal, less, less_equal, equal, unequal };

struct Expression {
  enum class Kind { comparison, negation, both, either };
  Kind kind = Kind::comparison;
  std::shared_ptr<const Expression> left, right;
  std::string key;  ///< for a comparison: the figure
  Relation relation = Relation::greater;
  double number = 0;
};

/// The figures that an expression may name.
struct Vocabulary {
  std::vector<std::string> keys;
  std::string (*key_of)(std::string_view spelling);  ///< from what was typed
  std::string_view examples;                         ///< `sigma_max or condition`
  std::string_view instead_of_nan;                   ///< after `nothing compares with nan`; may be empty
};

/// Reads the grammar of gate.hpp. Throws Error with the position and what was expected.
std::shared_ptr<const Expression> parse_expression(std::string_view source, const Vocabulary& vocabulary);

}  // namespace sigmax::cli
