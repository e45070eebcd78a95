// The parts of a tensor's name, by plain comparison: names come from untrusted files, and no regular expression sees
// them here. Internal to audit/.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sigmax::audit {

/// `encoder.layer.0.attn.weight` in components, parted by `.` and `/`; a trailing `:0` of TensorFlow is left out. The
/// views point into the name, which must outlive them.
class NameParts {
 public:
  explicit NameParts(std::string_view name);

  /// Component `from_the_end`, 0 the last; empty beyond the first.
  std::string_view component(std::size_t from_the_end) const noexcept;
  std::span<const std::string_view> components() const noexcept { return components_; }

  /// The name with `last` in place of its last component.
  std::string sibling(std::string_view last) const;

  bool has_slashes() const noexcept { return has_slashes_; }

 private:
  std::string_view name_;
  std::vector<std::string_view> components_;
  bool has_slashes_ = false;
};

/// `name` with `from` at its end replaced by `to`; empty if it does not end so.
std::string with_ending(std::string_view name, std::string_view from, std::string_view to);

bool is_number(std::string_view component) noexcept;
std::string lower_case(std::string_view text);
bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) noexcept;

/// True if one of the words of `component`, its longest runs of letters, is in the list, in either case: `layer_norm1`
/// has the words `layer` and `norm`.
bool has_word(std::string_view component, std::initializer_list<std::string_view> list);

/// The last run of letters, in lower case: `scale` of `layer_scale_1`. Empty if there is none.
std::string last_word(std::string_view component);

/// True for the name of a layer that has a matrix, whatever else its name says: `bias_proj`, `mask_block2`. What
/// belongs to a layer (`layer_scale_1`, `block_mask`) is not one.
bool is_layer(std::string_view component);

/// True if a word of the list is in the component, and it is not the name of a layer that merely has the word in it
/// (`bias_proj`). `in_proj_bias` ends as a bias.
bool ends_as(std::string_view component, std::initializer_list<std::string_view> words);

/// True for a last component that stands for the weight of its module: `weight`, `kernel`, `q_weight`.
bool is_called_as_a_weight(std::string_view last);

/// Order in which numbers count as numbers: `block.2` before `block.10`.
bool comes_before(std::string_view a, std::string_view b) noexcept;

}  // namespace sigmax::audit
