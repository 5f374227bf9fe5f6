# How libraries, programs and tests are declared. A folder's CMakeLists.txt lists its files explicitly.

add_library(souk_options INTERFACE)
target_compile_definitions(souk_options INTERFACE _GNU_SOURCE)
target_include_directories(souk_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(souk_options INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
	-fno-common -fstack-protector-strong)
# Some compilers' default, but not under sanitizers: libnice names GLib, which soukd goes without.
target_link_options(souk_options INTERFACE LINKER:--as-needed)
if(SOUK_WERROR)
	target_compile_options(souk_options INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE MATCHES "Rel")
	target_compile_options(souk_options INTERFACE -D_FORTIFY_SOURCE=2)
endif()
if(SOUK_SANITIZE)
	target_compile_options(souk_options INTERFACE
		-fsanitize=${SOUK_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
	target_link_options(souk_options INTERFACE -fsanitize=${SOUK_SANITIZE})
endif()

# souk_library(NAME SOURCES a.c … HEADERS a.h … [PUBLIC lib …] [PRIVATE lib …])
# Headers are verified to compile on their own (CMAKE_VERIFY_INTERFACE_HEADER_SETS).
function(souk_library name)
	cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
	add_library(${name} STATIC ${ARG_SOURCES})
	target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${ARG_HEADERS})
	target_link_libraries(${name} PUBLIC souk_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# souk_program(NAME SOURCES a.c … [PRIVATE lib …])
function(souk_program name)
	cmake_parse_arguments(ARG "" "" "SOURCES;PRIVATE" ${ARGN})
	add_executable(${name} ${ARG_SOURCES})
	target_link_libraries(${name} PRIVATE souk_options ${ARG_PRIVATE})
endfunction()

# What must never stand in a test's output, whatever its exit status (Criterion passes leaking tests and
# filters that match nothing).
set(SOUK_FAIL_REGEX
	"ERROR: LeakSanitizer;ERROR: AddressSanitizer;WARNING: ThreadSanitizer;runtime error:;Tested: 0 ")

# souk_unit_test(tests/<folder>/test_<file>.c … LINK lib …): one Criterion program a file, label unit.
function(souk_unit_tests)
	if(NOT SOUK_TESTS OR SOUK_SANITIZE MATCHES "thread")
		return()
	endif()
	cmake_parse_arguments(ARG "" "" "FILES;LINK" ${ARGN})
	foreach(file ${ARG_FILES})
		get_filename_component(base ${file} NAME_WE)
		get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
		set(name ${folder}-${base})
		add_executable(${name} ${file})
		target_link_libraries(${name} PRIVATE souk_options souk_test_support ${ARG_LINK} PkgConfig::criterion)
		add_test(NAME ${name} COMMAND ${name} --jobs=2)
		set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120
			FAIL_REGULAR_EXPRESSION "${SOUK_FAIL_REGEX}"
			ENVIRONMENT "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0;SOUK_TEST_DATA=${CMAKE_SOURCE_DIR}/tests/data")
	endforeach()
endfunction()

# souk_stress_test(FILE stress_x.c LINK lib …): a plain program that exercises what threads share.
function(souk_stress_test)
	if(NOT SOUK_TESTS)
		return()
	endif()
	cmake_parse_arguments(ARG "" "FILE" "LINK" ${ARGN})
	get_filename_component(name ${ARG_FILE} NAME_WE)
	add_executable(${name} ${ARG_FILE})
	target_link_libraries(${name} PRIVATE souk_options souk_test_support ${ARG_LINK})
	if(NOT TARGET stress) # all of them: what a build under TSan is for
		add_custom_target(stress)
	endif()
	add_dependencies(stress ${name})
	add_test(NAME ${name} COMMAND ${name})
	set_tests_properties(${name} PROPERTIES LABELS stress TIMEOUT 120
		FAIL_REGULAR_EXPRESSION "${SOUK_FAIL_REGEX}"
		ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1")
endfunction()

# souk_fuzz(PARSER LINK lib …): fuzz_<parser>.c with seeds/<parser>/; SOUK_FUZZ_SECONDS each (20).
set(SOUK_FUZZ_SECONDS 20 CACHE STRING "Seconds that each fuzz target runs in ctest")
function(souk_fuzz parser)
	if(NOT SOUK_FUZZ)
		return()
	endif()
	cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
	set(name fuzz_${parser})
	add_executable(${name} fuzz_${parser}.c)
	target_link_libraries(${name} PRIVATE souk_options ${ARG_LINK})
	target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
	target_link_options(${name} PRIVATE -fsanitize=fuzzer)
	if(NOT TARGET fuzz)
		add_custom_target(fuzz)
	endif()
	add_dependencies(fuzz ${name})
	set(corpus ${CMAKE_CURRENT_BINARY_DIR}/corpus/${parser})
	file(MAKE_DIRECTORY ${corpus})
	add_test(NAME ${name} COMMAND ${name} -max_total_time=${SOUK_FUZZ_SECONDS} -timeout=10
		-rss_limit_mb=1024 -print_final_stats=1 -verbosity=0
		-artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/crash-${parser}-
		${corpus} ${CMAKE_CURRENT_SOURCE_DIR}/seeds/${parser})
	set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 180)
endfunction()
