// asof's resolver as a Cloudflare Worker: one module, without dependencies. It
// answers what asof serve answers (resolver/testdata holds both to one table),
// from a store that it only reads:
//
//	BUCKET   an R2 bucket binding, or
//	ORIGIN   the URL of a bucket or folder that any web server shows
//	PREFIX   of the store in it; empty: none
//	REFRESH  how long an index is taken for fresh, in seconds; empty: 5
//	SANDBOX  "true": browsers run no HTML, SVG and XML of upstream's as this host's
//	PUBLIC_URL   where clients find it, for mirror lists; empty: the host that they ask
//
// Formats are those of docs/formats.md. What is immutable is verified by its
// digest before it is believed; bodies of files stream as they are.

const IMMUTABLE = 'public, max-age=31536000, immutable';
const PAGE = 'public, max-age=0, s-maxage=31536000, must-revalidate'; // private caches ask again
const FINAL = 'public, max-age=86400';
const SHORT = 'public, max-age=10';
const NEVER = 'no-store';

const HTML = 'text/html; charset=utf-8';
const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';
const PROBLEM = 'application/problem+json';

const SKEW = 60; // how far a client's clock may be ahead, in seconds
const GRACE = 24 * 3600; // of an index that says nothing else, in seconds
const MAX_EARLIER = 64; // checkpoints that a moving name is followed back to
// Documents that clients begin with: they never come from an earlier checkpoint.
const BEGINNINGS = new Set(['PULP_MANIFEST', 'InRelease', 'Release', 'repomd.xml', 'Release.gpg', 'repomd.xml.asc', 'repomd.xml.key']);
const VARIANT = 'index.v1_json'; // a directory's page in a second form
const VARIANT_TYPE = 'application/vnd.pypi.simple.v1+json';
const MAX_UNREAD = 16; // manifests read for that in one request
const MAX_TARGET = 4096; // bytes of a path, and of a query
const MAX_PATH = 768;
const MAX_SEGMENT = 255;
const MAX_BASE = 200;
const MAX_INDEX = 64 << 20;
const MAX_ROOT = 32 << 20; // of the memory that a worker has; formats allow 256 MiB
const MAX_LEAF = 384 * 900;
const FIRST_READ = 16 << 10; // bytes of a manifest's object, in which most roots end
const CACHE_BYTES = 24 << 20; // for parts of manifests and segments

export default {
  async fetch(request, env, ctx) {
    let response;
    try {
      response = await answer(request, new Store(env), ctx);
    } catch (e) {
      response = render(request, e instanceof Problem ? e : unavailable(e));
    }
    response.headers.set('X-Content-Type-Options', 'nosniff');
    return response;
  },
};

// ---- requests

async function answer(request, store, ctx) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new Problem(405, 'this service only reads', 'use GET or HEAD', NEVER);
  }
  const { path, query } = targetOf(request.url);
  if (path.length > MAX_TARGET || query.length > MAX_TARGET) {
    throw new Problem(414, 'the address is too long', `paths and queries have up to ${MAX_TARGET} bytes`, NEVER);
  }
  const t = parsePath(path);
  const registry = await store.registry();
  if (t.segs[0] === '-' && t.segs[1] === 'mirrorlist') {
    return answerMirrorList(request, store, registry, t.segs.slice(2));
  }
  if (t.segs[0] === '-' && t.segs[1] === 'rings' && t.segs.length === 2) {
    return answerRings(request, store, query, registry);
  }
  const found = matchRepo(registry, t.segs);
  if (!found) {
    return answerFolder(request, store, t, query, registry);
  }
  try {
    return await answerRepo(request, store, ctx, t, query, found.repo, found.rest);
  } catch (e) {
    throw Object.assign(unavailable(e), { repo: found.repo });
  }
}

// answerFolder lists the repos in the store, or in a folder above some.
async function answerFolder(request, store, t, query, registry) {
  const folder = t.segs.join('/');
  const repos = registry.repos.filter((r) => folder === '' || r.base.startsWith(folder + '/'));
  const rows = await rowsOf(store, repos);
  if (folder !== '' && rows.length === 0) {
    throw new Problem(404, 'no repository stands at this path', 'see / for the repositories', SHORT);
  }
  if (!t.slash) {
    return redirect(301, location(t.segs, true) + query, SHORT);
  }
  const { members, rings } = await store.rings().catch(() => ({ members: [], rings: [] }));
  const held = rows.some((r) => members.length === 0 || members.includes(r.name)) ? rings : [];
  return listing(request, t, query, LISTS, () => reposPage(t.segs, rows, held, HTML), () => reposPage(t.segs, rows, held, JSON_TYPE));
}

// answerRings says what the rings stand for in each repo. What comes next it leaves out: that
// takes the rules of a promotion, which only the Go packages know.
async function answerRings(request, store, query, registry) {
  const only = new URLSearchParams(query).get('repo');
  if (only && !registry.repos.some((r) => r.name === only)) {
    throw new Problem(404, 'there is no such repository', 'see / for the repositories', SHORT);
  }
  const { members, rings, blocks } = await store.rings();
  const told = (repo) => !only || repo === only;
  const shown = { rings: rings.map(shownRing), absent: members.filter((name) => told(name) && !registry.repos.some((r) => r.name === name)), blocks: [] };
  const bases = {};
  for (const repo of registry.repos) {
    if (!told(repo.name) || members.length > 0 && !members.includes(repo.name)) {
      continue;
    }
    const index = await store.index(repo);
    if (index.retired || !index.horizon) {
      if (!index.retired || members.length > 0) {
        shown.absent.push(repo.name);
      }
      continue;
    }
    bases[repo.name] = repo.base;
    for (const ring of shown.rings) {
      if (ring.time) {
        ring.repos.push(await standing(store, repo, index, ring.time));
      }
    }
  }
  shown.absent.sort();
  for (const { repos, after, through, at, reason } of blocks) {
    const some = repos.filter(told);
    if (some.length > 0) {
      shown.blocks.push({ repos: some, after, through, at, reason });
    }
  }
  const t = { segs: ['-', 'rings'], doubled: false };
  return listing(request, t, query, BOARD, () => document(HTML, encoder.encode(boardPage(shown, bases))),
    () => document(JSON_TYPE, encoder.encode(JSON.stringify(shown) + '\n')));
}

function shownRing({ name, after, held, stands }) {
  const now = stands?.at(-1);
  return { name, after, time: now?.time, since: now?.at, reason: now?.reason, held: held && { at: held.at, reason: held.reason }, repos: [] };
}

// standing is what a time stands for in a repo.
async function standing(store, repo, index, time) {
  if (time > index.horizon) {
    return { repo: repo.name, behind: 0, note: 'the ring\'s time is not final there' };
  }
  const { checkpoint, pruned, before } = await lookup(store, index, time);
  if (checkpoint) {
    return { repo: repo.name, checkpoint: checkpoint.id, behind: (timeOf(index.checkpoints.at(-1).id) - timeOf(checkpoint.id)) / 1000 };
  }
  return { repo: repo.name, behind: 0, note: pruned ? `${pruned.id} is pruned` : before ? `the first is ${before}` : 'there is none' };
}

