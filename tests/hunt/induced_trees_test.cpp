// The hunt for an induced norm of a composed operator outside its enclosure: `make hunt`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "hunt/budget.hpp"
#include "hunt/random_tree.hpp"
#include "hunt/wide_induced.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/induced.hpp"

namespace sigmax {
namespace {

constexpr double kExponents[] = {1, 1.25, 1.5, 2, 2.5, 4, 7, std::numeric_limits<double>::infinity()};

// The tree's matrix is known up to an error E in units of 2^exponent, and |E|_{p->q} <= sqrt(m n) |E|_F.
template <Real T>
void expect_sound(hunt::Grower<T>& grower, const hunt::Grown<T>& s, double p, double q, Context& context) {
  norms::InducedOptions options = repeatable<norms::InducedOptions>();
  options.starts = 2;
  options.most_steps = 10;
  options.mixing_steps = 10;
  options.certify.formed_up_to = grower.pick(3) == 0 ? 0 : 1 << 20;
  options.certify.method = grower.pick(3) == 0 ? CertifyMethod::cheapest : CertifyMethod::automatic;
  std::optional<Enclosure> found;
  try {
    found = norms::induced_norm(*s.op, p, q, options, context).enclosure;
  } catch (const InternalError&) {
    throw;
  } catch (const Error&) {
    // An operator that is not formed may have products beyond the range of T.
    ASSERT_EQ(options.certify.formed_up_to, 0);
    return;
  }
  const Enclosure& e = *found;
  const hunt::WideInduced wide{s.is.rows, s.is.columns, s.is.values, p, q};
  const long double error = std::sqrt(static_cast<long double>(wide.rows * wide.columns)) * s.is.error;
  const auto in_units = [&](double value) { return hunt::wide::times_power(value, -s.is.exponent); };
  // Ends below the least normal double are rounded by that much.
  const long double tiny = hunt::wide::times_power(0x1p-1060L, -s.is.exponent);
  ASSERT_LE(in_units(e.lower.value()), hunt::at_most(wide) * (1 + hunt::kSlack) + error + tiny);
  if (!e.upper) return;
  for (int start = 0; start < 3; ++start) {
    hunt::Wide x;
    for (std::size_t j = 0; j < wide.columns; ++j) x.push_back(grower.pick(2001) - 1000);
    ASSERT_GE(in_units(e.upper->value()), hunt::reached(wide, x) * (1 - hunt::kSlack) - error);
  }
}

template <Real T>
void hunt_trees(std::int64_t count) {
  Context context(1);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    hunt::Grower<T> grower(seed);
    const std::size_t rows = grower.extent();
    const std::size_t columns = grower.extent();
    const hunt::Grown<T> s = grower.tree(rows, columns, grower.pick(4));
    const double p = kExponents[static_cast<std::size_t>(grower.pick(8))];
    const double q = kExponents[static_cast<std::size_t>(grower.pick(8))];
    SCOPED_TRACE(fmt::format("{}, {} -> {}: {}", hunt::rerun(seed), p, q, s.what.substr(0, 2000)));
    ASSERT_NO_THROW(ASSERT_NO_FATAL_FAILURE(expect_sound(grower, s, p, q, context)));
  }
}

TEST(HuntInduced, NoNormOfATreeOfDoublesIsOutsideItsEnclosure) { hunt_trees<double>(hunt::budget(1'000)); }
TEST(HuntInduced, NoNormOfATreeOfFloatsIsOutsideItsEnclosure) { hunt_trees<float>(hunt::budget(1'000) / 2); }

}  // namespace
}  // namespace sigmax
