// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/vcpu_figures.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace samepage::vmm {
namespace {

TEST(VcpuFigures, AThreadsNameMayBeAnything) {
  std::string line = "77 (a) R 1 (b) S";
  for (int field = 4; field < 39; ++field) line += " 0";
  VcpuFigures figures;
  read_thread_stat(line + " 5 0 0\n", figures);
  EXPECT_FALSE(figures.runs) << "the last parenthesis ends the name";
  EXPECT_EQ(figures.host_cpu, 5);
}

TEST(VcpuFigures, OfALineThatIsCutOffNothingIsMadeUp) {
  VcpuFigures figures;
  for (const char* line : {"", "77 (name", "77 (name)", "77 (name) ", "77 (name) R 1 2 3"}) {
    read_thread_stat(line, figures);
    EXPECT_EQ(figures.host_cpu, -1) << line;
  }
}

TEST(VcpuFigures, OfThisThread) {
  volatile unsigned sum = 0;
  VcpuFigures figures = figures_of_thread(::gettid());
  while (figures.cpu_us == 0) {
    for (unsigned i = 0; i < 100'000; ++i) sum = sum + i;
    figures = figures_of_thread(::gettid());
  }
  EXPECT_TRUE(figures.runs);
  EXPECT_GE(figures.host_cpu, 0);
  EXPECT_EQ(figures_of_thread(0).cpu_us, 0U);
}

}  // namespace
}  // namespace samepage::vmm
