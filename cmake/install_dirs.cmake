# SPDX-License-Identifier: Apache-2.0
# Where things are installed, below any prefix. Programs find each other and their images by paths from where they are
# themselves, so that an installed tree may be moved. The components are the packages of packaging.cmake.
include(GNUInstallDirs)

# Guest programs are for one processor: not in share/.
set(SAMEPAGE_IMAGES_INSTALL_DIR ${CMAKE_INSTALL_LIBDIR}/samepage/images)
file(RELATIVE_PATH SAMEPAGE_IMAGES_FROM_PROGRAMS
  ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_PREFIX}/${SAMEPAGE_IMAGES_INSTALL_DIR})

# What no person starts.
set(SAMEPAGE_LIBEXEC_INSTALL_DIR ${CMAKE_INSTALL_LIBEXECDIR}/samepage)
file(RELATIVE_PATH SAMEPAGE_LIBEXEC_FROM_PROGRAMS
  ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_PREFIX}/${SAMEPAGE_LIBEXEC_INSTALL_DIR})

set(SAMEPAGE_BASH_COMPLETIONS_INSTALL_DIR ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
set(SAMEPAGE_ZSH_COMPLETIONS_INSTALL_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING
  "Where zsh finds completions; distributions may have a place of their own")
