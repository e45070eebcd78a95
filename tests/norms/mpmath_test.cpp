// Every row of the table on a gallery of matrices that are ill-conditioned, graded, defective or full of ties. The
// values were computed with mpmath 1.4 at 60 digits from the doubles of the same formulas: sums and powers; singular
// values by eigsy of the Gram matrix; induced norms from infinity or to 1 by all signs; of nonnegative matrices by
// Boyd's iteration; the numerical radius of nonnegative matrices as the largest eigenvalue of (A + A^T) / 2.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/norms/norm.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

Tensor matrix(std::int64_t rows, std::int64_t columns, const std::function<double(std::int64_t, std::int64_t)>& entry) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) values.push_back(entry(i, j));
  }
  return Tensor::copy_of(values, {rows, columns});
}

double binomial(std::int64_t n, std::int64_t k) {
  double value = 1;
  for (std::int64_t i = 1; i <= k; ++i) value = value * static_cast<double>(n - k + i) / static_cast<double>(i);
  return value;
}

Tensor named(std::string_view name) {
  using Index = std::int64_t;
  if (name == "hilbert") return matrix(5, 4, [](Index i, Index j) { return 1.0 / static_cast<double>(i + j + 1); });
  if (name == "pascal") return matrix(5, 5, [](Index i, Index j) { return binomial(i + j, i); });
  if (name == "graded") {
    return matrix(4, 6, [](Index i, Index j) {
      return std::ldexp((i + j) % 3 != 0 ? 1.0 : -1.0, -static_cast<int>(37 * i + 11 * j));
    });
  }
  if (name == "frank") {
    return matrix(5, 5, [](Index i, Index j) { return j >= i - 1 ? static_cast<double>(5 - std::max(i, j)) : 0.0; });
  }
  if (name == "jordan") {
    return matrix(5, 5, [](Index i, Index j) { return i == j ? 0.5 : (j == i + 1 ? 10.0 : 0.0); });
  }
  return matrix(3, 5, [](Index i, Index j) { return (i * j + i) % 3 == 0 ? 1.0 : -1.0; });
}

struct Golden {
  const char* matrix;
  const char* ord;
  long double value;
};