// answerMirrorList answers for <base>/<when>/<path> with the addresses of mirrors, one a
// line: the tree that the time stands for now, and what moves itself, for what it stood for
// before. A query counts for nothing.
async function answerMirrorList(request, store, registry, segs) {
  const found = matchRepo(registry, segs);
  if (!found) {
    throw new Problem(404, 'no repository stands at this path', 'see / for the repositories', SHORT);
  }
  const { repo, rest: [when = '', ...path] } = found;
  try {
    const base = repo.base.split('/');
    const list = location(base, true);
    const index = await store.index(repo);
    if (path.length > 0 && !pathFits(path)) {
      throw new Problem(404, 'no checkpoint can have such a path', `see ${list} for the checkpoints`, FINAL);
    }
    const { checkpoint, ring } = await resolve(store, index, when, list);
    const names = parseInstant(when) === null ? [checkpoint.id, when] : [checkpoint.id];
    const origin = store.publicURL || new URL(request.url).origin;
    const text = names.map((name) => origin + location([...base, name, ...path], true) + '\n').join('');
    const response = sendDocument(request, await document(TEXT, encoder.encode(text)));
    response.headers.set('Cache-Control', NEVER);
    return ofRing(response, ring);
  } catch (e) {
    throw Object.assign(unavailable(e), { repo });
  }
}

// answerRepo answers for rest, which stands behind a repo's base path.
async function answerRepo(request, store, ctx, t, query, repo, rest) {
  const timeGate = request.headers.has('Accept-Datetime') && (rest.length === 0 || rest[0] === 'latest');
  const moment = timeGate ? null : momentOf(query, t, rest);
  const index = await store.index(repo);
  if (index.retired) {
    return answerRetired(index.retired, t, query, rest);
  }
  if (rest.length === 0 && !t.slash && !timeGate && !moment) {
    return redirect(301, location(t.segs, true) + query, FINAL);
  }
  if (timeGate) {
    return answerTimeGate(request, store, t, query, repo, index, rest.slice(1));
  }
  if (moment) {
    return answerMoment(store, repo, index, moment);
  }
  if (rest.length === 0) {
    const response = await listing(request, t, query, LISTS, () => listPage(store, repo, index), () => document(JSON_TYPE, index.text));
    response.headers.set('Vary', 'Accept, Accept-Datetime');
    return response;
  }
  if (rest.length === 1 && !t.slash) {
    const page = namedDocument(store, repo, index, rest[0]);
    if (page) {
      return t.doubled ? redirect(301, location(t.segs, false) + query, FINAL) : sendDocument(request, await page());
    }
  }
  return answerWhen(request, store, ctx, t, query, repo, index, rest);
}

// answerRetired answers for a repo that was deleted or moved: with the same address in the
// repo that has its history now, or that it is gone.
function answerRetired(retired, t, query, rest) {
  if (!retired.to) {
    const reason = retired.reason === '' ? '' : ': ' + retired.reason;
    throw new Problem(410, `this repository was deleted${reason}`, 'see / for the repositories', SHORT);
  }
  return redirect(301, location([...retired.to.split('/'), ...rest], t.slash || rest.length === 0) + query, NEVER);
}

// momentOf is the time that the form on a list of checkpoints asks for, if any.
function momentOf(query, t, rest) {
  const list = rest.length === 0 || rest.length === 1 && !t.slash && (rest[0] === 'index.html' || SEGMENT_LIST.test(rest[0]));
  return list ? new URLSearchParams(query).get('at') : null;
}

// answerMoment answers that form. Nobody may keep the answer: a cache that leaves out
// the query would give it to those who ask for the list.
async function answerMoment(store, repo, index, asked) {
  const base = repo.base.split('/');
  const list = location(base, true);
  const at = asked.trim().replace(' ', 'T');
  const when = [at + 'Z', at + ':00Z', at].find((s) => parseInstant(s) !== null) ?? at;
  try {
    if (when !== 'latest' && parseInstant(when) === null && !isChannelName(when)) {
      throw new Problem(400, `${quote(asked)} is not a time`,
        `use YYYY-MM-DDTHH:MM, in UTC, or what stands in an address: a time, latest, or a channel; see ${list}`, NEVER);
    }
    const { checkpoint } = await resolve(store, index, when, list);
    return redirect(307, location([...base, checkpoint.id], true), NEVER);
  } catch (e) {
    throw Object.assign(unavailable(e), { cache: NEVER });
  }
}

// answerWhen answers for <when>/<path> in a repo; the path may be empty.
async function answerWhen(request, store, ctx, t, query, repo, index, rest) {
  const list = location(repo.base.split('/'), true);
  const path = rest.slice(1).join('/');
  if (path !== '' && !pathFits(rest.slice(1))) {
    throw new Problem(404, 'no checkpoint can have such a path', `see ${list} for the checkpoints`, FINAL);
  }
  const { checkpoint, final, ring } = await resolve(store, index, rest[0], list);
  if (rest[0] === checkpoint.id) {
    return answerTree(request, store, ctx, t, query, repo, checkpoint, path);
  }
  const found = await look(store, t, checkpoint, path);
  const before = found === 'nothing' && !final && !BEGINNINGS.has(rest[rest.length - 1]) && !isPage(path) ? await earlierWith(store, index, rest[0], path) : null;
  const to = location([...repo.base.split('/'), (before ?? checkpoint).id, ...rest.slice(1)], found === 'directory');
  return ofRing(redirect(final ? 301 : 307, to + query, final && found ? FINAL : NEVER), ring);
}

// ofRing says for which time a ring stands, if it is one.
function ofRing(response, ring) {
  if (ring) {
    response.headers.set('Asof-Time', ring);
  }
  return response;
}

// look tells what stands at a path, for a redirect to it: a file, a directory, or
// nothing. If it is not known (null), the time is right all the same, and a
// directory's slash can wait for the next request.
async function look(store, t, checkpoint, path) {
  if (t.slash || path === '') {
    return 'directory';
  }
  try {
    if (await findFile(store, checkpoint, path)) {
      return 'file';
    }
    return await findFile(store, checkpoint, path + '/index.html') ? 'directory' : 'nothing';
  } catch (e) {
    console.warn(`redirect without a look at ${path}: ${e}`);
    return null;
  }
}

// earlierWith is the newest checkpoint that a moving name stood for within the grace
// and that has a file of upstream's which the name's own lacks.
async function earlierWith(store, index, name, path) {
  let unread = 0;
  try {
    for await (const checkpoint of earlier(store, index, name)) {
      if (!knows(checkpoint.manifest, path) && ++unread > MAX_UNREAD) {
        break;
      }
      if (await findIn(store, checkpoint.manifest, path)) {
        return checkpoint;
      }
    }
  } catch (e) {
    console.warn(`redirect without a look at earlier checkpoints for ${path}: ${e}`);
  }
  return null;
}

// answerTimeGate sends the client to the checkpoint of the time that it asks for
// in a header (RFC 7089): to the first for an earlier time, to the newest for a
// later one.
async function answerTimeGate(request, store, t, query, repo, index, path) {
  try {
    const asked = request.headers.get('Accept-Datetime');
    if (!HTTP_DATE.test(asked) || Number.isNaN(Date.parse(asked))) {
      throw new Problem(400, 'Accept-Datetime is not a date as HTTP writes them', 'for instance Accept-Datetime: Tue, 18 Mar 2025 14:03:38 GMT', NEVER);
    }
    let found = await lookup(store, index, idOf(Date.parse(asked)));
    if (found.before) {
      found = await lookup(store, index, found.before);
    }
    if (!found.checkpoint) {
      throw missing(found, '', `see ${location(repo.base.split('/'), true)} for the checkpoints`, NEVER);
    }
    const slash = await look(store, t, found.checkpoint, path.join('/')) === 'directory';
    const response = redirect(302, location([...repo.base.split('/'), found.checkpoint.id, ...path], slash) + query, NEVER);
    response.headers.set('Vary', 'Accept-Datetime');
    response.headers.set('Link', `<${original(repo, path, slash)}>; rel="original timegate"`);
    return response;
  } catch (e) {
    const p = unavailable(e);
    p.headers = { ...p.headers, Vary: 'Accept, Accept-Datetime' };
    throw p;
  }
}

