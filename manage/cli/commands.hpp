// SPDX-License-Identifier: Apache-2.0
// The commands of the program. Each is declared, with its options, in the file that does what it says.
#pragma once

#include <string>
#include <vector>

#include "manage/cli/command.hpp"

namespace samepage::cli {

/// `for_guest` are the words that follow "--" on the command line; they must outlive the parsing.
void add_run(const Command& program, const std::vector<std::string>& for_guest);
void add_ps(const Command& program);
void add_stat(const Command& program);
void add_top(const Command& program);
/// map, logs, dump
void add_inspection(const Command& program);
/// snapshot, restore, fork, rollback
void add_fork(const Command& program);
void add_check(const Command& program);
void add_console(const Command& program);
/// pause, resume, stop, kill, balloon
void add_control(const Command& program);
void add_image(const Command& program);
/// Commands of `image`.
void add_image_import(const Command& image);
void add_tune(const Command& program);
/// paging, page-out, suspend
void add_paging(const Command& program);
void add_report(const Command& program);
void add_analyze(const Command& program);
void add_demo(const Command& program);
void add_libvirtd(const Command& program);

}  // namespace samepage::cli