const std::vector<Golden>& golden() {
  static const std::vector<Golden> all{{"hilbert", "fro", 1.543731839795137113481901818L},
                                       {"hilbert", "nuc", 1.72859560316640059492702063L},
                                       {"hilbert", "1", 2.283333333333333325931846502L},
                                       {"hilbert", "-1", 0.8845238095238095177297310556L},
                                       {"hilbert", "2", 1.532290033119346447016158468L},
                                       {"hilbert", "-2", 1.710914723781630750063460137e-4L},
                                       {"hilbert", "inf", 2.083333333333333314829616256L},
                                       {"hilbert", "-inf", 0.6345238095238095177297310556L},
                                       {"hilbert", "max", 1.0L},
                                       {"hilbert", "entrywise:1.5", 2.304575316495810094435461427L},
                                       {"hilbert", "schatten:3", 1.533223906742775210905941119L},
                                       {"hilbert", "kyfan:2", 1.719690501065507439716843186L},
                                       {"hilbert", "kyfan:2,1.5", 1.57567558922204570395019603L},
                                       {"hilbert", "mixed:3,1.5", 1.570565957170037282362333955L},
                                       {"hilbert", "mixed:1.5,4,rows", 1.467050524618135120843416376L},
                                       {"hilbert", "induced:1,3", 1.058409278035404598270465888L},
                                       {"hilbert", "induced:inf,1", 5.710714285714285659567579501L},
                                       {"hilbert", "induced:inf,3.5", 2.241714227801545565309652091L},
                                       {"hilbert", "induced:2,1", 3.048414377249179191255001995L},
                                       {"hilbert", "induced:3,3", 1.552613790380097055680687439L},
                                       {"hilbert", "induced:4,2", 2.043646647342881303169904368L},
                                       {"pascal", "fro", 92.46080250571049418464321817L},
                                       {"pascal", "nuc", 99.0L},
                                       {"pascal", "1", 126.0L},
                                       {"pascal", "-1", 5.0L},
                                       {"pascal", "2", 92.29043483015313662006617922L},
                                       {"pascal", "-2", 0.01083535906879571811997931618L},
                                       {"pascal", "inf", 126.0L},
                                       {"pascal", "-inf", 5.0L},
                                       {"pascal", "max", 70.0L},
                                       {"pascal", "entrywise:1.5", 121.7832022561459242924979886L},
                                       {"pascal", "schatten:3", 92.29704711642990116188274196L},
                                       {"pascal", "kyfan:2", 97.80792273946508886572568575L},
                                       {"pascal", "kyfan:2,1.5", 93.18763627033901792209718894L},
                                       {"pascal", "mixed:3,1.5", 95.76162005809876610488551921L},
                                       {"pascal", "mixed:1.5,4,rows", 92.5297968666741997444832096L},
                                       {"pascal", "induced:1,3", 73.02244884115432209314655973L},
                                       {"pascal", "induced:inf,1", 251.0L},
                                       {"pascal", "induced:inf,3.5", 130.7964419978329218377536104L},
                                       {"pascal", "induced:2,1", 149.1676908717165870173031168L},
                                       {"pascal", "induced:3,3", 95.46143107127540704879535031L},
                                       {"pascal", "induced:4,2", 114.1923772479712717320511549L},
                                       {"pascal", "numerical-radius", 92.29043483015313662006617922L},
                                       {"graded", "fro", 1.000000119209310867067584438L},
                                       {"graded", "nuc", 1.000000119209317972494095007L},
                                       {"graded", "1", 1.000000000007275957614236365L},
                                       {"graded", "-1", 2.775557561583086190232884009e-17L},
                                       {"graded", "2", 1.000000119209310867067584438L},
                                       {"graded", "inf", 1.000488519785051294563871238L},
                                       {"graded", "-inf", 3.853741598539383514416402083e-34L},
                                       {"graded", "max", 1.0L},
                                       {"graded", "entrywise:1.5", 1.000007193126821671414606563L},
                                       {"graded", "schatten:3", 1.000000119209310867067584438L},
                                       {"graded", "kyfan:2", 1.000000119209317972494095007L},
                                       {"graded", "kyfan:2,1.5", 1.000000119209310867067983733L},
                                       {"graded", "mixed:3,1.5", 1.000007193126821658330408625L},
                                       {"graded", "mixed:1.5,4,rows", 1.000007193126821658330408625L},
                                       {"graded", "induced:1,3", 1.0L},
                                       {"graded", "induced:inf,1", 1.000488519792323701199998924L},
                                       {"graded", "induced:inf,3.5", 1.000488519785051294563871238L},
                                       {"graded", "induced:2,1", 1.000000119216586822079709689L},
                                       {"frank", "fro", 11.6189500386222506555377962L},
                                       {"frank", "nuc", 17.07711928593024058571339048L},
                                       {"frank", "1", 11.0L},
                                       {"frank", "-1", 5.0L},
                                       {"frank", "2", 10.89561981764980475054075507L},
                                       {"frank", "-2", 0.01682803584728931744917426043L},
                                       {"frank", "inf", 15.0L},
                                       {"frank", "-inf", 2.0L},
                                       {"frank", "max", 5.0L},
                                       {"frank", "entrywise:1.5", 17.95905137857725496317274566L},
                                       {"frank", "schatten:3", 11.033728629320655174981763L},
                                       {"frank", "kyfan:2", 14.41537601972399254486352482L},
                                       {"frank", "kyfan:2,1.5", 12.19149981240621842658299212L},
                                       {"frank", "mixed:3,1.5", 12.39002697426639647937265204L},
                                       {"frank", "mixed:1.5,4,rows", 10.89288438843702552994438929L},
                                       {"frank", "induced:1,3", 5.738793548317167303597350519L},
                                       {"frank", "induced:inf,1", 45.0L},
                                       {"frank", "induced:inf,3.5", 18.21968637069584666691145285L},
                                       {"frank", "induced:2,1", 20.71231517720797913215717634L},
                                       {"frank", "induced:3,3", 11.61650472246495330507707201L},
                                       {"frank", "induced:4,2", 15.728173175195353359405439L},
                                       {"frank", "numerical-radius", 10.61588516120877584859789893L},
                                       {"jordan", "fro", 20.03122562401012945067908585L},
                                       {"jordan", "nuc", 40.0437619129699130641292661L},
                                       {"jordan", "1", 10.5L},
                                       {"jordan", "-1", 0.5L},
                                       {"jordan", "2", 10.41023430476812212580619214L},
                                       {"jordan", "-2", 3.117187500001517498016359343e-6L},
                                       {"jordan", "inf", 10.5L},
                                       {"jordan", "-inf", 0.5L},
                                       {"jordan", "max", 10.0L},
                                       {"jordan", "entrywise:1.5", 25.43264995247507208428913177L},
                                       {"jordan", "schatten:3", 15.90619666281797336770201715L},
                                       {"jordan", "kyfan:2", 20.58022604509967539226666999L},
                                       {"jordan", "kyfan:2,1.5", 16.33509271287735266412610302L},
                                       {"jordan", "mixed:3,1.5", 25.24640255076299898498053261L},
                                       {"jordan", "mixed:1.5,4,rows", 14.24735483299616939228850162L},
                                       {"jordan", "induced:1,3", 10.00041664930676108781142073L},
                                       {"jordan", "induced:inf,1", 42.5L},
                                       {"jordan", "induced:inf,3.5", 15.60296629685927887137622566L},
                                       {"jordan", "induced:2,1", 21.00595153760000466025639566L},
                                       {"jordan", "induced:3,3", 10.42140165574544502567348067L},
                                       {"jordan", "induced:4,2", 14.72759465634559824846166844L},
                                       {"jordan", "numerical-radius", 9.160254037844386467637231708L},
                                       {"signs", "fro", 3.8729833462074168851792654L},
                                       {"signs", "nuc", 5.129688928091523211210706508L},
                                       {"signs", "1", 3.0L},
                                       {"signs", "-1", 3.0L},
                                       {"signs", "2", 3.524830336469835303961189083L},
                                       {"signs", "-2", 0.0L},
                                       {"signs", "inf", 5.0L},
                                       {"signs", "-inf", 5.0L},
                                       {"signs", "max", 1.0L},
                                       {"signs", "entrywise:1.5", 6.082201995573400184898444998L},
                                       {"signs", "schatten:3", 3.632408788847555177049383264L},
                                       {"signs", "kyfan:2", 5.129688928091523211210706508L},
                                       {"signs", "kyfan:2,1.5", 4.214089428382870466657368448L},
                                       {"signs", "mixed:3,1.5", 4.217163326508746214228548757L},
                                       {"signs", "mixed:1.5,4,rows", 3.848223758674077203799591857L},
                                       {"signs", "induced:1,3", 1.442249570307408382321638311L},
                                       {"signs", "induced:inf,1", 13.0L},
                                       {"signs", "induced:inf,3.5", 6.236595941817483089571767353L},
                                       {"signs", "induced:2,1", 6.082762530298219688999684245L}};
  return all;
}

