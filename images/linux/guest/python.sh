# SPDX-License-Identifier: Apache-2.0
# A Python process with a heap of about 100 MiB. It closes its stdout when the heap is filled.
mkfifo /run/heap
python3 /heap.py >/run/heap &
cat /run/heap
grep VmRSS "/proc/$!/status"
