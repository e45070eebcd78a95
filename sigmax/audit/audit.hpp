// The audit: every tensor of a checkpoint is measured, or listed with the reason why it was not.
#pragma once

#include "sigmax/audit/options.hpp"
#include "sigmax/audit/result.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Audits every tensor of `checkpoint`. Memory stays within the working set of the largest tensor: its Gram matrix on
/// the shorter side in double, and panels; small weights are measured in parallel, large ones with parallel kernels.
///
/// Throws Error for a failure probability out of range or an assumed role that does not fit its tensor, FileError if a
/// tensor's data turn out to be unreadable, Canceled if the context was asked to stop.
Result audit(const io::Checkpoint& checkpoint, const Options& options, Context& context);

/// As above, on every hardware thread.
inline Result audit(const io::Checkpoint& checkpoint, const Options& options = {}) {
  Context context;
  return audit(checkpoint, options, context);
}

}  // namespace sigmax::audit
