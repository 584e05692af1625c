// SPDX-License-Identifier: Apache-2.0
// What services in Node.js hold: a catalogue that all guests have loaded, sessions of this guest's own, a cache of
// answers, and compiled code. Its own client asks for some entries.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const os = require('os');

const catalogue = new Map();
for (let number = 0; number < 30000; ++number) {
  const name = `article-${number}`;
  catalogue.set(name, {name, price: (number * 7919) % 10007, tags: [number % 7, number % 11, name.slice(-3)]});
}
const tables = []; // 16 MiB that are equal in all guests
for (let number = 0; number < 16; ++number) {
  tables.push(crypto.createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16, number)).update(Buffer.alloc(1 << 20)));
}
const sessions = new Map();
for (let number = 0; number < 5000; ++number) {
  const id = crypto.createHash('sha256').update(`${os.hostname()} ${number}`).digest('hex');
  sessions.set(id, {id, user: `user-${number}`, basket: [`article-${number}`]});
}

const answers = new Map();
const server = http.createServer((request, response) => {
  const entry = catalogue.get(request.url.slice(1));
  const body = JSON.stringify({entry, check: crypto.createHash('md5').update(tables[entry.price % 16].subarray(0, 4096)).digest('hex')});
  answers.set(request.url, body);
  response.end(body);
});

server.listen(8080, '127.0.0.1', () => ask(0));

const agent = new http.Agent({keepAlive: true});
function ask(number) {
  if (number === 400) {
    console.log(`node: ${catalogue.size} articles, ${sessions.size} sessions, ${answers.size} answers, ${process.version}`);
    fs.closeSync(1);
    return;
  }
  http.get({host: '127.0.0.1', port: 8080, path: `/article-${(number * 37) % 30000}`, agent}, (response) => {
    response.resume();
    response.on('end', () => ask(number + 1));
  });
}
