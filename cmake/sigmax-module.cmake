# A module is a folder below sigmax/ and a CMake object library of the same name; all of them together are the one
# library that is installed. A module's sources are found by their names, so a new pair of files needs no edit here.

# sigmax_optimize(target level): another level than CMake's -O3 in release builds, for what has no hot loop: it compiles
# in less time and runs as fast.
function(sigmax_optimize target level)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:${level}>)
endfunction()

# sigmax_precompile(target header): the target's sources begin with what a header includes, read once. g++ alone: builds
# with clang (sanitizers, clang-tidy) read every source as it is written, and find includes that are missing.
function(sigmax_precompile target header)
  if(SIGMAX_PRECOMPILE_HEADERS)
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/${header})
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # for ccache, with CCACHE_SLOPPINESS as the Makefile has it
  endif()
endfunction()

# sigmax_module(name [USES module...] [LINKS target...] [OPTIMIZE level])
function(sigmax_module name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "OPTIMIZE" "USES;LINKS")
  set(target sigmax_${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sigmax/${name}/*.cpp)
  if(sources)
    add_library(${target} OBJECT ${sources})
    set(scope PUBLIC)
    # a * b + c is two roundings in C++ sources, on every machine: results and the proofs' error bounds rely on it.
    target_compile_options(${target} PRIVATE -ffp-contract=off)
    sigmax_warnings(${target})
    if(ARG_OPTIMIZE)
      sigmax_optimize(${target} ${ARG_OPTIMIZE})
    endif()
    if(name STREQUAL core)
      sigmax_precompile(${target} precompiled.hpp)
    elseif(SIGMAX_PRECOMPILE_HEADERS AND NOT name STREQUAL kernels)  # Highway's sources switch instruction sets
      target_precompile_headers(${target} REUSE_FROM sigmax_core)
      target_compile_options(${target} PRIVATE -fpch-preprocess)
    endif()
    set_property(GLOBAL APPEND PROPERTY SIGMAX_OBJECTS $<TARGET_OBJECTS:${target}>)
  else()
    add_library(${target} INTERFACE)  # headers alone
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${target} ${scope} ${ARG_LINKS})
  foreach(used IN LISTS ARG_USES)
    target_link_libraries(${target} ${scope} sigmax_${used})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY SIGMAX_MODULES ${name})
  set_property(GLOBAL PROPERTY SIGMAX_USES_${name} ${ARG_USES})
  set_property(GLOBAL APPEND PROPERTY SIGMAX_LINKS ${ARG_LINKS})
endfunction()

# sigmax_link_modules(target module...): the modules named and all below them, linked in: what they do not use need not
# be built.
function(sigmax_link_modules target)
  set(open ${ARGN})
  set(all "")
  while(open)
    list(POP_FRONT open module)
    if(NOT module IN_LIST all)
      list(APPEND all ${module})
      get_property(uses GLOBAL PROPERTY SIGMAX_USES_${module})
      list(APPEND open ${uses})
    endif()
  endwhile()
  list(TRANSFORM all PREPEND sigmax_)
  target_link_libraries(${target} PRIVATE ${all})
endfunction()

# sigmax_library(): the library made of every module declared so far, as sigmax::sigmax.
function(sigmax_library)
  get_property(objects GLOBAL PROPERTY SIGMAX_OBJECTS)
  get_property(links GLOBAL PROPERTY SIGMAX_LINKS)
  list(REMOVE_DUPLICATES links)
  list(REMOVE_ITEM links nlohmann_json::nlohmann_json)  # headers alone: nothing to link, and no header of ours shows it
  add_library(sigmax ${objects})
  add_library(sigmax::sigmax ALIAS sigmax)
  target_include_directories(sigmax PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(sigmax PRIVATE ${links})
  target_compile_features(sigmax PUBLIC cxx_std_20)
  set_target_properties(sigmax PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
endfunction()
