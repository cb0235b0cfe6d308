# What every target of this project is built with.

if(ICEBREAKER_SANITIZE)
  # The check of vptr opens a pipe to learn whether memory may be read, and takes a failure for a finding: where a test
  # has left no descriptors, every virtual call would be one.
  add_compile_options(-fsanitize=${ICEBREAKER_SANITIZE} -fno-sanitize=vptr -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ICEBREAKER_SANITIZE})
  if(ICEBREAKER_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # Asio's reference counts have fences, which ThreadSanitizer does not see
  endif()
endif()
if(ICEBREAKER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # lets libFuzzer see which branches of the library an input takes
endif()
if(ICEBREAKER_COVERAGE)
  add_compile_options(--coverage -O0)
  add_link_options(--coverage)
endif()

add_library(icebreaker_warnings INTERFACE)
target_compile_options(icebreaker_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                       -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference
                       $<$<BOOL:${ICEBREAKER_WERROR}>:-Werror>)
# What g++ 12 makes of inlined standard library code: null dereferences, reads and copies out of bounds or overlapping,
# where no line of ours is at fault. The sanitizers look for the real ones.
target_compile_options(icebreaker_warnings INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference;-Wno-maybe-uninitialized;-Wno-restrict;-Wno-array-bounds>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow;-Wno-stringop-overread>)

# One of the libraries: C++20, hidden visibility, a name of its own (libicebreaker-core.so.0.1), headers from include/.
function(icebreaker_library target name)
  add_library(icebreaker::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} OUTPUT_NAME icebreaker-${name}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} INSTALL_RPATH $ORIGIN
    CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON
    VERIFY_INTERFACE_HEADER_SETS ON)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:icebreaker_warnings>)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  get_target_property(kind ${target} TYPE)
  if(kind STREQUAL SHARED_LIBRARY)
    target_compile_definitions(${target} PUBLIC ICE_SHARED)
  endif()
endfunction()

# The sources of the floor whose CMakeLists.txt calls this, and its public headers, all of include/ice/<folder>/*.hpp.
function(icebreaker_floor target header_folder)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/ice/${header_folder}/*.hpp)
  target_sources(${target} PRIVATE ${ARGN})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
endfunction()

# A program or test of this project that may also see the internal headers.
function(icebreaker_executable target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE icebreaker_warnings)
endfunction()
