// SPDX-License-Identifier: Apache-2.0
// The threads that carry out calls, so that the server's own thread never waits for a guest. Calls that wait
// for nothing have threads of their own: they do not stand behind guests that start or hang.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <utility>

#include "manage/libvirt/procedures.hpp"

namespace samepage::libvirt {

class Workers {
 public:
  Workers() = default;
  ~Workers() { finish(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// `work` must not throw.
  template <typename Work>
  void run(Pace pace, Work work) {
    boost::asio::post(pace == Pace::slow ? slow_ : quick_, std::move(work));
  }
  /// Waits for all that was given.
  void finish() {
    quick_.join();
    slow_.join();
  }

 private:
  boost::asio::thread_pool quick_{2};
  boost::asio::thread_pool slow_{8};
};

}  // namespace samepage::libvirt
