// SPDX-License-Identifier: Apache-2.0
#include "base/error_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace samepage {
namespace {

using testing::HasSubstr;
using testing::Not;

std::system_error failed(int error) {
  return {error, std::generic_category(), "mmap"};
}

class ErrorText : public testing::Test {
 protected:
  ErrorText() { ::getrlimit(RLIMIT_AS, &before_); }
  ~ErrorText() override { ::setrlimit(RLIMIT_AS, &before_); }
  ErrorText(const ErrorText&) = delete;
  ErrorText& operator=(const ErrorText&) = delete;
  // More than a sanitizer's shadow takes: nothing fails for it.
  void limit() const {
    const rlimit large{std::uint64_t{1} << 60, before_.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &large), 0);
  }
  rlimit before_{};
};

TEST_F(ErrorText, NamesTheLimitThatMemoryWasRefusedUnder) {
  limit();
  for (const int error : {ENOMEM, EAGAIN}) {
    EXPECT_THAT(error_text(failed(error)), HasSubstr("1024.0 PiB of address space"));
    EXPECT_THAT(error_text(failed(error)), HasSubstr("'ulimit -v'"));
  }
  EXPECT_THAT(error_text(std::bad_alloc()), HasSubstr("no memory left; this process may use"));
  EXPECT_THAT(error_text(failed(ENOENT)), Not(HasSubstr("ulimit")));
}

TEST_F(ErrorText, WithoutALimitThereIsNoneToName) {
  if (before_.rlim_cur != RLIM_INFINITY) GTEST_SKIP() << "the address space is limited here";
  EXPECT_EQ(error_text(failed(ENOMEM)), failed(ENOMEM).what());
  EXPECT_EQ(error_text(std::bad_alloc()), "there is no memory left");
}

}  // namespace
}  // namespace samepage
