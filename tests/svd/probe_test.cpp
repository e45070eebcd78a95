// When a process looks for missed copies of a value, and how it judges what it finds.
#include "sigmax/svd/krylov/probe.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sigmax {
namespace {

// Values (3, 2) with residuals close to rounding, found from two vectors after 30 products.
Probe begun() {
  Probe probe(true);
  probe.begin(std::vector<double>{3, 2, 1}, std::vector<double>{1e-8, 1e-8, 0.1}, 2, 30, 3);
  return probe;
}

TEST(Probe, IsDueWhereTheStepsLeftAreNoMoreThanItTakes) {
  const Probe wanted(true);
  EXPECT_FALSE(wanted.is_due(30, 2, 3.5));
  EXPECT_TRUE(wanted.is_due(30, 2, 3));
  EXPECT_FALSE(Probe(false).is_due(30, 2, 0));
  EXPECT_FALSE(begun().is_due(30, 2, 0)) << "it is running";
}

TEST(Probe, RunsForSomeSteps) {
  const Probe probe = begun();
  EXPECT_TRUE(probe.running(38));
  EXPECT_FALSE(probe.running(39));  // three steps of three vectors
}

TEST(Probe, PassesValuesThatStayed) {
  const std::vector<double> residual{1e-9, 1e-9, 0.1};
  EXPECT_EQ(begun().verdict(std::vector<double>{3, 2, 1.1}, residual, 39, 1e-12, 0), Probe::Verdict::passed);
  EXPECT_EQ(Probe(false).verdict(std::vector<double>{3, 2, 1.1}, residual, 39, 1e-12, 0), Probe::Verdict::passed);
}

TEST(Probe, AsksForAnotherVectorWhereAValueRose) {
  const std::vector<double> residual{1e-9, 1e-9, 1e-9};
  // A second copy of 3 appeared.
  EXPECT_EQ(begun().verdict(std::vector<double>{3, 3, 2}, residual, 39, 1e-12, 0), Probe::Verdict::another);
  EXPECT_EQ(Probe(true).verdict(std::vector<double>{3, 2, 1}, residual, 39, 1e-12, 0), Probe::Verdict::another)
      << "it has not begun";
}

TEST(Probe, GoesOnWhileAValueBehindMayRiseAboveTheLast) {
  Probe probe = begun();
  EXPECT_EQ(probe.verdict(std::vector<double>{3, 2, 1.9}, std::vector<double>{1e-9, 1e-9, 0.2}, 39, 1e-12, 0),
            Probe::Verdict::go_on);
  EXPECT_TRUE(probe.running(47));
  // No longer than three times as many steps.
  EXPECT_EQ(probe.verdict(std::vector<double>{3, 2, 1.9}, std::vector<double>{1e-9, 1e-9, 0.2}, 57, 1e-12, 0),
            Probe::Verdict::passed);
}

}  // namespace
}  // namespace sigmax
