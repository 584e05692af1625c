# SPDX-License-Identifier: Apache-2.0
# samepage_guest_program(NAME SOURCES...): a guest program, which becomes the image NAME.
function(samepage_guest_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE SamepageGuest::runtime)
  # What a project sets for its host programs does not hold for guests.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF INTERPROCEDURAL_OPTIMIZATION OFF)
endfunction()
