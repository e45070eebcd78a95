// In which order a convolution kernel stores its axes, where no graph says so. Internal to audit/.
#pragma once

#include <string>
#include <variant>

#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/audit/roles/stored_layout.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Several layouts fit, or none: why, and what was seen.
struct Doubt {
  std::string reason;
  Evidence evidence = Evidence::shape;
};

using LayoutOrDoubt = std::variant<StoredLayout, Doubt>;

/// A kernel of 3 to 5 dimensions.
///
/// The name tells which program stored it, and that in which layout: `kernel`, `vars/0` and, with slashes, `w` and
/// `weights` [kernel..., in, out] (Flax, Haiku, Keras, TensorFlow), [kernel..., out, in] of their transposed layers,
/// [kernel..., in, multiplier] of depthwise ones; any other name [out, in, kernel...] (PyTorch), [in, out, kernel...]
/// if it says transposed, and [c, 1, kernel...] of c groups if it says depthwise or follows a layer with c outputs in a
/// numbered sequence.
///
/// A bias next to it has as many entries as there are outputs. It decides against the name: of the layouts that it
/// allows, the name's is taken, otherwise the only one. Doubt if it allows several others or none, and if the name says
/// [kernel..., in, out], no bias does and nothing tells a kernel from a stack. With the bias, evidence is `shape` where
/// another layout of the same program is possible.
LayoutOrDoubt kernel_layout(const io::Entry& entry, const Siblings& siblings);

/// True of a name of Flax, Haiku, Keras or TensorFlow, which keep outputs last.
bool keeps_outputs_last(const NameParts& parts);

}  // namespace sigmax::audit
