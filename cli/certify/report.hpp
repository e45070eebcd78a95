// The result of `sigmax certify` as people and programs read it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/certify/gate.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/lipschitz/certified_accuracy.hpp"
#include "sigmax/lipschitz/walk.hpp"
#include "sigmax/report/document.hpp"
#include "sigmax/report/value.hpp"

namespace sigmax::cli {

struct AccuracyReport {
  std::string file;    ///< the path as given
  std::string data;    ///< likewise
  std::string labels;  ///< likewise; empty: in the file of the data
  std::size_t total = 0;
  std::vector<std::size_t> index;  ///< of the samples in the file
  std::size_t classes = 0;
  bool attacked = true;
  Seed seed;
  std::vector<AccuracyGate> gates;
  std::vector<std::string> changes;         ///< what was done to the network
  std::vector<std::string> assumptions;     ///< what its file does not state
  std::vector<lipschitz::Refusal> refused;  ///< nodes that have no bound on the whole domain
  lipschitz::CertifiedAccuracy result;
};

/// docs/json.md has the members, docs/schema/certify-1.schema.json their types. With `per_sample`, `samples` is a list.
report::Record accuracy_record(const AccuracyReport& report, bool per_sample);

report::Document accuracy_document(const AccuracyReport& report, bool unicode);

/// A line for each radius, or for each sample.
std::string accuracy_as_csv(const AccuracyReport& report, bool per_sample);

}  // namespace sigmax::cli
