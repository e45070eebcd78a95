// Operators composed of operators, without forming any of them:
//
//     A + B, A - B, sum({A, B, C})            ops/sum.hpp
//     A * B, product(A, B)                    ops/product.hpp
//     0.5 * A, -A, scaled(0.5, A)             ops/scaled.hpp
//     transposed(A)                           ops/transposed.hpp
//     stack_rows({A, B}), stack_columns(...)  ops/stacked.hpp
//     kronecker({A, B})                       ops/kronecker.hpp
//
// Parts are shared, never copied, and structure() returns them. Blocks of columns go through the parts as blocks.
// Shapes that do not fit throw Error, which names them.
#pragma once

#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/product.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/stacked.hpp"
#include "sigmax/ops/sum.hpp"
#include "sigmax/ops/transposed.hpp"
