# SPDX-License-Identifier: Apache-2.0
# What scenarios report with; sourced by init. A check is a name, a limit in seconds and a command: it passes when the
# command ends with 0 in time. What it printed is shown when it fails, or at once with VERBOSE=1: before a check waits, it
# says for what.
# shellcheck shell=sh
pass_count=0
fail_count=0

# check NAME SECONDS COMMAND...
check() {
  check_name="$1"
  check_limit="$2"
  shift 2
  if [ "$VERBOSE" = 1 ]; then
    echo "RUN  $check_name"
    : >/tmp/check.out
    tail -f /tmp/check.out &
    check_tail=$!
  fi
  check_started="$(cut -d. -f1 /proc/uptime)"
  timeout -s KILL "$check_limit" "$@" >>/tmp/check.out 2>&1
  check_code=$?
  [ "$VERBOSE" = 1 ] && sleep 1 && kill "$check_tail"
  check_took="$(($(cut -d. -f1 /proc/uptime) - check_started))"
  if [ "$check_code" = 0 ]; then
    pass_count=$((pass_count + 1))
    echo "PASS $check_name ($check_took s)"
    grep '^figure: ' /tmp/check.out
  else
    fail_count=$((fail_count + 1))
    echo "FAIL $check_name ($check_took s, exit code $check_code; 137: out of time)"
    tail -n 60 /tmp/check.out | sed 's/^/    /'
    # What it left would slow down the next ones.
    killall samepage samepaged 2>/dev/null
  fi
  rm -f /tmp/check.out
}

# check_tests PROGRAM SECONDS [FILTER]: each case of a GoogleTest program is one line.
check_tests() {
  timeout -s KILL "$2" "$1" --gtest_color=no --gtest_filter="${3:-*}" >/tmp/tests.out 2>&1
  tests_code=$?
  sed -n 's/^\[       OK \] \(.*\)/PASS \1/p' /tmp/tests.out
  pass_count=$((pass_count + $(grep -c '^\[       OK \]' /tmp/tests.out)))
  [ "$tests_code" = 0 ] && return
  fail_count=$((fail_count + 1))
  echo "FAIL $1 (exit code $tests_code; 137: out of time in the last test that runs)"
  grep -v '^\[       OK \]' /tmp/tests.out | tail -n 60 | sed 's/^/    /'
}

# report_end [WHY]: the last line. With an argument the host ends before its time, and has failed.
report_end() {
  if [ "$#" = 0 ] && [ "$fail_count" = 0 ] && [ "$pass_count" -gt 0 ]; then
    echo "emulated-host: passed ($pass_count checks)"
  else
    echo "emulated-host: FAILED${1:+, $1} ($fail_count of $((pass_count + fail_count)) checks)"
  fi
}
