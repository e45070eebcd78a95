# The part of the LibTorch binding that `cmake --install` installs, alone with `cmake --install --component torch`: two
# libraries and their headers, found by find_package(sigmax COMPONENTS torch).
set_target_properties(sigmax_torch PROPERTIES EXPORT_NAME torch)
set_target_properties(sigmax_torch sigmax_torch_modules PROPERTIES INSTALL_RPATH "$ORIGIN")
install(TARGETS sigmax_torch sigmax_torch_modules EXPORT sigmax-torch-targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT torch)
install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/convolution.hpp ${CMAKE_CURRENT_SOURCE_DIR}/normalize.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sigmax-torch/bindings/torch COMPONENT torch)
install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/modules
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sigmax-torch/bindings/torch COMPONENT torch
        FILES_MATCHING PATTERN "*.hpp" PATTERN "tensor_bridge.hpp" EXCLUDE)
install(EXPORT sigmax-torch-targets NAMESPACE sigmax:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sigmax COMPONENT torch)
