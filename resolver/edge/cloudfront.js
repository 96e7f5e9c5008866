// asof's resolver as a CloudFront Function for viewer requests. It sends times to
// checkpoints by a key value store (format: publisher/cloudfront/keys.go).
// Runtime 2.0 has no for-of, destructuring, or await in arguments.
import cf from 'cloudfront';

const kvs = cf.kvs();
const FINAL = 'public, max-age=86400';
const SHORT = 'public, max-age=10';
const NEVER = 'no-store';
const NOWHERE = [404, 'no repository stands at this path', 'see / for the repositories', SHORT];

async function handler(event) {
  const request = event.request;
  const raw = request.rawQueryString();
  const query = raw === undefined ? '' : '?' + raw.replace(/[^!-~]|#/g, escaped);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return problem(request, [405, 'this service only reads', 'use GET or HEAD', NEVER]);
  }
  const t = parse(request.uri);
  if (!t) {
    return problem(request, NOWHERE);
  }
  let base = '';
  let head;
  let n = 0; // segments of the base path
  while (!head && n < t.segs.length && base.length < 200) {
    base += (n > 0 ? '/' : '') + t.segs[n++];
    head = await get(base);
  }
  if (!head || head.slice(0, 2) !== '1 ') {
    return elsewhere(request, t);
  }
  const list = location(t.segs.slice(0, n), true);
  const when = t.segs[n];
  const path = t.segs.slice(n + 1);
  const slash = t.slash || path.length === 0 && !isList(when);
  const here = location(t.segs, slash);
  if (request.headers['accept-datetime'] && (when === undefined || when === 'latest')) {
    return request; // a TimeGate of RFC 7089
  }
  if (when === undefined || path.length === 0 && !t.slash && isList(when)) {
    return t.doubled || slash !== t.slash ? redirect(301, here + query, FINAL) : pass(request, here, when ? '' : listFor(request));
  }
  if (octets(path.join('/')) > 768) {
    return problem(request, [404, 'no checkpoint can have such a path', 'see ' + list + ' for the checkpoints', FINAL]);
  }
  const answer = await resolve(base, list, parseHead(head), when);
  if (answer.problem) {
    return problem(request, answer.problem);
  }
  if (answer.id === undefined) { // the store does not know that far back
    return pass(request, location(t.segs, t.slash), t.slash && isID(when) ? 'index.html' : '');
  }
  if (answer.id !== when) {
    const to = location(t.segs.slice(0, n).concat([answer.id], path), slash) + query;
    return answer.final ? redirect(301, to, FINAL) : redirect(307, to, NEVER);
  }
  return t.doubled || slash !== t.slash ? redirect(301, here + query, FINAL) : pass(request, here, slash ? 'index.html' : '');
}

// pass lets the origin answer, for one spelling of the path.
function pass(request, path, file) {
  request.uri = path + file;
  return request;
}

function isID(s) {
  return /^\d{8}T\d{6}Z$/.test(s);
}

function isList(s) {
  return /^(index(-\d{8}T\d{6}Z)?\.html|checkpoints\.json)$/.test(s);
}

// listFor is the list as it is asked for; "": the origin weighs.
function listFor(request) {
  const accept = accepts(request);
  const json = accept.indexOf('application/json') >= 0;
  return /text\/html *;/.test(accept) || json && accept.indexOf('text/html') >= 0 ? '' : json ? 'checkpoints.json' : 'index.html';
}

// elsewhere is what belongs to no repo that the store knows. Nothing private is.
function elsewhere(request, t) {
  const path = t.segs.join('/');
  if (/^(\.|asof\.json$)/.test(path) && !/^\.asof\/pool\/sha256\/\w\w\/\w{64}$/.test(path)) {
    return problem(request, NOWHERE);
  }
  return request;
}

