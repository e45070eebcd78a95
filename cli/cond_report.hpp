// The result of `sigmax cond` as people and programs read it.
#pragma once

#include <string>

#include "sigmax/core/dtype.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/report/document.hpp"
#include "sigmax/report/value.hpp"
#include "sigmax/sensitivity/condition.hpp"

namespace sigmax::cli {

struct CondReport {
  std::string file;  ///< the path as given
  std::string source;
  std::string tensor;
  Dimensions shape;
  Dimensions matrix;
  DType dtype;
  std::string ord;
  sensitivity::Condition result;
};

/// docs/json.md has the members, docs/schema/cond-1.schema.json their types.
report::Record cond_record(const CondReport& report);

report::Document cond_document(const CondReport& report, bool unicode);

}  // namespace sigmax::cli
