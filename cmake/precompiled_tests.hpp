// precompiled.hpp, and what tests include.
#pragma once

#include <gtest/gtest.h>

#include "precompiled.hpp"
