#include "sigmax/graph/from_onnx.hpp"

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/onnx/importer.hpp"
#include "sigmax/graph/onnx/runtime_operators.hpp"
#include "sigmax/graph/onnx/spelled_out.hpp"

namespace sigmax::graph {

Graph from_onnx(const io::Computation& computation, const ImportOptions& options) {
  const FloatingEnvironment environment;
  return onnx::Importer(options).import(onnx::without_spelled_operators(onnx::without_runtime_operators(computation)));
}

}  // namespace sigmax::graph
