#include "sigmax/io/pytorch/code_tokens.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace sigmax::io {
namespace {

bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Dimensions number_of(Tokens value) {
  std::int64_t number = 0;
  if (value.size() != 1 || value[0].kind != Token::Kind::number) return {};
  const std::string_view text = value[0].text;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? Dimensions{number} : Dimensions();
}

}  // namespace

std::vector<Token> tokens_of(std::string_view code) {
  std::vector<Token> tokens;
  int depth = 0;
  for (std::size_t i = 0; i < code.size();) {
    const char c = code[i];
    std::size_t end = i + 1;
    if (c == '\n') {
      if (depth <= 0) tokens.push_back({Token::Kind::line_end, {}});
    } else if (c == '#') {
      while (end < code.size() && code[end] != '\n') ++end;
    } else if (c == '"' || c == '\'') {
      while (end < code.size() && code[end] != c) end += code[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, code.size());
      tokens.push_back({Token::Kind::text, code.substr(i + 1, end - i < 2 ? 0 : end - i - 2)});
    } else if (begins_name(c) || (c == '.' && end < code.size() && begins_name(code[end]))) {
      while (end < code.size() && (begins_name(code[end]) || is_digit(code[end]) || code[end] == '.')) ++end;
      tokens.push_back({Token::Kind::name, code.substr(i, end - i), i == 0 || code[i - 1] == '\n'});
    } else if (is_digit(c) || c == '-') {
      while (end < code.size() && (is_digit(code[end]) || code[end] == '.' || code[end] == 'e')) ++end;
      tokens.push_back({Token::Kind::number, code.substr(i, end - i)});
    } else if (c != ' ' && c != '\t' && c != '\r') {
      if (c == '(' || c == '[' || c == '{') ++depth;
      if (c == ')' || c == ']' || c == '}') --depth;
      tokens.push_back({Token::Kind::sign, code.substr(i, 1)});
    }
    i = end;
  }
  tokens.push_back({Token::Kind::line_end, {}});
  return tokens;
}

bool is_sign(const Token& token, char c) { return token.kind == Token::Kind::sign && token.text[0] == c; }

bool opens(const Token& token) { return is_sign(token, '(') || is_sign(token, '[') || is_sign(token, '{'); }
bool closes(const Token& token) { return is_sign(token, ')') || is_sign(token, ']') || is_sign(token, '}'); }

std::vector<Tokens> split(Tokens tokens) {
  std::vector<Tokens> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (opens(tokens[i])) ++depth;
    if (closes(tokens[i])) --depth;
    if (depth == 0 && is_sign(tokens[i], ',')) {
      parts.push_back(tokens.subspan(begin, i - begin));
      begin = i + 1;
    }
  }
  if (begin < tokens.size()) parts.push_back(tokens.subspan(begin));
  return parts;
}

Dimensions numbers_of(Tokens value) {
  constexpr std::size_t kMost = 8;
  if (value.size() == 1) return number_of(value);
  const bool is_list = value.size() >= 3 && is_sign(value.front(), '[') && is_sign(value.back(), ']');
  const bool is_tuple = value.size() >= 3 && is_sign(value.front(), '(') && is_sign(value.back(), ')');
  if (!is_list && !is_tuple) return {};
  Dimensions list;
  for (const Tokens each : split(value.subspan(1, value.size() - 2))) {
    const Dimensions one = number_of(each);
    if (one.empty() || list.size() == kMost) return {};
    list.push_back(one.front());
  }
  return list;
}

std::vector<std::size_t> closings(const std::vector<Token>& tokens) {
  std::vector<std::size_t> ends(tokens.size(), tokens.size());
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (opens(tokens[i])) open.push_back(i);
    if (closes(tokens[i]) && !open.empty()) {
      ends[open.back()] = i;
      open.pop_back();
    }
  }
  return ends;
}

}  // namespace sigmax::io