const HTTP_DATE = /^(?:[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT|[A-Z][a-z]+, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})$/;

// original is the address without a time of a path in a tree.
function original(repo, path, slash) {
  const base = repo.base.split('/');
  return path.length === 0 ? location(base, true) : location([...base, 'latest', ...path], slash);
}

// answerTree answers for a path in a checkpoint that was named by its exact id.
async function answerTree(request, store, ctx, t, query, repo, checkpoint, path) {
  if (path === '' && !t.slash) {
    return redirect(301, location(t.segs, true) + query, FINAL);
  }
  const inDirectory = (name) => path === '' ? name : path + '/' + name;
  const wanted = t.slash ? inDirectory('index.html') : path;
  const file = await findFile(store, checkpoint, wanted);
  if (!file && !t.slash && await findFile(store, checkpoint, path + '/index.html')) {
    return redirect(301, location(t.segs, true) + query, FINAL);
  }
  if (!file) {
    const tree = location([...repo.base.split('/'), checkpoint.id], true);
    const partial = checkpoint.partial ? '; it is partial: it leaves out files that upstream lists' : '';
    throw new Problem(404, `checkpoint ${checkpoint.id} has no such file${partial}`, `see ${tree} for its files`, FINAL);
  }
  if (t.doubled) {
    return redirect(301, location(t.segs, t.slash) + query, FINAL);
  }
  const link = `<${original(repo, path === '' ? [] : path.split('/'), t.slash)}>; rel="original timegate"`;
  const send = (p, f, vary) => {
    const pooled = checkpoint.layout === 'thin' && p !== 'index.html';
    const key = pooled ? shardKey('pool', f.sha256) : `${repo.base}/${checkpoint.id}/${p}`;
    return sendFile(request, store, ctx, key, f, checkpoint.id, { Link: link, ...vary });
  };
  const variant = t.slash && await findIn(store, checkpoint.manifest, inDirectory(VARIANT));
  if (variant && prefersVariant(request)) {
    return send(inDirectory(VARIANT), { ...variant, type: VARIANT_TYPE, cache: PAGE, upstream: true }, { Vary: 'Accept' });
  }
  return send(wanted, file, variant ? { Vary: 'Accept' } : {});
}

// ---- addresses

