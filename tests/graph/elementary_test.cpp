#include "sigmax/graph/scalar/elementary.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace sigmax::graph {
namespace {

/// f(x) = head + tail to twice the digits of double, by mpmath 1.3.0 with 60 digits: head = float(v), tail = float(v -
/// head).
struct Golden {
  std::string name;
  Interval (*function)(const Interval&);
  double x;
  double head;
  double tail;
};

const std::vector<Golden> kGolden = {
    {"exponential", exponential, -0x1.74c0000000000p+9, 0x0.0p+0, 0x0.0p+0},
    {"exponential", exponential, -0x1.5e20000000000p+9, 0x1.af5fe9a485c8ep-1011, 0x0.00000000002b8p-1022},
    {"exponential", exponential, -0x1.4200000000000p+4, 0x1.f3fe0cb68b20cp-30, 0x1.5b7a02c1b9a61p-85},
    {"exponential", exponential, -0x1.5555555555555p-2, 0x1.6edd3122f2ea5p-1, -0x1.034de3382e25cp-57},
    {"exponential", exponential, 0x1.b7cdfd9d7bdbbp-34, 0x1.000000006df38p+0, -0x1.3112d8e5e6d4cp-57},
    {"exponential", exponential, 0x1.6666666666666p-2, 0x1.6b4802c805decp+0, 0x1.b4d745fdfd640p-54},
    {"exponential", exponential, 0x1.4000000000000p+1, 0x1.85d6fd931e0bbp+3, 0x1.d4dec34de84a0p-53},
    {"exponential", exponential, 0x1.9300000000000p+6, 0x1.46a1f7e259074p+145, 0x1.c6e2ca683df54p+91},
    {"exponential", exponential, 0x1.62d999999999ap+9, 0x1.d75ae7a50ee14p+1023, -0x1.a7242fe782b54p+968},
    {"exponential_minus_1", exponential_minus_1, -0x1.4400000000000p+5, -0x1.0000000000000p+0, 0x1.7c432199df55ap-59},
    {"exponential_minus_1", exponential_minus_1, -0x1.0000000000000p-1, -0x1.92e9a0720d3ecp-2, -0x1.85314b9559e64p-61},
    {"exponential_minus_1", exponential_minus_1, -0x1.51eb851eb851fp-2, -0x1.1fd274f25ddaep-2, -0x1.c825153aab6d3p-57},
    {"exponential_minus_1", exponential_minus_1, -0x1.19799812dea11p-40, -0x1.19799812de065p-40,
     -0x1.eb32bbc37d24ap-96},
    {"exponential_minus_1", exponential_minus_1, 0x1.56e1fc2f8f359p-997, 0x1.56e1fc2f8f359p-997, 0x0.0p+0},
    {"exponential_minus_1", exponential_minus_1, 0x1.999999999999ap-3, 0x1.c56ecf2c56468p-3, -0x1.08ebb6f671685p-57},
    {"exponential_minus_1", exponential_minus_1, 0x1.6666666666666p-2, 0x1.ad200b20177b2p-2, -0x1.2ca2e8080a702p-56},
    {"exponential_minus_1", exponential_minus_1, 0x1.8000000000000p+1, 0x1.315e5bf6fb106p+4, -0x1.a568407591768p-53},
    {"exponential_minus_1", exponential_minus_1, 0x1.2c80000000000p+8, 0x1.719c25b8f5b4ap+433, 0x1.cb1412eb93c85p+373},
    {"logarithm", logarithm, 0x0.0000000000001p-1022, -0x1.74385446d71c3p+9, -0x1.8e569fa8ee781p-45},
    {"logarithm", logarithm, 0x1.56e1fc2f8f359p-997, -0x1.5963447f87fb5p+9, -0x1.aa670d35324e6p-46},
    {"logarithm", logarithm, 0x1.999999999999ap-4, -0x1.26bb1bbb55515p+1, -0x1.8b752b6b15c17p-53},
    {"logarithm", logarithm, 0x1.666516db0dd83p-1, -0x1.6d3ff102889d4p-2, 0x1.758a3a0c9e6a8p-56},
    {"logarithm", logarithm, 0x1.fffeb074a771dp-1, -0x1.4f8bc681df714p-17, -0x1.a667e01d4cd6ap-71},
    {"logarithm", logarithm, 0x1.0000a7c5ac472p+0, 0x1.4f8aea9af0a25p-17, 0x1.e3bc61590413bp-71},
    {"logarithm", logarithm, 0x1.6666666666666p+0, 0x1.588c2d913348fp-2, -0x1.fb3207a09005ep-56},
    {"logarithm", logarithm, 0x1.8000000000000p+0, 0x1.9f323ecbf984cp-2, -0x1.a92e513217f5cp-59},
    {"logarithm", logarithm, 0x1.8000000000000p+1, 0x1.193ea7aad030bp+0, -0x1.a256f99caabebp-54},
    {"logarithm", logarithm, 0x1.2a05f20000000p+33, 0x1.7069e2aa2aa5bp+4, -0x1.c6b626e89338fp-52},
    {"logarithm", logarithm, 0x1.e42d130773b76p+1023, 0x1.62dd08fdc6f88p+9, 0x1.16a687db2877dp-45},
    {"logarithm_of_1_plus", logarithm_of_1_plus, -0x1.ff7ced916872bp-1, -0x1.ba18a998fff9fp+2, -0x1.112fc120a0a2ap-52},
    {"logarithm_of_1_plus", logarithm_of_1_plus, -0x1.3333333333333p-2, -0x1.6d3c324e13f4ep-2, -0x1.f0207d9d4c9c1p-56},
    {"logarithm_of_1_plus", logarithm_of_1_plus, -0x1.1eb851eb851ecp-2, -0x1.50635ec0fdd69p-2, 0x1.1d50f9b2d6aa1p-57},
    {"logarithm_of_1_plus", logarithm_of_1_plus, -0x1.12e0be826d695p-30, -0x1.12e0be84bbb51p-30, 0x1.6fc755c3dd59ap-84},
    {"logarithm_of_1_plus", logarithm_of_1_plus, 0x1.2725dd1d243acp-60, 0x1.2725dd1d243acp-60, -0x1.54484932d2e73p-121},
    {"logarithm_of_1_plus", logarithm_of_1_plus, 0x1.3333333333333p-2, 0x1.0ca937be1b9dcp-2, -0x1.28637a1723644p-56},
    {"logarithm_of_1_plus", logarithm_of_1_plus, 0x1.ae147ae147ae1p-2, 0x1.6712984ec8f15p-2, 0x1.9653f7a34f026p-56},
    {"logarithm_of_1_plus", logarithm_of_1_plus, 0x1.4000000000000p+2, 0x1.cab0bfa2a2002p+0, 0x1.9136fea076849p-55},
    {"logarithm_of_1_plus", logarithm_of_1_plus, 0x1.5af1d78b58c40p+66, 0x1.7069e2aa2aa5bp+5, -0x1.c6b4ad1e826fdp-51},
    {"hyperbolic_tangent", hyperbolic_tangent, -0x1.9000000000000p+4, -0x1.0000000000000p+0, 0x1.d257d547e083fp-72},
    {"hyperbolic_tangent", hyperbolic_tangent, -0x1.c000000000000p+1, -0x1.ff112c63a9077p-1, -0x1.dd386dfa2fce9p-56},
    {"hyperbolic_tangent", hyperbolic_tangent, -0x1.999999999999ap-3, -0x1.9439830b3a590p-3, -0x1.d36cd7db1294dp-58},
    {"hyperbolic_tangent", hyperbolic_tangent, -0x1.12e0be826d695p-30, -0x1.12e0be826d695p-30, 0x1.a68cd9e985016p-92},
    {"hyperbolic_tangent", hyperbolic_tangent, 0x1.999999999999ap-4, 0x1.983d7795f413ap-4, 0x1.0562af1da747bp-58},
    {"hyperbolic_tangent", hyperbolic_tangent, 0x1.47ae147ae147bp-3, 0x1.44e981cc22f75p-3, 0x1.b5ed6bfd2bd99p-57},
    {"hyperbolic_tangent", hyperbolic_tangent, 0x1.70a3d70a3d70ap-3, 0x1.6cb5a984db976p-3, -0x1.98660c2908b11p-57},
    {"hyperbolic_tangent", hyperbolic_tangent, 0x1.0000000000000p-1, 0x1.d9353d7568af3p-2, 0x1.944a3b887196cp-56},
    {"hyperbolic_tangent", hyperbolic_tangent, 0x1.0000000000000p+0, 0x1.85efab514f394p-1, 0x1.5618caf8a4f11p-55},
    {"hyperbolic_tangent", hyperbolic_tangent, 0x1.e000000000000p+3, 0x1.ffffffffff96ap-1, 0x1.1f3d538340ee1p-55},
    {"sigmoid", sigmoid, -0x1.7200000000000p+9, 0x0.0000000000055p-1022, -0x0.0p+0},
    {"sigmoid", sigmoid, -0x1.9400000000000p+5, 0x1.1ad9f47f3722ap-73, 0x1.d3919cfe1c431p-129},
    {"sigmoid", sigmoid, -0x1.8000000000000p+1, 0x1.848343c905445p-5, -0x1.a76ea8d718ee6p-63},
    {"sigmoid", sigmoid, -0x1.999999999999ap-4, 0x1.e66bdb1aca090p-2, 0x1.ceb94e42d87dcp-56},
    {"sigmoid", sigmoid, 0x1.6666666666666p-1, 0x1.561cb52a19475p-1, 0x1.b06a8ec95049ap-55},
    {"sigmoid", sigmoid, 0x1.4000000000000p+2, 0x1.fc92c130538e1p-1, -0x1.c47c0e1b448e9p-57},
    {"sigmoid", sigmoid, 0x1.2000000000000p+5, 0x1.ffffffffffffep-1, -0x1.6d875fbbc0c4dp-57},
    {"softplus", softplus, -0x1.7200000000000p+9, 0x0.0000000000055p-1022, -0x0.0p+0},
    {"softplus", softplus, -0x1.e000000000000p+4, 0x1.a56e0c2ac7e1ap-44, -0x1.903a96333ae9cp-101},
    {"softplus", softplus, -0x1.0000000000000p+0, 0x1.40c7abfbec124p-2, 0x1.d0189442c189fp-56},
    {"softplus", softplus, -0x1.4f8b588e368f1p-17, 0x1.62e3882a12d4bp-1, 0x1.fa78c1cd49951p-55},
    {"softplus", softplus, 0x1.0000000000000p-1, 0x1.f2ba37edae032p-1, -0x1.9775b0d9bffcfp-58},
    {"softplus", softplus, 0x1.8000000000000p+1, 0x1.86381c3f0115cp+1, 0x1.2aac622d89742p-58},
    {"softplus", softplus, 0x1.4000000000000p+5, 0x1.4000000000000p+5, 0x1.39792499b1a24p-58},
    {"error_function", error_function, -0x1.6000000000000p+2, -0x1.fffffffffffbep-1, 0x1.182b326b228dcp-55},
    {"error_function", error_function, -0x1.0000000000000p+1, -0x1.fd9ae142795e3p-1, -0x1.972801904b9a3p-56},
    {"error_function", error_function, -0x1.5798ee2308c3ap-27, -0x1.83b547fb79514p-27, 0x1.6bee1adf2f8f6p-81},
    {"error_function", error_function, 0x1.56e1fc2f8f359p-997, 0x1.82e6d98711d3ap-997, -0x0.00000002e31bbp-1022},
    {"error_function", error_function, 0x1.999999999999ap-4, 0x1.cca5ea24fb334p-4, 0x1.112c8facdc19cp-60},
    {"error_function", error_function, 0x1.0000000000000p-1, 0x1.0a7ef5c18edd2p-1, 0x1.5e809f1a31a28p-56},
    {"error_function", error_function, 0x1.0000000000000p+0, 0x1.af767a741088bp-1, -0x1.c97f778122797p-56},
    {"error_function", error_function, 0x1.e666666666666p+0, 0x1.fc4f06f2b1c89p-1, -0x1.8a198f3f94faap-55},
    {"error_function", error_function, 0x1.8000000000000p+1, 0x1.fffd1ac4135f9p-1, 0x1.eeafa1ecd6cefp-55},
    {"error_function", error_function, 0x1.2000000000000p+2, 0x1.fffffffe4fa30p-1, 0x1.d166bcb681c7bp-57},
    {"error_function", error_function, 0x1.7f5c28f5c28f6p+2, 0x1.0000000000000p+0, -0x1.c043a7a1be00fp-56},
    {"error_function", error_function, 0x1.a000000000000p+2, 0x1.0000000000000p+0, -0x1.6ae172414cebap-65},
    {"sine", sine, -0x1.e848100000000p+18, 0x1.2376496ab642dp-4, 0x1.2c8d4dbc00594p-58},
    {"sine", sine, -0x1.921fb54442d18p+1, -0x1.1a62633145c07p-53, 0x1.f1976b7ed8fbdp-109},
    {"sine", sine, 0x1.999999999999ap-4, 0x1.98eaecb8bcb2cp-4, 0x1.c687ae84515ddp-59},
    {"sine", sine, 0x1.921fb54442d18p-1, 0x1.6a09e667f3bccp-1, 0x1.7a7fb8d4bd43fp-55},
    {"sine", sine, 0x1.0000000000000p+0, 0x1.aed548f090ceep-1, 0x1.06374f484e288p-59},
    {"sine", sine, 0x1.0000000000000p+1, 0x1.d18f6ead1b446p-1, -0x1.02a3dbf3bffb2p-56},
    {"sine", sine, 0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53, -0x1.f1976b7ed8fbdp-109},
    {"sine", sine, 0x1.9000000000000p+6, -0x1.03425b78c4db8p-1, -0x1.c23d8557420fbp-59},
    {"sine", sine, 0x1.6300000000000p+8, -0x1.f9bd0307d1de3p-16, 0x1.894874d2528d2p-70},
    {"sine", sine, 0x1.febe200000000p+18, 0x1.5224d641558c5p-1, 0x1.0d6f4aabf41e6p-56},
    {"cosine", cosine, -0x1.e848100000000p+18, -0x1.feb3be0fa98b3p-1, 0x1.488b843df4aeep-55},
    {"cosine", cosine, -0x1.921fb54442d18p+1, -0x1.0000000000000p+0, 0x1.377ce858a5d48p-107},
    {"cosine", cosine, 0x1.999999999999ap-4, 0x1.fd712f9a817c1p-1, -0x1.fb7ab33ee2672p-55},
    {"cosine", cosine, 0x1.921fb54442d18p-1, 0x1.6a09e667f3bcdp-1, -0x1.ec4c7696139d5p-56},
    {"cosine", cosine, 0x1.0000000000000p+0, 0x1.14a280fb5068cp-1, -0x1.b71edcc9344bcp-55},
    {"cosine", cosine, 0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110},
    {"cosine", cosine, 0x1.0000000000000p+1, -0x1.aa22657537205p-2, 0x1.6f3341d4d1235p-56},
    {"cosine", cosine, 0x1.9000000000000p+6, 0x1.b981dbf665fdfp-1, 0x1.8fd0cdcd985e8p-55},
    {"cosine", cosine, 0x1.6300000000000p+8, -0x1.fffffffc18e4cp-1, 0x1.862265016699cp-57},
    {"cosine", cosine, 0x1.febe200000000p+18, 0x1.8073804601bedp-1, 0x1.e6262d3809b18p-57},
    {"arctangent", arctangent, -0x1.2a05f20000000p+33, -0x1.921fb543d4de0p+0, -0x1.408aa5768deb7p-54},
    {"arctangent", arctangent, -0x1.4000000000000p+2, -0x1.5f97315254857p+0, 0x1.31151a43b51cap-55},
    {"arctangent", arctangent, -0x1.0000000000000p+0, -0x1.921fb54442d18p-1, -0x1.1a62633145c07p-55},
    {"arctangent", arctangent, -0x1.3333333333333p-2, -0x1.2a73a661eaf06p-2, 0x1.2f6c1b5c5f02cp-56},
    {"arctangent", arctangent, 0x1.12e0be826d695p-30, 0x1.12e0be826d695p-30, -0x1.a68cd9e985016p-92},
    {"arctangent", arctangent, 0x1.999999999999ap-3, 0x1.94441f8f7260cp-3, -0x1.bd7fbfba49d93p-58},
    {"arctangent", arctangent, 0x1.a827997709f7ap-2, 0x1.921fb521764bfp-2, 0x1.908616a1edb4ep-63},
    {"arctangent", arctangent, 0x1.fae147ae147aep-1, 0x1.8f8d0f7321467p-1, 0x1.3b2c0f753e4bep-55},
    {"arctangent", arctangent, 0x1.028f5c28f5c29p+0, 0x1.94abcd5ca9acfp-1, 0x1.f92791b513fcbp-55},
    {"arctangent", arctangent, 0x1.8000000000000p+1, 0x1.3fc176b7a8560p+0, -0x1.441a3bd3f1083p-59},
    {"arctangent", arctangent, 0x1.7e43c8800759cp+996, 0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54},
};

TEST(Elementary, EnclosesGoldenValues) {
  for (const Golden& each : kGolden) {
    const Interval found = each.function(point(each.x));
    // Exact: ends within a factor of 2 of the head, or equal to it.
    EXPECT_LE(found.least - each.head, each.tail) << fmt::format("{}({:a})", each.name, each.x);
    EXPECT_GE(found.greatest - each.head, each.tail) << fmt::format("{}({:a})", each.name, each.x);
  }
}

// 2^-45 |f(x)|: the widest, erf and the functions at places where they are nearly 0, have 100 units in the last place.
TEST(Elementary, IsNarrowAtPoints) {
  for (const Golden& each : kGolden) {
    const Interval found = each.function(point(each.x));
    const double allowed = 0x1p-45 * std::fabs(each.head) + 0x1p-1070;
    EXPECT_LE(width(found), allowed) << fmt::format("{}({:a}) in [{:a}, {:a}]", each.name, each.x, found.least,
                                                    found.greatest);
  }
}

TEST(Elementary, IsExactWhereTheFunctionIs) {
  EXPECT_EQ(exponential(point(0)), point(1));
  EXPECT_EQ(exponential_minus_1(point(0)), point(0));
  EXPECT_EQ(logarithm(point(1)), point(0));
  EXPECT_EQ(hyperbolic_tangent(point(0)), point(0));
  EXPECT_EQ(sigmoid(point(0)), point(0.5));
  EXPECT_EQ(error_function(point(0)), point(0));
  EXPECT_EQ(power(point(3), 3), point(27));
  EXPECT_EQ(power({-2, 3}, 2), (Interval{0, 9}));
  EXPECT_EQ(square_root({4, 9}), (Interval{2, 3}));
  EXPECT_EQ(point(1) / point(4), point(0.25));
}

TEST(Elementary, HasInfiniteEndsWhereTheFunctionGrows) {
  EXPECT_EQ(exponential({-kInfinity, 0}), (Interval{0, 1}));
  EXPECT_EQ(exponential({0, 1000}).greatest, kInfinity);
  EXPECT_EQ(softplus({0, kInfinity}).greatest, kInfinity);
  EXPECT_EQ(sigmoid({-kInfinity, kInfinity}), (Interval{0, 1}));
  EXPECT_EQ(error_function({-kInfinity, kInfinity}), (Interval{-1, 1}));
  EXPECT_EQ(hyperbolic_tangent({-kInfinity, kInfinity}), (Interval{-1, 1}));
  EXPECT_EQ(logarithm({-1, 1}), kAllNumbers);
  EXPECT_EQ(power({-1, 1}, -1), kAllNumbers);
  EXPECT_EQ(power({-1, 1}, 0.5), kAllNumbers);
}

/// The functions in long double, each with an error of a few of its units.
struct Reference {
  std::string name;
  Interval (*function)(const Interval&);
  long double (*value)(long double);
  double least;
  double greatest;
};

const std::vector<Reference> kReferences = {
    {"exp", exponential, [](long double x) { return std::exp(x); }, -50, 50},
    {"expm1", exponential_minus_1, [](long double x) { return std::expm1(x); }, -2, 2},
    {"log", logarithm, [](long double x) { return std::log(x); }, 0x1p-30, 100},
    {"log1p", logarithm_of_1_plus, [](long double x) { return std::log1p(x); }, -0.99, 3},
    {"tanh", hyperbolic_tangent, [](long double x) { return std::tanh(x); }, -8, 8},
    {"sigmoid", sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, -40, 40},
    {"softplus", softplus, [](long double x) { return std::log1p(std::exp(x)); }, -40, 40},
    {"erf", error_function, [](long double x) { return std::erf(x); }, -7, 7},
    {"sin", sine, [](long double x) { return std::sin(x); }, -1000, 1000},
    {"cos", cosine, [](long double x) { return std::cos(x); }, -1000, 1000},
    {"atan", arctangent, [](long double x) { return std::atan(x); }, -20, 20},
    {"square", square, [](long double x) { return x * x; }, -20, 20},
};

TEST(Elementary, EnclosesRandomPointsAndIntervals) {
  std::mt19937_64 generator(11);
  for (const Reference& each : kReferences) {
    std::uniform_real_distribution<double> anywhere(each.least, each.greatest);
    for (int i = 0; i < 2000; ++i) {
      const double a = anywhere(generator);
      double b = i % 2 == 0 ? a : anywhere(generator);
      if (i % 4 == 3) b = a + 0.3 * (b - a) / (each.greatest - each.least);
      const Interval place{std::min(a, b), std::max(a, b)};
      const Interval found = each.function(place);
      for (int sample = 0; sample < (i % 2 == 0 ? 1 : 4); ++sample) {
        const double share = std::uniform_real_distribution<double>(0, 1)(generator);
        const double x = std::clamp(place.least + share * (place.greatest - place.least), place.least, place.greatest);
        const long double value = each.value(x);
        const long double margin = 8 * std::numeric_limits<long double>::epsilon() * (std::fabs(value) + 1e-19L);
        ASSERT_LE(found.least, value + margin) << fmt::format("{}({:a}) of [{:a}, {:a}]", each.name, x, a, b);
        ASSERT_GE(found.greatest, value - margin) << fmt::format("{}({:a}) of [{:a}, {:a}]", each.name, x, a, b);
      }
    }
  }
}

TEST(Elementary, OperationsEncloseExactResults) {
  std::mt19937_64 generator(12);
  std::uniform_int_distribution<int> exponents(-3, 3);
  std::normal_distribution<double> normal;
  for (int i = 0; i < 20000; ++i) {
    const double a = std::ldexp(normal(generator), exponents(generator) * (i % 3 == 0 ? 300 : 1));
    const double b = std::ldexp(normal(generator), exponents(generator));
    const auto holds = [&](const Interval& found, long double value, const char* what) {
      // The long double has 11 bits more: within them the exact result is not decided.
      const long double margin = std::numeric_limits<long double>::epsilon() * std::fabs(value);
      EXPECT_LE(found.least, value + margin) << fmt::format("{:a} {} {:a}", a, what, b);
      EXPECT_GE(found.greatest, value - margin) << fmt::format("{:a} {} {:a}", a, what, b);
      EXPECT_LE(found.greatest, std::nextafter(std::max(found.least, -1e308), kInfinity));
    };
    holds(point(a) + point(b), static_cast<long double>(a) + b, "+");
    holds(point(a) - point(b), static_cast<long double>(a) - b, "-");
    const Interval product = point(a) * point(b);
    EXPECT_LE(product.least, static_cast<long double>(a) * b);
    EXPECT_GE(product.greatest, static_cast<long double>(a) * b);
    const Interval quotient = point(a) / point(b);
    EXPECT_LE(quotient.least, static_cast<long double>(a) / b * (a / b > 0 ? 1 + 0x1p-60L : 1 - 0x1p-60L));
    EXPECT_GE(quotient.greatest, static_cast<long double>(a) / b * (a / b > 0 ? 1 - 0x1p-60L : 1 + 0x1p-60L));
  }
}

}  // namespace
}  // namespace sigmax::graph