// parse reads a path as resolver/request.go does.
function parse(uri) {
  const parts = uri.split('/');
  const segs = [];
  for (let i = 1; i < parts.length; i++) {
    let seg;
    if (parts[i] === '.' && i < parts.length - 1) {
      continue;
    }
    try {
      seg = decodeURIComponent(parts[i]);
    } catch (e) {
      return;
    }
    if (/^\.\.?$|[\u0000-\u001f\u007f-\u009f\u2028\u2029\\/]/.test(seg) || octets(seg) > 255) {
      return;
    }
    if (seg) {
      segs.push(seg);
    }
  }
  return { segs: segs, slash: uri.slice(-1) === '/', doubled: /\/\.?\//.test(uri) };
}

function octets(s) {
  return encodeURIComponent(s).replace(/%../g, '.').length;
}

function escaped(s) {
  return s < '\x80' ? '%' + ('0' + s.charCodeAt(0).toString(16).toUpperCase()).slice(-2) : encodeURIComponent(s);
}

function location(segs, slash) {
  let path = '';
  for (let i = 0; i < segs.length; i++) {
    path += '/' + encodeURIComponent(segs[i]).replace(/[!*'()]/g, escaped).replace(/%(24|3A|3D|40)/g, decodeURIComponent);
  }
  return slash || path === '' ? path + '/' : path;
}

async function get(key) {
  try {
    const value = await kvs.get(key);
    return value;
  } catch (e) {
    return;
  }
}

function parseHead(value) {
  const f = value.split(' ');
  const head = { horizon: f[2], since: f[3], first: f[4], newest: f[5], channels: {} };
  for (let i = 6; i < f.length; i++) {
    const eq = f[i].indexOf('=');
    head.channels[f[i].slice(0, eq + 1)] = f[i].slice(eq + 1); // "" is for those that had no room
  }
  return head;
}

// resolve finds what a <when> stands for: an id, perhaps final; or a problem; or
// neither, if the store does not know.
async function resolve(base, list, head, when) {
  const hint = 'see ' + list + ' for the checkpoints';
  if (when === 'latest') {
    return { id: head.newest };
  }
  const at = instant(when);
  if (!at) {
    if (/^\d{4}.{4}/.test(when) || !/^[\w+~][\w.+~-]*$/.test(when)) {
      return { problem: [404, JSON.stringify(when.slice(0, 80)) + ' is neither a time nor the name of a channel',
        'use YYYYMMDDTHHMMSSZ, YYYYMMDD, YYYY-MM-DD, RFC 3339, latest, or a channel', FINAL] };
    }
    const id = head.channels[when + '='];
    return id || head.channels[''] ? { id: id } :
      { problem: [404, 'there is no channel ' + JSON.stringify(when.slice(0, 80)), hint, SHORT] };
  }
  const soon = compact(new Date(Date.now() + 60000));
  if (at > head.horizon && at > soon) {
    return { problem: [404, at + ' lies in the future', 'use latest for the newest checkpoint', NEVER] };
  }
  const final = at <= head.horizon && at <= soon && FINAL;
  if (at >= head.newest) {
    return { id: head.newest, final: final };
  }
  if (at < head.since) {
    return head.first === '-' ? {} : { problem: [404, at + ' lies before the first checkpoint, ' + head.first, hint, final || NEVER, head.first] };
  }
  const found = await entry(base, at);
  if (found && found.pruned) {
    return { problem: [410, 'checkpoint ' + found.id + ' was pruned' + (found.reason && ': ' + found.reason), hint, final || NEVER, found.id] };
  }
  return found ? { id: found.id, final: final } : {};
}

// entry finds the newest entry up to an instant, in the day's value or the month's.
async function entry(base, at) {
  let day = at.slice(0, 8);
  let value = await get(base + '/' + day);
  if (value) {
    const found = last(day, value, at);
    if (found || value === '!') {
      return found;
    }
    day = value.split(' ')[0];
  } else {
    value = await get(base + '/' + day.slice(0, 6));
    const days = (value || '').split(' ');
    let i = days.length - 1;
    while (i > 0 && days[i] > day.slice(6)) {
      i--;
    }
    day = i > 0 ? day.slice(0, 6) + days[i] : days[0];
  }
  value = await get(base + '/' + day);
  return value && last(day, value, at);
}

// last is the newest of a day's entries at or before an instant.
function last(day, value, at) {
  const entries = value.split(' ');
  for (let i = entries.length - 1; i > 0; i--) {
    const id = day + 'T' + entries[i].slice(0, 6) + 'Z';
    if (id <= at) {
      return { id: id, pruned: entries[i][6] === '-', reason: decodeURIComponent(entries[i].slice(7)) };
    }
  }
}

// instant reads a time in any notation, as an id, if it is one.
function instant(s) {
  let m = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z)?$/.exec(s) || /^(\d{4})-(\d\d)-(\d\d)$/.exec(s);
  m = m || /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-]\d\d):(\d\d))$/.exec(s);
  if (!m || m[4] > '23' || m[5] > '59' || m[6] > '59' || m[7] && m[7].slice(1) > '23' || m[8] > '59') {
    return;
  }
  const d = new Date(0);
  d.setUTCFullYear(+m[1], m[2] - 1, +m[3]);
  if (d.getUTCMonth() !== m[2] - 1 || d.getUTCDate() !== +m[3]) {
    return;
  }
  const offset = m[7] ? m[7] * 60 + +(m[7][0] + m[8]) : 0; // minutes
  d.setUTCHours(+(m[4] || 0), (m[5] || 0) - offset, +(m[6] || 0));
  const id = compact(d);
  return isID(id) && id > '00010101T000000Z' ? id : undefined;
}

function compact(d) {
  return d.toISOString().replace(/\.\d+|[-:]/g, '');
}

function accepts(request) {
  return (request.headers.accept || { value: '' }).value.toLowerCase();
}

const TITLES = { 404: 'Not Found', 405: 'Method Not Allowed', 410: 'Gone' };

// problem answers with status, detail, hint, cache control, checkpoint.
function problem(request, p) {
  const accept = accepts(request);
  const title = TITLES[p[0]];
  const response = respond(p[0], p[3]);
  let type = 'text/plain; charset=utf-8';
  let body = 'error: ' + p[1] + '\nhint: ' + p[2] + '\n';
  if (accept.indexOf('text/html') >= 0) {
    const h = p[0] + ' ' + title;
    type = 'text/html; charset=utf-8';
    body = '<!doctype html><title>' + h + '</title><a href="/">Repositories</a><h1>' + h + '</h1><p>' + html(p[1]) +
      '<p>' + html(p[2]).replace(/(\/\S+)/, '<a href="$1">$1</a>');
  } else if (accept.indexOf('json') >= 0) {
    type = 'application/problem+json';
    body = JSON.stringify({ type: 'about:blank', title: title, status: p[0], detail: p[1], hint: p[2], checkpoint: p[4] }) + '\n';
  }
  response.headers['content-type'] = { value: type };
  response.headers.vary = { value: 'Accept' };
  if (p[0] === 405) {
    response.headers.allow = { value: 'GET, HEAD' };
  }
  response.body = { encoding: 'text', data: body };
  return response;
}

function html(s) {
  return s.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}

function redirect(status, to, cache) {
  const response = respond(status, cache);
  response.headers.location = { value: to };
  return response;
}

function respond(status, cache) {
  return { statusCode: status, headers: { 'cache-control': { value: cache }, 'x-content-type-options': { value: 'nosniff' } } };
}