TEST(Mpmath, HasAValueForEveryRow) {
  std::set<std::string_view> seen;
  for (const Golden& each : golden()) seen.insert(row_of(parse_norm(each.ord)).spelling);
  for (const Row& row : rows()) EXPECT_TRUE(seen.contains(row.spelling)) << row.spelling;
}

TEST(Mpmath, EveryEnclosureContainsItsValue) {
  Context context(1);
  for (const Golden& each : golden()) {
    const NormResult found = norm(named(each.matrix), parse_norm(each.ord), repeatable<NormOptions>(), context);
    const std::string what = std::string(each.matrix) + " " + each.ord;
    ASSERT_EQ(found.kind(), Known::proven) << what;
    ASSERT_TRUE(found.enclosure->upper) << what;
    // The typed digits, rounded to long double.
    const long double slack = 4 * std::numeric_limits<long double>::epsilon() * each.value;
    EXPECT_LE(found.enclosure->lower.value(), each.value + slack) << what;
    EXPECT_GE(found.enclosure->upper->value(), each.value - slack) << what;
    // Semidefinite bounds lose a factor of at most K_G or sqrt(pi / 2); the other ends meet to the root of rounding
    // relative to sigma_1.
    const bool is_hard = row_of(simplified(parse_norm(each.ord))).family == Family::induced;
    const Tensor a = named(each.matrix);
    const auto all = static_cast<double>(std::min(a.shape()[0], a.shape()[1]));
    const double root = std::sqrt(tolerance::relative(a.shape()[0] + a.shape()[1], 1, all, 64));
    const double allowed = all * norm(a, Frobenius{}, context).value * root;
    const double width = found.enclosure->upper->value() - found.enclosure->lower.value();
    EXPECT_LE(width, is_hard ? 0.8 * static_cast<double>(each.value) : allowed) << what;
  }
}

}  // namespace
}  // namespace sigmax::norms
