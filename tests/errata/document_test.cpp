// docs/errata.md: each group has its statements, and tests of its name.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace sigmax::errata {
namespace {

std::string text_of(const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(SIGMAX_SOURCE_FOLDER) / name;
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The sections whose statements each group corrects.
struct Group {
  int number;
  std::vector<std::string> sections;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> all{{1, {"2.1", "4.5"}},  {2, {"3.2, 9.1", "3.3"}},
                                      {3, {"3.4", "3.5"}},  {4, {"4.2"}},
                                      {5, {"4.4"}},         {6, {"5.1"}},
                                      {7, {"5.2", "5.3"}},  {8, {"6.1", "6.2"}},
                                      {9, {"7.1", "7.2"}},  {10, {"7.3"}},
                                      {11, {"7.4", "7.5"}}, {12, {"8.2", "8.3", "8.4"}},
                                      {13, {"9.1", "9.3"}}, {14, {"1.4", "9.5", "9.7"}}};
  return all;
}

TEST(ErrataDocument, HasEveryStatementInItsGroup) {
  const std::string document = text_of("docs/errata.md");
  for (const Group& group : groups()) {
    const std::size_t begin = document.find("\n## " + std::to_string(group.number) + ". ");
    ASSERT_NE(begin, std::string::npos) << group.number;
    const std::string section = document.substr(begin, document.find("\n## ", begin + 4) - begin);
    for (const std::string& of : group.sections) {
      EXPECT_NE(section.find("\n- **" + of + ":"), std::string::npos) << group.number << ": " << of;
    }
  }
}

TEST(ErrataDocument, HasTestsForEachGroup) {
  std::string tests;
  for (const char* const name : {"norms_test.cpp", "conditioning_test.cpp", "learning_test.cpp"}) {
    tests += text_of("tests/errata/" + std::string(name));
  }
  for (const Group& group : groups()) {
    EXPECT_NE(tests.find("TEST(Errata" + std::to_string(group.number) + ","), std::string::npos) << group.number;
  }
}

// A year has no counterexample to compute. The documents must agree on it.
TEST(ErrataDocument, DatesCandesAndRechtAsTheOtherDocumentsDo) {
  const std::string document = text_of("docs/errata.md");
  const std::size_t at = document.find("**1.4:");
  ASSERT_NE(at, std::string::npos);
  EXPECT_NE(document.find("is of 2009", at), std::string::npos);
  const std::string other = text_of("docs/recovery.md");
  const std::size_t cited = other.find("Candes and Recht, Found. Comput. Math. 9,");
  ASSERT_NE(cited, std::string::npos);
  EXPECT_EQ(other.substr(other.find_first_of("0123456789", cited + 41), 4), "2009");
}

}  // namespace
}  // namespace sigmax::errata
