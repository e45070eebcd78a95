// SHA-256 against the values that FIPS 180-4's examples and other implementations give.
#include "sigmax/io/bytes/sha256.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sigmax::io {
namespace {

TEST(Sha256, PublishedExamples) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheDigestOfTheWhole) {
  std::string text;
  for (int k = 0; k < 300; ++k) text.push_back(static_cast<char>(k * 37));
  for (std::size_t length = 0; length <= 200; ++length) {
    for (const std::size_t first : {std::size_t{0}, length / 3, length / 2, length}) {
      Sha256 pieces;
      pieces.add(std::string_view(text).substr(0, first));
      pieces.add(std::string_view(text).substr(first, length - first));
      EXPECT_EQ(pieces.hexadecimal(), sha256(std::string_view(text).substr(0, length))) << length << " " << first;
    }
  }
}

}  // namespace
}  // namespace sigmax::io
