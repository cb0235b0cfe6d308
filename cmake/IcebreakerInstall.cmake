# What `cmake --install` puts where, find_package(icebreaker) and pkg-config. Everything is found relative to itself, so
# the installed tree may be moved.
include(CMakePackageConfigHelpers)

set(ICEBREAKER_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/icebreaker)
if(BUILD_SHARED_LIBS)
  set(ICEBREAKER_STATIC OFF)
else()
  set(ICEBREAKER_STATIC ON)  # only then whoever links has to bring what the libraries use inside
endif()

# Each library is a component of the package with a targets file of its own: who asks for core needs no Boost.
set(ICEBREAKER_COMPONENTS core sim)
if(TARGET icebreaker_asio)
  list(APPEND ICEBREAKER_COMPONENTS asio)
endif()
foreach(component IN LISTS ICEBREAKER_COMPONENTS)
  install(TARGETS icebreaker_${component} EXPORT icebreaker-${component} FILE_SET HEADERS)
  install(EXPORT icebreaker-${component} NAMESPACE icebreaker:: DESTINATION ${ICEBREAKER_PACKAGE_DIR}
          FILE icebreaker-${component}-targets.cmake)
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/icebreaker-config.cmake.in icebreaker-config.cmake
                              INSTALL_DESTINATION ${ICEBREAKER_PACKAGE_DIR}
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 a new minor version may break what was built with the one before, as the SOVERSION says too.
write_basic_package_version_file(icebreaker-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/icebreaker-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/icebreaker-config-version.cmake
        DESTINATION ${ICEBREAKER_PACKAGE_DIR})

# One .pc for each library. `requires` are packages for everybody, `inside` those that only a static library hands on.
function(icebreaker_pkg_config file component description requires inside libs)
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
             OUTPUT_VARIABLE to_prefix)
  set(includedir "\${prefix}")
  cmake_path(APPEND includedir ${CMAKE_INSTALL_INCLUDEDIR})
  set(libdir "\${prefix}")
  cmake_path(APPEND libdir ${CMAKE_INSTALL_LIBDIR})
  set(cflags "-I\${includedir}")
  if(ICEBREAKER_STATIC)
    list(APPEND requires ${inside})
  else()
    string(APPEND cflags " -DICE_SHARED")
  endif()
  list(JOIN requires ", " requires)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/icebreaker.pc.in ${file}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${file}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

# icebreaker, not ice: that name is X11's libICE.
icebreaker_pkg_config(icebreaker core "${PROJECT_DESCRIPTION}" "" "libcrypto >= 3.0;libutf8proc" "")
icebreaker_pkg_config(icebreaker-sim sim "networks and NATs in virtual time, for machines of Icebreaker"
                      "icebreaker = ${PROJECT_VERSION}" "" "")
if(TARGET icebreaker_asio)
  icebreaker_pkg_config(icebreaker-asio asio "Icebreaker on sockets; needs the headers of Boost 1.81 or newer"
                        "icebreaker = ${PROJECT_VERSION}" "libcares;libssl >= 3.0" " -pthread")
endif()
