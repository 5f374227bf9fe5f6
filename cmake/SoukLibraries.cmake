# Third-party libraries, found once. Debian ships no CMake packages for most of them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(libevent REQUIRED IMPORTED_TARGET libevent_core libevent_extra)
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET openssl)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(inih REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(nice REQUIRED IMPORTED_TARGET nice)
pkg_check_modules(srtp REQUIRED IMPORTED_TARGET libsrtp2)
pkg_check_modules(usrsctp REQUIRED IMPORTED_TARGET usrsctp)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(gst REQUIRED IMPORTED_TARGET gstreamer-1.0 gstreamer-app-1.0 gstreamer-audio-1.0 gstreamer-video-1.0)
pkg_check_modules(soup REQUIRED IMPORTED_TARGET libsoup-3.0)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)

# libwslay-dev has no pkg-config file.
find_library(SOUK_WSLAY wslay REQUIRED)
add_library(souk_wslay INTERFACE)
target_link_libraries(souk_wslay INTERFACE ${SOUK_WSLAY})

# intel-ipsec-mb: x86 alone, without a pkg-config file. Without it GCM is OpenSSL's.
find_library(SOUK_IPSEC_MB IPSec_MB)
add_library(souk_ipsec_mb INTERFACE)
if(SOUK_IPSEC_MB)
	target_link_libraries(souk_ipsec_mb INTERFACE ${SOUK_IPSEC_MB})
	target_compile_definitions(souk_ipsec_mb INTERFACE SOUK_IPSEC_MB)
endif()
