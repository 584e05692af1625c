# SPDX-License-Identifier: Apache-2.0
# A Node.js service. It closes its stdout when it has answered all requests of its own client.
mkfifo /run/service
NODE_EXTRA_CA_CERTS='' node /service.js >/run/service &
cat /run/service
grep VmRSS "/proc/$!/status"
