# The files that `cmake --install` installs: the library, its headers, find_package(sigmax) and pkg-config's sigmax.pc.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sigmax)

install(TARGETS sigmax EXPORT sigmax-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

# Headers, except those whose comments before the first line of code say "Internal"; tools/check-layers verifies that no
# other header needs them.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/sigmax/*.hpp)
list(FILTER headers EXCLUDE REGEX "-inl\\.hpp$")
foreach(header IN LISTS headers)
  file(READ ${PROJECT_SOURCE_DIR}/${header} text)
  string(REGEX REPLACE "#pragma once.*" "" text "${text}")
  if(NOT text MATCHES "Internal[ \n/]+to[ \n/]+(the[ \n/]+library|[a-z_]+/)")
    cmake_path(GET header PARENT_PATH folder)
    install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder})
  endif()
endforeach()

install(EXPORT sigmax-targets NAMESPACE sigmax:: DESTINATION ${package_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/sigmax-config.cmake.in
                              ${PROJECT_BINARY_DIR}/sigmax-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sigmax-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sigmax-config.cmake ${PROJECT_BINARY_DIR}/sigmax-config-version.cmake
        DESTINATION ${package_dir})

# With pkg-config every link must name the dependencies of a static library; those of a shared library are never named.
if(BUILD_SHARED_LIBS)
  set(SIGMAX_PC_REQUIRES_FIELD Requires.private)
else()
  set(SIGMAX_PC_REQUIRES_FIELD Requires)
  set(SIGMAX_PC_BZIP2 " -lbz2")  # has no .pc file
endif()
# The prefix as seen from the .pc file, so that an installed tree can be moved.
file(RELATIVE_PATH SIGMAX_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${PROJECT_SOURCE_DIR}/cmake/sigmax.pc.in ${PROJECT_BINARY_DIR}/sigmax.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sigmax.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
