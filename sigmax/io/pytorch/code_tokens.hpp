// The words of TorchScript's code, which is a subset of Python. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sigmax/core/tensor.hpp"

namespace sigmax::io {

struct Token {
  enum class Kind : std::uint8_t { name, text, number, sign, line_end };
  Kind kind;
  std::string_view text;
  bool in_first_column = false;
};

using Tokens = std::span<const Token>;

/// The code in words, which point into it. Names keep their dots: `torch.conv2d`, `self.weight`, `.forward` after a
/// bracket. A line ends where no bracket is open; the last token is the end of a line. Any bytes are accepted.
std::vector<Token> tokens_of(std::string_view code);

bool is_sign(const Token& token, char c);
bool opens(const Token& token);
bool closes(const Token& token);

/// What lies between the commas outside of all brackets; nothing for an empty list. A comma may end it.
std::vector<Tokens> split(Tokens tokens);

/// `[2, 1]`, `(2, 1)`, `2`; empty for anything else, and for more than eight numbers.
Dimensions numbers_of(Tokens value);

/// For each token that opens a bracket, where it is closed; the number of tokens for others.
std::vector<std::size_t> closings(const std::vector<Token>& tokens);

}  // namespace sigmax::io
