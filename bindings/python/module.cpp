#include "bindings/python/module.hpp"

#include <nanobind/stl/string.h>

#include <exception>

#include "bindings/python/running.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas_description.hpp"

namespace nb = nanobind;

namespace {

void translate(const std::exception_ptr& thrown, void* /*payload*/) {
  try {
    std::rethrow_exception(thrown);
  } catch (const sigmax::Canceled& error) {
    PyErr_SetString(PyExc_KeyboardInterrupt, error.what());
  } catch (const sigmax::InternalError& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (const sigmax::Error& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  }
}

}  // namespace

NB_MODULE(_core, m) {
  nb::register_exception_translator(translate);
  m.attr("version") = SIGMAX_VERSION;
  m.def("blas_description", [] { return sigmax::blas_description(); });
  m.def("simd_target", [] { return std::string(sigmax::kernels::simd_target()); });
  m.def("set_num_threads", &sigmax::python::set_threads, nb::arg("threads"));
  m.def("num_threads", [] { return sigmax::Context(sigmax::python::threads()).threads(); });
  sigmax::python::add_norms(m);
  sigmax::python::add_decompositions(m);
  sigmax::python::add_enclosures(m);
  sigmax::python::add_svds(m);
}
