// An audit as data, schema `sigmax.audit/1`: docs/json.md and docs/schema/audit-1.schema.json describe it. Internal to
// report/.
#pragma once

#include <string>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/value.hpp"

namespace sigmax::report {

/// The members in their order. `shown` holds the weights that select() chose; `summary` counts every weight.
Record audit_record(const audit::Result& result, const std::vector<const audit::TensorResult*>& shown,
                    const std::string& version, const std::string& command);

}  // namespace sigmax::report
