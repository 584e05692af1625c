// SPDX-License-Identifier: Apache-2.0
#include "base/thread_setup.hpp"

#include <pthread.h>

#include <csignal>
#include <initializer_list>

namespace samepage {

void prepare_thread(const char* name) {
  sigset_t all;
  sigfillset(&all);
  for (const int own : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&all, own);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), name);
}

}  // namespace samepage
