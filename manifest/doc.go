// Package manifest holds asof's formats: checkpoint ids, the checkpoint index,
// manifests, the registry, and the keys of all objects. It also resolves a time
// to a checkpoint: see [History.Resolve]. It does no I/O and imports the standard
// library only. Every parser accepts exactly what the encoder writes, so a
// document has only one form.
//
// # Keys
//
//	asof.json                             registry                      mutable
//	index.html                            the store's front page        mutable
//	<base>/checkpoints.json               checkpoint index              mutable
//	<base>/index.html                     list of checkpoints           mutable
//	<base>/index-<id>.html                list of a segment             mutable
//	<base>/<id>/<path>                    tree, see [FileKey]           immutable
//	.asof/pool/sha256/<ab>/<digest>       blob                          immutable
//	.asof/manifests/sha256/<ab>/<name>    manifest                      immutable
//	.asof/segments/sha256/<ab>/<digest>   segment of an index           immutable
//	.asof/repos/<base>/staged.json        staged revision               mutable, private
//	.asof/repos/<base>/together.json      publish of several repos      mutable, private
//	.asof/repos/<base>/validators.json    to ask upstream what changed  mutable, private
//	.asof/repos/<base>/journals/<part>    what a sync uploads           mutable, private
//	.asof/repos/<base>/attempts/<id>      claim of an id                immutable, private
//	.asof/janitor/<base>/note.json        what the janitor knows        mutable, private
//	.asof/pins/<id>-<token>               keys that must not be deleted immutable, private
//	.asof/janitor/.notices/<id>-<token>   keys about to be deleted      immutable, private
//
// <ab> is the first two digits of the digest or name. Mutable objects change only
// by compare-and-swap; all others are only ever created. [Kind] holds the
// attributes of each kind.
//
// # Checkpoint id
//
// A UTC second, YYYYMMDDTHHMMSSZ, years 0001 to 9999: 20250318T140338Z. See [ID].
//
// # Checkpoint index
//
// JSON, one checkpoint per line: the commit point of a repo. See [Index].
//
//	{"format":"asof.checkpoints/1","repo":"myfile","generation":6,"horizon":"20250318T150000Z","channels":{"stable":"20250318T140338Z"},
//	"checkpoints":[
//	{"id":"20250318T140330Z","manifest":"4298…","content":"e3b0…","pages":"9da3…","files":0,"bytes":0,"added":0,"removed":0,"changed":0,"layout":"full"},
//	{"id":"20250318T140338Z","manifest":"b0de…","content":"6c6e…","pages":"48f7…","files":4,"bytes":3300,"added":4,"removed":0,"changed":0,"layout":"full"}],
//	"pruned":[
//	{"id":"20250318T140300Z","at":"20250318T150130Z","reason":"published from the wrong remote","manifest":"0000…","pages":"0000…","layout":"full"}]}
//
// manifest names the manifest of upstream's files. content repeats that root's
// digest of paths and bytes without times: it lets a publish recognize unchanged
// content without reading another object. pages names a manifest of the pages
// that asof generated. It is separate, so that a new page design never looks like
// new content. added, removed and changed count the differences from the
// checkpoint before. channels, if present, maps names to ids. pruned lists
// tombstones: {"id":…,"at":…,"reason":…}.
//
// An index keeps its newest entries itself. Older ones, if any, are in segments,
// listed before the checkpoints:
//
//	"segments":[
//	{"first":"20250318T140300Z","last":"20250318T140330Z","checkpoints":1,"pruned":1,"sha256":"45bc…","size":663}],
//
// A segment is an immutable document of the same style. See [Segment].
//
//	{"format":"asof.segment/1","repo":"myfile",
//	"checkpoints":[
//	{"id":"20250318T140330Z","manifest":"4298…","content":"e3b0…","pages":"9da3…","files":0,"bytes":0,"added":0,"removed":0,"changed":0,"layout":"full"}],
//	"pruned":[
//	{"id":"20250318T140300Z","at":"20250318T150130Z","reason":"published from the wrong remote","manifest":"0000…","pages":"0000…","layout":"full"}]}
//
// # Manifest
//
// Two levels, in one object. A leaf is a list of lines, sorted by path in byte
// order:
//
//	<sha256> SP <size> SP <modified> SP SP <path> LF
//
// where size is in bytes and modified is upstream's modification time, in the
// form of a checkpoint id, or "-" where unknown. `cut -d' ' -f1,4-` turns a leaf
// into what `sha256sum -c` reads. A path satisfies [CheckPath].
//
// A leaf ends after a line if the first four bytes of the SHA-256 of its path,
// read as a big-endian number, are divisible by 48. It never ends before line 16,
// and always at line 384. So an added or removed file usually changes one leaf,
// and its neighbours if it moves a boundary.
//
// The root lists the leaves:
//
//	asof.manifest/1
//	root 203
//	files 4
//	bytes 3300
//	content 6c6e…
//	368d… 4 368  PULP_MANIFEST
//
// A leaf's line is its SHA-256, its number of lines, its size in bytes, and its
// last path: <sha256> SP <lines> SP <size> SP SP <path> LF. These leaves follow
// the root, one after the other; the second line gives the root's size in bytes.
// Leaves that an earlier manifest has are not stored again: after the size, their
// lines give the number of a source and an offset in its object. Sources are
// earlier manifests. A line "source <sha256>" names each one, before the lines of
// the leaves. See [Root].
//
// The SHA-256 of the root is the manifest's name, and its key. It commits to
// every byte of the tree. content is the SHA-256 of what `sha256sum` prints for
// all files in path order. It ignores modification times, and decides whether a
// sync found anything new.
//
// # Receipt
//
// .asof/changes.json is one of the pages of every checkpoint. It says what the
// checkpoint is, which one came before, and what changed since. JSON, one change
// per line. See [Receipt].
//
//	{"format":"asof.changes/1","repo":"myfile","base":"checkpoints/myfile","id":"20250318T140338Z","layout":"full","manifest":"b0de…","content":"6c6e…","files":4,"bytes":3300,"previous":{"id":"20250318T140330Z","manifest":"4298…","pages":"9da3…","layout":"full"},"added":4,"removed":0,"changed":0,"growth":3300,"complete":true,
//	"changes":[
//	{"path":"1.iso","change":"added","new":{"size":1024,"sha256":"12eb…"}},
//	{"path":"2.iso","change":"added","new":{"size":1024,"sha256":"528c…"}},
//	{"path":"3.iso","change":"added","new":{"size":1024,"sha256":"6145…"}},
//	{"path":"PULP_MANIFEST","change":"added","new":{"size":228,"sha256":"5e7f…"}}]}
//
// # Private objects
//
// A staged revision is what `asof sync` captured: see [Staged]. An attempt claims
// an id for one publisher and says what it is about to upload, so that a run
// after a crash finds it: see [Attempt]. A sync's journal has the same form. A
// publish of several repos at one id keeps a record with each of them: see
// [Group].
//
// # Registry
//
// JSON, one repo per line. See [Registry].
//
//	{"format":"asof.registry/1","generation":1,
//	"repos":[
//	{"name":"myfile","base":"checkpoints/myfile"}]}
package manifest
