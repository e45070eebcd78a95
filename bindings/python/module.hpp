// The parts of the module sigmax._core. Internal to the Python module.
//
// Their functions take arrays that the Python sources have brought into shape, and write into arrays that those have
// made: shapes, types, errors and defaults as NumPy has them are decided there.
#pragma once

#include <nanobind/nanobind.h>

namespace sigmax::python {

void add_norms(nanobind::module_& module);
void add_decompositions(nanobind::module_& module);
void add_svds(nanobind::module_& module);
void add_enclosures(nanobind::module_& module);

}  // namespace sigmax::python
