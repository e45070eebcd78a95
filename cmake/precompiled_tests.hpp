// precompiled.hpp, and the headers that tests include.
#pragma once

#include <gtest/gtest.h>

#include "precompiled.hpp"
