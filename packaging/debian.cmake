# SPDX-License-Identifier: Apache-2.0
# Debian's packages, by `cpack` in the build folder (preset release): samepage and samepage-guest-dev, each with what
# belongs to it, and samepage-dbgsym. scripts/test-package makes and tries them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR Samepage)
set(CPACK_PACKAGE_CONTACT "Samepage maintainers <maintainers@samepage.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL samepage guest_dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(debian ${CMAKE_CURRENT_SOURCE_DIR}/debian)
set(CPACK_DEBIAN_SAMEPAGE_PACKAGE_NAME samepage)
set(CPACK_DEBIAN_SAMEPAGE_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_SAMEPAGE_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SAMEPAGE_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_SAMEPAGE_PACKAGE_SUGGESTS "samepage-guest-dev")
set(CPACK_DEBIAN_SAMEPAGE_PACKAGE_CONTROL_EXTRA ${debian}/postinst ${debian}/prerm ${debian}/postrm)
set(CPACK_COMPONENT_SAMEPAGE_DESCRIPTION
"KVM guests that keep one copy of the pages they have in common
Samepage runs many small KVM guests on one host and keeps one copy of every
4 KiB page that they have in common. Guests that are alike cost little more
than what is different between them.

samepage is a virtual machine monitor, one process per guest, and its command
line. samepaged is the merging daemon, which needs neither root nor KVM.")

set(CPACK_DEBIAN_GUEST_DEV_PACKAGE_NAME samepage-guest-dev)
set(CPACK_DEBIAN_GUEST_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_GUEST_DEV_PACKAGE_RECOMMENDS "cmake, g++, samepage")
set(CPACK_COMPONENT_GUEST_DEV_DESCRIPTION
"development files for guest programs of Samepage
Guest programs are C++ programs without an operating system, which Samepage
and other virtual machine monitors boot by PVH. This package has the runtime,
the headers, the linker script and the CMake package SamepageGuest.")

# What only Debian wants is done to the files before they are packed.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_BINARY_DIR}/finish.cmake)
configure_file(debian/finish.cmake.in finish.cmake @ONLY)
include(CPack)
