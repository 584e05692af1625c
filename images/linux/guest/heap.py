# SPDX-License-Identifier: Apache-2.0
"""Fills a heap with what services hold: a table that all guests have loaded, numbers of this guest's own, and
records whose words are equal among guests while their addresses and hashes are not."""

import array
import os
import random
import signal
import socket

MIB = 1 << 20
common = random.Random(1)
own = random.Random(socket.gethostname())

# 32 MiB that are equal in all guests: large objects, such as files that were read.
table = [common.randbytes(MIB) for _ in range(32)]

# 16 MiB of this guest alone.
samples = array.array("d", (own.random() for _ in range(2 * MIB)))

# About 50 MiB of small objects.
records = {}
for number in range(90_000):
    name = f"user-{number:06}"
    records[name] = {
        "name": name,
        "mail": f"{name}@example.org",
        "score": common.random(),
        "tags": [number % 7, number % 11, name[-3:]],
    }

print("python:", len(table), "MiB common,", len(samples) * 8 // MIB, "MiB own,", len(records), "records", flush=True)
os.close(1)
while True:
    signal.pause()
