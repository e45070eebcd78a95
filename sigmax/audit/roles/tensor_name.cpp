#include "sigmax/audit/roles/tensor_name.hpp"

#include <algorithm>

namespace sigmax::audit {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

// The length of the run of digits at the front, and without its leading zeros.
std::string_view leading_number(std::string_view text, std::size_t& length) {
  length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  std::string_view digits = text.substr(0, length);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  return digits;
}

}  // namespace

NameParts::NameParts(std::string_view name) : name_(name) {
  if (const auto colon = name.rfind(':'); colon != std::string_view::npos && is_number(name.substr(colon + 1))) {
    name = name.substr(0, colon);
  }
  while (true) {
    const auto end = name.find_first_of("./");
    components_.push_back(name.substr(0, end));
    if (end == std::string_view::npos) break;
    has_slashes_ = has_slashes_ || name[end] == '/';
    name.remove_prefix(end + 1);
  }
}

std::string_view NameParts::component(std::size_t from_the_end) const noexcept {
  return from_the_end < components_.size() ? components_[components_.size() - 1 - from_the_end] : std::string_view();
}

std::string NameParts::sibling(std::string_view last) const {
  const std::string_view own = components_.back();
  const auto before = static_cast<std::size_t>(own.data() - name_.data());
  std::string text(name_.substr(0, before));
  text += last;
  return text += name_.substr(before + own.size());
}

std::string with_ending(std::string_view name, std::string_view from, std::string_view to) {
  if (!name.ends_with(from)) return {};
  return std::string(name.substr(0, name.size() - from.size())) += to;
}

bool is_number(std::string_view component) noexcept {
  return !component.empty() && std::all_of(component.begin(), component.end(), is_digit);
}

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
  return lowered;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) noexcept {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool has_word(std::string_view component, std::initializer_list<std::string_view> list) {
  std::string word;
  for (std::size_t i = 0; i <= component.size(); ++i) {
    if (i < component.size() && is_letter(component[i])) {
      word += lower(component[i]);
    } else if (!word.empty()) {
      if (is_one_of(word, list)) return true;
      word.clear();
    }
  }
  return false;
}

std::string last_word(std::string_view component) {
  while (!component.empty() && !is_letter(component.back())) component.remove_suffix(1);
  std::size_t length = 0;
  while (length < component.size() && is_letter(component[component.size() - 1 - length])) ++length;
  return lower_case(component.substr(component.size() - length));
}

bool is_layer(std::string_view component) {
  if (has_word(component, {"proj", "projection", "linear", "fc", "mlp", "dense", "conv"})) return true;
  return is_one_of(last_word(component), {"block", "layer", "layers"});
}

bool ends_as(std::string_view component, std::initializer_list<std::string_view> words) {
  return has_word(component, words) && (!is_layer(component) || is_one_of(last_word(component), words));
}

bool is_called_as_a_weight(std::string_view last) {
  const std::string lowered = lower_case(last);
  return lowered.ends_with("weight") || lowered.ends_with("kernel") ||
         is_one_of(lowered, {"weights", "embedding", "weight_orig", "original", "w"});
}

bool comes_before(std::string_view a, std::string_view b) noexcept {
  while (!a.empty() && !b.empty()) {
    std::size_t in_a = 0, in_b = 0;
    const std::string_view first = leading_number(a, in_a), second = leading_number(b, in_b);
    if (in_a > 0 && in_b > 0) {
      if (first.size() != second.size()) return first.size() < second.size();
      if (first != second) return first < second;
      a.remove_prefix(in_a);
      b.remove_prefix(in_b);
      continue;
    }
    if (a.front() != b.front()) return a.front() < b.front();
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() < b.size();
}

}  // namespace sigmax::audit
