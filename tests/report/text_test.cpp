#include "sigmax/report/text.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sigmax::report {
namespace {

TEST(Visible, ControlCharactersAndEscapeSequencesAreSpelledOut) {
  EXPECT_EQ(visible("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(visible("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(visible(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(visible("\x7f"), "\\x7f");
  EXPECT_EQ(visible("\xc2\x9b"), "\\u{9b}") << "the one-character CSI";
}

TEST(Visible, InvisibleAndDirectionChangingCharactersAreSpelledOut) {
  EXPECT_EQ(visible("a\u202eb"), "a\\u{202e}b");
  EXPECT_EQ(visible("a\u200bb"), "a\\u{200b}b");
  EXPECT_EQ(visible("\ufeff"), "\\u{feff}");
}

TEST(Visible, InvalidUtf8IsSpelledOutByteByByte) {
  EXPECT_EQ(visible("a\xff"), "a\\xff");
  EXPECT_EQ(visible("\xc3"), "\\xc3") << "cut short";
  EXPECT_EQ(visible("\xc0\x80"), "\\xc0\\x80") << "overlong";
  EXPECT_EQ(visible("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(visible("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "above U+10FFFF";
}

TEST(Visible, OtherTextStaysUnlessOnlyAsciiIsWanted) {
  EXPECT_EQ(visible("层.é"), "层.é");
  EXPECT_EQ(visible("层.é", false), "\\u{5c42}.\\u{e9}");
}

TEST(ValidUtf8, KeepsControlCharactersAndReplacesInvalidBytesAlone) {
  EXPECT_EQ(utf8_or_hex("a\n层"), "a\n层");
  EXPECT_EQ(utf8_or_hex("a\xff"), "a\\xff");
}

TEST(DisplayWidth, CountsColumnsOfATerminal) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("é"), 1u);
  EXPECT_EQ(display_width("e\u0301"), 1u) << "a combining accent";
  EXPECT_EQ(display_width("层"), 2u);
  EXPECT_EQ(display_width("🙂"), 2u);
  EXPECT_EQ(display_width("✓†≥…"), 4u);
}

TEST(NameInSentence, IsVisibleAndNoLongerThanALineOrTwo) {
  EXPECT_EQ(name_in_sentence("encoder.layer.11.attention.self.query.weight"),
            "encoder.layer.11.attention.self.query.weight");
  EXPECT_EQ(name_in_sentence("a\x1b[31m"), "a\\x1b[31m");
  EXPECT_EQ(name_in_sentence("层", false), "\\u{5c42}");
  for (const std::string& unit : {std::string("x"), std::string("a."), std::string("层"), std::string("\n")}) {
    std::string name;
    for (int i = 0; i < 40000; ++i) name += unit;
    EXPECT_LE(display_width(name_in_sentence(name)), 120u);
    EXPECT_GE(display_width(name_in_sentence(name + "weight")), 6u);
  }
}

TEST(Shorten, NeverExceedsTheWidthAndKeepsWhatFits) {
  const std::vector<std::string> names = {"a",
                                          "encoder.layer.11.attention.self.query.weight",
                                          "onnx::MatMul_1234567890123456789",
                                          "层.层.层.层.层.层.层.层.层.weight",
                                          "/model/layer.3/attention/MatMul_weight",
                                          "..........",
                                          ""};
  for (const bool unicode : {true, false}) {
    for (const std::string& name : names) {
      for (std::size_t width = 1; width < 60; ++width) {
        const std::string shortened = shorten(name, width, glyphs(unicode));
        EXPECT_LE(display_width(shortened), width) << name;
        if (display_width(name) <= width) {
          EXPECT_EQ(shortened, name);
        }
      }
    }
  }
}

TEST(Shorten, KeepsTheEndAndTheNumberOfTheLayer) {
  EXPECT_EQ(shorten("encoder.layer.3.attention.self.query.weight", 24, glyphs(true)), "…3…self.query.weight");
  EXPECT_EQ(shorten("onnx::MatMul_1234567890", 12, glyphs(true)), "onn…34567890");
}

TEST(Shorten, NamesOfOneTableStayDistinct) {
  std::vector<std::string> names;
  for (const char* tower : {"vision", "text"}) {
    for (int layer = 0; layer < 12; ++layer) {
      for (const char* part : {"self.query", "self.key", "self.value", "output.dense"}) {
        names.push_back(std::string(tower) + ".encoder.layer." + std::to_string(layer) + ".attention." + part +
                        ".weight");
      }
    }
  }
  const std::vector<std::string> shortened = shorten_all(names, 30, glyphs(true));
  EXPECT_EQ(std::set<std::string>(shortened.begin(), shortened.end()).size(), names.size());
}

TEST(Shorten, BranchesThatAnExporterWroteIntoTheFirstComponentStayDistinct) {
  std::vector<std::string> names;
  for (const char* branch : {"then", "else"}) {
    for (int layer = 0; layer < 4; ++layer) {
      names.push_back("If_0_" + std::string(branch) + "_branch__Inline_0__encoder." + std::to_string(layer) +
                      ".reparam_conv.weight");
    }
  }
  const std::vector<std::string> shortened = shorten_all(names, 30, glyphs(true));
  EXPECT_EQ(shortened[5], "If_0_els…1.reparam_conv.weight");
  EXPECT_EQ(std::set<std::string>(shortened.begin(), shortened.end()).size(), names.size());
}

TEST(Shorten, AndWrapTakeTimeInProportionToTheName) {
  std::string name;
  for (int i = 0; i < 500000; ++i) name += "a.";
  EXPECT_LE(display_width(shorten_all({name, name + "b"}, 40, glyphs(true))[0]), 40u);
  EXPECT_EQ(wrap(name, 100).size(), 10000u);
}

TEST(ShortenFile, TheNumberOfAShardStays) {
  const struct {
    const char* name;
    std::size_t width;
    const char* expected;
  } cases[] = {
      {"model.safetensors", 24, "model.safetensors"},
      {"model-00001-of-00002.safetensors", 24, "model-00001-of-00002"},
      {"model-00001-of-00002.safetensors", 17, "m…-00001-of-00002"},
      {"diffusion_pytorch_model-00002-of-00003.safetensors", 24, "diffusio…-00002-of-00003"},
      {"pytorch_model-00033-of-00033.bin", 20, "pyto…-00033-of-00033"},
      {"consolidated.00.pth", 18, "consolidated.00"},
      {"layer_06-model_states-of-everything.pt", 20, nullptr},
      {"mp_rank_07_model_states.pt", 24, "mp_rank_07_model_states"},
      {"a-file-whose-name-has-no-number.safetensors", 20, nullptr},
      {"00000000000000000000000000000001", 8, nullptr},
  };
  for (const auto& [name, width, expected] : cases) {
    const std::string shortened = shorten_file(name, width, glyphs(true));
    EXPECT_LE(display_width(shortened), width) << name;
    if (expected != nullptr) {
      EXPECT_EQ(shortened, expected);
    }
  }
}

TEST(Wrap, KeepsEveryWordAndTheWidth) {
  const std::string text = "one two three a-word-that-is-longer-than-any-line-of-the-paragraph 层层层层层层层层层 end";
  for (std::size_t width = 4; width < 40; ++width) {
    std::string joined;
    for (const std::string& line : wrap(text, width)) {
      EXPECT_LE(display_width(line), width);
      joined += line;
    }
    const auto without_blanks = [](std::string s) {
      std::erase(s, ' ');
      return s;
    };
    EXPECT_EQ(without_blanks(joined), without_blanks(text));
  }
}

TEST(HtmlEscaped, LeavesNoMarkup) {
  EXPECT_EQ(html_escaped("<b a=\"1\" c='2'>&\n"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\\n");
}

}  // namespace
}  // namespace sigmax::report
