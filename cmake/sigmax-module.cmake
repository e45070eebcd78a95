# A module is a folder below sigmax/ and a CMake object library of the same name; together they form the one library
# that is installed. A module's sources are found by name, so a new pair of files needs no edit here.

# g++ looks for memory that it no longer needs from 128 MiB on, whenever there is twice as much, and finds little. It
# compiles the larger units in a seventh less time if it does that from 512 MiB on. The object files are the same.
if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  add_compile_options(--param=ggc-min-expand=400 --param=ggc-min-heapsize=524288)
endif()

# sigmax_optimize(target level): replaces CMake's -O3 in release builds by another level for code without a hot loop,
# which compiles faster then and runs as fast.
function(sigmax_optimize target level)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:${level}>)
endfunction()

# sigmax_precompile(target header): precompiles the header's includes for all sources of the target. Only with g++:
# builds with clang (sanitizers, clang-tidy) read every source as written, and find missing includes.
function(sigmax_precompile target header)
  if(SIGMAX_PRECOMPILE_HEADERS)
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/${header})
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # for ccache, with the Makefile's CCACHE_SLOPPINESS
  endif()
endfunction()

# sigmax_reuse_precompiled(target): uses precompiled.hpp as sigmax_core precompiled it.
function(sigmax_reuse_precompiled target)
  if(SIGMAX_PRECOMPILE_HEADERS)
    target_precompile_headers(${target} REUSE_FROM sigmax_core)
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
endfunction()

# sigmax_unit_per_folder(target): compiles the sources of each folder as one, where headers and the templates that every
# source instantiates take longer than the sources. The unnamed namespaces of a folder are then one.
function(sigmax_unit_per_folder target)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE group)
    cmake_path(GET group PARENT_PATH group)
    string(REPLACE "/" "_" group ${group})
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SIGMAX_UNITY_BUILD} UNITY_BUILD_MODE GROUP)
  if(SIGMAX_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # It takes the sources for headers, whose types must not have members from unnamed namespaces.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

# sigmax_simd_unit(target source...): compiles sources of kernels/ as one, which reads Highway's headers once for each
# instruction set instead of once for each source and instruction set. A source names itself for Highway to include
# again; the unit names itself after the last one, so that Highway includes the unit.
function(sigmax_simd_unit target)
  if(NOT SIGMAX_UNITY_BUILD)
    return()
  endif()
  list(JOIN ARGN _ name)
  set(unit ${CMAKE_CURRENT_BINARY_DIR}/kernels/${name}.cpp)
  set(includes "")
  foreach(source IN LISTS ARGN)
    string(APPEND includes "#include \"sigmax/kernels/${source}.cpp\"\n")
    set_source_files_properties(${PROJECT_SOURCE_DIR}/sigmax/kernels/${source}.cpp PROPERTIES HEADER_FILE_ONLY ON)
  endforeach()
  set(name_unit "#undef HWY_TARGET_INCLUDE\n#define HWY_TARGET_INCLUDE \"${unit}\"\n")
  file(CONFIGURE OUTPUT ${unit} @ONLY CONTENT "${name_unit}#include <hwy/foreach_target.h>\n${includes}${name_unit}")
  target_sources(${target} PRIVATE ${unit})
endfunction()

# sigmax_module(name [USES module...] [LINKS target...] [OPTIMIZE level] [UNIT_PER_FOLDER])
function(sigmax_module name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "UNIT_PER_FOLDER" "OPTIMIZE" "USES;LINKS")
  set(target sigmax_${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sigmax/${name}/*.cpp)
  if(sources)
    add_library(${target} OBJECT ${sources})
    set(scope PUBLIC)
    # In C++ sources a * b + c has two roundings on every machine; results and the proofs' error bounds rely on this.
    target_compile_options(${target} PRIVATE -ffp-contract=off)
    sigmax_warnings(${target})
    if(ARG_OPTIMIZE)
      sigmax_optimize(${target} ${ARG_OPTIMIZE})
    endif()
    if(ARG_UNIT_PER_FOLDER)
      sigmax_unit_per_folder(${target})
    endif()
    if(name STREQUAL core)
      sigmax_precompile(${target} precompiled.hpp)
    elseif(name STREQUAL kernels)
      sigmax_precompile(${target} precompiled_kernels.hpp)
    else()
      sigmax_reuse_precompiled(${target})
    endif()
    set_property(GLOBAL APPEND PROPERTY SIGMAX_OBJECTS $<TARGET_OBJECTS:${target}>)
  else()
    add_library(${target} INTERFACE)  # only headers
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

# sigmax_link_modules(target module...): links the given modules and all modules below them. Modules that these do not
# use need not be built.
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

# sigmax_library(): builds the library from every module declared so far, as sigmax::sigmax.
function(sigmax_library)
  get_property(objects GLOBAL PROPERTY SIGMAX_OBJECTS)
  get_property(links GLOBAL PROPERTY SIGMAX_LINKS)
  list(REMOVE_DUPLICATES links)
  list(REMOVE_ITEM links nlohmann_json::nlohmann_json)  # header-only: nothing to link, and no header of ours exposes it
  add_library(sigmax ${objects})
  add_library(sigmax::sigmax ALIAS sigmax)
  target_include_directories(sigmax PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(sigmax PRIVATE ${links})
  target_compile_features(sigmax PUBLIC cxx_std_20)
  set_target_properties(sigmax PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
endfunction()
