#include "sigmax/linalg/blas.hpp"

#include <mutex>

namespace sigmax {
namespace {

struct Users {
  std::mutex mutex;
  int count = 0;
  int threads_before = 1;
};

Users& users() {
  static Users instance;
  return instance;
}

}  // namespace

SerialBlas::SerialBlas() {
  Users& all = users();
  const std::scoped_lock lock(all.mutex);
  if (all.count++ > 0) return;
  all.threads_before = openblas_get_num_threads();
  openblas_set_num_threads(1);
}

SerialBlas::~SerialBlas() {
  Users& all = users();
  const std::scoped_lock lock(all.mutex);
  if (--all.count == 0) openblas_set_num_threads(all.threads_before);
}

}  // namespace sigmax