// targetOf takes path and query out of a URL as text: parsed, dot segments in it
// would be gone before anybody could refuse them.
function targetOf(url) {
  const rest = url.slice(url.indexOf('://') + 3);
  const start = rest.search(/[/?#]/);
  const target = start < 0 ? '/' : rest.slice(start).replace(/#.*$/s, '');
  const mark = target.indexOf('?');
  if (mark < 0) {
    return { path: target || '/', query: '' };
  }
  const query = target.slice(mark).replace(/[^!-~]/gu, (c) => encodeURIComponent(c));
  return { path: target.slice(0, mark) || '/', query };
}

// parsePath decodes each segment on its own: an encoded slash never separates
// segments, and nothing that decodes to a dot segment or to control characters
// gets through.
function parsePath(path) {
  const segs = [];
  const raws = path.slice(1).split('/');
  for (const [i, raw] of raws.entries()) {
    if (raw === '' || raw === '.' && i < raws.length - 1) {
      continue; // a plain dot is as good as nothing
    }
    let seg;
    try {
      seg = decodeURIComponent(raw);
    } catch {
      throw new Problem(404, `segment ${quote(raw)} is not validly encoded`, 'see / for the repositories', FINAL);
    }
    if (seg === '.' || seg === '..' || /[\0-\x1f\x7f-\x9f\u2028\u2029\\/]/.test(seg) || byteLength(seg) > MAX_SEGMENT) {
      throw new Problem(404, `segment ${quote(raw)} can't be part of a path`, 'see / for the repositories', FINAL);
    }
    segs.push(seg);
  }
  return { segs, slash: path.endsWith('/'), doubled: /\/\.?\//.test(path) };
}

function pathFits(segs) {
  const all = byteLength(segs.join('/'));
  const last = byteLength(segs.at(-1));
  return all <= MAX_PATH && all - last + 'index.html'.length <= MAX_PATH && !segs.slice(0, -1).includes('index.html');
}

// location is an absolute path. It starts with one slash and the first character
// of a segment, and so never names another host.
function location(segs, slash) {
  const path = segs.map((seg) => '/' + escapeSegment(seg)).join('');
  return slash || path === '' ? path + '/' : path;
}

function escapeSegment(seg) {
  return encodeURIComponent(seg)
    .replace(/[!*'()]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase())
    .replace(/%(?:24|3A|3D|40)/g, (c) => decodeURIComponent(c));
}

// matchRepo finds the repo whose base path the segments start with. As no base
// stands inside another, there is one at most.
function matchRepo(registry, segs) {
  let base = '';
  for (let i = 0; i < segs.length && base.length <= MAX_BASE; i++) {
    base += (i > 0 ? '/' : '') + segs[i];
    const repo = registry.byBase.get(base);
    if (repo) {
      return { repo, rest: segs.slice(i + 1) };
    }
  }
  return null;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function byteLength(s) {
  return encoder.encode(s).length;
}

function quote(s) {
  return JSON.stringify(s.slice(0, 80));
}

// ---- times

// resolve finds the checkpoint that a <when> stands for, and whether that is so
// for ever.
async function resolve(store, index, when, list) {
  const see = `see ${list} for the checkpoints`;
  if (when === 'latest') {
    if (index.checkpoints.length === 0) {
      throw nothingYet();
    }
    return { checkpoint: index.checkpoints.at(-1), final: false };
  }
  const soon = idOf(Date.now() + SKEW * 1000);
  let at = parseInstant(when);
  const channel = at === null;
  let ring;
  if (channel) {
    if (!isChannelName(when)) {
      throw new Problem(404, `${quote(when)} is neither a time nor the name of a channel`,
        `use YYYYMMDDTHHMMSSZ, YYYYMMDD, YYYY-MM-DD, RFC 3339, latest, or a channel; see ${list}`, FINAL);
    }
    at = Object.hasOwn(index.channels, when) ? index.channels[when] : null;
    if (at === null) {
      const stands = await standsOf(store, index, when);
      if (!stands) {
        throw new Problem(404, `there is no channel ${quote(when)}`, `see ${list} for checkpoints and channels`, SHORT);
      }
      at = ring = stands.at(-1)?.time;
      if (!ring || ring > index.horizon) {
        throw new Problem(404, `the ring ${quote(when)} stands for nothing here yet`,
          `see ${list} for the checkpoints; asof ring tells what the ring waits for`, SHORT);
      }
    }
  } else if (at > index.horizon && at > soon) {
    throw new Problem(404, `${at} lies in the future`, 'use latest for the newest checkpoint', NEVER);
  }
  const final = !channel && at <= index.horizon && at <= soon; // a horizon may lie in the future
  const found = await lookup(store, index, at);
  if (!found.checkpoint) {
    throw missing(found, at, see, final ? FINAL : NEVER);
  }
  return { checkpoint: found.checkpoint, final, ring };
}

// standsOf is what a ring stood for, oldest first; null: there is no such ring for the repo.
async function standsOf(store, index, name) {
  const { members, rings } = await store.rings();
  const ring = rings.find((r) => r.name === name);
  return ring && (members.length === 0 || members.includes(index.repo)) ? ring.stands ?? [] : null;
}

// lookup is what an instant resolves to: a checkpoint, a tombstone (pruned), the
// id of the first checkpoint (before), or nothing. What lies in a sealed segment
// is read there.
async function lookup(store, index, at) {
  const found = newestUpTo(index, at);
  if (found) {
    return found;
  }
  const ref = index.segments.findLast((s) => s.first <= at);
  if (ref) {
    return newestUpTo(await store.segment(index.repo, ref), at) ?? {};
  }
  return index.checkpoints.length === 0 ? {} : { before: await firstListed(store, index) };
}

// earlier yields the checkpoints that latest, a channel or a ring stood for within the grace
// before now, without the one that it stands for, newest first.
async function* earlier(store, index, name) {
  if (index.grace === 0) {
    return;
  }
  const since = idOf(Date.now() - index.grace * 1000);
  if (name === 'latest') {
    let next = index.checkpoints.at(-1).id;
    for (let i = 0; i < MAX_EARLIER && next > since; i++) {
      const { checkpoint, pruned } = await lookup(store, index, idOf(timeOf(next) - 1000));
      if (checkpoint) {
        yield checkpoint;
      }
      next = (checkpoint ?? pruned)?.id ?? '';
    }
    return;
  }
  if (!Object.hasOwn(index.channels, name)) {
    yield* earlierStands(store, index, await standsOf(store, index, name) ?? [], since);
    return;
  }
  const stood = index.moved.filter((m) => m.channel === name && m.until > since && m.id !== index.channels[name]);
  for (const id of [...new Set(stood.map((m) => m.id))].sort().reverse().slice(0, MAX_EARLIER)) {
    const { checkpoint } = await lookup(store, index, id);
    if (checkpoint?.id === id) {
      yield checkpoint;
    }
  }
}

// earlierStands yields the checkpoints of the times that a ring stood for after an instant, but
// for the one that it stands for, newest first.
async function* earlierStands(store, index, stands, since) {
  const found = new Map();
  let now;
  for (let i = stands.length - 1; i >= 0 && found.size < MAX_EARLIER && (i === stands.length - 1 || stands[i + 1].at > since); i--) {
    const { checkpoint, pruned } = await lookup(store, index, stands[i].time);
    if (i === stands.length - 1) {
      now = (checkpoint ?? pruned)?.id;
    } else if (checkpoint && checkpoint.id !== now) {
      found.set(checkpoint.id, checkpoint);
    }
  }
  for (const id of [...found.keys()].sort().reverse()) {
    yield found.get(id);
  }
}

// missing is the problem of an instant that has no checkpoint.
function missing({ pruned, before }, at, see, cache) {
  if (pruned) {
    const reason = pruned.reason === '' ? '' : ': ' + pruned.reason;
    return new Problem(410, `checkpoint ${pruned.id} was pruned${reason}`, see, cache, pruned.id);
  }
  return before ? new Problem(404, `${at} lies before the first checkpoint, ${before}`, see, cache, before) : nothingYet();
}

function nothingYet() {
  return new Problem(404, 'this repository has no checkpoints yet', 'try again when something was published', NEVER);
}

// firstListed is the id of the oldest checkpoint that is not pruned.
async function firstListed(store, index) {
  const ref = index.segments.find((s) => s.checkpoints > 0);
  return ref ? (await store.segment(index.repo, ref)).checkpoints[0].id : index.checkpoints[0].id;
}

// newestUpTo is the newest entry at or before an instant, of checkpoints and
// tombstones alike. Ids sort as text.
function newestUpTo(history, at) {
  const checkpoint = lastUpTo(history.checkpoints, at);
  const pruned = lastUpTo(history.pruned, at);
  if (pruned && (!checkpoint || pruned.id > checkpoint.id)) {
    return { pruned };
  }
  return checkpoint && { checkpoint };
}

function lastUpTo(list, at) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].id <= at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return list[low - 1];
}

// parseInstant reads a time in any notation, as an id; null: it is none.
function parseInstant(s) {
  const m = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z)?$/.exec(s) ?? /^(\d{4})-(\d\d)-(\d\d)$/.exec(s) ??
    /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/.exec(s);
  if (!m || m[4] > '23' || m[5] > '59' || m[6] > '59' || m[8] > '23' || m[9] > '59') {
    return null;
  }
  const date = new Date(0);
  date.setUTCFullYear(Number(m[1]), Number(m[2]) - 1, Number(m[3]));
  if (date.getUTCMonth() !== Number(m[2]) - 1 || date.getUTCDate() !== Number(m[3])) {
    return null; // a day that does not exist
  }
  const offset = m[7] ? Number(m[7] + '1') * (Number(m[8]) * 60 + Number(m[9])) : 0;
  const id = idOf(date.setUTCHours(Number(m[4] ?? 0), Number(m[5] ?? 0) - offset, Number(m[6] ?? 0)));
  return ID.test(id) && id > NONE ? id : null;
}

const ID = /^\d{8}T\d{6}Z$/;
const NONE = '00010101T000000Z'; // it is no time: in asof's formats the zero time means none

function idOf(milliseconds) {
  return new Date(milliseconds).toISOString().replace(/\.\d+|[-:]/g, '');
}

function timeOf(id) {
  return Date.parse(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

function isChannelName(s) {
  return /^[\w+~][\w.+~-]*$/.test(s) && s.length <= MAX_BASE && !/^\d{4}.{4}/.test(s) &&
    !['latest', 'mr', 'index.html', 'checkpoints.json', 'asof.json'].includes(s) && !SEGMENT_LIST.test(s);
}

// ---- the store

class Missing extends Error {}

// kept is what this isolate remembers, of one store: registers with when they
// were read, and immutable parts by their names.
const kept = { of: null, registers: new Map(), parts: new Map(), bytes: 0 };

class Store {
  constructor(env) {
    this.bucket = env.BUCKET;
    this.origin = env.ORIGIN?.replace(/\/+$/, '');
    this.prefix = env.PREFIX ? env.PREFIX.replace(/^\/+|\/+$/g, '') + '/' : '';
    this.refresh = Number(env.REFRESH || 5) * 1000;
    this.publicURL = env.PUBLIC_URL?.replace(/\/+$/, '');
    this.sandbox = env.SANDBOX === 'true';
    if (!this.bucket && !this.origin) {
      throw new Error('neither BUCKET nor ORIGIN is configured');
    }
    const of = `${this.origin ?? 'bucket'} ${this.prefix}`;
    if (kept.of !== of) {
      Object.assign(kept, { of, registers: new Map(), parts: new Map(), bytes: 0 });
    }
  }

  // open streams length bytes of an object from offset on; -1: all the rest.
  async open(key, offset = 0, length = -1) {
    const whole = offset === 0 && length < 0;
    if (this.bucket) {
      const range = whole ? undefined : length < 0 ? { offset } : { offset, length };
      const object = await this.bucket.get(this.prefix + key, { range });
      if (!object) {
        throw new Missing(key);
      }
      return object.body;
    }
    const headers = whole ? {} : { Range: `bytes=${offset}-${length < 0 ? '' : offset + length - 1}` };
    const response = await this.ask(key, headers);
    if (response.status !== (whole ? 200 : 206)) {
      // A server that ignores ranges, or an object that is shorter than it should be.
      await response.body?.cancel();
      throw new Error(`read ${key}: status ${response.status}`);
    }
    return response.body;
  }

  async ask(key, headers, options = {}) {
    const url = this.origin + location((this.prefix + key).split('/'), false);
    // Encoded, a .gz would come unpacked.
    const response = await fetch(url, { headers: { 'Accept-Encoding': 'identity', ...headers }, redirect: 'manual', ...options });
    if (response.status === 404 || response.status === 403) {
      await response.body?.cancel();
      throw new Missing(key);
    }
    return response;
  }

  // read reads all of a small object, or a part of it.
  async read(key, limit, offset = 0, length = -1) {
    return collect(await this.open(key, offset, length), limit);
  }

  // load reads a register if it is not at a version any more; null: it is.
  async load(key, version, limit) {
    if (this.bucket) {
      const object = await this.bucket.get(this.prefix + key, version ? { onlyIf: { etagDoesNotMatch: version } } : {});
      if (!object) {
        throw new Missing(key);
      }
      return object.body ? { bytes: await collect(object.body, limit), version: object.etag } : null;
    }
    const response = await this.ask(key, version ? { 'If-None-Match': version } : {}, { cache: 'no-store' });
    if (response.status === 304) {
      return null;
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`read ${key}: status ${response.status}`);
    }
    return { bytes: await collect(response.body, limit), version: response.headers.get('ETag') };
  }

  // never makes sure that a register that is missing never was there, by what is only
  // written behind it. Taken for new, a lost one would be answered with 404.
  async never(key, left) {
    try {
      const body = await this.open(left);
      await body?.cancel();
    } catch (e) {
      if (e instanceof Missing) {
        return;
      }
      throw e;
    }
    throw new Error(`${key} is missing, but ${left} is there: lost; asof rebuild writes it again`);
  }

  // register is a mutable object, parsed, and at most refresh old. While the store
  // does not answer, or shows an older state, the last known one stays.
  async register(key, limit, parse, none, left) {
    const have = kept.registers.get(key);
    if (have && Date.now() - have.at < this.refresh) {
      return have.value;
    }
    let value = have?.value;
    let version = have?.version;
    try {
      const loaded = await this.load(key, version, limit);
      if (loaded) {
        const next = parse(decoder.decode(loaded.bytes));
        // A horizon in the future may be taken back: nothing up there was final.
        const final = value?.horizon <= idOf(Date.now() + SKEW * 1000);
        if (value && (next.generation < value.generation || (final && next.horizon < value.horizon))) {
          throw new Error(`${key} goes back in time`);
        }
        [value, version] = [next, loaded.version];
      }
    } catch (e) {
      if (e instanceof Missing && !value) {
        await this.never(key, left);
        value = none();
      } else if (!value) {
        throw e;
      } else if (!(e instanceof Missing && value.generation === 0)) {
        console.warn(`keeping the last known state: ${e}`);
      }
    }
    kept.registers.set(key, { at: Date.now(), value, version });
    return value;
  }

  registry() {
    return this.register('asof.json', 16 << 20, parseRegistry, () => parseRegistry('{"format":"asof.registry/1","generation":0,"repos":[]}'), 'index.html');
  }

  index(repo) {
    const none = `{"format":"asof.checkpoints/1","repo":${JSON.stringify(repo.name)},"generation":0,\n"checkpoints":[],\n"pruned":[]}\n`;
    return this.register(`${repo.base}/checkpoints.json`, MAX_INDEX, parseIndex, () => parseIndex(none), `${repo.base}/index.html`);
  }

  rings() {
    return this.register('.asof/rollout/rings.json', 16 << 20, parseRings, () => ({ generation: 0, members: [], rings: [], blocks: [] }),
      '.asof/rollout/records/9007199254740990');
  }

  // part keeps an immutable thing that load gives with its size in bytes.
  async part(name, load) {
    const have = kept.parts.get(name);
    if (have) {
      kept.parts.delete(name); // and behind the others, as the last used
      kept.parts.set(name, have);
      return have.value;
    }
    const part = await load();
    if (!kept.parts.has(name) && part.size <= CACHE_BYTES / 4) {
      kept.parts.set(name, part);
      kept.bytes += part.size;
      for (const [oldest, { size }] of kept.parts) {
        if (kept.bytes <= CACHE_BYTES) {
          break;
        }
        kept.parts.delete(oldest);
        kept.bytes -= size;
      }
    }
    return part.value;
  }

  segment(repo, ref) {
    return this.part(`segment ${repo} ${ref.sha256}`, async () => {
      const bytes = await this.read(shardKey('segments', ref.sha256), ref.size);
      await verify(bytes, ref.sha256);
      return { value: parseSegment(decoder.decode(bytes), repo), size: bytes.length };
    });
  }

  // root is the text of a manifest's root, in bytes.
  root(name) {
    return this.part(`root ${name}`, async () => {
      const key = shardKey('manifests', name);
      let bytes = await this.read(key, FIRST_READ, 0, FIRST_READ);
      const size = Number(/^asof\.manifest\/1\nroot ([1-9]\d*)\n/.exec(latin(bytes.subarray(0, 64)))?.[1]);
      if (!(size <= MAX_ROOT)) {
        throw new Error(`manifest ${name}: a root of ${size} bytes`);
      }
      if (size > bytes.length) {
        bytes = concat([bytes, await this.read(key, size - bytes.length, bytes.length, size - bytes.length)]);
      }
      bytes = bytes.slice(0, size);
      await verify(bytes, name);
      return { value: bytes, size };
    });
  }

  leaf(ref) {
    return this.part(`leaf ${ref.sha256}`, async () => {
      if (ref.size > MAX_LEAF) {
        throw new Error(`leaf ${ref.sha256}: ${ref.size} bytes`);
      }
      const bytes = await this.read(shardKey('manifests', ref.object), ref.size, ref.offset, ref.size);
      await verify(bytes, ref.sha256);
      return { value: bytes, size: bytes.length };
    });
  }
}

function shardKey(kind, digest) {
  return `.asof/${kind}/sha256/${digest.slice(0, 2)}/${digest}`;
}

async function collect(stream, limit) {
  const chunks = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limit) {
      throw new Error(`an object is larger than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return concat(chunks);
}

function concat(chunks) {
  const all = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('');
}

async function verify(bytes, digest) {
  if (await sha256(bytes) !== digest) {
    throw new Error(`the store holds other content under ${digest}`);
  }
}

// ---- formats

function parseFormat(text, format) {
  const value = JSON.parse(text);
  if (value.format !== format) {
    throw new Error(`format is ${quote(String(value.format))}, want ${format}`);
  }
  return value;
}

function parseRegistry(text) {
  const { generation, repos } = parseFormat(text, 'asof.registry/1');
  return { generation, horizon: '', repos, byBase: new Map(repos.map((r) => [r.base, r])) };
}

function parseIndex(text) {
  const { repo, generation, horizon = '', channels = {}, moved = [], grace = GRACE, retired, segments = [], checkpoints, pruned } =
    parseFormat(text, 'asof.checkpoints/1');
  return { repo, generation, horizon, channels, moved, grace, retired, segments, checkpoints, pruned, text: encoder.encode(text) };
}

function parseRings(text) {
  const { generation, members = [], rings, blocks } = parseFormat(text, 'asof.rollout/1');
  return { generation, horizon: '', members, rings, blocks };
}

function parseSegment(text, repo) {
  const segment = parseFormat(text, 'asof.segment/1');
  if (segment.repo !== repo) {
    throw new Error(`a segment of ${quote(segment.repo)}, want ${repo}`);
  }
  return segment;
}

// findFile looks a path up: first among upstream's files, then among the pages.
async function findFile(store, checkpoint, path) {
  const file = await findIn(store, checkpoint.manifest, path);
  if (file) {
    return { ...file, type: typeOf(path), cache: cacheOf(path), upstream: true };
  }
  const page = await findIn(store, checkpoint.pages, path);
  return page && { ...page, type: pageTypeOf(path), cache: cacheOf(path) };
}

async function findIn(store, name, path) {
  const wanted = encoder.encode(path);
  const ref = findLeaf(await store.root(name), name, wanted);
  return ref && findLine(await store.leaf(ref), wanted);
}

// knows tells whether a look at a path of a manifest reads nothing.
function knows(name, path) {
  const root = kept.parts.get(`root ${name}`)?.value;
  const ref = root && findLeaf(root, name, encoder.encode(path));
  return Boolean(root && (!ref || kept.parts.has(`leaf ${ref.sha256}`)));
}

// findLeaf is the leaf that holds a path if any does. Paths are compared as
// bytes: as strings, some would sort otherwise.
function findLeaf(root, name, wanted) {
  const sources = [name];
  let offset = root.length; // of the next leaf behind the root
  for (const [from, to] of lines(root)) {
    const path = pathStart(root, from, to);
    if (path < 0) {
      if (root[from] === 115 && root[from + 1] === 111) { // source
        sources.push(latin(root.subarray(from + 'source '.length, to)));
      }
      continue;
    }
    const [sha256, , size, source, at] = latin(root.subarray(from, path - 2)).split(' ');
    const ref = { sha256, size: Number(size), object: sources[source ?? 0], offset: source ? Number(at) : offset };
    if (!source) {
      offset += ref.size;
    }
    if (compare(root, path, to, wanted) >= 0) {
      return ref;
    }
  }
  return null;
}

// findLine is what a leaf says of a path.
function findLine(leaf, wanted) {
  for (const [from, to] of lines(leaf)) {
    const path = pathStart(leaf, from, to);
    if (to - path === wanted.length && compare(leaf, path, to, wanted) === 0) {
      const [sha256, size, modified] = latin(leaf.subarray(from, path - 2)).split(' ');
      return { sha256, size: Number(size), modified };
    }
  }
  return null;
}

function* lines(text) {
  for (let from = 0; from < text.length;) {
    const to = text.indexOf(10, from);
    yield [from, to];
    from = to + 1;
  }
}

// pathStart is where the path of a line begins: behind the first two spaces that
// follow each other; -1: it has none.
function pathStart(text, from, to) {
  for (let i = text.indexOf(32, from); i >= 0 && i < to; i = text.indexOf(32, i + 1)) {
    if (text[i + 1] === 32) {
      return i + 2;
    }
  }
  return -1;
}

function compare(text, from, to, wanted) {
  const n = Math.min(to - from, wanted.length);
  for (let i = 0; i < n; i++) {
    if (text[from + i] !== wanted[i]) {
      return text[from + i] - wanted[i];
    }
  }
  return to - from - wanted.length;
}

function latin(bytes) {
  return String.fromCharCode(...bytes);
}

// typeOf is the media type of an upstream file: the table of manifest/kind.go.
function typeOf(path) {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return TEXT_NAMES.has(name) ? TEXT : name === VARIANT ? VARIANT_TYPE : TYPES[dot < 0 ? '' : name.slice(dot).toLowerCase()] ?? 'application/octet-stream';
}

// pageTypeOf is the media type of a page, or of another file of asof's own.
function pageTypeOf(path) {
  return path.startsWith('.asof/') ? typeOf(path) : HTML;
}

// cacheOf is the Cache-Control of what stands in a tree: that of manifest/kind.go.
function cacheOf(path) {
  return isPage(path) ? PAGE : IMMUTABLE;
}

// isPage tells whether a path is that of a directory's page, in either form.
function isPage(path) {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === 'index.html' || name === VARIANT;
}

// Types of which a browser runs scripts, with the rights of the host that they come from.
const ACTIVE = new Set([HTML, 'image/svg+xml', 'application/xml']);

const TEXT_NAMES = new Set(['InRelease', 'Release', 'Packages', 'Sources', 'PULP_MANIFEST', 'SHA256SUMS', 'MD5SUMS', 'README', 'LICENSE']);

const TYPES = Object.assign(Object.create(null), ...Object.entries({
  [HTML]: '.html .htm',
  [TEXT]: '.txt .log .md .csv .dsc .changes .sha256 .repo .sources .list .asc',
  'application/json': '.json',
  'application/xml': '.xml',
  'application/yaml': '.yaml .yml',
  'text/css; charset=utf-8': '.css',
  'text/javascript; charset=utf-8': '.js .mjs',
  'image/svg+xml': '.svg',
  'image/png': '.png',
  'image/jpeg': '.jpg .jpeg',
  'application/pdf': '.pdf',
  'application/gzip': '.gz .tgz',
  'application/x-xz': '.xz',
  'application/x-bzip2': '.bz2',
  'application/zstd': '.zst',
  'application/zip': '.zip .whl',
  'application/x-tar': '.tar',
  'application/vnd.debian.binary-package': '.deb .udeb .ddeb',
  'application/x-rpm': '.rpm .drpm',
  'application/pgp-signature': '.sig .gpg',
}).flatMap(([type, names]) => names.split(' ').map((name) => ({ [name]: type }))));

// ---- lists

const SEGMENT_LIST = /^index-(\d{8}T\d{6}Z)\.html$/;

// listing answers with a list, in HTML or JSON.
async function listing(request, t, query, offers, html, json) {
  const type = negotiate(request, offers);
  if (t.doubled) {
    const response = redirect(301, location(t.segs, t.slash) + query, FINAL);
    response.headers.set('Vary', 'Accept');
    return response;
  }
  const response = sendDocument(request, await (type === HTML ? html() : json()));
  response.headers.set('Vary', 'Accept');
  return response;
}

// namedDocument is a list under the name that a bucket has it under; null: it is
// no such name.
function namedDocument(store, repo, index, name) {
  if (name === 'index.html') {
    return () => listPage(store, repo, index);
  }
  if (name === 'checkpoints.json') {
    return () => document(JSON_TYPE, index.text);
  }
  const first = SEGMENT_LIST.exec(name)?.[1];
  if (first && index.segments.some((s) => s.first === first)) {
    return async () => document(HTML, await store.read(`${repo.base}/${name}`, MAX_INDEX));
  }
  return null;
}

// listPage is the list of checkpoints as it stands in the store.
async function listPage(store, repo, index) {
  if (index.generation === 0) {
    return document(HTML, encoder.encode(page(`Checkpoints of ${repo.name}`, '<p>Nothing was published yet.</p>', way('/', repo.base.split('/').slice(0, -1)))));
  }
  return document(HTML, await store.read(`${repo.base}/index.html`, MAX_INDEX));
}

async function document(type, bytes) {
  return { type, bytes, tag: `"${await sha256(bytes)}"` };
}

// rowsOf describes some repos, without those that are retired.
async function rowsOf(store, repos) {
  const rows = [];
  for (const repo of repos) {
    const index = await store.index(repo).catch(() => null); // one that can't be read hides no other
    if (index?.retired) {
      continue;
    }
    const count = index?.segments.reduce((n, s) => n + s.checkpoints, index.checkpoints.length) ?? 0;
    const row = { name: repo.name, base: repo.base, checkpoints: count };
    if (count > 0) {
      const newest = index.checkpoints.at(-1);
      Object.assign(row, { newest: newest.id, files: newest.files, bytes: newest.bytes });
      if (newest.partial) {
        row.partial = true;
      }
    }
    if (index?.horizon) {
      row.horizon = index.horizon;
    }
    rows.push(row);
  }
  return rows;
}

// reposPage is the list of repos that stand in a folder.
async function reposPage(folder, rows, rings, type) {
  if (type === JSON_TYPE) {
    return document(type, encoder.encode(`{"format":"asof.repos/1","repos":[${rows.map((r) => '\n' + JSON.stringify(r)).join(',')}]}\n`));
  }
  const below = (base) => base.split('/').slice(folder.length);
  const cells = rows.map((r) => `<tr><td><a href="${location(below(r.base), true).slice(1)}">${escapeHTML(below(r.base).join('/'))}/</a></td>` +
    `<td>${escapeHTML(r.name)}</td><td>${r.newest ?? '-'}</td><td>${r.horizon ?? '-'}</td><td class="n">${r.checkpoints}</td>` +
    `<td class="n">${r.files ?? '-'}${r.partial ? ' (partial)' : ''}</td><td class="n">${r.bytes ?? '-'}</td></tr>\n`);
  const heading = folder.length === 0 ? 'Repositories' : `Repositories in ${folder.join('/')}/`;
  const up = folder.length === 0 ? '' : way('../'.repeat(folder.length), folder.slice(0, -1));
  const marks = rings.map((r) => escapeHTML(r.name) + (r.held ? ' (held)' : '')).join(', ');
  const line = marks && `<p><a href="${'../'.repeat(folder.length)}-/rings">Rings</a>: ${marks}</p>\n`;
  return document(type, encoder.encode(page(heading, line + '<table>\n<thead><tr><th scope="col">Path</th><th scope="col">Name</th>' +
    '<th scope="col">Newest checkpoint</th><th scope="col">Final up to (UTC)</th><th scope="col" class="n">Checkpoints</th>' +
    '<th scope="col" class="n">Files</th><th scope="col" class="n">Bytes</th></tr></thead>\n' +
    `<tbody>\n${cells.join('')}</tbody>\n</table>`, up)));
}

// boardPage shows the rings, and what stands where.
function boardPage({ rings, absent, blocks }, bases) {
  const table = (heads, rows) => `<table>\n<thead><tr>${heads.map((h) => `<th scope="col">${escapeHTML(h)}</th>`).join('')}</tr></thead>\n` +
    `<tbody>\n${rows.map((cells) => `<tr>${cells.map((c) => `<td>${c}</td>`).join('')}</tr>\n`).join('')}</tbody>\n</table>\n`;
  const text = (s) => escapeHTML(s || '-');
  const cell = (repo, ring) => {
    const s = ring.repos.find((r) => r.repo === repo);
    return s?.checkpoint ? `<a href="..${location([...bases[repo].split('/'), s.checkpoint], true)}">${s.checkpoint}</a>` : text(s?.note);
  };
  const parts = [table(['Ring', 'Stands for (UTC)', 'Since', 'Held'],
    rings.map((r) => [text(r.name), text(r.time), text(r.since), r.held ? text(`since ${r.held.at}` + (r.held.reason ? ': ' + r.held.reason : '')) : '-']))];
  parts.push(table(['Repository', ...rings.map((r) => r.name)], Object.keys(bases).map((repo) => [text(repo), ...rings.map((ring) => cell(repo, ring))])));
  if (blocks.length > 0) {
    parts.push(table(['Blocked', 'After', 'Through', 'Since', 'Reason'], blocks.flatMap((b) => b.repos.map((repo) => [repo, b.after, b.through, b.at, b.reason].map(text)))));
  }
  if (absent.length > 0) {
    parts.push(`<p>Without a say, as nothing is published there: ${escapeHTML(absent.join(', '))}</p>\n`);
  }
  return page('Rings', rings.length > 0 ? parts.join('') : '<p>There are no rings.</p>', way('../', []));
}

// way links to the front page, which top leads to, and to what stands below it.
function way(top, segs) {
  const steps = [`<a href="${top}">Repositories</a>`, ...segs.map((seg, i) =>
    `<a href="${top}${location(segs.slice(0, i + 1), true).slice(1)}">${escapeHTML(seg)}</a>`)];
  return `<nav aria-label="Breadcrumb">${steps.join(' / ')}</nav>\n`;
}

// page is an HTML page; content and way up are HTML already.
function page(heading, content, up) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHTML(heading)}</title>
<style>
:root{color-scheme:light dark}
body{margin:2rem auto;max-width:76rem;padding:0 1rem;font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.3rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th,td{padding:.2rem 1.5rem .2rem 0;text-align:left;border-bottom:1px solid #8884}
td{font-family:ui-monospace,monospace;font-size:.875rem}
.n{text-align:right}
</style>
</head>
<body>
<main>
${up}<h1>${escapeHTML(heading)}</h1>
${content}
</main>
</body>
</html>
`;
}

function escapeHTML(s) {
  return String(s).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

// ---- answers

function redirect(status, to, cache) {
  return new Response(null, { status, headers: { Location: to, 'Cache-Control': cache, 'Content-Length': '0' } });
}

function sendDocument(request, { type, bytes, tag }) {
  const headers = new Headers({ 'Content-Type': type, 'Cache-Control': SHORT, ETag: tag, 'Accept-Ranges': 'bytes' });
  const plan = conditions(request, headers, tag, null, bytes.length);
  if (!plan.body) {
    return new Response(null, plan.init);
  }
  return new Response(bytes.subarray(plan.from, plan.from + plan.length), plan.init);
}

async function sendFile(request, store, ctx, key, file, id, more) {
  const tag = `"${file.sha256}"`;
  // What stood in a checkpoint was not modified after it.
  const modified = timeOf(ID.test(file.modified) && file.modified < id ? file.modified : id);
  const headers = new Headers({
    'Content-Type': file.type, 'Cache-Control': file.cache, ETag: tag,
    'Last-Modified': new Date(modified).toUTCString(), 'Accept-Ranges': 'bytes',
    'Repr-Digest': `sha-256=:${btoa(String.fromCharCode(...file.sha256.match(/../g).map((b) => parseInt(b, 16))))}:`,
    'Memento-Datetime': new Date(timeOf(id)).toUTCString(), ...more,
  });
  if (store.sandbox && file.upstream && ACTIVE.has(file.type)) {
    headers.set('Content-Security-Policy', 'sandbox');
  }
  const plan = conditions(request, headers, tag, modified, file.size);
  if (!plan.body) {
    return new Response(null, plan.init);
  }
  if (plan.length === 0) {
    return new Response('', plan.init);
  }
  const body = await fileBody(store, ctx, key, file, plan);
  // So the answer has a length, and breaks off if the object is shorter.
  const fixed = new FixedLengthStream(plan.length);
  ctx.waitUntil(body.pipeTo(fixed.writable).catch((e) => console.error(`answer cut short: ${key}: ${e}`)));
  return new Response(fixed.readable, plan.init);
}

// fileBody is a part of a file, from the cache or from the store. The cache is
// one for all trees: it goes by the content. A whole file is put into it.
async function fileBody(store, ctx, key, file, plan) {
  const whole = plan.from === 0 && plan.length === file.size;
  const cache = globalThis.caches?.default;
  const name = `https://asof.invalid/sha256/${file.sha256}`;
  const range = { Range: `bytes=${plan.from}-${plan.from + plan.length - 1}` };
  let hit;
  try {
    hit = await cache?.match(new Request(name, { headers: whole ? {} : range }));
  } catch {
    // No cache is no reason not to answer.
  }
  if (hit && hit.status === (whole ? 200 : 206)) {
    return hit.body;
  }
  await hit?.body?.cancel();
  let body;
  try {
    body = await store.open(key, plan.from, whole ? -1 : plan.length);
  } catch (e) {
    throw unavailable(e);
  }
  if (!cache || !whole || file.size > MAX_CACHED) {
    return body;
  }
  const [now, later] = body.tee();
  const fixed = new FixedLengthStream(file.size);
  ctx.waitUntil(Promise.allSettled([
    later.pipeTo(fixed.writable),
    cache.put(name, new Response(fixed.readable, { headers: { 'Cache-Control': IMMUTABLE, 'Content-Length': String(file.size) } })),
  ]));
  return now;
}

// What a slow client has not read yet of a file that is put into the cache stays
// in memory.
const MAX_CACHED = 16 << 20;

// conditions decides by the headers of a request (RFC 9110, sections 13 and 14)
// whether there is a body and which part of it. Of several ranges none is
// honoured: the whole file is sent.
function conditions(request, headers, tag, modified, size) {
  const get = (name) => request.headers.get(name);
  const seconds = modified === null ? null : Math.floor(modified / 1000);
  const since = (name) => Date.parse(get(name) ?? '') / 1000;
  const failed = get('If-Match') !== null ? !tagsInclude(get('If-Match'), tag, false) : seconds !== null && seconds > since('If-Unmodified-Since');
  if (failed) {
    throw new Problem(412, 'a condition of the request does not hold', '', NEVER);
  }
  const none = get('If-None-Match');
  if (none !== null ? tagsInclude(none, tag, true) : seconds !== null && seconds <= since('If-Modified-Since')) {
    for (const name of ['Content-Type', 'Last-Modified', 'Accept-Ranges']) {
      headers.delete(name);
    }
    return { body: false, init: { status: 304, headers } };
  }
  let range = null;
  const ifRange = get('If-Range');
  if (request.method === 'GET' && (ifRange === null || ifRange === tag || seconds !== null && seconds === Date.parse(ifRange) / 1000)) {
    range = parseRange(get('Range'), size);
  }
  const plan = range ?? { from: 0, length: size };
  headers.set('Content-Length', String(plan.length));
  if (range) {
    headers.set('Content-Range', `bytes ${plan.from}-${plan.from + plan.length - 1}/${size}`);
  }
  return { ...plan, body: request.method === 'GET', init: { status: range ? 206 : 200, headers } };
}

function tagsInclude(list, tag, weak) {
  return list.trim() === '*' || list.split(',').some((t) => (weak ? t.trim().replace(/^W\//, '') : t.trim()) === tag);
}

// parseRange reads one range of bytes; null: there is none that counts.
function parseRange(value, size) {
  const m = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(value ?? '');
  if (!m || m[1] === '' && m[2] === '' || size === 0) {
    return null;
  }
  const from = m[1] === '' ? Math.max(size - Number(m[2]), 0) : Number(m[1]);
  const to = m[1] === '' || m[2] === '' ? size - 1 : Math.min(Number(m[2]), size - 1);
  if (m[1] !== '' && m[2] !== '' && Number(m[2]) < from) {
    return null; // not a range at all
  }
  if (from >= size || m[1] === '' && Number(m[2]) === 0) {
    const p = new Problem(416, 'the range lies outside of the file', 'see Content-Range for its size', NEVER);
    p.headers = { 'Content-Range': `bytes */${size}` };
    throw p;
  }
  return { from, length: to - from + 1 };
}

// Problem is an answer that is an error: what happened and what to do next.
class Problem extends Error {
  constructor(status, detail, hint, cache, checkpoint) {
    super(detail);
    Object.assign(this, { status, detail, hint, cache, checkpoint });
  }
}

function unavailable(cause) {
  if (cause instanceof Problem) {
    return cause;
  }
  console.error(`request failed: ${cause?.stack ?? cause}`);
  const p = new Problem(503, 'the store can\'t be read at the moment', 'try again in a few seconds', NEVER);
  p.headers = { 'Retry-After': '5' };
  return p;
}

const TITLES = {
  400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 410: 'Gone', 412: 'Precondition Failed', 414: 'Request URI Too Long',
  416: 'Requested Range Not Satisfiable', 503: 'Service Unavailable',
};

// render gives a problem in the form that the request prefers.
function render(request, p) {
  const title = TITLES[p.status];
  const type = negotiate(request, ERRORS);
  let body = `error: ${p.detail}\n` + (p.hint ? `hint: ${p.hint}\n` : '');
  if (type === HTML) {
    body = page(`${p.status} ${title}`, `<p>${escapeHTML(p.detail)}</p>` + (p.hint ? `\n<p>${escapeHTML(p.hint)}</p>` : ''),
      way('/', p.repo ? p.repo.base.split('/') : []));
  } else if (type === PROBLEM) {
    body = JSON.stringify({ type: 'about:blank', title, status: p.status, detail: p.detail, hint: p.hint || undefined, checkpoint: p.checkpoint }) + '\n';
  }
  const headers = { 'Content-Type': type, 'Cache-Control': p.cache, Vary: 'Accept', 'Content-Length': String(byteLength(body)), ...p.headers };
  if (p.status === 405) {
    headers.Allow = 'GET, HEAD';
  }
  return new Response(request.method === 'HEAD' ? null : body, { status: p.status, headers });
}

// ---- Accept

// The representations of lists and errors; the first is the default. Who asks for
// JSON means problem details, too.
const LISTS = [{ type: HTML, media: 'text/html' }, { type: JSON_TYPE, media: 'application/json' }];
const BOARD = LISTS.toReversed();
const ERRORS = [
  { type: TEXT, media: 'text/plain' }, { type: HTML, media: 'text/html' },
  { type: PROBLEM, media: 'application/problem+json', also: 'application/json' },
];
const NAMED = 3; // how specific a range is that names the type itself

// negotiate chooses by the Accept header (RFC 9110, section 12.5.1): the highest
// weight wins, then the more specific range, then the earlier offer.
function negotiate(request, offers) {
  const ranges = acceptRanges(request.headers.get('Accept') ?? '');
  let best = { type: offers[0].type, weight: 0, specific: 0 };
  for (const { type, media, also } of offers) {
    let { weight, specific } = weigh(ranges, media);
    if (also) {
      const other = weigh(ranges, also);
      if (other.specific === NAMED && other.weight > weight) {
        ({ weight, specific } = other);
      }
    }
    if (weight > best.weight || weight === best.weight && weight > 0 && specific > best.specific) {
      best = { type, weight, specific };
    }
  }
  return best.type;
}

// prefersVariant tells whether a request wants a page's variant and not HTML: its type has the
// higher weight, or is named and has the same.
function prefersVariant(request) {
  const ranges = acceptRanges(request.headers.get('Accept') ?? '');
  const html = weigh(ranges, 'text/html').weight;
  const { weight, specific } = weigh(ranges, VARIANT_TYPE);
  return weight > html || weight === html && weight > 0 && specific === NAMED;
}

function acceptRanges(accept) {
  return (accept.match(/(?:"(?:\\.|[^"\\])*"?|[^,"])+/g) ?? []).map((element) => {
    const [name, ...params] = (element.match(/(?:"(?:\\.|[^"\\])*"?|[^;"])+/g) ?? ['']).map((p) => p.trim());
    let weight = 1000;
    for (const param of params) {
      const q = /^q\s*=\s*(.*)$/i.exec(param)?.[1];
      if (q !== undefined) {
        weight = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Math.round(Number(q) * 1000) : -1;
      }
    }
    return { name: name.toLowerCase(), weight };
  });
}

function weigh(ranges, media) {
  const best = { weight: 0, specific: 0 };
  const levels = { '*/*': 1, [media.replace(/\/.*/, '/*')]: NAMED - 1, [media]: NAMED };
  for (const { name, weight } of ranges) {
    const specific = levels[name] ?? 0;
    if (specific > best.specific && weight >= 0) {
      Object.assign(best, { weight, specific });
    }
  }
  return best;
}
