#include "cli/run.hpp"

int main(int argc, char** argv) { return sigmax::cli::run(argc, argv); }
