// CloudFront around cloudfront.js, as far as its documentation says how it
// behaves, to run the function in node:
//
//	node cloudfront.mjs FUNCTION PAIRS ORIGIN
//
// FUNCTION is the file of the function, PAIRS one with the key value store as a
// JSON object, ORIGIN the URL of the origin. It prints its own URL and serves
// until standard input ends. Answers carry X-Answered-By: function or origin.
import { readFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { register } from 'node:module';

const [file, pairsFile, origin] = process.argv.slice(2);

// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
const pairs = new Map(Object.entries(JSON.parse(readFileSync(pairsFile, 'utf8'))));
const source = readFileSync(file);
const size = (s) => Buffer.byteLength(s);
let total = 0;
for (const [key, value] of pairs) {
  total += size(key) + size(value);
  if (size(key) > 512 || size(key) + size(value) > 1024) {
    throw new Error(`${key}: does not fit into a key value store`);
  }
}
if (total > 5 << 20 || source.length > 10 << 10) {
  throw new Error(`store of ${total} bytes, function of ${source.length}: too large`);
}

// The module 'cloudfront'. get fails where there is no such key.
globalThis.cloudfrontModule = {
  kvs: () => ({
    async get(key) {
      if (!pairs.has(key)) {
        throw new Error('KeyNotFound');
      }
      return pairs.get(key);
    },
  }),
};
const hooks = `export const resolve = (name, context, next) => name === 'cloudfront'
  ? { url: 'data:text/javascript,export default globalThis.cloudfrontModule', shortCircuit: true } : next(name, context);`;
register('data:text/javascript,' + encodeURIComponent(hooks));

// CloudFront finds the function by its name.
const { handler } = await import('data:text/javascript,' + encodeURIComponent(source + '\nexport { handler };\n'));

function eventOf(req) {
  const at = req.url.indexOf('?');
  const headers = {};
  for (const name of Object.keys(req.headers)) {
    headers[name] = { value: [req.headers[name]].flat().join(',') };
  }
  return {
    version: '1.0',
    context: { eventType: 'viewer-request' },
    viewer: { ip: '192.0.2.1' },
    request: {
      method: req.method,
      uri: at < 0 ? req.url : req.url.slice(0, at),
      rawQueryString: () => (at < 0 ? undefined : req.url.slice(at + 1)),
      querystring: {},
      headers,
      cookies: {},
    },
  };
}

const server = createServer(async (req, res) => {
  try {
    const event = eventOf(req);
    const result = await handler(event);
    if (result.statusCode === undefined) {
      pass(req, res, result.uri, event.request.rawQueryString());
      return;
    }
    const body = result.body ? result.body.data : '';
    res.statusCode = result.statusCode;
    for (const name of Object.keys(result.headers)) {
      if (name !== name.toLowerCase() || /[^\t -~]/.test(result.headers[name].value)) {
        throw new Error(`CloudFront refuses the header ${name}`);
      }
      res.setHeader(name, result.headers[name].value);
    }
    res.setHeader('content-length', size(body));
    res.setHeader('x-answered-by', 'function');
    res.end(req.method === 'HEAD' ? '' : body);
  } catch (e) {
    process.stderr.write(`${req.method} ${req.url}: ${e.stack}\n`);
    res.statusCode = 503; // as CloudFront does
    res.end();
  }
});

function pass(req, res, uri, query) {
  const target = new URL(origin);
  const path = uri + (query === undefined ? '' : '?' + query);
  const out = ask({ host: target.hostname, port: target.port, method: req.method, path, headers: { ...req.headers, connection: 'close' } }, (answer) => {
    res.writeHead(answer.statusCode, { ...answer.headers, 'x-answered-by': 'origin', 'x-origin-uri': uri });
    answer.pipe(res);
  });
  out.on('error', () => res.destroy());
  out.end();
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
