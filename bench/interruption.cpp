// SPDX-License-Identifier: Apache-2.0
#include "bench/interruption.hpp"

#include <csignal>
#include <ctime>

#include "base/process_setup.hpp"

namespace samepage::bench {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // the signal

extern "C" void note_signal(int signal) {
  interrupted = signal;
}

}  // namespace

void note_interruptions() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  for (const int signal : stop_signals()) ::sigaction(signal, &action, nullptr);
}

void pause_for(std::chrono::nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec request{seconds.count(), (time - seconds).count()};
  if (interrupted == 0) ::nanosleep(&request, nullptr);  // a signal ends it early
  if (interrupted != 0) throw Interrupted(interrupted);
}

}  // namespace samepage::bench
