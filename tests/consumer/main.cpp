// Certified norms of the weights of a checkpoint: a program that knows only the installed sigmax.
#include "sigmax/sigmax.hpp"  // first: it needs no other header

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

int main(int, char** arguments) {
  const sigmax::io::Checkpoint model = sigmax::io::open_checkpoint(arguments[1]);
  int certified = 0;
  std::string last;
  for (const auto& entry : model.entries) {
    if (entry.shape.size() != 2) continue;
    const sigmax::Enclosure sigma_max = sigmax::sigma_max(entry.load());
    const double upper = sigma_max.upper ? sigma_max.upper->value() : HUGE_VAL;
    std::printf("%s: %.17g <= sigma_max <= %.17g\n", entry.name.c_str(), sigma_max.lower.value(), upper);
    certified += sigma_max.is_proven() && sigma_max.lower.value() > 0 && sigma_max.relative_width() < 1e-6;
    last = entry.name;
  }
  if (certified == 0 || model.find(last).name != last) return EXIT_FAILURE;
  try {
    model.find(last + "s");
  } catch (const sigmax::Error& error) {
    std::printf("%s\n", error.what());
    return EXIT_SUCCESS;
  }
  return EXIT_FAILURE;
}
