// An application on Node's http: it says what it understood of each request, in the three ways in which such
// applications read a path. One UNIX socket for each route, so that it knows by which one a request came.
'use strict';

const http = require('http');
const path = require('path');
const querystring = require('querystring');

// Of a text, or of bytes that are none.
const hex = (text) => Buffer.from(text).toString('hex');

function views(request) {
  const host = request.headers.host ?? '';
  const readings = [
    ['req.url', () => ({ host, path: decodeURIComponent(request.url.split('?')[0]) })],
    ['URL', () => {
      const url = new URL(request.url, `http://${host}`);
      return { host: url.hostname, path: decodeURIComponent(url.pathname) };
    }],
    // What is no UTF-8 throws above, and here stays as it is.
    ['unescape', () => ({ host, path: querystring.unescapeBuffer(request.url.split('?')[0]) })],
  ];
  return readings.flatMap(([how, read]) => {
    try {
      const { host, path } = read();
      return [{ how, host: hex(host), path: hex(path) }];
    } catch {
      return []; // No URL, or no UTF-8: such an application has no page for it.
    }
  });
}

const [folder, routes] = [process.argv[2], Number(process.argv[3])];
let listening = 0;
for (let route = 0; route < routes; route += 1) {
  const server = http.createServer((request, response) => {
    const body = JSON.stringify({ route, views: views(request) });
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  server.listen({ path: path.join(folder, `${route}.sock`), backlog: 1024 }, () => {
    listening += 1;
    if (listening === routes) console.log('ready');
  });
}
// It ends with the test.
process.stdin.on('end', () => process.exit()).resume();
