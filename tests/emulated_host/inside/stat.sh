# SPDX-License-Identifier: Apache-2.0
# Numbers of `samepage stat --json`, for checks that source it.
# shellcheck shell=sh

# figure GUEST KEY: a guest's
figure() {
  samepage stat "$1" --json | sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p" | head -n 1
}
# host KEY: all guests' and the daemon's
host() {
  samepage stat --json | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1
}
