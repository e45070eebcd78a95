// Operators made of operators, none of them ever formed:
//
//     A + B, A - B, sum({A, B, C})            ops/sum.hpp
//     A * B, product(A, B)                    ops/product.hpp
//     0.5 * A, -A, scaled(0.5, A)             ops/scaled.hpp
//     transposed(A)                           ops/transposed.hpp
//     stack_rows({A, B}), stack_columns(...)  ops/stacked.hpp
//
// Parts are shared, never copied, and structure() gives them back. Blocks of columns go through the parts as blocks.
// A misfit throws Error with the shapes.
#pragma once

#include "sigmax/ops/product.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/stacked.hpp"
#include "sigmax/ops/sum.hpp"
#include "sigmax/ops/transposed.hpp"
