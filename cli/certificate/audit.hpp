// The certificate of an audit: sigma_max of every weight with a proven enclosure.
#pragma once

#include <string>

#include "sigmax/audit/options.hpp"
#include "sigmax/audit/result.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::cli {

/// For each weight of `result` whose enclosure is proven: the tensor, its matrices, both ends, and a vector that shows
/// the lower one. That vector is searched for again, so that a lower end may be a few units of its last place below the
/// audit's. Weights without a proven enclosure, and those in formats that the checker does not read, are listed as not
/// checked.
///
/// Cost: svd() of each weight for one triplet, and a hash of each file. Throws as the audit does.
std::string audit_certificate(const io::Checkpoint& checkpoint, const audit::Options& options,
                              const audit::Result& result, Context& context);

}  // namespace sigmax::cli
