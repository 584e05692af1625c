// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/say.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/pipe.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {
namespace {

// What was stderr is so again when this goes.
class StderrIs {
 public:
  explicit StderrIs(int fd) : kept_(::dup(STDERR_FILENO)) { ::dup2(fd, STDERR_FILENO); }
  ~StderrIs() { ::dup2(kept_.get(), STDERR_FILENO); }
  StderrIs(const StderrIs&) = delete;
  StderrIs& operator=(const StderrIs&) = delete;

 private:
  UniqueFd kept_;
};

TEST(Say, NeitherWaitsForAFullPipeNorEndsOnAFullDisk) {
  const Pipe pipe = make_pipe();
  const std::string page(4096, 'x');
  ::fcntl(pipe.writing.get(), F_SETFL, O_NONBLOCK);
  while (::write(pipe.writing.get(), page.data(), page.size()) > 0) {
  }
  ::fcntl(pipe.writing.get(), F_SETFL, 0);
  {
    const StderrIs full_pipe(pipe.writing.get());
    say("nobody reads this");
  }
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const StderrIs full_disk(full.get());
  say("there is no room for this, or for what is longer than a line may be: {}", std::string(100'000, 'y'));
}

}  // namespace
}  // namespace samepage::dedup
