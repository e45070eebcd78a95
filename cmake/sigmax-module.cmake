# A module is a folder below sigmax/ and a CMake object library of the same name; all of them together are the one
# library that is installed. A module's sources are found by their names, so a new pair of files needs no edit here.

# sigmax_module(name [USES module...] [LINKS target...])
function(sigmax_module name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "USES;LINKS")
  set(target sigmax_${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sigmax/${name}/*.cpp)
  if(sources)
    add_library(${target} OBJECT ${sources})
    set(scope PUBLIC)
    # a * b + c is two roundings in C++ sources, on every machine: results and the proofs' error bounds rely on it.
    target_compile_options(${target} PRIVATE -ffp-contract=off)
    sigmax_warnings(${target})
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
  set_property(GLOBAL APPEND PROPERTY SIGMAX_LINKS ${ARG_LINKS})
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
